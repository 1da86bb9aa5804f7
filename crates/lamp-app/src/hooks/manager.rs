//! `lamp hooks install` and `lamp hooks run`: by whichever hook manager the machine has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Hooks, HooksError};
use crate::parts::PartError;

/// Exit code of both managers when a hook said no.
const A_HOOK_SAID_NO: i32 = 1;
/// Characters of a manager's complaint that are kept: its end.
const SAID_MAX: usize = 2_000;

/// What runs hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagerKind {
    /// `prek`.
    Prek,
    /// `pre-commit`.
    PreCommit,
}

impl ManagerKind {
    /// In the order of preference: the quicker one first.
    pub const ALL: [Self; 2] = [Self::Prek, Self::PreCommit];

    /// Its command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prek => "prek",
            Self::PreCommit => "pre-commit",
        }
    }

    /// Parses its command.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A hook manager that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Which one.
    pub kind: ManagerKind,
    /// The program, absolute.
    pub program: PathBuf,
    /// What comes before its own arguments.
    first: &'static [&'static str],
}

/// The hook that git calls before a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHook {
    /// Its file.
    pub path: PathBuf,
    /// The manager that wrote it; none when somebody else did.
    pub manager: Option<ManagerKind>,
    /// The manager's program, if the hook names one that is there.
    program: Option<Manager>,
}

/// What `lamp hooks install` did.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The hook.
    pub hook: PathBuf,
    /// By which manager, in words: `prek 0.5.11`.
    pub by: String,
    /// Whether `lamp`, which two of the hooks call, is on PATH.
    pub lamp_is_on_path: bool,
}

/// How the hooks were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// All passed.
    Passed,
    /// One said no, or mended a file.
    Refused,
}

impl Hooks {
    /// Lets git call the hooks before each commit.
    pub async fn install(&self, wanted: Option<ManagerKind>) -> Result<Installed, HooksError> {
        self.require_config()?;
        let manager = self.find_manager(wanted).await?;
        let version = self.ask(&manager, &["--version"]).await?;
        self.ask(&manager, &["install"]).await?;
        let by = version.lines().next().unwrap_or(manager.kind.as_str()).trim().to_owned();
        let hook = self.repo.hooks_dir().await.map_err(PartError::from)?.join("pre-commit");
        Ok(Installed { hook, by, lamp_is_on_path: find_program(&[], "lamp").is_some() })
    }

    /// Builds the hooks' environments, which the first commit would do otherwise.
    pub async fn prepare(&self) -> Result<(), HooksError> {
        let manager = self.find_manager(None).await?;
        let verb = match manager.kind {
            ManagerKind::Prek => "prepare-hooks",
            ManagerKind::PreCommit => "install-hooks",
        };
        self.ask(&manager, &[verb]).await.map(drop)
    }

    /// Runs the hooks on what is staged, on `files`, or on all files of the repository. What they print goes
    /// where this process prints.
    pub async fn run(&self, all_files: bool, files: &[PathBuf]) -> Result<Ran, HooksError> {
        self.require_config()?;
        let manager = self.find_manager(None).await?;
        let mut arguments: Vec<OsString> = vec!["run".into()];
        arguments.extend(all_files.then(|| "--all-files".into()));
        if !files.is_empty() {
            arguments.push("--files".into());
            arguments
                .extend(files.iter().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()).into()));
        }
        let mut command = self.command(&manager, &arguments);
        let status = command.status().await.map_err(|source| starting(&manager, source))?;
        match status.code() {
            Some(0) => Ok(Ran::Passed),
            Some(A_HOOK_SAID_NO) => {
                // `pre-commit` says 1 as well when it cannot read its own file.
                if manager.kind == ManagerKind::PreCommit {
                    self.ask(&manager, &["validate-config"]).await?;
                }
                Ok(Ran::Refused)
            }
            code => {
                let said = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
                Err(HooksError::Manager { command: format!("{} run", manager.kind.as_str()), said })
            }
        }
    }

    /// The hook that git calls before a commit, if there is one.
    pub async fn git_hook(&self) -> Result<Option<GitHook>, HooksError> {
        let path = self.repo.hooks_dir().await.map_err(PartError::from)?.join("pre-commit");
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(read_hook(path, &String::from_utf8_lossy(&bytes)))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PartError::file("read", &path)(error).into()),
        }
    }

    /// On PATH; else the one that git's hook was installed by.
    async fn find_manager(&self, wanted: Option<ManagerKind>) -> Result<Manager, HooksError> {
        let kinds = ManagerKind::ALL.into_iter().filter(|kind| wanted.is_none_or(|wanted| wanted == *kind));
        let found = kinds.filter_map(|kind| {
            Some(Manager { kind, program: find_program(&self.programs, kind.as_str())?, first: &[] })
        });
        if let Some(manager) = found.into_iter().next() {
            return Ok(manager);
        }
        let by_hook = self.git_hook().await?.and_then(|hook| hook.program);
        by_hook.filter(|manager| wanted.is_none_or(|wanted| wanted == manager.kind)).ok_or(match wanted {
            Some(wanted) => HooksError::NoSuchManager(wanted.as_str()),
            None => HooksError::NoManager,
        })
    }

    fn command(&self, manager: &Manager, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&manager.program);
        command
            .args(manager.first)
            .args(arguments)
            .current_dir(self.repo.root())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let own = self.programs.iter().cloned();
        let tools = manager.program.parent().map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Ok(path) = std::env::join_paths(own.chain(tools).chain(std::env::split_paths(&path))) {
            command.env("PATH", path);
        }
        command
    }

    /// Runs the manager for its answer.
    async fn ask(&self, manager: &Manager, arguments: &[&str]) -> Result<String, HooksError> {
        let words: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let output = self.command(manager, &words).output().await.map_err(|source| starting(manager, source))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let all = [text(&output.stdout), text(&output.stderr)].join("\n");
        let start = all.char_indices().rev().nth(SAID_MAX).map_or(0, |(at, _)| at);
        let command = format!("{} {}", manager.kind.as_str(), arguments.join(" "));
        Err(HooksError::Manager { command, said: all.get(start..).unwrap_or(&all).trim().to_owned() })
    }
}

fn starting(manager: &Manager, source: std::io::Error) -> HooksError {
    HooksError::Start { program: manager.program.clone(), source }
}

/// Both managers write the program that called them into the hook.
fn read_hook(path: PathBuf, text: &str) -> GitHook {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
        let program = PathBuf::from(line.trim_matches(['"', '\'']));
        (program.is_absolute() && program.is_file()).then_some(program)
    };
    let manager = ManagerKind::ALL.into_iter().find(|kind| {
        text.lines().take(5).any(|line| line.starts_with(&format!("# File generated by {}:", kind.as_str())))
    });
    let program = manager.and_then(|kind| match kind {
        ManagerKind::Prek => Some(Manager { kind, program: value("PREK")?, first: &[] }),
        ManagerKind::PreCommit => Some(Manager { kind, program: value("INSTALL_PYTHON")?, first: &["-mpre_commit"] }),
    });
    GitHook { path, manager, program }
}

/// In `folders`, then on PATH.
fn find_program(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    let found = all.map(|folder| folder.join(program)).find(|file| file.is_file());
    found.and_then(|file| std::path::absolute(file).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_says_who_wrote_it_and_where_that_is() {
        let shell = std::fs::canonicalize("/bin/sh").expect("a shell").display().to_string();
        let path = PathBuf::from("hooks/pre-commit");
        let prek =
            format!("#!/bin/sh\n# File generated by prek: https://example.com\n\nPREK=\"{shell}\"\nexec \"$PREK\"\n");
        let hook = read_hook(path.clone(), &prek);
        assert_eq!(hook.manager, Some(ManagerKind::Prek));
        assert_eq!(hook.program.map(|manager| manager.program.display().to_string()), Some(shell.clone()));

        let old = format!("#!/bin/sh\n# File generated by pre-commit: https://example.com\nINSTALL_PYTHON={shell}\n");
        let hook = read_hook(path.clone(), &old);
        assert_eq!(hook.manager, Some(ManagerKind::PreCommit));
        assert_eq!(hook.program.map(|manager| manager.first), Some(&["-mpre_commit"][..]));

        let gone = read_hook(path.clone(), &prek.replace(&shell, "/no/such/prek"));
        assert_eq!((gone.manager, gone.program), (Some(ManagerKind::Prek), None));
        let foreign = read_hook(path, "#!/bin/sh\nmake lint\n");
        assert_eq!((foreign.manager, foreign.program), (None, None));
    }
}

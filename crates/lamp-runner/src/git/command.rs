//! How git is run: cleaned environment, no prompts, no pager, machine-readable output.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{GitError, Repo};

/// Variables that would point git at another repository, index or configuration. A hook runs
/// with several of them set.
const REMOVED: [&str; 17] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_QUARANTINE_PATH",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_DATE",
];

/// Characters of git's error text that are kept.
const MESSAGE_MAX: usize = 2_000;

/// One git command to be run.
pub(super) struct Git {
    command: Command,
    name: String,
    at: PathBuf,
}

impl Git {
    /// `git -C at NAME`, with hooks of the user switched off.
    pub(super) fn new(at: &Path, name: &str) -> Self {
        Self::build(at, name, &["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
    }

    /// `git -C at NAME`, under the user's own hooks, for commits that people asked for.
    fn with_hooks(at: &Path, name: &str) -> Self {
        Self::build(at, name, &[])
    }

    fn build(at: &Path, name: &str, options: &[&str]) -> Self {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("-C").arg(at).args(options).arg(name);
        for variable in REMOVED {
            command.env_remove(variable);
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_EDITOR", "true")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self { command, name: name.to_owned(), at: at.to_owned() }
    }

    /// Adds one argument.
    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable for this command.
    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Takes paths literally: `*`, `:` and a leading `-` mean themselves.
    pub(super) fn literal_paths<'a>(self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.env("GIT_LITERAL_PATHSPECS", "1").arg("--").args(paths)
    }

    /// Runs it; an exit code other than 0 is an error.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let (name, at) = (self.name.clone(), self.at.clone());
        let output = self.output().await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failure(&name, &at, &output))
    }

    /// Runs it; `None` when it exits with 1, git's way to say no.
    pub(super) async fn find(self) -> Result<Option<Vec<u8>>, GitError> {
        let (name, at) = (self.name.clone(), self.at.clone());
        let output = self.output().await?;
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout)),
            Some(1) => Ok(None),
            _ => Err(failure(&name, &at, &output)),
        }
    }

    /// Runs it; the answer is one line of text.
    pub(super) async fn line(self) -> Result<String, GitError> {
        let name = self.name.clone();
        let bytes = self.run().await?;
        text(&name, bytes).map(|line| line.trim_end_matches('\n').to_owned())
    }

    /// Runs it with something to read.
    pub(super) async fn answer(mut self, input: &[u8]) -> Result<Vec<u8>, GitError> {
        let (name, at) = (self.name.clone(), self.at.clone());
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(GitError::NoGit)?;
        let stdin = child.stdin.take();
        // Written and read at once: neither pipe holds all of it.
        let writing = async {
            if let Some(mut stdin) = stdin {
                // A git that ends before it has read all says why itself.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), output) = tokio::join!(writing, child.wait_with_output());
        let output = output.map_err(GitError::NoGit)?;
        if output.status.success() { Ok(output.stdout) } else { Err(failure(&name, &at, &output)) }
    }

    async fn output(mut self) -> Result<Output, GitError> {
        tracing::debug!(at = %self.at.display(), "git {}", self.name);
        self.command.output().await.map_err(GitError::NoGit)
    }
}

/// Decodes an answer that must be UTF-8.
pub(super) fn text(command: &str, bytes: Vec<u8>) -> Result<String, GitError> {
    String::from_utf8(bytes).map_err(|error| GitError::Answer {
        command: command.to_owned(),
        answer: String::from_utf8_lossy(error.as_bytes()).chars().take(200).collect(),
    })
}

/// Splits an answer of `-z` into its parts. A path that is not UTF-8 is shown with replacement
/// characters.
pub(super) fn split_z(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

/// Turns git's complaint into an error that names the condition.
fn failure(command: &str, at: &Path, output: &Output) -> GitError {
    let all = String::from_utf8_lossy(&output.stderr);
    let said = all.trim();
    let start = said.char_indices().rev().nth(MESSAGE_MAX).map_or(0, |(at, _)| at);
    let message = said.get(start..).unwrap_or(said).to_owned();
    if message.contains("not a git repository") {
        return GitError::NoRepository(at.to_owned());
    }
    if message.contains("must be run in a work tree") {
        return GitError::Bare(at.to_owned());
    }
    if message.contains("dubious ownership") {
        return GitError::NotTrusted(at.to_owned());
    }
    if message.contains("Please tell me who you are") || message.contains("unable to auto-detect email address") {
        return GitError::NoIdentity;
    }
    let lock_is_held = message.contains(".lock': File exists") || message.contains("cannot lock ref");
    if lock_is_held {
        return GitError::Locked(message);
    }
    GitError::Failed { command: command.to_owned(), message }
}

impl Repo {
    /// A git command at the root of this working tree.
    pub(super) fn git(&self, name: &str) -> Git {
        Git::new(&self.root, name)
    }

    /// The same, under the user's own hooks.
    pub(super) fn git_with_hooks(&self, name: &str) -> Git {
        let git = Git::with_hooks(&self.root, name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.programs.iter().cloned().chain(std::env::split_paths(&path));
        // A folder with a colon in its name cannot stand on PATH: then PATH stays as it is.
        match std::env::join_paths(folders) {
            Ok(path) if !self.programs.is_empty() => git.env("PATH", path),
            _ => git,
        }
    }
}

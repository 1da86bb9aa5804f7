//! Tools that keep versions of data: how each is told to do the same work.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::machine::bytes_in;
use super::measure::Invocation;
use super::peers::{self, Installed, Peer};
use super::{Setting, lamp};
use crate::{setup, steps};

/// A tool, or a way of ours to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// `lamp data add`.
    Lamp,
    /// `lamp data add --canonical`.
    LampCanonical,
    /// git alone.
    Git,
    /// git with large files.
    GitLfs,
    /// DVC beside git.
    Dvc,
    /// Oxen, by its Python package.
    Oxen,
}

impl Tool {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [Self::Lamp, Self::LampCanonical, Self::Git, Self::GitLfs, Self::Dvc, Self::Oxen];

    /// The word for it on the command line, and the folder that it works in.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Lamp => "lamp",
            Self::LampCanonical => "canonical",
            Self::Git => "git",
            Self::GitLfs => "git-lfs",
            Self::Dvc => "dvc",
            Self::Oxen => "oxen",
        }
    }

    const fn peer(self) -> Option<Peer> {
        match self {
            Self::Dvc => Some(peers::DVC),
            Self::Oxen => Some(peers::OXEN),
            Self::Lamp | Self::LampCanonical | Self::Git | Self::GitLfs => None,
        }
    }

    /// Makes it ready; the error says why it cannot be.
    pub(super) fn prepare(self, setting: &Setting<'_>) -> Result<Ready> {
        let installed = self.peer().map(|peer| peer.install(&setting.kept)).transpose()?;
        let ready = Ready {
            tool: self,
            title: String::new(),
            lamp: setting.lamp.clone(),
            home: setting.scratch.path.join("home"),
            script: setting.root.join("xtask/src/bench/oxen_repo.py"),
            installed,
        };
        let title = ready.find_title()?;
        Ok(Ready { title, ..ready })
    }
}

/// The name of the dataset in workspaces of ours.
const DATASET: &str = "bench";

/// A tool that is ready to be measured.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    /// Which.
    pub tool: Tool,
    /// Name and version.
    pub title: String,
    lamp: PathBuf,
    /// A home folder of the bench's own: nobody's settings change what is measured.
    home: PathBuf,
    script: PathBuf,
    installed: Option<Installed>,
}

impl Ready {
    fn find_title(&self) -> Result<String> {
        let here = Path::new("/");
        match self.tool {
            Tool::Lamp => lamp::version(&self.lamp),
            Tool::LampCanonical if lamp::knows(&self.lamp, &["data", "add"], "--canonical") => {
                Ok(format!("{} --canonical", lamp::version(&self.lamp)?))
            }
            Tool::LampCanonical => bail!("this `lamp` has no --canonical"),
            Tool::Git => Ok(self.git(here, &["--version"]).output()?.replace(" version", "")),
            Tool::GitLfs => {
                if self.git(here, &["lfs", "version"]).output().is_err() {
                    setup::install_debian_packages(&["git-lfs"])?;
                }
                let version = self.git(here, &["lfs", "version"]).output()?;
                Ok(version.split_whitespace().next().unwrap_or("git-lfs").replace('/', " "))
            }
            Tool::Dvc | Tool::Oxen => {
                let title = self.installed.as_ref().map(|installed| installed.title.clone());
                title.map_or_else(|| bail!("{} is not installed", self.tool.word()), Ok)
            }
        }
    }

    fn here(&self, invocation: Invocation) -> Invocation {
        invocation
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("XDG_CONFIG_HOME", self.home.join("config"))
    }

    fn git(&self, folder: &Path, words: &[&str]) -> Invocation {
        self.here(Invocation::new("git", folder).args(words.iter().copied()))
    }

    fn lamp(&self, folder: &Path, words: &[&str]) -> Invocation {
        self.here(Invocation::new(&self.lamp, folder).args(words.iter().copied()))
    }

    /// DVC or Oxen; [`Tool::prepare`] has installed them.
    fn peer(&self, folder: &Path, words: &[&str]) -> Invocation {
        let program = match (&self.installed, self.tool) {
            (Some(installed), Tool::Oxen) => installed.script(&self.script, folder),
            (Some(installed), _) => installed.program(self.tool.word(), folder),
            (None, _) => Invocation::new(self.tool.word(), folder),
        };
        self.here(program.args(words.iter().copied()))
    }

    /// Makes an empty repository in `folder`.
    pub(super) fn start(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(&self.home)?;
        std::fs::create_dir_all(folder)?;
        let git = |words: &[&str]| self.git(folder, words).run();
        if self.tool == Tool::Oxen {
            return self.peer(folder, &["init"]).run();
        }
        git(&["init", "--quiet"])?;
        for (key, value) in GIT_SETTINGS {
            git(&["config", key, value])?;
        }
        match self.tool {
            Tool::Lamp | Tool::LampCanonical => lamp::make_workspace(&self.lamp, folder),
            Tool::Git | Tool::Oxen => Ok(()),
            Tool::GitLfs => {
                git(&["lfs", "install", "--local"])?;
                git(&["lfs", "track", "*.bin", "*.parquet"])
            }
            Tool::Dvc => {
                self.peer(folder, &["init", "--quiet"]).run()?;
                self.peer(folder, &["config", "core.analytics", "false"]).run()?;
                self.peer(folder, &["config", "core.check_update", "false"]).run()
            }
        }
    }

    /// Makes a version of what is at `path` in `folder`.
    pub(super) fn add(&self, folder: &Path, path: &str, message: &str) -> Vec<Invocation> {
        match self.tool {
            Tool::Lamp => vec![self.lamp(folder, &["data", "add", DATASET, path, "--note", message])],
            Tool::LampCanonical => {
                vec![self.lamp(folder, &["data", "add", DATASET, path, "--note", message, "--canonical"])]
            }
            Tool::Git | Tool::GitLfs => {
                vec![self.git(folder, &["add", path]), self.git(folder, &["commit", "--quiet", "--message", message])]
            }
            Tool::Dvc => vec![self.peer(folder, &["add", "--quiet", path])],
            Tool::Oxen => vec![self.peer(folder, &["add", path, message])],
        }
    }

    /// The same again, when nothing has changed.
    pub(super) fn again(&self, folder: &Path, path: &str) -> Vec<Invocation> {
        match self.tool {
            Tool::Git | Tool::GitLfs => vec![self.git(folder, &["add", path])],
            Tool::Oxen => vec![self.peer(folder, &["again", path])],
            Tool::Lamp | Tool::LampCanonical | Tool::Dvc => self.add(folder, path, "again"),
        }
    }

    /// Makes the version that was just added one that [`Ready::get`] finds. Not measured.
    pub(super) fn name(&self, folder: &Path, path: &str, message: &str) -> Result<()> {
        match self.tool {
            Tool::Lamp | Tool::LampCanonical | Tool::Oxen => Ok(()),
            Tool::Git | Tool::GitLfs => self.git(folder, &["tag", message]).run(),
            Tool::Dvc => {
                self.git(folder, &["add", &pointer(path), ".gitignore"]).run()?;
                self.git(folder, &["commit", "--quiet", "--message", message]).run()?;
                self.git(folder, &["tag", message]).run()
            }
        }
    }

    /// Makes what is kept smaller, if the tool can: what that is called, and the command.
    pub(super) fn pack(&self, folder: &Path) -> Option<(&'static str, Invocation)> {
        match self.tool {
            Tool::Lamp | Tool::LampCanonical if lamp::knows(&self.lamp, &["data"], "repack") => {
                Some(("lamp data repack", self.lamp(folder, &["data", "repack"])))
            }
            Tool::Git => Some(("git gc --aggressive", self.git(folder, &["gc", "--aggressive", "--quiet"]))),
            Tool::Lamp | Tool::LampCanonical | Tool::GitLfs | Tool::Dvc | Tool::Oxen => None,
        }
    }

    /// Brings back `path` as it was in version `number`, called `message`. What the tool keeps beside its store to be
    /// faster is removed first.
    pub(super) fn get(&self, folder: &Path, path: &str, number: u32, message: &str) -> Result<Invocation> {
        let file = folder.join(path);
        if file.exists() {
            std::fs::remove_file(&file)?;
        }
        match self.tool {
            Tool::Lamp | Tool::LampCanonical => {
                let cache = folder.join(".lamp").join("cache");
                if cache.exists() {
                    std::fs::remove_dir_all(&cache)?;
                }
                let reference = format!("{DATASET}@{number}");
                Ok(self.lamp(folder, &["data", "get", &reference, "--to", "got", "--force"]))
            }
            Tool::Git | Tool::GitLfs => Ok(self.git(folder, &["checkout", message, "--", path])),
            Tool::Dvc => {
                self.git(folder, &["checkout", "--quiet", message, "--", &pointer(path)]).run()?;
                Ok(self.peer(folder, &["checkout", "--quiet", &pointer(path)]))
            }
            Tool::Oxen => Ok(self.peer(folder, &["get", path, message])),
        }
    }

    /// Where [`Ready::get`] brings `path` back to.
    pub(super) fn got(&self, folder: &Path, path: &str) -> PathBuf {
        match self.tool {
            Tool::Lamp | Tool::LampCanonical => folder.join("got").join(path),
            Tool::Git | Tool::GitLfs | Tool::Dvc | Tool::Oxen => folder.join(path),
        }
    }

    /// Bytes that the tool keeps in `folder`, without what lies there to be worked on. Ours is the store; the cache of
    /// whole files beside it can be removed at any time.
    pub(super) fn kept(&self, folder: &Path) -> u64 {
        let kept: &[&str] = match self.tool {
            Tool::Lamp | Tool::LampCanonical => &[".lamp/store"],
            Tool::Git | Tool::GitLfs => &[".git"],
            Tool::Dvc => &[".dvc/cache"],
            Tool::Oxen => &[".oxen"],
        };
        kept.iter().map(|below| bytes_in(&folder.join(below))).sum()
    }

    /// Describes every column of what was added; ours alone.
    pub(super) fn profile(&self, folder: &Path) -> Invocation {
        self.lamp(folder, &["profile", DATASET, "--json"])
    }

    /// Commands that do next to nothing, with what they are called.
    pub(super) fn starts(&self, folder: &Path) -> Vec<(String, Invocation)> {
        match self.tool {
            Tool::Lamp => vec![
                ("lamp --version".to_owned(), self.lamp(folder, &["--version"])),
                ("lamp data log".to_owned(), self.lamp(folder, &["data", "log", DATASET])),
            ],
            Tool::Git => vec![
                ("git --version".to_owned(), self.git(folder, &["--version"])),
                ("git log".to_owned(), self.git(folder, &["log", "--oneline"])),
            ],
            Tool::Dvc => vec![("dvc --version".to_owned(), self.peer(folder, &["--version"]))],
            // Its command is in no registry.
            Tool::LampCanonical | Tool::GitLfs | Tool::Oxen => Vec::new(),
        }
    }
}

/// DVC's file that stands for another.
fn pointer(path: &str) -> String {
    format!("{path}.dvc")
}

/// Who commits, and no collection in the background while others are measured.
const GIT_SETTINGS: &[(&str, &str)] =
    &[("user.name", "Bench"), ("user.email", "bench@example.com"), ("gc.auto", "0"), ("commit.gpgsign", "false")];

/// Copies a folder or a file, unmeasured.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let is_copied = steps::succeeds(std::process::Command::new("cp").arg("-r").arg(from).arg(to));
    if !is_copied {
        bail!("cannot copy {} to {}", from.display(), to.display());
    }
    Ok(())
}

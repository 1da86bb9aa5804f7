//! Practice 1: hooks keep the code clean. Lamplighter writes their file and has two hooks of its own; what
//! runs them is `prek` or `pre-commit`, whichever the machine has.
//!
//! Nothing here opens the ledger or the store: a commit must be quick, and possible without a network.

pub mod check;
pub mod manager;
pub mod mypy;
mod python;

use std::path::{Path, PathBuf};

use lamp_core::error::{Classified, Kind};
use lamp_core::hooks::CONFIG_FILE;
use lamp_core::names::ProjectName;
use lamp_runner::git::Repo;

use crate::layout::Layout;
use crate::parts::{PartError, take_parts};
use crate::workspace::WorkspaceError;

/// Why the hooks could not be set up or run.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// The repository has no hooks.
    #[error("`{}` has no {CONFIG_FILE}", .0.display())]
    NoConfig(PathBuf),
    /// Nothing that runs hooks.
    #[error("neither `prek` nor `pre-commit` is on PATH")]
    NoManager,
    /// The one that was asked for is not there.
    #[error("`{0}` is not on PATH")]
    NoSuchManager(&'static str),
    /// It could not be started.
    #[error("could not start `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It said no, and not about a file.
    #[error("`{command}` failed: {said}")]
    Manager {
        /// What was run.
        command: String,
        /// What it said, or how it ended.
        said: String,
    },
    /// A project's environment cannot check types.
    #[error("the environment of project `{project}` has no mypy: {python}")]
    NoMypy {
        /// The project.
        project: ProjectName,
        /// Its interpreter, in words.
        python: String,
        /// Whether the project locks an environment of its own.
        is_locked: bool,
    },
    /// The workspace.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(HooksError);

impl Classified for HooksError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoConfig(_) | Self::NoManager | Self::NoSuchManager(_) => Kind::NotFound,
            Self::Start { .. } | Self::Manager { .. } => Kind::Unavailable,
            Self::NoMypy { .. } => Kind::Invalid,
            Self::Workspace(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoConfig(_) => Some("lamp init".to_owned()),
            Self::NoManager | Self::NoSuchManager("prek") => Some("pip install prek uv".to_owned()),
            Self::NoSuchManager(name) => Some(format!("pip install {name}")),
            Self::Manager { said, .. } if said.contains("core.hooksPath") => {
                Some("git config --unset-all core.hooksPath".to_owned())
            }
            Self::Start { .. } | Self::Manager { .. } => None,
            Self::NoMypy { is_locked: true, .. } => Some(
                "add mypy to the requirements and lock them again; or leave this hook out once: SKIP=mypy git commit"
                    .to_owned(),
            ),
            Self::NoMypy { is_locked: false, .. } => Some(
                "name an environment with mypy in lamp.toml, or pip install mypy; once without: SKIP=mypy git commit"
                    .to_owned(),
            ),
            Self::Workspace(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// The folder in which hooks find `lamp`, if this binary goes by that name.
pub fn folder_of_lamp(lamp_exe: &Path) -> Option<PathBuf> {
    let is_named_lamp = lamp_exe.file_stem().is_some_and(|name| name == "lamp");
    lamp_exe.parent().filter(|_| is_named_lamp).map(Path::to_owned)
}

/// The hooks of one workspace.
#[derive(Debug, Clone)]
pub struct Hooks {
    pub(crate) root: PathBuf,
    pub(crate) repo: Repo,
    pub(crate) layout: Layout,
    /// Folders of programs that hooks find before those on PATH: that of `lamp`, wherever a person called it
    /// from.
    pub(crate) programs: Vec<PathBuf>,
    /// The embedded Python package, which projects import.
    pub(crate) sdk: &'static [(&'static str, &'static [u8])],
}

impl Hooks {
    /// The hooks of the workspace at `root`, in the repository that holds it.
    pub fn new(root: &Path, repo: Repo, lamp_exe: &Path, sdk: &'static [(&'static str, &'static [u8])]) -> Self {
        let programs = folder_of_lamp(lamp_exe).into_iter().collect();
        Self { root: root.to_owned(), repo, layout: Layout::of(root), programs, sdk }
    }

    /// The same hooks, with another folder of programs in which a manager is looked for first.
    #[must_use]
    pub fn with_programs(mut self, folder: PathBuf) -> Self {
        self.programs.insert(0, folder);
        self
    }

    /// The folders of programs that hooks find before those on PATH.
    pub fn programs(&self) -> &[PathBuf] {
        &self.programs
    }

    /// The hooks' file, if the repository has one.
    pub fn config(&self) -> Result<Option<String>, HooksError> {
        let path = self.repo.root().join(CONFIG_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PartError::file("read", &path)(error).into()),
        }
    }

    fn require_config(&self) -> Result<(), HooksError> {
        self.config()?.map(drop).ok_or_else(|| HooksError::NoConfig(self.repo.root().to_owned()))
    }
}

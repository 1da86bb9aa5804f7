//! Python environments: a locked one in a virtual environment of its own, built once and shared
//! by every run with the same lock and interpreter; or, without a lock, the interpreter on PATH.

mod build;
mod interpreter;
mod lock;

pub(crate) use build::installer_variables;

use std::path::PathBuf;

use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};

use crate::Progress;

/// The oldest Python that runs are started with.
pub const PYTHON_MIN: (u32, u32) = (3, 10);

/// What an environment is to be made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentSpec {
    /// Bytes of the lock: requirements with hashes. None: no environment of its own.
    pub lock: Option<Vec<u8>>,
    /// The interpreter; none: `python3` on PATH.
    pub python: Option<PathBuf>,
}

/// An environment that commands can be run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its folder; none when it is just an interpreter.
    pub dir: Option<PathBuf>,
    /// Absolute path of the interpreter.
    pub python: PathBuf,
    /// The folder that goes first on PATH.
    pub bin: PathBuf,
    /// Digest over lock, interpreter and platform; none without a lock.
    pub digest: Option<Digest>,
    /// Implementation, version and platform, for example `CPython 3.12.1 linux-x86_64`.
    pub interpreter: String,
}

/// Why an environment could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// There is no interpreter.
    #[error("could not run the Python interpreter `{}`", .python.display())]
    NoPython {
        /// What was tried.
        python: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The interpreter ran but did not say what it is.
    #[error("`{}` did not answer like a Python interpreter: {answer}", .python.display())]
    NotPython {
        /// What was tried.
        python: PathBuf,
        /// The start of what it said.
        answer: String,
    },
    /// The interpreter is too old.
    #[error("`{}` is Python {version}, and Lamplighter needs 3.10 or newer", .python.display())]
    OldPython {
        /// The interpreter.
        python: PathBuf,
        /// Its version.
        version: String,
    },
    /// The interpreter cannot make virtual environments.
    #[error("Python {version} at `{}` cannot make virtual environments: its `{module}` module is missing", .python.display())]
    NoVenv {
        /// The interpreter.
        python: PathBuf,
        /// Its version, major and minor.
        version: String,
        /// The module that is missing.
        module: &'static str,
    },
    /// A requirement is not pinned by hash.
    #[error("line {line} of the lock has no hash: `{requirement}`")]
    NoHash {
        /// Line number, from 1.
        line: usize,
        /// The requirement.
        requirement: String,
    },
    /// The lock draws on something that its own bytes do not pin.
    #[error("line {line} of the lock cannot be reproduced from the lock alone: `{text}`")]
    Unpinned {
        /// Line number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// The lock is not a text.
    #[error("the lock is not UTF-8 text")]
    NotText,
    /// The installer failed.
    #[error("could not {step} (whole log: `{}`)\n{last_lines}", .log.display())]
    Install {
        /// What was being done.
        step: &'static str,
        /// The log of the installer.
        log: PathBuf,
        /// Its last lines.
        last_lines: String,
    },
    /// A file operation failed.
    #[error("{action} `{}`", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Classified for EnvironmentError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoPython { .. } | Self::Install { .. } | Self::Io { .. } => Kind::Unavailable,
            Self::NotPython { .. }
            | Self::OldPython { .. }
            | Self::NoVenv { .. }
            | Self::NoHash { .. }
            | Self::Unpinned { .. }
            | Self::NotText => Kind::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let with_hashes = "uv pip compile --generate-hashes requirements.in -o requirements.lock \
             (or pip-compile --generate-hashes)";
        match self {
            Self::NoPython { .. } | Self::NotPython { .. } => {
                Some("install Python 3.10 or newer, so that `python3` is on PATH".to_owned())
            }
            Self::OldPython { .. } => Some("put a newer `python3` first on PATH".to_owned()),
            Self::NoVenv { .. } => Some("apt install python3-venv (or your system's package of that kind)".to_owned()),
            Self::NoHash { .. } | Self::Unpinned { .. } | Self::NotText => Some(with_hashes.to_owned()),
            Self::Install { last_lines, .. } => install_hint(last_lines).map(str::to_owned),
            Self::Io { .. } => None,
        }
    }
}

/// What most often stands behind an installer's complaint.
fn install_hint(said: &str) -> Option<&'static str> {
    let hash_differs = said.contains("DO NOT MATCH THE HASHES") || said.contains("Hash mismatch");
    if hash_differs {
        return Some("a package on the index is not the one that was locked: find out why before you lock anew");
    }
    let lock_is_incomplete = said.contains("--require-hashes mode") || said.contains("versions pinned with ==");
    if lock_is_incomplete {
        return Some(
            "lock the dependencies too: uv pip compile --generate-hashes requirements.in -o requirements.lock",
        );
    }
    if said.contains("No space left on device") {
        return Some("make room on the disk, then try again");
    }
    let nothing_fits = said.contains("No matching distribution") || said.contains("No solution found");
    if nothing_fits {
        return Some("check that the lock was made for this Python version and that the package index can be reached");
    }
    None
}

/// The folder of environments (`.lamp/envs`).
#[derive(Debug, Clone)]
pub struct Environments {
    dir: PathBuf,
}

impl Environments {
    /// Environments below `dir`, which is created when it is needed. It must stay where it is:
    /// virtual environments hold absolute paths.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The environment for `spec`: reused if it is there, else built. Two at once build once;
    /// the second waits. A build that was interrupted is thrown away and done again.
    pub async fn prepare(
        &self,
        spec: &EnvironmentSpec,
        progress: Progress<'_>,
    ) -> Result<Environment, EnvironmentError> {
        let interpreter = interpreter::probe(spec.python.as_deref()).await?;
        let Some(bytes) = &spec.lock else {
            return Ok(interpreter.as_environment());
        };
        let text = std::str::from_utf8(bytes).map_err(|_| EnvironmentError::NotText)?;
        lock::check(text)?;
        interpreter.require_venv()?;
        let digest = interpreter.digest_with(bytes);
        build::ensure(&self.dir, digest, bytes, &interpreter, progress).await
    }
}

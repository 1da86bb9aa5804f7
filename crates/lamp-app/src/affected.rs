//! `lamp affected --base REV`: what a change touches.

use lamp_core::affected::{Affected, Changes, affected};
use lamp_core::config::Workspace;
use lamp_core::error::{Classified, Kind};
use lamp_core::lock::LockFile;
use lamp_runner::git::Repo;

use crate::app::App;
use crate::data::DataError;
use crate::data::lockfile::{self, LOCK_FILE};
use crate::parts::{PartError, take_parts};

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum AffectedError {
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(AffectedError);

impl Classified for AffectedError {
    fn kind(&self) -> Kind {
        match self {
            Self::Data(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

impl App {
    /// What changed since the point where `base` and HEAD part, the working tree included.
    pub async fn affected(&self, base: &str) -> Result<Affected, AffectedError> {
        affected_since(base, self.repo(), self.workspace()).await
    }
}

/// The same of a clone without a ledger, for which git alone is asked.
pub async fn affected_since(base: &str, repo: &Repo, workspace: &Workspace) -> Result<Affected, AffectedError> {
    let paths = repo.changed_between(base).await?;
    let locks = if paths.iter().any(|path| path == LOCK_FILE) {
        let parted = repo.merge_base(base).await?;
        let before = match repo.show(&parted, LOCK_FILE).await? {
            Some(bytes) => LockFile::parse(&String::from_utf8_lossy(&bytes), &format!("{base}:{LOCK_FILE}"))?,
            None => LockFile::default(),
        };
        Some((before, lockfile::read(repo.root())?))
    } else {
        None
    };
    Ok(affected(workspace, &Changes { paths, locks }))
}

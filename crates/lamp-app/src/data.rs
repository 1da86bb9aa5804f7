//! Practice 4: training and validation data are versioned, never overwritten.

pub mod add;
mod carry;
pub mod diff;
pub mod gc;
pub mod get;
pub mod list;
pub mod lockfile;
pub mod overview;
pub mod remotes;
pub mod repack;
mod repair;
pub mod resolve;
pub mod show;
pub mod sources;
pub mod uploads;
pub mod uses;
pub mod verify;
pub mod view;

use std::path::PathBuf;

use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};
use lamp_core::names::{DatasetName, RemoteName};
use lamp_store::StoreError;

use crate::parts::{PartError, take_parts};

/// Why a data command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No version of that dataset.
    #[error("dataset `{dataset}` has no version")]
    NoVersion {
        /// The dataset.
        dataset: DatasetName,
    },
    /// Not that version.
    #[error("dataset `{dataset}` has no version {version}")]
    UnknownVersion {
        /// The dataset.
        dataset: DatasetName,
        /// The number asked for.
        version: VersionNumber,
    },
    /// Nothing came before it.
    #[error("{dataset}@{version} is the first version: there is none before it")]
    NothingBefore {
        /// The dataset.
        dataset: DatasetName,
        /// The version.
        version: VersionNumber,
    },
    /// Two datasets where versions of one are meant.
    #[error("`{before}` and `{after}` are two datasets")]
    TwoDatasets {
        /// One.
        before: DatasetName,
        /// The other.
        after: DatasetName,
    },
    /// Nothing declares that dataset.
    #[error("no project declares a dataset `{dataset}`")]
    Undeclared {
        /// The dataset.
        dataset: DatasetName,
    },
    /// The lock does not pin it.
    #[error("`lamp.lock` does not pin dataset `{dataset}`")]
    NotLocked {
        /// The dataset.
        dataset: DatasetName,
    },
    /// The lock pins bytes that the ledger does not know.
    #[error("`lamp.lock` pins `{dataset}@{version}` with another digest than the ledger has")]
    LockDisagrees {
        /// The dataset.
        dataset: DatasetName,
        /// The pinned number.
        version: VersionNumber,
    },
    /// The lock pins a version of another ledger.
    #[error("this clone's ledger does not know {dataset}@{version}, which `lamp.lock` pins")]
    LedgerLacks {
        /// The dataset.
        dataset: DatasetName,
        /// The pinned number.
        version: VersionNumber,
    },
    /// `@production` of a dataset.
    #[error("`{dataset}` is a dataset: only models have `@production`")]
    NotServed {
        /// The dataset.
        dataset: DatasetName,
    },
    /// Somebody adds to a prediction log.
    #[error("`{dataset}` is a prediction log: its gateway alone writes it")]
    Log {
        /// The dataset.
        dataset: DatasetName,
    },
    /// A table without the column that dates its rows.
    #[error("`{file}` has no column `{column}`, by which `{dataset}` is partitioned")]
    NoColumn {
        /// The file.
        file: String,
        /// The column that `lamp.toml` names.
        column: String,
        /// The columns that there are.
        columns: String,
        /// The dataset.
        dataset: DatasetName,
    },
    /// No file to add.
    #[error("no file matches {what}")]
    NothingToAdd {
        /// The glob or paths.
        what: String,
    },
    /// A link whose bytes would not be kept.
    #[error("`{}` is a link to `{}`: what it points to would not be kept", file.display(), target.display())]
    LinkLeadsOut {
        /// The link.
        file: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A file that belongs to no partition.
    #[error("`{file}` names no {period} in its path, but `{dataset}` is partitioned by {period}")]
    NoPartition {
        /// The file.
        file: String,
        /// `day` or `month`.
        period: &'static str,
        /// The dataset.
        dataset: DatasetName,
    },
    /// A derived dataset is built, not added.
    #[error("`{dataset}` is derived: it is made by its build command")]
    Derived {
        /// The dataset.
        dataset: DatasetName,
    },
    /// A source dataset is added, not built.
    #[error("`{dataset}` has no build command")]
    NotDerived {
        /// The dataset.
        dataset: DatasetName,
    },
    /// A slice that holds nothing.
    #[error("`{slice}` holds no partition of {dataset}@{version}")]
    EmptySlice {
        /// As written.
        slice: String,
        /// The dataset.
        dataset: DatasetName,
        /// The version.
        version: VersionNumber,
    },
    /// Too much waits to be added.
    #[error("there is no room for {} that wait to be added", lamp_core::human::bytes(*size))]
    NoRoom {
        /// Bytes that were to come.
        size: u64,
    },
    /// Not all was sent before it was to be added.
    #[error("the content {} was not sent, or is forgotten by now", digest.short())]
    NotSent {
        /// Its digest.
        digest: Digest,
    },
    /// Something else arrived.
    #[error("what arrived for `{file}` is not what it was said to be")]
    NotAsSaid {
        /// The file, or the start of its digest.
        file: String,
    },
    /// More than a version may have.
    #[error("{files} files are more than a version may have")]
    TooManyFiles {
        /// How many.
        files: usize,
    },
    /// No file of that version has this content.
    #[error("no file of {reference} has the digest {}", digest.short())]
    NotThatFile {
        /// The version.
        reference: String,
        /// The digest.
        digest: Digest,
    },
    /// A lock file that may pin anything.
    #[error("`lamp.lock` at `{at}` cannot be read, so nobody knows what it pins: {why}")]
    LockUnreadable {
        /// A ref that has it.
        at: String,
        /// What is wrong with it.
        why: String,
    },
    /// The store is being worked on.
    #[error("another process repacks or collects this store")]
    StoreBusy,
    /// No other store is declared.
    #[error("lamp.toml names no remote")]
    NoRemotes,
    /// Not that one.
    #[error("lamp.toml names no remote `{remote}`")]
    NoRemote {
        /// As given.
        remote: RemoteName,
        /// Those that it names.
        known: Vec<String>,
    },
    /// More than one is declared.
    #[error("lamp.toml names several remotes: {}", known.join(", "))]
    WhichRemote {
        /// Their names.
        known: Vec<String>,
    },
    /// A remote lacks a version, or all of them.
    #[error("`{remote}` does not have `{dataset}{}`", version.map(|version| format!("@{version}")).unwrap_or_default())]
    NotAtRemote {
        /// The dataset.
        dataset: DatasetName,
        /// The version, if one in particular was looked for.
        version: Option<VersionNumber>,
        /// The remote.
        remote: RemoteName,
    },
    /// One number, two versions.
    #[error("`{dataset}@{version}` is another version here than at `{remote}`")]
    RemoteDisagrees {
        /// The dataset.
        dataset: DatasetName,
        /// The number.
        version: VersionNumber,
        /// The remote.
        remote: RemoteName,
    },
    /// Others kept adding.
    #[error("`{dataset}` is being added to by others all the time")]
    Busy {
        /// The dataset.
        dataset: DatasetName,
    },
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(DataError);

impl Classified for DataError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoVersion { .. }
            | Self::UnknownVersion { .. }
            | Self::NothingBefore { .. }
            | Self::LedgerLacks { .. }
            | Self::Undeclared { .. }
            | Self::NotThatFile { .. }
            | Self::NoRemotes
            | Self::NoRemote { .. }
            | Self::NotAtRemote { .. }
            | Self::NotLocked { .. } => Kind::NotFound,
            Self::LockDisagrees { .. }
            | Self::LockUnreadable { .. }
            | Self::StoreBusy
            | Self::RemoteDisagrees { .. }
            | Self::EmptySlice { .. }
            | Self::Busy { .. }
            | Self::NotSent { .. } => Kind::Conflict,
            Self::NoRoom { .. } => Kind::Unavailable,
            Self::NotAsSaid { .. }
            | Self::TooManyFiles { .. }
            | Self::TwoDatasets { .. }
            | Self::NothingToAdd { .. }
            | Self::LinkLeadsOut { .. }
            | Self::NoPartition { .. }
            | Self::NoColumn { .. }
            | Self::NotServed { .. }
            | Self::WhichRemote { .. }
            | Self::Log { .. }
            | Self::Derived { .. }
            | Self::NotDerived { .. } => Kind::Invalid,
            Self::Part(part) => part.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoVersion { dataset } | Self::NotDerived { dataset } => Some(format!("lamp data add {dataset}")),
            Self::UnknownVersion { dataset, .. }
            | Self::EmptySlice { dataset, .. }
            | Self::NothingBefore { dataset, .. } => Some(format!("lamp data log {dataset}")),
            Self::TwoDatasets { before, after } => {
                Some(format!("their columns can be compared: lamp profile {after} --against {before}"))
            }
            Self::Undeclared { dataset } => Some(format!("add [datasets.{dataset}] to a project's lamp.toml")),
            Self::NotLocked { dataset } => Some(format!("lamp data add {dataset} --commit")),
            Self::LockDisagrees { dataset, .. } => Some(format!(
                "this ledger is not the one that the lock was written with; compare `lamp data log {dataset}`"
            )),
            Self::LedgerLacks { .. } => {
                let team = "point `ledger` and `store` in lamp.toml at the team's (postgres://…, s3://…)";
                Some(format!("{team}, or bring it from a remote: lamp data pull"))
            }
            Self::NotServed { dataset } => Some(format!("write {dataset}, {dataset}@7 or {dataset}@latest")),
            Self::Log { .. } => {
                Some("keep data of your own under a name of its own: lamp data add NAME PATH".to_owned())
            }
            Self::NoColumn { columns, .. } => {
                Some(format!("columns: {columns}; set the right one in `partition` in lamp.toml"))
            }
            Self::NothingToAdd { .. } => Some("name files or folders, or set `source` in lamp.toml".to_owned()),
            Self::LinkLeadsOut { file, target } => Some(format!(
                "put the file itself in its place: cp --remove-destination {} {}",
                target.display(),
                file.display()
            )),
            Self::NoPartition { .. } => {
                Some("put the date into the file's or a folder's name, as in 2013-01-31.parquet".to_owned())
            }
            Self::NoRoom { .. } => Some("the same command again, when others have added theirs".to_owned()),
            Self::NotSent { .. } | Self::NotAsSaid { .. } => {
                Some("the same command again: what has arrived is not sent twice".to_owned())
            }
            Self::TooManyFiles { .. } => Some("put rows of several partitions into one file each".to_owned()),
            Self::NotThatFile { .. } => None,
            Self::Busy { .. } => Some("the same command again, when they are done".to_owned()),
            Self::LockUnreadable { at, .. } => Some(format!(
                "commit a lamp.lock there that can be read, or delete that ref if nobody needs it: git update-ref -d {at}"
            )),
            Self::NoRemotes => Some("add to the root's lamp.toml: [remotes.backup] url = \"s3://BUCKET/PREFIX\"".to_owned()),
            Self::NoRemote { known, .. } if known.is_empty() => Self::NoRemotes.hint(),
            Self::NoRemote { known, .. } | Self::WhichRemote { known } => Some(format!("name one of {}", known.join(", "))),
            Self::NotAtRemote { dataset, remote, .. } => {
                Some(format!("where that version is: lamp data push {remote} {dataset}"))
            }
            Self::RemoteDisagrees { .. } => Some(
                "a remote keeps the versions of one ledger: give each ledger a prefix of its own, or one ledger to the team"
                    .to_owned(),
            ),
            Self::StoreBusy => Some("the same command again, when it is done".to_owned()),
            Self::Derived { dataset } => Some(format!("lamp data build {dataset}")),
            Self::Part(PartError::Store(StoreError::WouldOverwrite { .. })) => {
                Some("move them away, choose another folder with --to, or replace them with --force".to_owned())
            }
            Self::Part(part) => part.hint(),
        }
    }
}

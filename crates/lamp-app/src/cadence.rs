//! Practice 7: models are trained again on a cadence that a study chose, and a person signs for each.

pub mod adopt;
mod advance;
pub mod run;
mod scoring;
mod stale;
pub mod study;
pub mod tip;
pub mod view;

use std::path::PathBuf;

use jiff::civil::Date;
use lamp_core::cadence::choice::NotEnoughHistory;
use lamp_core::error::{Classified, Kind};
use lamp_core::names::{DatasetName, ModelName};

use crate::data::DataError;
use crate::parts::{PartError, take_parts};
use crate::training::RunError;
use crate::workspace::WorkspaceError;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum CadenceError {
    /// No cadence of that model at the tip.
    #[error("no commit says how often `{model}` is trained again")]
    NoCadence {
        /// The model.
        model: ModelName,
    },
    /// There is no commit.
    #[error("there is no commit yet to train from")]
    NoCommit,
    /// Nothing declares that model.
    #[error("no project declares a model `{model}` at commit {commit}")]
    UnknownModel {
        /// The model.
        model: ModelName,
        /// The commit, short.
        commit: String,
    },
    /// Its time has not come.
    #[error("`{model}` is not due before {next}")]
    NotDue {
        /// The model.
        model: ModelName,
        /// The next cut-off.
        next: Date,
    },
    /// It was run today.
    #[error("the rotation of `{model}` of {cutoff} was run already: it is {state}")]
    AlreadyRun {
        /// The model.
        model: ModelName,
        /// The cut-off.
        cutoff: Date,
        /// Its state.
        state: &'static str,
    },
    /// There is too little history for a study.
    #[error(transparent)]
    NotEnoughHistory(#[from] NotEnoughHistory),
    /// The data has no partitions by which to cut time.
    #[error("dataset `{dataset}` has no partitions, so that time cannot be cut into blocks")]
    NoPartitions {
        /// The dataset.
        dataset: DatasetName,
    },
    /// The configured ranges do not move with time.
    #[error("the training range of `{model}` is `{range}`, the same at any time: a model would never age less")]
    FixedRange {
        /// The model.
        model: ModelName,
        /// As written.
        range: String,
    },
    /// A training has nothing to learn from.
    #[error("window `{window}` leaves no data to train on for the block that begins on {block}")]
    EmptyWindow {
        /// The window.
        window: String,
        /// First day of the block.
        block: Date,
    },
    /// A training of a study failed.
    #[error("the training on `{window}` for the block that begins on {block} failed: {why}")]
    TrainingFailed {
        /// The window.
        window: String,
        /// First day of the block.
        block: Date,
        /// Why.
        why: String,
        /// Its log.
        log: PathBuf,
    },
    /// Another process works on the same study.
    #[error("another process works on study {id}")]
    StudyBusy {
        /// The study.
        id: String,
    },
    /// Whoever waited for it gave up.
    #[error("interrupted; {done} of {all} trainings of study {id} are kept")]
    Interrupted {
        /// The study.
        id: String,
        /// Finished trainings.
        done: usize,
        /// All of them.
        all: usize,
    },
    /// No such study.
    #[error("no study `{text}`")]
    UnknownStudy {
        /// As given.
        text: String,
    },
    /// More than one study begins so.
    #[error("`{text}` is the start of {count} studies")]
    AmbiguousStudy {
        /// As given.
        text: String,
        /// How many.
        count: usize,
    },
    /// The study advises nothing.
    #[error("study {id} advises no cadence: {reason}")]
    NothingToAdopt {
        /// The study.
        id: String,
        /// Why not.
        reason: String,
    },
    /// Committing would take other changes along.
    #[error("`{file}` has changes that are not committed, which would be committed with it")]
    ConfigDirty {
        /// The file.
        file: String,
    },
    /// The working tree does not declare the model any more.
    #[error("no project of the working tree declares `{model}`")]
    ModelGone {
        /// The model.
        model: ModelName,
    },
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The configuration at the commit.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(CadenceError);

impl Classified for CadenceError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoCadence { .. } | Self::UnknownModel { .. } | Self::UnknownStudy { .. } | Self::ModelGone { .. } => {
                Kind::NotFound
            }
            Self::NoCommit
            | Self::NotDue { .. }
            | Self::AlreadyRun { .. }
            | Self::NotEnoughHistory(_)
            | Self::StudyBusy { .. }
            | Self::TrainingFailed { .. }
            | Self::NothingToAdopt { .. }
            | Self::ConfigDirty { .. } => Kind::Conflict,
            Self::NoPartitions { .. }
            | Self::FixedRange { .. }
            | Self::EmptyWindow { .. }
            | Self::AmbiguousStudy { .. } => Kind::Invalid,
            Self::Interrupted { .. } => Kind::Unavailable,
            Self::Run(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Workspace(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCadence { model } => {
                Some(format!("lamp cadence study {model}; or commit `[cadence.{model}] every = \"1 month\"`"))
            }
            Self::NoCommit => Some("git commit".to_owned()),
            Self::UnknownModel { model, .. } | Self::ModelGone { model } => {
                Some(format!("add [models.{model}] to a project's lamp.toml"))
            }
            Self::NotDue { model, .. } => Some(format!("lamp cadence run {model} --now")),
            Self::AlreadyRun { model, .. } => Some(format!("lamp cadence show {model}")),
            Self::NotEnoughHistory(_) => {
                Some("wait for more data, or cut it finer: --blocks \"1 week\", --blocks \"1 day\"".to_owned())
            }
            Self::NoPartitions { dataset } => {
                Some(format!("add `partition = {{ column = \"…\", by = \"day\" }}` to [datasets.{dataset}]"))
            }
            Self::FixedRange { .. } => Some("add --windows all, or for example --windows \"60 days,all\"".to_owned()),
            Self::EmptyWindow { .. } => Some("begin later: --from DAY".to_owned()),
            Self::TrainingFailed { log, .. } => Some(format!("cat {}", log.display())),
            Self::StudyBusy { .. } => Some("wait for it, and run the same command to see the result".to_owned()),
            Self::Interrupted { .. } => Some("run the same command again: it goes on from there".to_owned()),
            Self::UnknownStudy { .. } | Self::AmbiguousStudy { .. } => Some("lamp cadence studies".to_owned()),
            Self::NothingToAdopt { id, .. } => Some(format!("lamp cadence show {id}")),
            Self::ConfigDirty { file } => Some(format!("git commit {file}; or leave out --commit")),
            Self::Run(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Workspace(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

//! Practice 2: models are trained from committed code only, each with its commit.

pub mod build;
pub mod code;
pub mod collect;
pub(crate) mod data_checks;
pub mod evaluate;
pub mod follow;
pub(crate) mod mark;
pub mod mount;
pub mod reproduce;
pub mod runs;
pub mod start;
pub mod tail;

use lamp_core::error::{Classified, Kind};
use lamp_core::ids::RunId;
use lamp_core::names::{DatasetName, ModelName, ProjectName};

use crate::data::DataError;
use crate::parts::{PartError, take_parts};
use crate::workspace::WorkspaceError;

/// Why a run did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing declares that model.
    #[error("no project declares a model `{model}`{}", at(commit.as_deref()))]
    UnknownModel {
        /// The model.
        model: ModelName,
        /// The commit whose configuration was read, when it is not the working tree.
        commit: Option<String>,
    },
    /// Nothing declares that dataset, or it has no build command.
    #[error("no project declares how to build `{dataset}`{}", at(commit.as_deref()))]
    UnknownBuild {
        /// The dataset.
        dataset: DatasetName,
        /// The commit whose configuration was read, when it is not the working tree.
        commit: Option<String>,
    },
    /// The project is not there at the commit.
    #[error("no project `{project}`{}", at(Some(commit)))]
    UnknownProject {
        /// The project.
        project: ProjectName,
        /// The commit.
        commit: String,
    },
    /// No run with that id.
    #[error("no run `{text}`")]
    UnknownRun {
        /// As given.
        text: String,
    },
    /// More than one run begins so.
    #[error("`{text}` is the start of {count} runs")]
    AmbiguousRun {
        /// As given.
        text: String,
        /// How many.
        count: usize,
    },
    /// Both `--rev` and `--wip`.
    #[error("a run is of a commit or of the working tree, not of both")]
    RevAndWip,
    /// Nobody has pushed it.
    #[error("the server cannot find commit {} in its clone, nor at its git remote", &commit[..commit.len().min(12)])]
    NotPushed {
        /// The commit.
        commit: String,
    },
    /// The tree is not what the commit says.
    #[error(transparent)]
    Dirty(#[from] lamp_runner::dirty::DirtyTree),
    /// Training and validation share days.
    #[error("training data `{train}` and validation data `{valid}` share days")]
    Overlap {
        /// The training slice.
        train: String,
        /// The validation slice.
        valid: String,
    },
    /// Pinned data is damaged in the store.
    #[error("{dataset} is damaged in the store: {what}")]
    DamagedData {
        /// The version.
        dataset: String,
        /// Files and what is wrong with them.
        what: String,
    },
    /// The command failed.
    #[error("the command of run {run} failed: {why}")]
    CommandFailed {
        /// The run.
        run: RunId,
        /// Exit code or signal.
        why: String,
    },
    /// The command's output cannot be used.
    #[error("run {run} left no usable output: {why}")]
    BadOutput {
        /// The run.
        run: RunId,
        /// What is wrong.
        why: String,
    },
    /// A training script ended well without a package.
    #[error("run {run} saved no package")]
    NoPackage {
        /// The run.
        run: RunId,
    },
    /// The package could not be marked.
    #[error("evaluating run {run} on the held-out slice `{slice}`: {source}")]
    Evaluation {
        /// The run.
        run: RunId,
        /// Version and slice of the held-out data.
        slice: String,
        /// What went wrong.
        source: Box<RunError>,
    },
    /// The run failed before; the record says why.
    #[error("run {run} failed: {why}")]
    Failed {
        /// The run.
        run: RunId,
        /// As recorded.
        why: String,
    },
    /// Whoever waited for it gave up.
    #[error("interrupted; the repeated command was stopped")]
    Interrupted,
    /// The run is not in a state that allows this.
    #[error("run {run} is {state}")]
    WrongState {
        /// The run.
        run: RunId,
        /// Its state.
        state: &'static str,
    },
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

take_parts!(RunError);

impl RunError {
    /// Whether the same attempt may succeed later: what the run left must be kept for it.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Part(part) | Self::Data(DataError::Part(part)) => part.is_passing(),
            Self::Data(error) => matches!(error, DataError::Busy { .. }),
            Self::Evaluation { source, .. } => source.is_passing(),
            Self::UnknownModel { .. }
            | Self::UnknownBuild { .. }
            | Self::UnknownProject { .. }
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::RevAndWip
            | Self::NotPushed { .. }
            | Self::Dirty(_)
            | Self::Overlap { .. }
            | Self::DamagedData { .. }
            | Self::CommandFailed { .. }
            | Self::BadOutput { .. }
            | Self::NoPackage { .. }
            | Self::Failed { .. }
            | Self::Interrupted
            | Self::WrongState { .. }
            | Self::Workspace(_) => false,
        }
    }

    /// What the run's record keeps of it; the record is the run's, so it is not named again.
    pub(crate) fn recorded(&self) -> String {
        match self {
            Self::CommandFailed { why, .. } | Self::BadOutput { why, .. } | Self::Failed { why, .. } => why.clone(),
            Self::NoPackage { .. } => "it saved no package".to_owned(),
            Self::Evaluation { slice, source, .. } => {
                format!("evaluating on the held-out slice `{slice}`: {}", source.recorded())
            }
            Self::UnknownModel { .. }
            | Self::UnknownBuild { .. }
            | Self::UnknownProject { .. }
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::RevAndWip
            | Self::NotPushed { .. }
            | Self::Dirty(_)
            | Self::Overlap { .. }
            | Self::DamagedData { .. }
            | Self::Interrupted
            | Self::WrongState { .. }
            | Self::Data(_)
            | Self::Workspace(_)
            | Self::Part(_) => self.to_string(),
        }
    }
}

fn at(commit: Option<&str>) -> String {
    commit.map(|commit| format!(" at commit {}", &commit[..commit.len().min(12)])).unwrap_or_default()
}

impl Classified for RunError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownModel { .. }
            | Self::UnknownBuild { .. }
            | Self::UnknownProject { .. }
            | Self::UnknownRun { .. }
            | Self::NotPushed { .. } => Kind::NotFound,
            Self::AmbiguousRun { .. } | Self::RevAndWip | Self::Overlap { .. } => Kind::Invalid,
            Self::DamagedData { .. }
            | Self::CommandFailed { .. }
            | Self::BadOutput { .. }
            | Self::NoPackage { .. }
            | Self::Failed { .. }
            | Self::WrongState { .. } => Kind::Conflict,
            Self::Interrupted => Kind::Unavailable,
            Self::Evaluation { source, .. } => source.kind(),
            Self::Dirty(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Workspace(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownModel { model, .. } => Some(format!("add [models.{model}] to a project's lamp.toml")),
            Self::UnknownBuild { dataset, .. } => {
                Some(format!("add `build = \"…\"` to [datasets.{dataset}] and commit it"))
            }
            Self::UnknownRun { .. } | Self::AmbiguousRun { .. } => Some("lamp runs ls".to_owned()),
            Self::UnknownProject { .. } | Self::Interrupted => None,
            Self::NotPushed { .. } => Some("push it first: git push".to_owned()),
            Self::RevAndWip => Some("leave out --rev or --wip".to_owned()),
            Self::Overlap { .. } => {
                Some("end the training range where validation begins: `..` leaves its right end out".to_owned())
            }
            Self::DamagedData { dataset, .. } => Some(format!("lamp data verify {dataset}")),
            Self::CommandFailed { run, .. } | Self::BadOutput { run, .. } | Self::Failed { run, .. } => {
                Some(format!("lamp runs logs {run}"))
            }
            Self::NoPackage { .. } => Some("call run.save_python(…) or run.save_onnx(…)".to_owned()),
            Self::Evaluation { source, .. } => source.hint(),
            Self::WrongState { run, .. } => Some(format!("lamp runs show {run}")),
            Self::Dirty(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Workspace(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

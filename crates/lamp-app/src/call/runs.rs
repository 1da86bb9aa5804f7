//! Calls about runs.

use lamp_core::dataset::DatasetVersion;
use lamp_core::error::Kind;
use lamp_core::run::Run;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::training::build::BuildData;
use crate::training::code::CodeChoice;
use crate::training::runs::RunView;
use crate::training::start::TrainModel;

/// `lamp train`, until its command runs.
impl Call for TrainModel {
    const NAME: &'static str = "train";
    type Answer = Run;

    fn may_travel(&self) -> Result<(), CallError> {
        require_pushed(&self.code)
    }

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.start_training(self, say).await.map_err(failed)
    }
}

/// `lamp data build`, until its command runs.
impl Call for BuildData {
    const NAME: &'static str = "build";
    type Answer = Run;

    fn may_travel(&self) -> Result<(), CallError> {
        require_pushed(&self.code)
    }

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.start_build(self, say).await.map_err(failed)
    }
}

/// A server runs what others can see at the remote, not what its own working tree holds.
fn require_pushed(code: &CodeChoice) -> Result<(), CallError> {
    match code {
        CodeChoice::Pushed(_) => Ok(()),
        CodeChoice::Head | CodeChoice::Rev(_) | CodeChoice::Wip => {
            Err(CallError::new(Kind::Invalid, "a server runs commits by their full hash only"))
        }
    }
}

/// The version that a build made: its own, or the earlier one with the same bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuiltVersion {
    /// The run.
    pub run: Run,
}

impl Call for BuiltVersion {
    const NAME: &'static str = "built-version";
    type Answer = Option<DatasetVersion>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.version_of_build(&self.run).await.map_err(failed)
    }
}

/// `lamp runs ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListRuns {
    /// Most runs to list.
    pub limit: u32,
}

impl Call for ListRuns {
    const NAME: &'static str = "list-runs";
    type Answer = Vec<Run>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_runs(self.limit).await.map_err(failed)
    }
}

/// `lamp runs show`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowRun {
    /// Its id, or the start of one.
    pub run: String,
}

impl Call for ShowRun {
    const NAME: &'static str = "show-run";
    type Answer = RunView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_run(&self.run).await.map_err(failed)
    }
}

/// `lamp runs logs`: what a run has written since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadLog {
    /// Its id, or the start of one.
    pub run: String,
    /// How much of it, in bytes, was read before.
    pub from: u64,
}

/// A piece of a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogPiece {
    /// The run as it stood before the log was read.
    pub run: Run,
    /// What was written. Bytes that are no text are shown as such.
    pub text: String,
    /// Where the next piece begins, in bytes.
    pub next: u64,
}

impl Call for ReadLog {
    const NAME: &'static str = "read-log";
    type Answer = LogPiece;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.read_log(&self.run, self.from).await.map_err(failed)
    }
}

/// `lamp runs stop`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopRun {
    /// Its id, or the start of one.
    pub run: String,
}

impl Call for StopRun {
    const NAME: &'static str = "stop-run";
    type Answer = Run;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.stop_run(&self.run).await.map_err(failed)
    }
}

//! `lamp runs ls|show|logs|stop`.

use std::path::PathBuf;

use lamp_core::access::Permission;
use lamp_core::ids::RunId;
use lamp_core::registry::ModelVersion;
use lamp_core::run::{MetricLine, Run, RunState};
use lamp_ledger::RunChange;
use lamp_runner::launch::stop;
use lamp_runner::run_folder::{RunFolder, RunFolderError};
use serde_json::json;

use super::RunError;
use crate::app::App;

/// A run with what it left.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// The model that it made.
    pub model: Option<ModelVersion>,
    /// Lines of `metrics.jsonl`.
    pub metrics: Vec<MetricLine>,
    /// Its folder.
    pub folder: PathBuf,
}

impl App {
    /// The newest runs. Runs that ended while nobody waited are collected first.
    pub async fn list_runs(&self, limit: u32) -> Result<Vec<Run>, RunError> {
        self.adopt_finished_runs().await?;
        Ok(self.ledger().runs(limit).await?)
    }

    /// The run that an id, or the start of one, names.
    pub async fn find_run(&self, text: &str) -> Result<Run, RunError> {
        if let Some(id) = RunId::parse(text) {
            return self.known_run(id).await;
        }
        let mut found = self.ledger().find_runs_by_prefix(text).await?;
        match found.len() {
            0 => Err(RunError::UnknownRun { text: text.to_owned() }),
            1 => Ok(found.remove(0)),
            count => Err(RunError::AmbiguousRun { text: text.to_owned(), count }),
        }
    }

    /// A run with what it left.
    pub async fn show_run(&self, text: &str) -> Result<RunView, RunError> {
        self.adopt_finished_runs().await?;
        let run = self.find_run(text).await?;
        let model = self.ledger().find_model_of_run(run.id).await?;
        let (metrics, folder) = match RunFolder::open(&self.layout().runs(), run.id) {
            Ok(folder) => (folder.metrics()?, folder.path().to_owned()),
            // Another machine has it; the record is there all the same.
            Err(RunFolderError::Missing(_)) => (Vec::new(), self.layout().runs().join(run.id.to_string())),
            Err(error) => return Err(error.into()),
        };
        Ok(RunView { run, model, metrics, folder })
    }

    /// Where the log of a run is.
    pub async fn run_log(&self, text: &str) -> Result<(Run, PathBuf), RunError> {
        let run = self.find_run(text).await?;
        let folder = RunFolder::open(&self.layout().runs(), run.id)?;
        Ok((run, folder.log_path()))
    }

    /// Stops a run and everything that it started.
    pub async fn stop_run(&self, text: &str) -> Result<Run, RunError> {
        self.authorize(Permission::Work)?;
        let run = self.find_run(text).await?;
        if run.state.is_final() {
            return Err(RunError::WrongState { run: run.id, state: run.state.as_str() });
        }
        let folder = RunFolder::open(&self.layout().runs(), run.id)?;
        // Recorded before the kill, so that whoever waits for the run sees it stopped, not failed.
        let mut tx = self.ledger().begin().await?;
        let change = RunChange { ended_at: Some(self.now()), ..RunChange::to(RunState::Stopped) };
        tx.move_run(run.id, &[RunState::Preparing, RunState::Running], change).await?;
        tx.audit(&self.entry("run.stopped", run.id, json!({}))).await?;
        tx.commit().await?;
        stop(&folder).await?;
        self.discard_worktree(&self.layout().run_worktree(run.id)).await;
        self.known_run(run.id).await
    }
}

//! Waiting for a run's command, with its log as it comes.

use lamp_core::ids::RunId;
use lamp_core::run::{Run, RunState};
use lamp_runner::launch::{ChildStatus, LaunchError, status, wait};
use lamp_runner::run_folder::RunFolder;

use super::RunError;
use crate::app::App;

impl App {
    /// Waits until the run's command has ended, collects what it left and returns the run as it
    /// then stands. Safe to call from several processes: one collects, the others see the result.
    pub async fn follow_run(&self, run: RunId, on_log: &mut (dyn FnMut(&str) + Send)) -> Result<Run, RunError> {
        let folder = RunFolder::open(&self.layout().runs(), run)?;
        match wait(&folder, on_log).await {
            // A command that vanished is collected too: as a failure.
            Ok(_) | Err(LaunchError::Vanished) => {}
            Err(error) => return Err(error.into()),
        }
        self.collect_run(run).await
    }

    /// Collects every run whose command has ended while nobody was waiting for it.
    pub async fn adopt_finished_runs(&self) -> Result<Vec<Run>, RunError> {
        let mut adopted = Vec::new();
        for run in self.ledger().unfinished_runs().await? {
            let was_launched = matches!(run.state, RunState::Running | RunState::Collecting);
            if !was_launched {
                continue;
            }
            let folder = RunFolder::open(&self.layout().runs(), run.id)?;
            match status(&folder)? {
                ChildStatus::NotStarted | ChildStatus::Running { .. } => {}
                ChildStatus::Exited(_) | ChildStatus::Vanished => match self.collect_run(run.id).await {
                    Ok(run) => adopted.push(run),
                    // The run is recorded as failed; that is all there is to do here.
                    Err(RunError::CommandFailed { .. } | RunError::BadOutput { .. }) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(adopted)
    }
}

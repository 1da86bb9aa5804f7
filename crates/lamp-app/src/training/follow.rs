//! Waiting for a run's command, with its log as it comes.

use lamp_core::ids::RunId;
use lamp_core::run::{Run, RunState};
use lamp_runner::launch::{ChildStatus, LaunchError, status, stop, wait};
use lamp_runner::run_folder::{RunFolder, RunFolderError};

use super::RunError;
use super::start::START_LOCK;
use crate::app::App;
use crate::parts::try_lock_file;

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
        Box::pin(self.collect_run(run)).await
    }

    /// Collects every run whose command has ended while nobody was waiting for it, and takes over
    /// those whose start was cut short. What is wrong with one run does not keep the others.
    pub async fn adopt_finished_runs(&self) -> Result<Vec<Run>, RunError> {
        let mut adopted = Vec::new();
        for run in self.ledger().unfinished_runs().await? {
            let id = run.id;
            match self.adopt(run).await {
                Ok(found) => adopted.extend(found),
                // The run is recorded as failed; that is all there is to do here.
                Err(
                    RunError::CommandFailed { .. }
                    | RunError::BadOutput { .. }
                    | RunError::NoPackage { .. }
                    | RunError::Failed { .. },
                ) => {}
                Err(error) => tracing::warn!(run = %id, %error, "cannot collect a run"),
            }
        }
        Ok(adopted)
    }

    /// The run, if this call brought it to its end.
    async fn adopt(&self, run: Run) -> Result<Option<Run>, RunError> {
        let folder = match RunFolder::open(&self.layout().runs(), run.id) {
            Ok(folder) => folder,
            // Another machine's.
            Err(RunFolderError::Missing(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if run.state == RunState::Preparing && !self.take_over_start(&run, &folder).await? {
            return Ok(None);
        }
        match status(&folder)? {
            ChildStatus::NotStarted | ChildStatus::Running { .. } => Ok(None),
            ChildStatus::Exited(_) | ChildStatus::Vanished => Box::pin(self.collect_run(run.id)).await.map(Some),
        }
    }

    /// Brings a run that is being prepared further if the process that started it is gone. True
    /// when its command was started and the run is now recorded as running.
    async fn take_over_start(&self, run: &Run, folder: &RunFolder) -> Result<bool, RunError> {
        let Some(_starting) = try_lock_file(&folder.path().join(START_LOCK))? else { return Ok(false) };
        // Its starter may have come to the end of its work between our two looks.
        if self.known_run(run.id).await?.state != RunState::Preparing {
            return Ok(false);
        }
        match status(folder)? {
            ChildStatus::NotStarted => {
                self.record_failure(run.id, "the process that was starting it is gone").await?;
                // A shim that was on its way must not start the command now.
                stop(folder).await?;
                self.discard_worktree(&self.layout().run_worktree(run.id)).await;
                Ok(false)
            }
            ChildStatus::Running { .. } | ChildStatus::Exited(_) | ChildStatus::Vanished => {
                self.record_running(run.id).await?;
                Ok(true)
            }
        }
    }
}

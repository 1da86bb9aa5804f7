//! `lamp runs ls|show|logs|stop`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use lamp_core::access::Permission;
use lamp_core::ids::RunId;
use lamp_core::registry::ModelVersion;
use lamp_core::run::{MetricLine, Run, RunState};
use lamp_ledger::RunChange;
use lamp_runner::launch::stop;
use lamp_runner::run_folder::{RunFolder, RunFolderError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RunError;
use crate::app::App;
use crate::call::LogPiece;
use crate::parts::PartError;

/// Most bytes of a log in one piece.
const LOG_PIECE_MAX: usize = 1 << 20;

/// A run with what it left.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

    /// What a run has written from byte `from` on, up to some [`LOG_PIECE_MAX`] bytes.
    pub async fn read_log(&self, text: &str, from: u64) -> Result<LogPiece, RunError> {
        // Asked before the log is read, so that nothing is missed when the run is over.
        let (run, path) = self.run_log(text).await?;
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || read_piece(&path, from)
        });
        let bytes = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let bytes = bytes.map_err(PartError::file("read", &path))?;
        let next = from + bytes.len() as u64;
        Ok(LogPiece { run, text: String::from_utf8_lossy(&bytes).into_owned(), next })
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

/// A log that is not there yet is empty. A letter whose last bytes are yet to come is left for the next piece.
fn read_piece(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOG_PIECE_MAX as u64).read_to_end(&mut bytes)?;
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    Ok(bytes)
}

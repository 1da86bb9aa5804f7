//! Models that answer from worker processes, over a Unix socket each.
//!
//! A worker is started again when it dies or hangs; while none is ready, requests fail at once so
//! that whoever waits can turn to the shadow. See [`frames`] for the protocol.

pub mod frames;
mod pool;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use lamp_core::package::Signature;

use crate::load::LoadError;
use crate::model::{Health, Model, Predicting};
use crate::signature::Batch;

/// How a worker is started. `--socket PATH --package DIR` is put behind `args`.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The interpreter.
    pub program: PathBuf,
    /// Its arguments, for example `-m lamplighter.worker`.
    pub args: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment; nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Where standard output and error are appended.
    pub log_path: PathBuf,
    /// Where sockets are made; created for this user alone if it does not exist.
    pub socket_dir: PathBuf,
}

/// Limits of a model's workers.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// Processes.
    pub workers: usize,
    /// Requests that may wait for a worker; more are refused as overload.
    pub queue_max: usize,
    /// Time to import the code, load the package and say `ready`.
    pub ready_within: Duration,
    /// A predict that takes longer is a hang: the worker is killed.
    pub answer_within: Duration,
    /// A worker without work is asked this often whether it lives.
    pub ping_every: Duration,
    /// A ping without an answer for so long is a hang.
    pub pong_within: Duration,
    /// First pause before a restart; doubles with each failure.
    pub restart_after: Duration,
    /// Longest pause before a restart.
    pub restart_after_max: Duration,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            workers: 1,
            queue_max: 256,
            ready_within: Duration::from_mins(1),
            answer_within: Duration::from_secs(10),
            ping_every: Duration::from_secs(2),
            pong_within: Duration::from_secs(2),
            restart_after: Duration::from_millis(100),
            restart_after_max: Duration::from_secs(10),
        }
    }
}

/// A model behind worker processes. Dropping it kills them.
#[derive(Debug)]
pub struct PythonModel {
    signature: Arc<Signature>,
    pool: pool::Pool,
}

impl PythonModel {
    /// Starts the workers and returns when the first one is ready; fails when it cannot get ready.
    pub async fn start(
        command: WorkerCommand,
        package_dir: &Path,
        signature: Arc<Signature>,
        limits: WorkerLimits,
    ) -> Result<Self, LoadError> {
        let pool = pool::Pool::start(command, package_dir.to_owned(), Arc::clone(&signature), limits).await?;
        Ok(Self { signature, pool })
    }
}

impl Model for PythonModel {
    fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_> {
        self.pool.predict(batch).boxed()
    }

    fn health(&self) -> Health {
        self.pool.health()
    }
}

//! ONNX graphs that answer in process.
//!
//! Each session lives on a thread of its own: `run` needs it exclusively, and a long computation
//! must not sit on the threads that serve requests.

mod graph;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::FutureExt;
use lamp_core::package::Signature;
use ort::environment::Environment;
use ort::session::Session;
use tokio::sync::oneshot;

use crate::load::LoadError;
use crate::model::{Health, HealthState, Model, PredictError, Predicting};
use crate::outputs::Outputs;
use crate::signature::Batch;

/// Requests that may wait for one session; more are refused as overload.
pub const SESSION_QUEUE_MAX: usize = 256;

/// The ONNX runtime library, loaded once per process.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    environment: Environment,
}

static RUNTIME: OnceLock<(PathBuf, OnnxRuntime)> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

impl OnnxRuntime {
    /// Loads the library at `path`. A process keeps the first one that it loads: a later call
    /// returns it, whatever its path.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let _only_one_loads = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((loaded, runtime)) = RUNTIME.get() {
            if loaded != path {
                tracing::debug!(loaded = %loaded.display(), asked = %path.display(), "the ONNX runtime is loaded already");
            }
            return Ok(runtime.clone());
        }
        let environment = ort::init_from(path)
            .map_err(|error| LoadError::Runtime(error.to_string()))?
            .with_name("lamplighter")
            .with_telemetry(false)
            .build()
            .map_err(|error| LoadError::Runtime(error.to_string()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        let runtime = Self { environment };
        Ok(RUNTIME.get_or_init(|| (path.to_owned(), runtime)).1.clone())
    }
}

struct Job {
    batch: Arc<Batch>,
    reply: oneshot::Sender<Result<Outputs, PredictError>>,
}

/// A session's thread, seen from outside.
#[derive(Debug)]
struct Lane {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

/// A model whose graph runs in process.
#[derive(Debug)]
pub struct OnnxModel {
    signature: Arc<Signature>,
    lanes: Vec<Lane>,
}

impl OnnxModel {
    /// Reads the graph into `threads` sessions and holds it against the signature. Blocking.
    pub fn load(
        runtime: &OnnxRuntime,
        path: &Path,
        signature: &Arc<Signature>,
        threads: usize,
    ) -> Result<Self, LoadError> {
        let lanes = (0..threads.max(1))
            .map(|number| {
                let session = open(runtime, path).map_err(|error| LoadError::Graph(error.to_string()))?;
                let plan = graph::Plan::of(&session, signature).map_err(LoadError::Graph)?;
                start_lane(number, session, plan)
            })
            .collect::<Result<_, LoadError>>()?;
        Ok(Self { signature: Arc::clone(signature), lanes })
    }

    /// The lane with the fewest requests: one behind a large batch would wait for it.
    fn shortest(&self) -> Option<&Lane> {
        self.lanes.iter().min_by_key(|lane| lane.waiting.load(Ordering::Relaxed))
    }

    async fn ask(&self, batch: Arc<Batch>) -> Result<Outputs, PredictError> {
        let gone = || PredictError::Gone { why: "its thread ended".to_owned() };
        let lane = self.shortest().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        lane.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = lane.jobs.try_send(Job { batch, reply }) {
            lane.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => PredictError::Overload { queued: SESSION_QUEUE_MAX },
                TrySendError::Disconnected(_) => gone(),
            });
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Model for OnnxModel {
    fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_> {
        self.ask(batch).boxed()
    }

    fn health(&self) -> Health {
        // A session's thread ends only with the model.
        Health { state: HealthState::Ready, detail: None, workers: Vec::new() }
    }
}

fn open(runtime: &OnnxRuntime, path: &Path) -> Result<Session, ort::Error> {
    // Without the arena, memory goes back after each run instead of growing with the largest batch.
    let cpu = ort::ep::CPU::default().with_arena_allocator(false).build();
    Session::builder(&runtime.environment)?
        .with_execution_providers([cpu])?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?
        .commit_from_file(path)
}

fn start_lane(number: usize, session: Session, plan: graph::Plan) -> Result<Lane, LoadError> {
    let (jobs, queue) = sync_channel(SESSION_QUEUE_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&waiting);
    std::thread::Builder::new()
        .name(format!("onnx-{number}"))
        .spawn(move || work(&queue, &seen, session, &plan))
        .map_err(|error| LoadError::Graph(format!("no thread for it: {error}")))?;
    Ok(Lane { jobs, waiting })
}

/// Serves jobs until the model is dropped.
fn work(queue: &Receiver<Job>, waiting: &AtomicUsize, mut session: Session, plan: &graph::Plan) {
    while let Ok(job) = queue.recv() {
        // Whoever asked may have gone on without it.
        if !job.reply.is_closed() {
            // A defect in one request must not take the session's thread away from the others.
            let run = AssertUnwindSafe(|| plan.run(&mut session, &job.batch));
            let outcome = catch_unwind(run)
                .unwrap_or_else(|_| Err(PredictError::Failed { message: "running the graph panicked".to_owned() }));
            let _ = job.reply.send(outcome);
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

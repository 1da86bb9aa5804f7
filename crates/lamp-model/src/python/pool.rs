//! Workers behind one bounded queue, each kept alive by a task of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lamp_core::package::Signature;
use tokio::net::UnixStream;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frames::{self, FrameError, FromWorker, ToWorker};
use super::process::{self, Process, Started};
use super::{WorkerCommand, WorkerLimits};
use crate::load::LoadError;
use crate::model::{Health, HealthState, PredictError, WorkerState};
use crate::outputs::Outputs;
use crate::signature::Batch;

type Reply = Result<Outputs, PredictError>;

/// A worker that lived so long is not in a loop of crashes: the next restart comes quickly again.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// A worker that was asked to stop gets so long before it is killed.
const STOP_WITHIN: Duration = Duration::from_millis(500);

struct Job {
    batch: Arc<Batch>,
    reply: oneshot::Sender<Reply>,
    taken: Arc<AtomicBool>,
}

/// What the tasks share.
struct Shared {
    command: WorkerCommand,
    package_dir: PathBuf,
    signature: Arc<Signature>,
    limits: WorkerLimits,
    queue: AsyncMutex<mpsc::Receiver<Job>>,
    ready: watch::Sender<usize>,
    slots: Mutex<Vec<WorkerState>>,
    last_end: Mutex<Option<String>>,
}

impl Shared {
    fn update_slot(&self, slot: usize, change: impl FnOnce(&mut WorkerState)) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = slots.get_mut(slot) {
            change(state);
        }
    }

    fn last_end(&self) -> String {
        let last = self.last_end.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().unwrap_or_else(|| "no worker is ready".to_owned())
    }
}

/// The workers of one model.
pub(super) struct Pool {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) async fn start(
        command: WorkerCommand,
        package_dir: PathBuf,
        signature: Arc<Signature>,
        limits: WorkerLimits,
    ) -> Result<Self, LoadError> {
        let workers = limits.workers.max(1);
        let (jobs, queue) = mpsc::channel(limits.queue_max.max(1));
        let idle = WorkerState { pid: None, ready: false, restarts: 0 };
        let shared = Arc::new(Shared {
            command,
            package_dir,
            signature,
            limits,
            queue: AsyncMutex::new(queue),
            ready: watch::Sender::new(0),
            slots: Mutex::new(vec![idle; workers]),
            last_end: Mutex::new(None),
        });
        let first =
            process::start(&shared.command, &shared.package_dir, &shared.limits).await.map_err(LoadError::Worker)?;
        let stop = watch::Sender::new(false);
        let mut first = Some(first);
        // Marked here, so that the model is ready when this function returns.
        if let Some(started) = &first {
            let pid = started.process.pid();
            shared.update_slot(0, |state| (state.pid, state.ready) = (pid, true));
            shared.ready.send_modify(|count| *count += 1);
        }
        let tasks = (0..workers)
            .map(|slot| tokio::spawn(keep_alive(Arc::clone(&shared), slot, first.take(), stop.subscribe())))
            .collect();
        Ok(Self { shared, jobs, stop, tasks })
    }

    /// Queues the batch and waits. While no worker is ready it fails at once, and so does what
    /// still waits in the queue when the last worker ends.
    pub(super) async fn predict(&self, batch: Arc<Batch>) -> Reply {
        let gone = || PredictError::Gone { why: self.shared.last_end() };
        let mut ready = self.shared.ready.subscribe();
        if *ready.borrow_and_update() == 0 {
            return Err(gone());
        }
        let (reply, answer) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let job = Job { batch, reply, taken: Arc::clone(&taken) };
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(PredictError::Overload { queued: self.jobs.max_capacity() });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(gone()),
        }
        tokio::pin!(answer);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or_else(|_| Err(gone())),
                changed = ready.changed() => {
                    let none_ready = *ready.borrow_and_update() == 0;
                    if changed.is_err() || none_ready && !taken.load(Ordering::SeqCst) {
                        return Err(gone());
                    }
                }
            }
        }
    }

    pub(super) fn health(&self) -> Health {
        let workers = self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ready = workers.iter().filter(|worker| worker.ready).count();
        let state = match ready {
            0 => HealthState::Down,
            some if some < workers.len() => HealthState::Degraded,
            _ => HealthState::Ready,
        };
        let detail = (ready < workers.len()).then(|| self.shared.last_end());
        Health { state, detail, workers }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The tasks stop their workers; if the runtime is going down they are dropped instead,
        // and a dropped process is killed.
        self.stop.send_replace(true);
        if tokio::runtime::Handle::try_current().is_err() {
            for task in &self.tasks {
                task.abort();
            }
        }
    }
}

/// Keeps one place filled with a living worker until `stop`.
async fn keep_alive(shared: Arc<Shared>, slot: usize, first: Option<Started>, mut stop: watch::Receiver<bool>) {
    let mut next = first;
    let mut pause = shared.limits.restart_after;
    loop {
        let started = if let Some(started) = next.take() {
            Ok(started)
        } else {
            tokio::select! {
                started = process::start(&shared.command, &shared.package_dir, &shared.limits) => started,
                () = stopped(&mut stop) => return,
            }
        };
        let why = match started {
            Ok(started) => {
                let born = Instant::now();
                mark_ready(&shared, slot, &started.process);
                let mut told = stop.clone();
                let ended = tokio::select! {
                    ended = converse(&shared, started, &mut stop) => ended,
                    // It hangs in a request that nobody waits for any more. Letting go of it kills it.
                    () = stopped_for(&mut told, STOP_WITHIN * 3) => None,
                };
                mark_gone(&shared, slot);
                if born.elapsed() >= STABLE_AFTER {
                    pause = shared.limits.restart_after;
                }
                match ended {
                    Some(why) => why,
                    None => return,
                }
            }
            Err(why) => why,
        };
        tracing::warn!(slot, why, pause_ms = pause.as_millis(), "a worker ended and will be started again");
        *shared.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        shared.update_slot(slot, |state| state.restarts += 1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopped(&mut stop) => return,
        }
        pause = (pause * 2).min(shared.limits.restart_after_max);
    }
}

/// Returns when the model is dropped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and the model with it.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn stopped_for(stop: &mut watch::Receiver<bool>, time: Duration) {
    stopped(stop).await;
    tokio::time::sleep(time).await;
}

fn mark_ready(shared: &Shared, slot: usize, process: &Process) {
    let mut was_ready = false;
    let pid = process.pid();
    shared.update_slot(slot, |state| {
        was_ready = state.ready;
        (state.pid, state.ready) = (pid, true);
    });
    if !was_ready {
        shared.ready.send_modify(|count| *count += 1);
    }
}

fn mark_gone(shared: &Shared, slot: usize) {
    shared.update_slot(slot, |state| (state.pid, state.ready) = (None, false));
    shared.ready.send_modify(|count| *count = count.saturating_sub(1));
}

/// Serves jobs on one worker until it ends or must be ended; says why, or `None` when stopped.
async fn converse(shared: &Shared, started: Started, stop: &mut watch::Receiver<bool>) -> Option<String> {
    let Started { process, mut socket } = started;
    let mut next_id = 0_u64;
    loop {
        next_id += 1;
        let waited = tokio::select! {
            biased;
            () = stopped(stop) => {
                let _ = timeout(STOP_WITHIN, frames::write(&mut socket, &ToWorker::Stop)).await;
                let _ = timeout(STOP_WITHIN, frames::read(&mut socket)).await;
                process.kill().await;
                return None;
            }
            // A worker says nothing unasked: this is its end, and better known now than at the next request.
            end = frames::read(&mut socket) => {
                let why = end.err().map_or_else(|| "it spoke unasked".to_owned(), |error| error.to_string());
                return Some(ended(why, process).await);
            }
            job = timeout(shared.limits.ping_every, take(shared)) => job,
        };
        let fault = match waited {
            Err(_) => ping(shared, &mut socket, next_id).await.err(),
            Ok(None) => return None,
            Ok(Some(job)) if job.reply.is_closed() => None,
            Ok(Some(job)) => {
                job.taken.store(true, Ordering::SeqCst);
                let (reply, fault) = predict(shared, &mut socket, next_id, &job.batch).await;
                match fault {
                    None => {
                        // Nobody may be waiting any more.
                        let _ = job.reply.send(reply);
                        None
                    }
                    Some(fault) => {
                        let why = ended(fault.clone(), process).await;
                        let _ = job.reply.send(reply.map_err(|error| with_cause(error, &why)));
                        return Some(why);
                    }
                }
            }
        };
        if let Some(fault) = fault {
            return Some(ended(fault, process).await);
        }
    }
}

fn with_cause(error: PredictError, why: &str) -> PredictError {
    match error {
        PredictError::Gone { .. } => PredictError::Gone { why: why.to_owned() },
        other @ (PredictError::Overload { .. }
        | PredictError::Timeout { .. }
        | PredictError::Failed { .. }
        | PredictError::Rejected(_)) => other,
    }
}

async fn take(shared: &Shared) -> Option<Job> {
    shared.queue.lock().await.recv().await
}

async fn ended(why: String, process: Process) -> String {
    match process.kill().await {
        Some(status) => format!("{why} ({status})"),
        None => why,
    }
}

async fn ping(shared: &Shared, socket: &mut UnixStream, id: u64) -> Result<(), String> {
    let answered = timeout(shared.limits.pong_within, async {
        frames::write(socket, &ToWorker::Ping { id }).await?;
        frames::read(socket).await
    });
    match answered.await {
        Ok(Ok(FromWorker::Pong { id: back })) if back == id => Ok(()),
        Ok(Ok(_)) => Err("it answered a ping with something else".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it hung: no pong within {} ms", shared.limits.pong_within.as_millis())),
    }
}

/// One request: the reply for whoever asked, and what is wrong with the worker, if anything.
async fn predict(shared: &Shared, socket: &mut UnixStream, id: u64, batch: &Batch) -> (Reply, Option<String>) {
    let asked = timeout(shared.limits.answer_within, async {
        let columns = frames::columns(batch);
        frames::write(socket, &ToWorker::Predict { id, rows: batch.rows(), columns }).await?;
        frames::read(socket).await
    });
    let limit = shared.limits.answer_within;
    let gone = |why: String| (Err(PredictError::Gone { why: why.clone() }), Some(why));
    match asked.await {
        Err(_) => {
            let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            (Err(PredictError::Timeout { limit_ms }), Some(format!("it hung: no answer within {limit_ms} ms")))
        }
        Ok(Err(error @ (FrameError::Io(_) | FrameError::Protocol(_)))) => gone(error.to_string()),
        Ok(Ok(FromWorker::Answer { id: back, outputs })) if back == id => {
            let outputs = Outputs::from_json(&shared.signature, batch.rows(), &outputs).map_err(PredictError::from);
            (outputs, None)
        }
        Ok(Ok(FromWorker::Error { id: back, message, traceback })) if back == id => {
            tracing::warn!(message, traceback, "a predictor raised an error");
            (Err(PredictError::Failed { message }), None)
        }
        Ok(Ok(
            FromWorker::Answer { .. }
            | FromWorker::Error { .. }
            | FromWorker::Pong { .. }
            | FromWorker::Ready { .. }
            | FromWorker::Failed { .. },
        )) => gone("it answered something that it was not asked".to_owned()),
    }
}

//! The prediction log: off the request's path, bounded, in segments on disk.
//!
//! Rows go through a bounded channel to one writer thread, which commits what came in within a
//! few milliseconds together. When the channel is full or the disk fails, rows are dropped and
//! counted; a service that demands its log waits for the commit instead.

pub(crate) mod disk;
pub mod segment;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use lamp_core::clock::Clock;
use lamp_core::ids::{Ids, uuid_v7};
use lamp_core::names::ServiceName;
use lamp_core::prediction::Prediction;
use tokio::sync::oneshot;

use disk::{DiskGauge, DiskState, DiskWatch};
use segment::OpenSegment;

/// Rows that may wait for the writer; more are dropped and counted.
pub const LOG_QUEUE_ROWS_MAX: usize = 100_000;

/// Appends that may wait for the writer.
const LOG_QUEUE_MAX: usize = 16_384;

/// A segment is closed at this size.
pub const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A segment is closed at this age.
pub const SEGMENT_AGE_MAX: Duration = Duration::from_secs(5);

/// Rows that come in within this time are committed together.
const COMMIT_EVERY: Duration = Duration::from_millis(5);

/// A commit is not kept waiting beyond so many bytes.
const COMMIT_BYTES_MAX: usize = 1024 * 1024;

/// How many rows of a service were kept, and how many were not.
#[derive(Debug, Default)]
pub(crate) struct LogCounters {
    pub(crate) kept: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// Of those that were kept, or tried: without inputs, since the disk was almost full.
    pub(crate) thinned: AtomicU64,
}

impl LogCounters {
    fn drop_rows(&self, rows: usize) {
        self.dropped.fetch_add(count(rows), Ordering::Relaxed);
    }
}

struct Append {
    service: ServiceName,
    rows: Vec<Prediction>,
    counters: Arc<LogCounters>,
    /// Told whether the rows are on disk.
    committed: Option<oneshot::Sender<bool>>,
}

enum Command {
    Append(Append),
    Rotate(oneshot::Sender<()>),
}

/// The sending side. Dropping the last one closes all segments.
pub(crate) struct Log {
    commands: SyncSender<Command>,
    queued_rows: Arc<AtomicUsize>,
    disk: Arc<AtomicU8>,
    root: PathBuf,
}

impl Log {
    /// Seals what a crash left open and starts the writer.
    pub(crate) fn open(log_dir: &Path, gauge: DiskGauge, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> io::Result<Self> {
        std::fs::create_dir_all(log_dir)?;
        segment::seal_abandoned(log_dir)?;
        let (commands, queue) = sync_channel(LOG_QUEUE_MAX);
        let queued_rows = Arc::new(AtomicUsize::new(0));
        let mut writer = Writer {
            log_dir: log_dir.to_owned(),
            clock,
            ids,
            open: BTreeMap::new(),
            queued_rows: Arc::clone(&queued_rows),
            disk: Arc::default(),
            watch: DiskWatch::new(gauge),
        };
        writer.look_at_disk();
        let disk = Arc::clone(&writer.disk);
        std::thread::Builder::new().name("prediction-log".to_owned()).spawn(move || writer.work(&queue))?;
        Ok(Self { commands, queued_rows, disk, root: log_dir.to_owned() })
    }

    /// Whether so many more rows may wait.
    pub(crate) fn has_room(&self, rows: usize) -> bool {
        self.queued_rows.load(Ordering::Relaxed).saturating_add(rows) <= LOG_QUEUE_ROWS_MAX
    }

    /// Where a service's segments are, or will be.
    pub(crate) fn folder(&self, service: &ServiceName) -> PathBuf {
        self.root.join(service.as_str())
    }

    /// How much room there is.
    pub(crate) fn disk(&self) -> DiskState {
        DiskState::from_code(self.disk.load(Ordering::Relaxed))
    }

    /// Hands rows to the writer, or counts them as dropped; never waits.
    pub(crate) fn append(&self, service: &ServiceName, rows: Vec<Prediction>, counters: &Arc<LogCounters>) {
        self.send(service, rows, counters, None);
    }

    /// Hands rows to the writer and says whether they are on disk.
    pub(crate) async fn append_and_commit(
        &self,
        service: &ServiceName,
        rows: Vec<Prediction>,
        counters: &Arc<LogCounters>,
    ) -> bool {
        let (committed, answer) = oneshot::channel();
        self.send(service, rows, counters, Some(committed));
        answer.await.unwrap_or(false)
    }

    fn send(
        &self,
        service: &ServiceName,
        rows: Vec<Prediction>,
        counters: &Arc<LogCounters>,
        committed: Option<oneshot::Sender<bool>>,
    ) {
        let row_count = rows.len();
        let append = Append { service: service.clone(), rows, counters: Arc::clone(counters), committed };
        if !self.has_room(row_count) {
            counters.drop_rows(row_count);
            return;
        }
        self.queued_rows.fetch_add(row_count, Ordering::Relaxed);
        if self.commands.try_send(Command::Append(append)).is_err() {
            self.queued_rows.fetch_sub(row_count, Ordering::Relaxed);
            counters.drop_rows(row_count);
        }
    }

    /// Closes all open segments; returns when they have their final names.
    pub(crate) async fn rotate(&self) {
        let (done, wait) = oneshot::channel();
        let commands = self.commands.clone();
        // The channel may be full for as long as the disk is slow.
        let sent = tokio::task::spawn_blocking(move || commands.send(Command::Rotate(done)).is_ok());
        if sent.await.unwrap_or(false) {
            // The writer answers in any case before it ends.
            let _ = wait.await;
        }
    }
}

/// The writing side, on a thread of its own.
struct Writer {
    log_dir: PathBuf,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    open: BTreeMap<ServiceName, OpenSegment>,
    queued_rows: Arc<AtomicUsize>,
    disk: Arc<AtomicU8>,
    watch: DiskWatch,
}

/// An append whose rows are frames already.
struct Encoded {
    service: ServiceName,
    queued: usize,
    kept: usize,
    counters: Arc<LogCounters>,
    committed: Option<oneshot::Sender<bool>>,
}

/// What is committed together.
#[derive(Default)]
struct Commit {
    frames: BTreeMap<ServiceName, Vec<u8>>,
    bytes: usize,
    appends: Vec<Encoded>,
    rotations: Vec<oneshot::Sender<()>>,
}

impl Commit {
    fn add(&mut self, command: Command) {
        match command {
            Command::Rotate(done) => self.rotations.push(done),
            Command::Append(append) => {
                let buffer = self.frames.entry(append.service.clone()).or_default();
                let before = buffer.len();
                let kept = append.rows.iter().filter(|row| segment::encode(row, buffer)).count();
                let queued = append.rows.len();
                append.counters.drop_rows(queued - kept);
                self.bytes += buffer.len() - before;
                // A row that cannot be written must not be promised.
                let committed = append.committed.filter(|_| kept == queued);
                let Append { service, counters, .. } = append;
                self.appends.push(Encoded { service, queued, kept, counters, committed });
            }
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= COMMIT_BYTES_MAX || !self.rotations.is_empty()
    }
}

impl Writer {
    fn work(mut self, queue: &Receiver<Command>) {
        loop {
            match queue.recv_timeout(self.until_rotation()) {
                Ok(command) => {
                    let commit = collect(command, queue);
                    self.commit(commit);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_disk();
            self.close_where(|segment| {
                segment.opened.elapsed() >= SEGMENT_AGE_MAX || segment.bytes() >= SEGMENT_BYTES_MAX
            });
        }
        self.close_where(|_| true);
    }

    fn look_at_disk(&mut self) {
        if let Some(state) = self.watch.look(&self.log_dir) {
            let before = self.disk.swap(state.code(), Ordering::Relaxed);
            if before < state.code() {
                tracing::warn!(?state, "the prediction log's disk fills");
            }
        }
    }

    fn until_rotation(&self) -> Duration {
        let oldest = self.open.values().map(|segment| segment.opened.elapsed()).max();
        oldest.map_or(SEGMENT_AGE_MAX, |age| SEGMENT_AGE_MAX.saturating_sub(age))
    }

    fn commit(&mut self, commit: Commit) {
        let Commit { frames, appends, rotations, .. } = commit;
        let mut failed = Vec::new();
        for (service, frames) in frames {
            if let Err(error) = self.write(&service, &frames) {
                tracing::error!(%service, %error, "rows of the prediction log could not be kept");
                failed.push(service);
            }
        }
        for Encoded { service, queued, kept, counters, committed } in appends {
            self.queued_rows.fetch_sub(queued, Ordering::Relaxed);
            let is_kept = !failed.contains(&service);
            if is_kept {
                counters.kept.fetch_add(count(kept), Ordering::Relaxed);
            } else {
                counters.drop_rows(kept);
            }
            if let Some(committed) = committed {
                // Whoever asked may have gone.
                let _ = committed.send(is_kept);
            }
        }
        if !rotations.is_empty() {
            self.close_where(|_| true);
        }
        for done in rotations {
            let _ = done.send(());
        }
    }

    fn write(&mut self, service: &ServiceName, frames: &[u8]) -> io::Result<()> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut segment = if let Some(segment) = self.open.remove(service) {
            segment
        } else {
            let name = uuid_v7(self.clock.now(), self.ids.random());
            OpenSegment::create(&self.log_dir.join(service.as_str()), name)?
        };
        let written = segment.append(frames);
        // A segment that could not even be cut back to its whole frames is readable all the same:
        // readers stop at the torn tail. It is closed below like any other.
        self.open.insert(service.clone(), segment);
        if written.is_err() {
            self.close(service);
        }
        written
    }

    fn close_where(&mut self, is_due: impl Fn(&OpenSegment) -> bool) {
        let due: Vec<ServiceName> =
            self.open.iter().filter(|(_, segment)| is_due(segment)).map(|(service, _)| service.clone()).collect();
        for service in due {
            self.close(&service);
        }
    }

    fn close(&mut self, service: &ServiceName) {
        if let Some(segment) = self.open.remove(service)
            && let Err(error) = segment.close()
        {
            // It keeps its open name, and the next start seals it.
            tracing::error!(%service, %error, "a log segment could not be closed");
        }
    }
}

/// Takes what else comes in within the commit's time.
fn collect(first: Command, queue: &Receiver<Command>) -> Commit {
    let start = Instant::now();
    let mut commit = Commit::default();
    commit.add(first);
    while !commit.is_full() {
        match queue.recv_timeout(COMMIT_EVERY.saturating_sub(start.elapsed())) {
            Ok(command) => commit.add(command),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    commit
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

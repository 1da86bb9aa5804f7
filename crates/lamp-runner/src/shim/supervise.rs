//! The first stage of the shim: start, watch, stop, clean up, record.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::{STAGE_VARIABLE, ShimError, io};
use crate::file_lock;
use crate::launch::{ChildFile, Exit, ExitCause, Limits, PidFile};
use crate::process::{self, Row};
use crate::run_folder::{RunFolder, RunFolderError};

/// How often memory, log and orphans are looked at.
const TICK: Duration = Duration::from_millis(500);
/// Time that processes which the command left behind get to end politely.
const LEFTOVER_GRACE: Duration = Duration::from_secs(2);
/// Time that what is left gets to end at all. A process that hangs in the kernel may need longer;
/// its run does not wait for it.
const SWEEP_MAX: Duration = Duration::from_secs(30);
/// Attempts, a second apart, to write the exit record to a disk that is full.
const RECORD_ATTEMPTS: u32 = 600;

/// Runs the command of `folder` to its end.
pub(super) fn run(folder: &Path) -> Result<(), ShimError> {
    let folder = RunFolder::at(folder).ok_or_else(|| ShimError::NoFolder(folder.to_owned()))?;
    // Fails only for the leader of a process group, which is out of the terminal's reach already.
    let _ = nix::unistd::setsid();
    let _held = hold(&folder)?;
    let child: ChildFile = folder.read_json("child.json")?.ok_or(RunFolderError::Missing(folder.run()))?;
    // Orphans of the command become children of this process, where they can be found.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| io("adopt orphans")(error.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("start"))?;
    let exit = runtime.block_on(watch(&folder, &child))?;
    // The command is gone, and nobody reads what it left in its scratch folders.
    if let Err(error) = folder.remove_scratch() {
        eprintln!("lamp: {error}");
    }
    record(&folder, &exit)
}

/// One shim a run, ever.
fn hold(folder: &RunFolder) -> Result<File, ShimError> {
    let held = file_lock::find(&folder.path().join("shim.lock")).map_err(io("lock the run"))?;
    let file = held.ok_or(ShimError::AlreadyStarted)?;
    let started_before = ["child.pid.json", "exit.json"].iter().any(|name| folder.path().join(name).exists());
    if started_before {
        return Err(ShimError::AlreadyStarted);
    }
    Ok(file)
}

/// Starts the command and waits for its end, or brings it about.
async fn watch(folder: &RunFolder, spec: &ChildFile) -> Result<Exit, ShimError> {
    // Before the start: from here on a request to stop is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(io("listen for signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("listen for signals"))?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(io("listen for signals"))?;
    let (started_at, clock) = (Timestamp::now(), Instant::now());

    let mut child = match start(folder, spec) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("lamp: {error}");
            return Ok(exit_record(ExitCause::NotStarted, None, started_at, clock, 0));
        }
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
    let own_pid = nix::unistd::getpid().as_raw();
    let own_identity = process::identity(own_pid).unwrap_or_default();
    let pid_file = PidFile { shim_pid: own_pid, shim_identity: own_identity, pid, started_at };
    if let Err(error) = folder.write_json("child.pid.json", &pid_file) {
        // Nobody could ever stop it: better not to run it.
        process::signal_group(pid, Signal::SIGKILL);
        let _ = child.wait().await;
        return Err(error.into());
    }

    let mut watcher = Watcher { folder, limits: &spec.limits, pid, own_pid, peak: 0, cause: None, kill_at: None };
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let wall = tokio::time::sleep(spec.limits.wall.unwrap_or(Duration::MAX / 4).min(Duration::from_hours(24 * 365)));
    tokio::pin!(wall);
    let wall_is_limited = spec.limits.wall.is_some();
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(io("wait for the command"))?,
            _ = terminate.recv() => watcher.stop(ExitCause::Stopped),
            _ = interrupt.recv() => watcher.stop(ExitCause::Stopped),
            // Nobody's terminal matters to a run; being asked twice does not hurry it either.
            _ = hang_up.recv() => {}
            () = &mut wall, if wall_is_limited && watcher.cause.is_none() => watcher.stop(ExitCause::WallLimit),
            _ = tick.tick() => watcher.tick(),
        }
    };
    watcher.sweep().await;
    let cause = watcher.cause.unwrap_or(ExitCause::Command);
    Ok(exit_record(cause, Some(status), started_at, clock, watcher.peak))
}

/// Starts the second stage, in a process group of its own.
fn start(folder: &RunFolder, spec: &ChildFile) -> Result<Child, ShimError> {
    let log = File::options().create(true).append(true).open(folder.log_path()).map_err(io("open the log"))?;
    Command::new(own_program().map_err(io("find this program"))?)
        .args(std::env::args_os().skip(1))
        .env(STAGE_VARIABLE, nix::unistd::getpid().to_string())
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(io("open the log"))?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(io("start the command"))
}

/// This very program, also after an upgrade has replaced the file it came from.
fn own_program() -> std::io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}

struct Watcher<'a> {
    folder: &'a RunFolder,
    limits: &'a Limits,
    pid: i32,
    own_pid: i32,
    /// Largest resident memory seen of all processes together, in bytes.
    peak: u64,
    /// Why the command is being stopped.
    cause: Option<ExitCause>,
    /// When patience ends.
    kill_at: Option<Instant>,
}

impl Watcher<'_> {
    /// Asks the command to end; the first reason stands.
    fn stop(&mut self, cause: ExitCause) {
        if self.cause.is_some() {
            return;
        }
        self.cause = Some(cause);
        self.kill_at = Some(Instant::now() + self.limits.grace);
        process::signal_group(self.pid, Signal::SIGTERM);
        for row in self.others() {
            process::signal(row.pid, Signal::SIGTERM);
        }
    }

    /// Descendants outside the command's process group.
    fn others(&self) -> Vec<Row> {
        let all = process::descendants(&process::table(), self.own_pid);
        all.into_iter().filter(|row| row.group != self.pid).collect()
    }

    fn tick(&mut self) {
        let all = process::descendants(&process::table(), self.own_pid);
        self.reap(&all);
        let resident = all.iter().map(|row| row.resident).sum();
        self.peak = self.peak.max(resident);
        if self.limits.memory_bytes.is_some_and(|limit| resident > limit) {
            self.stop(ExitCause::MemoryLimit);
        }
        let log_bytes = std::fs::metadata(self.folder.log_path()).map_or(0, |meta| meta.len());
        if log_bytes > self.limits.log_bytes {
            self.stop(ExitCause::LogLimit);
        }
        if self.kill_at.is_some_and(|at| Instant::now() >= at) {
            process::signal_group(self.pid, Signal::SIGKILL);
            for row in all {
                process::signal(row.pid, Signal::SIGKILL);
            }
        }
    }

    /// Waits for orphans that ended under our roof. The command itself is waited for elsewhere.
    fn reap(&self, all: &[Row]) {
        for row in all.iter().filter(|row| row.zombie && row.parent == self.own_pid && row.pid != self.pid) {
            let _ = waitpid(Pid::from_raw(row.pid), Some(WaitPidFlag::WNOHANG));
        }
    }

    /// Ends whatever the command left behind.
    async fn sweep(&self) {
        let polite_until = Instant::now() + if self.cause.is_some() { Duration::ZERO } else { LEFTOVER_GRACE };
        let give_up_at = Instant::now() + SWEEP_MAX;
        let mut told = false;
        loop {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status != WaitStatus::StillAlive) {}
            let table = process::table();
            let below = process::descendants(&table, self.own_pid);
            let in_group = table.iter().filter(|row| row.group == self.pid && !below.contains(row));
            let left: Vec<Row> = below.iter().chain(in_group).filter(|row| !row.zombie).copied().collect();
            if left.is_empty() {
                return;
            }
            if Instant::now() > give_up_at {
                eprintln!("lamp: {} process(es) could not be ended", left.len());
                return;
            }
            let polite = Instant::now() < polite_until;
            for row in &left {
                process::signal(row.pid, if polite { Signal::SIGTERM } else { Signal::SIGKILL });
            }
            if !told && self.cause.is_none() {
                eprintln!("lamp: ending {} process(es) that the command left behind", left.len());
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn exit_record(
    cause: ExitCause,
    status: Option<ExitStatus>,
    started_at: Timestamp,
    clock: Instant,
    peak_seen: u64,
) -> Exit {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let largest = usage.and_then(|usage| u64::try_from(usage.max_rss()).ok()).unwrap_or(0);
    // Kilobytes, but bytes on Apple's systems.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1_024 };
    Exit {
        cause,
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        started_at,
        ended_at: Timestamp::now(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        peak_memory_bytes: peak_seen.max(largest * unit),
    }
}

/// Writes the exit record. A disk that is full may have room again in a while.
fn record(folder: &RunFolder, exit: &Exit) -> Result<(), ShimError> {
    let mut attempt = 0;
    loop {
        match folder.write_json("exit.json", exit) {
            Ok(()) => return Ok(()),
            Err(error) if attempt == RECORD_ATTEMPTS || !folder.path().exists() => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
        attempt += 1;
    }
}

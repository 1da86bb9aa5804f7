//! One worker process, from its start to its end.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::frames::{self, FromWorker, PROTOCOL};
use super::{WorkerCommand, WorkerLimits};

/// Longest path that a Unix socket may have on Linux is 108 bytes with its end mark; the name in
/// the folder takes up to 27.
const SOCKET_DIR_MAX: usize = 80;

static SOCKET_COUNT: AtomicU64 = AtomicU64::new(0);

/// A process that leads a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
}

impl Process {
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the group, so that whatever the worker started goes with it, and collects the worker.
    pub(super) async fn kill(mut self) -> Option<ExitStatus> {
        self.kill_group();
        self.child.wait().await.ok()
    }

    fn kill_group(&mut self) {
        // The group's number stays taken until the leader is collected, so it cannot be somebody else's.
        if let Some(group) = self.group.take()
            && self.child.id().is_some()
        {
            // It may be gone already, and then there is nothing to kill.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// A worker that said `ready`.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) socket: UnixStream,
}

/// Starts a worker and waits until it is ready; the error is a sentence for people.
pub(super) async fn start(
    command: &WorkerCommand,
    package_dir: &Path,
    limits: &WorkerLimits,
) -> Result<Started, String> {
    let path = socket_path(&command.socket_dir).map_err(|e| format!("no place for its socket: {e}"))?;
    let listener = UnixListener::bind(&path).map_err(|e| format!("cannot listen on {}: {e}", path.display()))?;
    let spawned = spawn(command, package_dir, &path);
    let result = match spawned {
        Ok(process) => match timeout(limits.ready_within, handshake(listener, process)).await {
            Ok(result) => result,
            Err(_) => Err(format!("it was not ready within {} s", limits.ready_within.as_secs())),
        },
        Err(error) => Err(format!("cannot start {}: {error}", command.program.display())),
    };
    // Connected or not, nobody else may find it.
    let _ = std::fs::remove_file(&path);
    result.map_err(|why| format!("{why}; its output is in {}", command.log_path.display()))
}

fn spawn(command: &WorkerCommand, package_dir: &Path, socket: &Path) -> io::Result<Process> {
    if let Some(folder) = command.log_path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let log = OpenOptions::new().create(true).append(true).open(&command.log_path)?;
    let child = Command::new(&command.program)
        .args(&command.args)
        .arg("--socket")
        .arg(socket)
        .arg("--package")
        .arg(package_dir)
        .current_dir(&command.cwd)
        .env_clear()
        .envs(&command.env)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    Ok(Process { child, group })
}

async fn handshake(listener: UnixListener, mut process: Process) -> Result<Started, String> {
    let mut socket = tokio::select! {
        accepted = listener.accept() => accepted.map_err(|e| format!("it could not connect: {e}"))?.0,
        status = process.child.wait() => {
            return Err(status.map_or_else(|e| e.to_string(), |status| format!("it ended before it was ready ({status})")));
        }
    };
    let is_ours = socket.peer_cred().is_ok_and(|peer| peer.uid() == Uid::current().as_raw());
    if !is_ours {
        return Err("somebody else connected to its socket".to_owned());
    }
    match frames::read(&mut socket).await {
        Ok(FromWorker::Ready { protocol: PROTOCOL }) => Ok(Started { process, socket }),
        Ok(FromWorker::Ready { protocol }) => Err(format!("it speaks protocol {protocol}, not {PROTOCOL}")),
        Ok(FromWorker::Failed { message, traceback }) => {
            tracing::debug!(%traceback, "worker failed to load");
            Err(message)
        }
        Ok(FromWorker::Answer { .. } | FromWorker::Error { .. } | FromWorker::Pong { .. }) => {
            Err("it spoke before it was ready".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A fresh path for a socket, short enough for the kernel: in `folder`, or, where that is too
/// deep, in a folder of this process under the system's temporary one.
fn socket_path(folder: &Path) -> io::Result<PathBuf> {
    let number = SOCKET_COUNT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    let folder = if folder.as_os_str().len() <= SOCKET_DIR_MAX {
        folder.to_owned()
    } else {
        std::env::temp_dir().join(format!("lamp-{}-{pid}", Uid::current()))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    check_owner(&folder)?;
    let path = folder.join(format!("w{pid}-{number}.sock"));
    // Left by an earlier process of the same number.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(path),
    }
}

/// A folder that somebody else made in a shared place could be a trap.
fn check_owner(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::symlink_metadata(folder)?;
    if metadata.is_dir() && metadata.uid() == Uid::current().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} belongs to somebody else", folder.display())))
}

//! Starting a command behind its shim, and watching it from the run folder alone: whoever
//! started it may be long gone.

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lamp_core::error::{Classified, Kind};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::file_lock;
use crate::process;
use crate::run_folder::{RunFolder, RunFolderError};

/// How often the run folder is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How long a shim may take to start its command.
const START_MAX: Duration = Duration::from_secs(30);
/// Bytes of the log that are read at once; a longer line is cut in two.
const LOG_CHUNK: usize = 64 << 10;
/// How long a stopped run may take beyond its grace before its processes are killed from here.
const STOP_MARGIN: Duration = Duration::from_secs(10);
/// How many times what is left is killed from here.
const STOP_ATTEMPTS: u32 = 20;

/// What is to be started.
#[derive(Debug, Clone)]
pub struct LaunchSpec {
    /// Its run folder.
    pub folder: RunFolder,
    /// The command, for `sh -c`.
    pub command: String,
    /// The folder to start it in.
    pub cwd: PathBuf,
    /// Its whole environment ([`crate::variables::cleaned_environment`]). Should hold `LAMP_RUN`.
    pub env: Vec<(String, String)>,
    /// What it may use.
    pub limits: Limits,
}

/// What a command may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of all its processes together, in bytes; pages that they share count
    /// once each. Looked at twice a second.
    pub memory_bytes: Option<u64>,
    /// Wall time.
    pub wall: Option<Duration>,
    /// Bytes of output; more is a loop that prints. Looked at twice a second.
    pub log_bytes: u64,
    /// Time between the polite request to end and the end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: None, wall: None, log_bytes: 1 << 30, grace: Duration::from_secs(10) }
    }
}

/// How the shim is started: `LAMP __child FOLDER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShimCommand {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the run folder, which comes last.
    pub args: Vec<OsString>,
}

impl ShimCommand {
    /// The shim inside the `lamp` binary.
    pub fn lamp(exe: impl Into<PathBuf>) -> Self {
        Self { program: exe.into(), args: vec!["__child".into()] }
    }
}

/// A command that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched {
    /// Process id of the command's shell.
    pub pid: i32,
}

/// `child.json`: what the shim is told. The environment goes to it directly, so that no secret
/// is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChildFile {
    pub(crate) command: String,
    pub(crate) cwd: PathBuf,
    pub(crate) limits: Limits,
    /// Names of the variables, for the reader.
    pub(crate) variables: Vec<String>,
}

/// `child.pid.json`: who runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PidFile {
    pub(crate) shim_pid: i32,
    pub(crate) shim_identity: String,
    pub(crate) pid: i32,
    pub(crate) started_at: Timestamp,
}

/// What ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCause {
    /// It ended by itself, well or not.
    Command,
    /// It could not be started.
    NotStarted,
    /// Somebody stopped it.
    Stopped,
    /// It ran out of time.
    WallLimit,
    /// It used too much memory.
    MemoryLimit,
    /// It wrote too much output.
    LogLimit,
}

/// `exit.json`: how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// What ended it.
    pub cause: ExitCause,
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal, if one killed it.
    pub signal: Option<i32>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it had ended.
    pub ended_at: Timestamp,
    /// Wall time in milliseconds, on a clock that does not jump.
    pub duration_ms: u64,
    /// Peak resident memory in bytes: of its largest process, or of all of them together where
    /// that was seen to be more. Never less than the shim's own few megabytes.
    pub peak_memory_bytes: u64,
}

impl Exit {
    /// Whether the command ended by itself with exit code 0.
    pub fn is_success(&self) -> bool {
        self.cause == ExitCause::Command && self.code == Some(0)
    }

    /// The exit code as a shell would show it: 128 + signal when a signal killed it.
    pub fn shell_code(&self) -> i32 {
        self.code.or(self.signal.map(|signal| 128 + signal)).unwrap_or(1)
    }

    /// How it ended, in words.
    pub fn describe(&self) -> String {
        match self.cause {
            ExitCause::Command => match (self.code, self.signal) {
                (Some(code), _) => format!("the command exited with code {code}"),
                (None, Some(9)) => "the command was killed (signal 9: out of memory, perhaps)".to_owned(),
                (None, Some(signal)) => format!("the command was killed by signal {signal}"),
                (None, None) => "the command ended in an unknown way".to_owned(),
            },
            ExitCause::NotStarted => "the command could not be started".to_owned(),
            ExitCause::Stopped => "the command was stopped".to_owned(),
            ExitCause::WallLimit => "the command ran out of time".to_owned(),
            ExitCause::MemoryLimit => "the command used more memory than it may".to_owned(),
            ExitCause::LogLimit => "the command wrote more output than it may".to_owned(),
        }
    }
}

/// Where a command is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildStatus {
    /// No shim has started it yet.
    NotStarted,
    /// It runs.
    Running {
        /// Process id of the command's shell.
        pid: i32,
    },
    /// It has ended.
    Exited(Exit),
    /// Its shim is gone without a word: killed, or the machine went down.
    Vanished,
}

/// Why a command could not be started or watched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The run folder failed us.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// This run was started before.
    #[error("the command of this run was started before")]
    AlreadyStarted,
    /// The folder to start in is missing.
    #[error("the folder `{}` to run the command in does not exist", .0.display())]
    NoCwd(PathBuf),
    /// The shim could not be started.
    #[error("could not start `{}`", .program.display())]
    Shim {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The shim ended before it had started the command.
    #[error("the process that watches over the command ended before it began: {0}")]
    ShimEnded(String),
    /// The command's processes are gone and left no exit record.
    #[error("the command vanished: its processes were killed, or the machine went down")]
    Vanished,
    /// Nobody started it.
    #[error("the command of this run was never started")]
    NeverStarted,
    /// The log could not be read.
    #[error("read the log `{}`", .path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Classified for LaunchError {
    fn kind(&self) -> Kind {
        match self {
            Self::Folder(error) => error.kind(),
            Self::AlreadyStarted | Self::NeverStarted => Kind::Conflict,
            Self::NoCwd(_) => Kind::NotFound,
            Self::Shim { .. } | Self::Vanished | Self::Log { .. } => Kind::Unavailable,
            Self::ShimEnded(_) => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(error) => error.hint(),
            Self::NoCwd(_) => Some("is the project's folder committed?".to_owned()),
            Self::Vanished | Self::NeverStarted => Some("start the run again".to_owned()),
            Self::AlreadyStarted | Self::Shim { .. } | Self::ShimEnded(_) | Self::Log { .. } => None,
        }
    }
}

/// Starts the command behind its shim, in a session of its own, and returns once it runs. The
/// command goes on when this process ends.
pub async fn launch(spec: &LaunchSpec, shim: &ShimCommand) -> Result<Launched, LaunchError> {
    let failed = |source| LaunchError::Shim { program: shim.program.clone(), source };
    // Two at once: the second finds the lock taken, or the command started.
    let held = file_lock::find(&spec.folder.path().join("launch.lock")).map_err(failed)?;
    let _held = held.ok_or(LaunchError::AlreadyStarted)?;
    if !matches!(status(&spec.folder)?, ChildStatus::NotStarted) {
        return Err(LaunchError::AlreadyStarted);
    }
    if !spec.cwd.is_dir() {
        return Err(LaunchError::NoCwd(spec.cwd.clone()));
    }
    let variables = spec.env.iter().map(|(name, _)| name.clone()).collect();
    let (command, cwd, limits) = (spec.command.clone(), spec.cwd.clone(), spec.limits.clone());
    spec.folder.write_json("child.json", &ChildFile { command, cwd, limits, variables })?;

    let log = std::fs::File::options().create(true).append(true).open(spec.folder.log_path()).map_err(failed)?;
    let mut child = Command::new(&shim.program)
        .args(&shim.args)
        .arg(spec.folder.path())
        .env_clear()
        .envs(spec.env.iter().cloned())
        .current_dir(spec.folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)?;

    let deadline = Instant::now() + START_MAX;
    let launched = loop {
        match status(&spec.folder)? {
            ChildStatus::Running { pid } => break Ok(Launched { pid }),
            ChildStatus::Exited(exit) if exit.cause == ExitCause::NotStarted => {
                break Err(LaunchError::ShimEnded(last_words(&spec.folder)));
            }
            // A short command may have ended already.
            ChildStatus::Exited(_) => break Ok(Launched { pid: pid_file(&spec.folder)?.map_or(0, |file| file.pid) }),
            ChildStatus::Vanished => break Err(LaunchError::Vanished),
            ChildStatus::NotStarted => {}
        }
        let ended = child.try_wait().map_err(failed)?;
        if let Some(ended) = ended {
            // It may have recorded its exit between our two looks.
            if matches!(status(&spec.folder)?, ChildStatus::NotStarted) {
                break Err(LaunchError::ShimEnded(format!("{ended}; {}", last_words(&spec.folder))));
            }
        }
        if Instant::now() > deadline {
            // Not killed: when it does start, it is a run like any other.
            break Err(LaunchError::ShimEnded("it did not start the command in time".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // Waits for the shim, which would stay in the table of processes as a zombie otherwise.
    let reaper = std::thread::Builder::new().name("lamp-reaper".to_owned());
    reaper.spawn(move || child.wait()).map_err(failed)?;
    launched
}

fn last_words(folder: &RunFolder) -> String {
    let log = std::fs::read(folder.log_path()).unwrap_or_default();
    let text = String::from_utf8_lossy(&log).into_owned();
    let last: Vec<&str> = text.lines().rev().take(5).collect();
    last.into_iter().rev().collect::<Vec<_>>().join("; ")
}

fn pid_file(folder: &RunFolder) -> Result<Option<PidFile>, RunFolderError> {
    folder.read_json("child.pid.json")
}

fn is_alive(file: &PidFile) -> bool {
    process::identity(file.shim_pid).is_some_and(|identity| identity == file.shim_identity)
}

/// Where the command is in its life, from what its folder says and whether its shim lives.
pub fn status(folder: &RunFolder) -> Result<ChildStatus, RunFolderError> {
    let exit = || folder.read_json::<Exit>("exit.json");
    if let Some(exit) = exit()? {
        return Ok(ChildStatus::Exited(exit));
    }
    let Some(file) = pid_file(folder)? else { return Ok(ChildStatus::NotStarted) };
    if is_alive(&file) {
        return Ok(ChildStatus::Running { pid: file.pid });
    }
    // It may have ended between our two looks.
    Ok(exit()?.map_or(ChildStatus::Vanished, ChildStatus::Exited))
}

/// Stops the command and everything it started: politely, then by force after its grace.
/// Returns once nothing of it runs; the exit record is there unless the shim was dead before.
pub async fn stop(folder: &RunFolder) -> Result<ChildStatus, LaunchError> {
    let limits = folder.read_json::<ChildFile>("child.json")?.map(|file| file.limits).unwrap_or_default();
    if let (ChildStatus::Running { .. }, Some(file)) = (status(folder)?, pid_file(folder)?) {
        process::signal(file.shim_pid, Signal::SIGTERM);
        let polite = limits.grace.saturating_add(STOP_MARGIN);
        if !has_ended(&file, polite).await {
            process::signal(file.shim_pid, Signal::SIGKILL);
            has_ended(&file, STOP_MARGIN).await;
        }
    }
    // What a shim that was killed left running still carries the name of its run.
    for _ in 0..STOP_ATTEMPTS {
        let left = process::with_variable("LAMP_RUN", folder.path());
        if left.is_empty() {
            break;
        }
        for pid in left {
            process::signal(pid, Signal::SIGKILL);
        }
        tokio::time::sleep(POLL).await;
    }
    let ended = status(folder)?;
    // A shim that was killed has not cleaned up.
    if ended == ChildStatus::Vanished {
        folder.remove_scratch()?;
    }
    Ok(ended)
}

/// Whether the shim ends within `patience`.
async fn has_ended(file: &PidFile, patience: Duration) -> bool {
    let clock = Instant::now();
    while is_alive(file) {
        if clock.elapsed() > patience {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// Waits until the command has ended. `on_log` is given each line of its log, from the first. A
/// command that nobody starts within half a minute is an error.
pub async fn wait(folder: &RunFolder, on_log: &mut (dyn FnMut(&str) + Send)) -> Result<Exit, LaunchError> {
    let mut tail = LogTail::new(folder);
    let clock = Instant::now();
    loop {
        let status = status(folder)?;
        // Read after the look at the status: what came before the exit is not missed.
        tail.read(on_log)?;
        match status {
            ChildStatus::NotStarted if clock.elapsed() > START_MAX => return Err(LaunchError::NeverStarted),
            ChildStatus::NotStarted | ChildStatus::Running { .. } => tokio::time::sleep(POLL).await,
            ChildStatus::Exited(exit) => {
                tail.finish(on_log);
                return Ok(exit);
            }
            ChildStatus::Vanished => {
                tail.finish(on_log);
                return Err(LaunchError::Vanished);
            }
        }
    }
}

/// Follows a growing log by byte offset, a line at a time.
struct LogTail {
    path: PathBuf,
    offset: u64,
    partial: Vec<u8>,
}

impl LogTail {
    fn new(folder: &RunFolder) -> Self {
        Self { path: folder.log_path(), offset: 0, partial: Vec::new() }
    }

    fn read(&mut self, on_log: &mut (dyn FnMut(&str) + Send)) -> Result<(), LaunchError> {
        loop {
            let chunk = match read_at(&self.path, self.offset) {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(source) => return Err(LaunchError::Log { path: self.path.clone(), source }),
            };
            if chunk.is_empty() {
                return Ok(());
            }
            self.offset += u64::try_from(chunk.len()).unwrap_or(0);
            self.partial.extend_from_slice(&chunk);
            let complete = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let rest = self.partial.split_off(complete);
            let whole = std::mem::replace(&mut self.partial, rest);
            for line in whole.split_inclusive(|byte| *byte == b'\n') {
                on_log(String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']));
            }
            if self.partial.len() >= LOG_CHUNK {
                self.finish(on_log);
            }
        }
    }

    fn finish(&mut self, on_log: &mut (dyn FnMut(&str) + Send)) {
        if !self.partial.is_empty() {
            on_log(&String::from_utf8_lossy(&self.partial));
            self.partial.clear();
        }
    }
}

fn read_at(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut chunk = Vec::with_capacity(LOG_CHUNK);
    file.take(u64::try_from(LOG_CHUNK).unwrap_or(u64::MAX)).read_to_end(&mut chunk)?;
    Ok(chunk)
}

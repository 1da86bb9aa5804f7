//! Time, processor time and peak memory of commands.
//!
//! A command is started by a process of its own, which waits for it and reads what the kernel counted: the counters
//! for children of one process never go down, so each command needs a parent that had no other child.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;

/// The word by which xtask starts itself to measure one command.
pub(super) const CHILD: &str = "__measure";

/// Lines of a failed command's messages that are shown.
const LINES_SHOWN: usize = 3;

/// A command to be measured.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Invocation {
    /// `program` in `folder`.
    pub(super) fn new(program: impl Into<PathBuf>, folder: &Path) -> Self {
        let (program, folder) = (program.into(), folder.to_owned());
        Self { program, arguments: Vec::new(), folder, variables: Vec::new() }
    }

    /// With these arguments behind those it has.
    pub(super) fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable.
    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The command as it would be run, for whoever starts it otherwise.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    /// Runs it without measuring, for what it prints.
    pub(super) fn output(&self) -> Result<String> {
        let output = self.command().output().with_context(|| format!("cannot run {}", self.program.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            bail!("{}: {}", self.shown(), last_lines(&text(&output.stderr)));
        }
        Ok(text(&output.stdout))
    }

    /// Runs it without measuring.
    pub(super) fn run(&self) -> Result<()> {
        self.output().map(|_| ())
    }

    fn shown(&self) -> String {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy();
        let words = self.arguments.iter().map(|word| word.to_string_lossy().into_owned());
        std::iter::once(name.into_owned()).chain(words.take(4)).collect::<Vec<_>>().join(" ")
    }
}

/// What some work took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cost {
    /// From start to end, in seconds.
    pub seconds: f64,
    /// Of all its processors, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory of its largest process at its peak, in bytes.
    pub peak_bytes: u64,
}

impl Cost {
    /// One after the other.
    pub(super) fn then(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
        }
    }
}

/// How measured work ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// It was done.
    Done(Cost),
    /// It was stopped after so long.
    TooLong(Duration),
    /// It failed, or could not be tried: why.
    Failed(String),
}

/// Measures commands, one after the other, within one limit for all. `reports` is a folder for notes.
pub(super) fn all(commands: &[Invocation], limit: Duration, reports: &Path) -> Outcome {
    let mut total = Cost::default();
    for command in commands {
        let left = limit.saturating_sub(Duration::from_secs_f64(total.seconds));
        match one(command, left, reports) {
            Ok(Outcome::Done(cost)) => total = total.then(cost),
            Ok(Outcome::TooLong(_)) => return Outcome::TooLong(limit),
            Ok(failed @ Outcome::Failed(_)) => return failed,
            Err(error) => return Outcome::Failed(format!("{error:#}")),
        }
    }
    Outcome::Done(total)
}

fn one(command: &Invocation, limit: Duration, reports: &Path) -> Result<Outcome> {
    let report = reports.join("measured");
    let own = std::env::current_exe().context("cannot find xtask itself")?;
    let mut child = Command::new(own);
    child.args(["bench", CHILD]).arg(limit.as_millis().to_string()).arg(&report).arg(&command.program);
    child.args(&command.arguments).current_dir(&command.folder).stdin(Stdio::null());
    child.envs(command.variables.iter().map(|(name, value)| (name, value)));
    let output = child.output().context("cannot start a measurement")?;
    if !output.status.success() {
        bail!("{}: {}", command.shown(), last_lines(&String::from_utf8_lossy(&output.stderr)));
    }
    let text = std::fs::read_to_string(&report).context("a measurement left no report")?;
    Ok(match Report::parse(&text).context("a measurement's report cannot be read")? {
        Report::Done { code: 0, mut cost } => {
            // Where a peer's script says what the work alone took, that counts: not the start of its interpreter.
            cost.seconds = seconds_said(&String::from_utf8_lossy(&output.stdout)).unwrap_or(cost.seconds);
            Outcome::Done(cost)
        }
        Report::Done { code, .. } => {
            let said = last_lines(&String::from_utf8_lossy(&output.stderr));
            Outcome::Failed(format!("`{}` ended with {code}: {said}", command.shown()))
        }
        Report::TooLong => Outcome::TooLong(limit),
    })
}

/// How a script of ours says what the work alone took: `work: 1.234 s` on a line of its own.
fn seconds_said(output: &str) -> Option<f64> {
    output.lines().rev().find_map(|line| line.strip_prefix("work: ")?.strip_suffix(" s")?.parse().ok())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join(" / ")
}

/// What the measuring process writes down.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Report {
    Done { code: i32, cost: Cost },
    TooLong,
}

impl Report {
    fn text(self) -> String {
        match self {
            Self::Done { code, cost: Cost { seconds, cpu_seconds, peak_bytes } } => {
                format!("done {code} {seconds} {cpu_seconds} {peak_bytes}\n")
            }
            Self::TooLong => "stopped\n".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["done", code, seconds, cpu, peak] => {
                let cost = Cost {
                    seconds: seconds.parse().ok()?,
                    cpu_seconds: cpu.parse().ok()?,
                    peak_bytes: peak.parse().ok()?,
                };
                Some(Self::Done { code: code.parse().ok()?, cost })
            }
            ["stopped"] => Some(Self::TooLong),
            _ => None,
        }
    }
}

/// `bench __measure MILLISECONDS REPORT PROGRAM ARGUMENT…`: runs the program and writes down what it took.
pub(super) fn child(arguments: &[String]) -> Result<ExitCode> {
    let [limit, report, program, rest @ ..] = arguments else { bail!("{CHILD} is for xtask itself") };
    let limit = Duration::from_millis(limit.parse().context("a limit in milliseconds")?);
    let mut command = Command::new(program);
    // A group of its own, so that all of it can be stopped.
    command.args(rest).process_group(0);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    let group = Pid::from_raw(i32::try_from(child.id()).context("a process id")?);
    let (ended, wait) = channel::<()>();
    let watch = std::thread::spawn(move || {
        let is_too_long = wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if is_too_long {
            // It may have ended just now.
            let _ = killpg(group, Signal::SIGKILL);
        }
        is_too_long
    });
    let status = child.wait().context("cannot wait for the command")?;
    let seconds = started.elapsed().as_secs_f64();
    drop(ended);
    let was_stopped = watch.join().unwrap_or(false) && status.signal().is_some();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read what the command used")?;
    #[allow(clippy::cast_precision_loss, reason = "microseconds of an hour at most")]
    let cpu_seconds = (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6;
    let peak_bytes = u64::try_from(usage.max_rss()).unwrap_or(0) * RSS_UNIT;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    let done = Report::Done { code, cost: Cost { seconds, cpu_seconds, peak_bytes } };
    let report_text = if was_stopped { Report::TooLong } else { done }.text();
    std::fs::write(report, report_text).with_context(|| format!("cannot write {report}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Bytes of the unit in which the kernel counts resident memory.
const RSS_UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1_024 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back_as_they_were_written() {
        let cost = Cost { seconds: 1.25, cpu_seconds: 2.5, peak_bytes: 4_096 };
        for report in [Report::Done { code: 3, cost }, Report::TooLong] {
            assert_eq!(Report::parse(&report.text()), Some(report));
        }
        assert_eq!(Report::parse("done 0 fast"), None);
    }

    #[test]
    fn work_adds_up_and_the_largest_process_is_the_peak() {
        let first = Cost { seconds: 1.0, cpu_seconds: 2.0, peak_bytes: 10 };
        let second = Cost { seconds: 0.5, cpu_seconds: 0.25, peak_bytes: 7 };
        assert_eq!(first.then(second), Cost { seconds: 1.5, cpu_seconds: 2.25, peak_bytes: 10 });
    }

    #[test]
    fn a_script_may_say_what_the_work_alone_took() {
        assert_eq!(seconds_said("loading\nwork: 1.5 s\n"), Some(1.5));
        assert_eq!(seconds_said("work: done\n"), None);
    }

    #[test]
    fn a_measurement_is_of_the_command_alone() {
        let folder = tempfile();
        let report = folder.join("report");
        let line = |script: &str, limit: &str| {
            let words = [limit, &report.to_string_lossy(), "sh", "-c", script].map(str::to_owned);
            child(&words).expect("a measurement");
            Report::parse(&std::fs::read_to_string(&report).expect("a report")).expect("a report")
        };
        assert!(matches!(line("exit 3", "60000"), Report::Done { code: 3, cost } if cost.peak_bytes > 0));
        assert_eq!(line("sleep 60 & sleep 60", "50"), Report::TooLong);
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    fn tempfile() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lamp-bench-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }
}

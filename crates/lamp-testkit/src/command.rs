//! Runs the built `lamp` binary as a user would, cut off from the machine it runs on.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::filters::Filters;
use crate::python::find_python;
use crate::repo::TempRepo;

pub use outcome::Outcome;
pub use running::Running;

mod outcome;
mod running;

/// A repository, a clock and a `lamp` binary.
///
/// ```no_run
/// let context = lamp_testkit::TestContext::new("target/debug/lamp");
/// context.repo.write("lamp.toml", "[workspace]\n");
/// println!("{}", context.lamp(["doctor"]).run().snapshot());
/// ```
#[derive(Debug)]
pub struct TestContext {
    /// The workspace.
    pub repo: TempRepo,
    /// What snapshots replace; add to it with [`TestContext::filter`].
    pub filters: Filters,
    binary: PathBuf,
    now: Option<String>,
}

impl TestContext {
    /// A context around the binary at `binary` (in lamp-cli's tests `env!("CARGO_BIN_EXE_lamp")`),
    /// an empty repository and the clock at [`crate::TEST_START`].
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self::with_repo(binary, TempRepo::new())
    }

    /// The same around a repository that was made before.
    pub fn with_repo(binary: impl Into<PathBuf>, repo: TempRepo) -> Self {
        let filters = [(repo.path(), "[WORKSPACE]"), (repo.home(), "[HOME]"), (repo.temporary(), "[TMP]")]
            .iter()
            .fold(Filters::common(), |filters, (path, name)| filters.with_text(&path.to_string_lossy(), name));
        Self { repo, filters, binary: binary.into(), now: Some(crate::TEST_START.to_owned()) }
    }

    /// Moves the clock of the commands to come (`LAMP_NOW`), an RFC 3339 instant.
    pub fn set_now(&mut self, now: &str) {
        self.now = Some(now.to_owned());
    }

    /// Lets the commands to come see the machine's own clock.
    pub fn use_real_clock(&mut self) {
        self.now = None;
    }

    /// Also replaces what `pattern` matches in snapshots.
    pub fn filter(&mut self, pattern: &str, replacement: &str) {
        self.filters = std::mem::take(&mut self.filters).with(pattern, replacement);
    }

    /// A `lamp` command in the workspace's root.
    pub fn lamp<I, S>(&self, arguments: I) -> LampCommand<'_>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let mut command = Command::new(&self.binary);
        command.args(&arguments).current_dir(self.repo.path());
        self.repo.isolate(&mut command);
        command.env("NO_COLOR", "1").env("TERM", "dumb").env("COLUMNS", "100");
        if let Some(path) = path_with_test_python() {
            command.env("PATH", path);
        }
        if let Some(now) = &self.now {
            command.env("LAMP_NOW", now);
        }
        LampCommand { context: self, command, arguments, stdin: None }
    }
}

/// `PATH` with the test interpreter's folder first, so that `python3` means that interpreter.
fn path_with_test_python() -> Option<OsString> {
    let folder = find_python()?.parent()?.to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&rest))).ok()
}

/// A command about to be run.
#[derive(Debug)]
pub struct LampCommand<'a> {
    context: &'a TestContext,
    command: Command,
    arguments: Vec<OsString>,
    stdin: Option<Vec<u8>>,
}

impl LampCommand<'_> {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in a folder of the workspace other than its root.
    #[must_use]
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(self.context.repo.path().join(folder));
        self
    }

    /// Feeds `text` to standard input; without it, standard input is empty.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When the binary cannot be started.
    pub fn run(mut self) -> Outcome {
        let feed = self.stdin.take();
        self.command.stdin(if feed.is_some() { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn();
        let feeder = feed.map(|bytes| {
            let mut pipe = child.stdin.take().expect("standard input is a pipe");
            // A command may end without reading all of it: a broken pipe is its right.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let output = child.wait_with_output().expect("the output of a child that was started");
        if let Some(feeder) = feeder {
            feeder.join().expect("the feeding thread");
        }
        Outcome {
            command: self.shown(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            filters: self.context.filters.clone(),
        }
    }

    /// Runs to the end and fails the test unless it exits 0.
    ///
    /// # Panics
    /// When the exit code is another one, with all that was printed.
    pub fn succeed(self) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(0), "expected success:\n{}", outcome.text());
        outcome
    }

    /// Starts a command that goes on, such as `lamp up`. What it prints goes to a file.
    ///
    /// # Panics
    /// When the binary cannot be started.
    pub fn start(mut self) -> Running {
        let (file, log) = tempfile::Builder::new()
            .prefix("lamp-")
            .suffix(".log")
            .tempfile_in(self.context.repo.temporary())
            .and_then(|file| file.keep().map_err(|error| error.error))
            .expect("a log file in the temporary folder");
        let errors = file.try_clone().expect("a second handle of the log file");
        self.command.stdin(Stdio::null()).stdout(file).stderr(errors);
        Running { child: self.spawn(), log }
    }

    fn spawn(&mut self) -> Child {
        let binary = &self.context.binary;
        self.command.spawn().unwrap_or_else(|error| panic!("cannot run {}: {error}", binary.display()))
    }

    fn shown(&self) -> String {
        let words = self.arguments.iter().map(|argument| {
            let word = argument.to_string_lossy();
            if word.is_empty() || word.contains([' ', '"', '*', '$', ';']) {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        });
        std::iter::once("lamp".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> TestContext {
        TestContext::new("/bin/sh")
    }

    #[test]
    fn a_snapshot_reads_like_a_terminal_session() {
        let context = shell();
        let script = "echo in $PWD at $LAMP_NOW; echo 'error: it took 12ms' >&2; exit 1";
        let expected = "\
$ lamp -c '[SCRIPT]'
in [WORKSPACE] at 2013-04-01T04:00:00Z
--- stderr ---
error: it took [TIME]
--- exit 1 ---
";
        let outcome = context.lamp(["-c", script]).run();
        assert_eq!(outcome.code, Some(1));
        assert_eq!(
            outcome.snapshot().replace(script, "[SCRIPT]").replace(&context.filters.apply(script), "[SCRIPT]"),
            expected
        );
    }

    #[test]
    fn commands_do_not_see_the_callers_environment() {
        let context = shell();
        let seen = context.lamp(["-c", "env"]).env("GIVEN", "yes").succeed().stdout;
        let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(names.contains(&"GIVEN") && names.contains(&"LAMP_NOW"), "{seen}");
        assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{seen}");
        assert!(seen.contains(&format!("HOME={}\n", context.repo.home().display())), "{seen}");
    }

    #[test]
    fn standard_input_is_fed_or_empty() {
        let context = shell();
        assert_eq!(context.lamp(["-c", "cat"]).stdin("yes\n").succeed().stdout, "yes\n");
        assert_eq!(context.lamp(["-c", "cat"]).succeed().stdout, "");
        // More than a pipe holds, to a command that reads none of it.
        assert_eq!(context.lamp(["-c", "exit 3"]).stdin(vec![b'x'; 1 << 20]).run().code, Some(3));
    }

    #[test]
    fn a_command_that_goes_on_is_ended_when_dropped() {
        let context = shell();
        let running =
            context.lamp(["-c", "trap 'echo bye; exit 0' TERM; echo ready $$; while :; do sleep 0.05; done"]).start();
        running.wait_for("ready");
        let process = PathBuf::from(format!("/proc/{}", running.id()));
        assert!(process.exists());
        let log = running.log_path().to_owned();
        drop(running);
        assert!(!process.exists());
        assert!(std::fs::read_to_string(log).expect("the log").ends_with("bye\n"));
    }
}

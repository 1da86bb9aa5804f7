//! A command that goes on until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a command may take to say what a test waits for.
const WORD_PATIENCE: Duration = Duration::from_mins(1);
/// How long a command may take to end after SIGTERM before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A started command. Dropping it ends it: SIGTERM, some patience, then SIGKILL.
#[derive(Debug)]
pub struct Running {
    pub(super) child: Child,
    pub(super) log: PathBuf,
}

impl Running {
    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file with all that it has printed.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has printed so far, both streams in one.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_else(|error| panic!("cannot read the log: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has printed `text` and returns that whole line.
    ///
    /// # Panics
    /// When it has not done so within a minute, with what it printed instead.
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + WORD_PATIENCE;
        loop {
            let log = self.log();
            // A line that is still being written has no end yet.
            let line = log.split_inclusive('\n').find(|line| line.contains(text) && line.ends_with('\n'));
            if let Some(line) = line {
                return line.trim_end().to_owned();
            }
            assert!(Instant::now() < deadline, "`{text}` was never printed:\n{log}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends it a signal, by name (`TERM`, `INT`, `KILL`).
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        status.unwrap_or_else(|error| panic!("cannot run kill: {error}"));
    }

    /// Ends it as a person would and returns its exit code; nothing when it had to be killed.
    pub fn stop(mut self) -> Option<i32> {
        self.end()
    }

    fn end(&mut self) -> Option<i32> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status.code();
        }
        self.signal("TERM");
        let deadline = Instant::now() + END_PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(LOOK_EVERY);
        }
        // Nothing more can be done about a process that survives SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

//! The machine's clock, or an injected one in demo and test workspaces.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lamp_core::clock::Clock;
use lamp_core::ids::Ids;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Environment variable that fixes the clock of a command.
pub const NOW_VARIABLE: &str = "LAMP_NOW";

/// The file that marks a workspace whose time is not the world's.
const MARK: &str = ".lamp/clock.json";

/// How old what was read of the mark may be: all processes of a demo share one time.
const READ_EVERY: Duration = Duration::from_millis(5);

/// What the mark says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClockMark {
    /// `demo` or `test`.
    pub kind: String,
    /// The workspace's time when the mark was written; its clock goes on from there.
    pub now: Timestamp,
    /// The machine's time when the mark was written.
    pub written_at: Timestamp,
}

impl ClockMark {
    /// The workspace's time: what was written, and what has passed on the machine since. A machine
    /// clock that was set back since then does not count.
    pub fn instant(&self) -> Timestamp {
        self.instant_when(Timestamp::now())
    }

    fn instant_when(&self, machine: Timestamp) -> Timestamp {
        let passed = machine.duration_since(self.written_at).max(SignedDuration::ZERO);
        self.now.checked_add(passed).unwrap_or(self.now)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that was set once, and goes on from there.
#[derive(Debug)]
struct SetClock {
    base: Timestamp,
    set_at: Instant,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.base.checked_add(self.set_at.elapsed()).unwrap_or(self.base)
    }

    fn is_injected(&self) -> bool {
        true
    }
}

/// A clock that follows the workspace's mark.
#[derive(Debug)]
struct MarkClock {
    path: PathBuf,
    read: Mutex<(ClockMark, Instant)>,
}

impl Clock for MarkClock {
    fn now(&self) -> Timestamp {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.1.elapsed() > READ_EVERY {
            // A mark that cannot be read now was read before: time goes on from there.
            if let Some(mark) = std::fs::read(&self.path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                read.0 = mark;
            }
            read.1 = Instant::now();
        }
        read.0.instant()
    }

    fn is_injected(&self) -> bool {
        true
    }
}

/// Random bytes from the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn random(&self) -> [u8; 10] {
        let bytes = *uuid::Uuid::new_v4().as_bytes();
        let mut random = [0; 10];
        // Six of a version 4 UUID's bits are fixed; they are in bytes 6 and 8.
        for (target, source) in random.iter_mut().zip([0, 1, 2, 3, 4, 5, 10, 11, 12, 13]) {
            *target = bytes[source];
        }
        random
    }
}

/// The clock for a workspace: injected time is refused where real models live.
pub fn for_workspace(root: &Path) -> Result<Arc<dyn Clock>, Failure> {
    let mark = read_mark(root)?;
    match (mark, std::env::var(NOW_VARIABLE).ok()) {
        (None, None) => Ok(Arc::new(SystemClock)),
        (None, Some(_)) => {
            let message = format!("{NOW_VARIABLE} is set, but this is no demo or test workspace");
            Err(Failure::operation(message).with_hint(format!("unset {NOW_VARIABLE}")))
        }
        (Some(_), Some(text)) => {
            let base = text.parse().map_err(|error| {
                Failure::operation(format!("{NOW_VARIABLE} is not an instant: {error}"))
                    .with_hint("write it as 2013-04-01T04:00:00Z")
            })?;
            Ok(Arc::new(SetClock { base, set_at: Instant::now() }))
        }
        (Some(mark), None) => {
            Ok(Arc::new(MarkClock { path: root.join(MARK), read: Mutex::new((mark, Instant::now())) }))
        }
    }
}

/// Sets the time of a demo or test workspace, for every process in it.
pub fn write_mark(root: &Path, kind: &str, now: Timestamp) -> Result<(), Failure> {
    let mark = ClockMark { kind: kind.to_owned(), now, written_at: Timestamp::now() };
    let path = root.join(MARK);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(root.join(".lamp"))?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, serde_json::to_vec(&mark)?)?;
        std::fs::rename(&partial, &path)
    };
    write().map_err(|error| Failure::operation(format!("cannot write `{}`: {error}", path.display())))
}

/// Reads the mark, if there is one.
pub fn read_mark(root: &Path) -> Result<Option<ClockMark>, Failure> {
    let path = root.join(MARK);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::operation(format!("cannot read `{}`: {error}", path.display()))),
    };
    let mark = serde_json::from_slice(&bytes);
    mark.map(Some).map_err(|error| Failure::operation(format!("`{}` is damaged: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_goes_on_with_the_machine_and_never_back() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let mark = ClockMark {
            kind: "demo".to_owned(),
            now: at("2013-04-02T03:00:00Z"),
            written_at: at("2026-01-01T00:00:00Z"),
        };
        assert_eq!(mark.instant_when(at("2026-01-01T00:10:00Z")), at("2013-04-02T03:10:00Z"));
        assert_eq!(mark.instant_when(at("2025-12-31T00:00:00Z")), at("2013-04-02T03:00:00Z"));
    }
}

//! Files to be added: what they are, and whether they stayed the same while they were read.

use std::fs::{self, File, Metadata, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;

use crate::error::StoreError;

/// A file to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is now.
    pub path: PathBuf,
    /// What it is called in the version: relative, `/` between the parts.
    pub name: String,
}

/// Longest step of the clock that stamps files: 100 ticks a second at the least, and some reserve.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// Step of file systems that only keep (even) seconds.
const COARSE_CLOCK_STEP: Duration = Duration::from_secs(2);

/// Nanoseconds in a second.
const SECOND_NS: i64 = 1_000_000_000;

/// What changes when somebody writes to a file, replaces it or sets its times back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) modified_ns: i64,
    /// Nanoseconds since the epoch; cannot be set by programs.
    pub(crate) changed_ns: i64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(SECOND_NS).saturating_add(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a write at `reading_began_ns` or later is sure to show in this identity. It is not
    /// when the file was stamped within the same tick of the clock: the next write would get the
    /// same stamp. (Git calls such entries racy.)
    pub(crate) fn would_show_a_write_since(&self, reading_began_ns: i64) -> bool {
        let whole_seconds = self.modified_ns % SECOND_NS == 0 && self.changed_ns % SECOND_NS == 0;
        let step = if whole_seconds { COARSE_CLOCK_STEP } else { CLOCK_STEP };
        let step_ns = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX);
        let newest = self.modified_ns.max(self.changed_ns);
        newest.saturating_add(step_ns) <= reading_began_ns
    }
}

/// What is at the path of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A regular file.
    File(Identity),
    /// A symbolic link, with its target.
    Link(String),
}

/// Looks at a source without following or opening it.
pub(crate) fn look(path: &Path) -> Result<Found, StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(|error| StoreError::source(path, error))?;
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(Found::File(Identity::of(&metadata)));
    }
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|error| StoreError::source(path, error))?;
        let unsupported =
            || StoreError::SourceUnsupported { path: path.to_owned(), what: "a link whose target is not Unicode" };
        return target.into_os_string().into_string().map(Found::Link).map_err(|_| unsupported());
    }
    let what = if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(StoreError::SourceUnsupported { path: path.to_owned(), what })
}

/// A source opened for reading.
pub(crate) struct OpenSource<'a> {
    path: &'a Path,
    pub(crate) file: File,
    identity: Identity,
    /// When reading began, in nanoseconds since the epoch.
    pub(crate) reading_began_ns: i64,
}

impl<'a> OpenSource<'a> {
    /// Opens the file that [`look`] saw. A link put in its place is not followed, and a pipe put
    /// in its place does not block.
    pub(crate) fn open(path: &'a Path, identity: Identity) -> Result<Self, StoreError> {
        wait_for_the_next_tick(&identity);
        let reading_began_ns = now_ns();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(path)
            .map_err(|error| match look(path) {
                Ok(found) if found == Found::File(identity) => StoreError::source(path, error),
                _ => StoreError::SourceChanged { path: path.to_owned() },
            })?;
        let source = Self { path, file, identity, reading_began_ns };
        source.check_unchanged()?;
        Ok(source)
    }

    /// Refuses a file that was written to, replaced or removed since [`look`] saw it.
    pub(crate) fn check_unchanged(&self) -> Result<(), StoreError> {
        let opened = self.file.metadata().map_err(|error| StoreError::source(self.path, error))?;
        let named = fs::symlink_metadata(self.path).ok();
        let same = Identity::of(&opened) == self.identity
            && named.is_some_and(|metadata| metadata.is_file() && Identity::of(&metadata) == self.identity);
        if same { Ok(()) } else { Err(self.changed()) }
    }

    /// The error that says that it changed.
    pub(crate) fn changed(&self) -> StoreError {
        StoreError::SourceChanged { path: self.path.to_owned() }
    }
}

/// A file stamped just now could be written to once more without getting another stamp, so that
/// nobody would notice. Waiting for one tick before reading rules that out.
fn wait_for_the_next_tick(identity: &Identity) {
    let step_ns = i64::try_from(CLOCK_STEP.as_nanos()).unwrap_or(i64::MAX);
    let age_ns = now_ns().saturating_sub(identity.modified_ns.max(identity.changed_ns));
    let is_fresh = (-step_ns..step_ns).contains(&age_ns);
    if is_fresh {
        std::thread::sleep(CLOCK_STEP);
    }
}

/// Now, in nanoseconds since the epoch, by the clock that stamps files.
fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_takes_the_place_of_a_file_is_neither_followed_nor_waited_for() {
        type Swap = fn(&Path);
        let swaps: [(&str, Swap); 3] = [
            ("a link to the very file", |path| {
                let moved = path.with_extension("moved");
                fs::rename(path, &moved).and_then(|()| symlink(&moved, path)).expect("swapped");
            }),
            ("a pipe that nobody writes to", |path| {
                fs::remove_file(path).expect("removed");
                assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
            }),
            ("nothing", |path| fs::remove_file(path).expect("removed")),
        ];
        for (what, swap) in swaps {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let path = dir.path().join("source");
            fs::write(&path, b"content").expect("a source");
            let Found::File(identity) = look(&path).expect("seen") else { panic!("it is a file") };
            swap(&path);
            let opened = OpenSource::open(&path, identity).map(|_| ());
            assert!(matches!(opened, Err(StoreError::SourceChanged { .. })), "{what}: {opened:?}");
        }
    }
}

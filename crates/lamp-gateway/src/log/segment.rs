//! Segment files of the prediction log.
//!
//! A segment is the eight bytes `LAMPLOG\n`, a little-endian `u32` version, and then frames: a
//! little-endian `u32` length, the CRC-32 (IEEE) of the body as a little-endian `u32`, and the body, one
//! [`Prediction`] in JSON. `NAME.open` is being written, `NAME.seg` is closed and never changes.
//! A writer holds a lock on its open file, so that a neighbour does not take it for a crashed one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lamp_core::names::ServiceName;
use lamp_core::prediction::Prediction;
use uuid::Uuid;

/// First bytes of a segment.
pub const MAGIC: &[u8; 8] = b"LAMPLOG\n";

/// Version of the format that this build writes and reads.
pub const VERSION: u32 = 1;

/// Longest body of a frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

const HEADER_BYTES: usize = 12;
const FRAME_HEAD_BYTES: usize = 8;

/// Why a segment cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It is not a segment, or one of a newer version.
    #[error("{path} is not a prediction log segment of version {VERSION}")]
    Format {
        /// The file.
        path: PathBuf,
    },
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentRead {
    /// The rows, in the order of writing.
    pub predictions: Vec<Prediction>,
    /// Whether bytes at the end are not a whole frame: the writer died while writing.
    pub torn_tail: bool,
    /// Bytes up to the end of the last whole frame.
    pub valid_bytes: u64,
}

/// Reads a segment, closed or open; stops at the first frame that is not whole.
pub fn read(path: &Path) -> Result<SegmentRead, SegmentError> {
    let bytes = fs::read(path).map_err(|source| SegmentError::Io { path: path.to_owned(), source })?;
    let Some((head, frames)) = bytes.split_at_checked(HEADER_BYTES) else {
        // The writer died before its first row.
        return Ok(SegmentRead { predictions: Vec::new(), torn_tail: !bytes.is_empty(), valid_bytes: 0 });
    };
    if head != header() {
        return Err(SegmentError::Format { path: path.to_owned() });
    }
    let mut predictions = Vec::new();
    let mut rest = frames;
    while let Some((prediction, after)) = split_frame(rest) {
        predictions.push(prediction);
        rest = after;
    }
    let valid_bytes = u64::try_from(bytes.len() - rest.len()).unwrap_or(u64::MAX);
    Ok(SegmentRead { predictions, torn_tail: !rest.is_empty(), valid_bytes })
}

fn split_frame(bytes: &[u8]) -> Option<(Prediction, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > FRAME_BYTES_MAX {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, rest))
}

fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, version) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    version.copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// Appends one row to `buffer` as a frame; `false` when it is too long to be kept.
pub(super) fn encode(prediction: &Prediction, buffer: &mut Vec<u8>) -> bool {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
    let body_at = start + FRAME_HEAD_BYTES;
    let is_written = serde_json::to_writer(&mut *buffer, prediction).is_ok();
    let length = buffer.len() - body_at;
    let (true, true, Ok(length)) = (is_written, length <= FRAME_BYTES_MAX, u32::try_from(length)) else {
        buffer.truncate(start);
        return false;
    };
    let crc = crc32fast::hash(buffer.get(body_at..).unwrap_or_default());
    if let Some(head) = buffer.get_mut(start..body_at) {
        let (length_bytes, crc_bytes) = head.split_at_mut(4);
        length_bytes.copy_from_slice(&length.to_le_bytes());
        crc_bytes.copy_from_slice(&crc.to_le_bytes());
    }
    true
}

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct OpenSegment {
    file: File,
    path: PathBuf,
    /// Bytes that are whole frames; what is behind them is cut off after a failed write.
    good_bytes: u64,
    pub(super) opened: Instant,
}

impl OpenSegment {
    /// Makes a segment in `folder`. It gets its name only when it is locked and has its header.
    pub(super) fn create(folder: &Path, name: Uuid) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let unnamed = folder.join(format!("{name}.new"));
        let path = folder.join(format!("{name}.open"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&unnamed)?;
        let prepared = file
            .try_lock()
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(&header()))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&unnamed, &path))
            .and_then(|()| sync_folder(folder));
        if let Err(error) = prepared {
            // A name that is never used again; what is left of it is harmless.
            let _ = fs::remove_file(&unnamed);
            return Err(error);
        }
        let good_bytes = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        Ok(Self { file, path, good_bytes, opened: Instant::now() })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.good_bytes
    }

    /// Writes whole frames and waits for the disk. After an error, nothing of them is left.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(frames).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(self.good_bytes)?;
            io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.good_bytes))?;
            return Err(error);
        }
        self.good_bytes += u64::try_from(frames.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Closes the segment under its final name; one without a row is removed.
    pub(super) fn close(self) -> io::Result<()> {
        if self.good_bytes <= u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX) {
            return fs::remove_file(&self.path);
        }
        self.file.sync_all()?;
        fs::rename(&self.path, self.path.with_extension("seg"))?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The closed segments of a service, oldest first. A service without a log has none.
pub fn list_closed(log_dir: &Path, service: &ServiceName) -> io::Result<Vec<PathBuf>> {
    list(&log_dir.join(service.as_str()), "seg")
}

fn list(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    // Names are UUIDv7: their order is the order of time.
    paths.sort();
    Ok(paths)
}

/// Closes what crashed writers left open in the whole log: a torn tail is cut off, and what holds
/// no row is removed. Segments that a living process writes are left alone.
pub(super) fn seal_abandoned(log_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(log_dir)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        for path in list(&folder, "open")?.into_iter().chain(list(&folder, "new")?) {
            seal(&path)?;
        }
        sync_folder(&folder)?;
    }
    Ok(())
}

fn seal(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        // Its writer closed it a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let found = match read(path) {
        Ok(found) => found,
        Err(SegmentError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(SegmentError::Io { source, .. }) => return Err(source),
        Err(SegmentError::Format { .. }) => {
            tracing::warn!(path = %path.display(), "left alone: not a segment of this version");
            return Ok(());
        }
    };
    if found.predictions.is_empty() {
        return fs::remove_file(path);
    }
    if found.torn_tail {
        tracing::warn!(path = %path.display(), rows = found.predictions.len(), "cut a torn tail off a log segment");
        file.set_len(found.valid_bytes)?;
    }
    file.sync_all()?;
    fs::rename(path, path.with_extension("seg"))
}

//! Whole files beside the packs, for reading in place. A cache: any of them can be made anew.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;
use walkdir::WalkDir;

use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::{Folder, parent};
use crate::hashing::{block, digest_of};
use crate::layout::{FILES, file_key};
use crate::progress::Progress;
use crate::reader::Reader;

/// Bytes of whole files that are kept, unless somebody says otherwise.
pub(crate) const KEPT_MAX: u64 = 32 << 30;

/// A file that was asked for within this time is not thrown away: a run may be reading it.
const IN_USE_FOR: Duration = Duration::from_hours(7 * 24);

/// A file asked for again within this time is not stamped again.
const STAMP_AFTER: Duration = Duration::from_hours(1);

const READ_ONLY: u32 = 0o444;

/// The folder of whole files, and how much it may hold.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    folder: Folder,
    /// In bytes.
    limit: Arc<AtomicU64>,
    /// Whether files came in since the folder was last looked through.
    has_grown: Arc<AtomicBool>,
}

impl Kept {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, limit: Arc::new(AtomicU64::new(KEPT_MAX)), has_grown: Arc::default() }
    }

    pub(crate) fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
        self.has_grown.store(true, Ordering::Relaxed);
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.path(&file_key(digest))
    }

    /// The file, if it is here with the right size. It counts as used now.
    pub(crate) fn find(&self, entry: &FileEntry) -> Option<PathBuf> {
        let path = self.path(entry.digest);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() != entry.size {
            return None;
        }
        let is_fresh = metadata.modified().ok()?.elapsed().is_ok_and(|age| age < STAMP_AFTER);
        if !is_fresh && let Err(error) = File::open(&path).and_then(|file| file.set_modified(SystemTime::now())) {
            tracing::debug!(path = %path.display(), %error, "a file was not stamped");
        }
        Some(path)
    }

    /// The file, made from the packs if it is not here.
    pub(crate) fn get(
        &self,
        entry: &FileEntry,
        reader: &mut Reader,
        progress: &dyn Progress,
    ) -> Result<PathBuf, StoreError> {
        if let Some(path) = self.find(entry) {
            progress.advance(entry.size);
            return Ok(path);
        }
        let mut temp = self.folder.temp_file()?;
        reader.file(entry, |bytes| {
            let written = temp.as_file_mut().write_all(bytes);
            written.map_err(|error| StoreError::io("write", temp.path(), error))?;
            progress.advance(bytes.len() as u64);
            Ok(())
        })?;
        // Synced, so that a crash leaves no file of the right size and other bytes.
        let file = temp.as_file();
        file.set_permissions(Permissions::from_mode(READ_ONLY))
            .and_then(|()| file.sync_data())
            .map_err(|error| StoreError::io("write", temp.path(), error))?;
        passed(Step::FileSynced, temp.path());
        let path = self.path(entry.digest);
        let folder = parent(&path);
        fs::create_dir_all(folder).map_err(|error| StoreError::io("create", folder, error))?;
        temp.persist(&path).map_err(|error| StoreError::io("write", &path, error.error))?;
        passed(Step::FileNamed, &path);
        self.has_grown.store(true, Ordering::Relaxed);
        Ok(path)
    }

    /// Hashes a file if it is here, and throws it away if it has other bytes.
    pub(crate) fn check(&self, entry: &FileEntry) {
        let Some(path) = self.find(entry) else { return };
        let found = File::open(&path).and_then(|mut file| digest_of(&mut file, &mut block(), |_| {}));
        let is_right = found.is_ok_and(|(_, found)| found == entry.digest);
        if !is_right {
            tracing::warn!(path = %path.display(), "a kept file had other bytes and is thrown away");
            self.forget(entry.digest);
        }
    }

    /// Throws away a file that turned out to be damaged.
    pub(crate) fn forget(&self, digest: Digest) {
        let path = self.path(digest);
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a file was not removed");
        }
    }

    /// The bytes and modification times of all files here.
    fn all(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let entries = WalkDir::new(self.folder.path(FILES)).into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        let file = |entry: walkdir::DirEntry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.into_path()))
        };
        files.filter_map(file).collect()
    }

    /// Bytes of all files here.
    pub(crate) fn bytes(&self) -> u64 {
        self.all().iter().map(|(_, bytes, _)| bytes).sum()
    }

    /// Throws away what was not used for the longest time, until the rest is within the limit. What
    /// a run may be reading stays, even beyond the limit.
    pub(crate) fn trim(&self) {
        let has_grown = self.has_grown.swap(false, Ordering::Relaxed);
        if !has_grown {
            return;
        }
        let mut files = self.all();
        let limit = self.limit.load(Ordering::Relaxed);
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if bytes <= limit {
            return;
        }
        files.sort_unstable();
        for (used_at, size, path) in files {
            let may_be_in_use = used_at.elapsed().map_or(true, |age| age < IN_USE_FOR);
            if bytes <= limit || may_be_in_use {
                return;
            }
            if remove(&path) {
                bytes -= size;
            }
        }
    }
}

fn remove(path: &Path) -> bool {
    let removed = fs::remove_file(path);
    if let Err(error) = &removed {
        tracing::debug!(path = %path.display(), %error, "a file was not removed");
    }
    removed.is_ok()
}

//! A folder of this machine: a store, or what is kept here of one.

pub(crate) mod packs;
mod trash;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use walkdir::WalkDir;

use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::layout::{RECORD_MAX, TMP};

/// Age after which a temporary file cannot belong to work under way.
const STALE_AFTER: Duration = Duration::from_hours(24);

/// Most files of a folder that are looked at for stale ones.
const SWEEP_MAX: usize = 100_000;

/// Permissions of everything that never changes.
const READ_ONLY: u32 = 0o444;

/// Random characters in the name of a temporary file, after the process id.
const RANDOM_CHARACTERS: usize = 12;

/// What became of a record that was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Created {
    /// It was not there before.
    New,
    /// It was there already, with this content.
    Existing(Vec<u8>),
}

/// Folders with new names in them, to be synced once at the end of a batch.
#[derive(Default)]
pub(crate) struct Unsynced(Mutex<BTreeSet<PathBuf>>);

impl Unsynced {
    /// Remembers a folder.
    pub(crate) fn note(&self, folder: &Path) {
        let mut folders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !folders.contains(folder) {
            folders.insert(folder.to_owned());
        }
    }

    /// Puts all the names on disk and says which folders they are in.
    pub(crate) fn sync(&self) -> Result<BTreeSet<PathBuf>, StoreError> {
        let folders = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for folder in &folders {
            sync_folder(folder)?;
        }
        Ok(folders)
    }
}

/// The folder, by its root.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a key.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Makes the folder and `tmp/` in it.
    pub(crate) fn prepare(&self) -> Result<(), StoreError> {
        ensure_folder(&self.path(TMP))
    }

    /// Whether there is anything in the folder but an empty start of ours.
    pub(crate) fn has_other_things(&self) -> Result<bool, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StoreError::io("read", &self.root, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::io("read", &self.root, error))?;
            if entry.file_name() != TMP {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes what crashed processes left in `tmp/` more than a day ago. That it cannot is no
    /// error: the store may be read-only.
    pub(crate) fn sweep(&self) {
        remove_stale(&self.path(TMP), |_| true);
    }

    /// Creates a record, whole or not at all; one that is there stays as it is.
    pub(crate) fn create_record(&self, key: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let path = self.path(key);
        if let Some(existing) = self.find_record(key)? {
            sync_folder_if_possible(parent(&path));
            return Ok(Created::Existing(existing));
        }
        let temp = self.record(bytes)?;
        ensure_folder(parent(&path))?;
        match temp.persist_noclobber(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                let existing = self.find_record(key)?.unwrap_or_default();
                sync_folder(parent(&path))?;
                return Ok(Created::Existing(existing));
            }
            Err(error) => return Err(StoreError::io("write", &path, error.error)),
        }
        passed(Step::RecordNamed, &path);
        sync_folder(parent(&path))?;
        Ok(Created::New)
    }

    /// Writes a record, whole or not at all, in place of one that may be there.
    pub(crate) fn replace_record(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(key);
        let temp = self.record(bytes)?;
        ensure_folder(parent(&path))?;
        temp.persist(&path).map_err(|error| StoreError::io("write", &path, error.error))?;
        passed(Step::RecordNamed, &path);
        sync_folder(parent(&path))
    }

    /// The content of a record, if there is one.
    pub(crate) fn find_record(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        let size = file.metadata().map_err(|error| StoreError::io("read", &path, error))?.len();
        if size > RECORD_MAX {
            return Err(StoreError::TooLarge { what: "a record", bytes: size, max: RECORD_MAX });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| StoreError::io("read", &path, error))?;
        Ok(Some(bytes))
    }

    /// The keys of all records in and below the folder `prefix`, in no order.
    pub(crate) fn list_records(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let start = self.path(prefix);
        if !start.exists() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in WalkDir::new(&start) {
            let entry = entry.map_err(|error| StoreError::io("read", &start, error.into()))?;
            let relative = entry.path().strip_prefix(&self.root).ok().and_then(Path::to_str);
            if let Some(key) = relative.filter(|_| entry.file_type().is_file()) {
                keys.push(key.to_owned());
            }
        }
        Ok(keys)
    }

    fn record(&self, bytes: &[u8]) -> Result<NamedTempFile, StoreError> {
        let mut temp = self.temp_file()?;
        let written = temp.as_file_mut().write_all(bytes);
        written.map_err(|error| StoreError::io("write", temp.path(), error))?;
        sync_read_only(&temp)?;
        passed(Step::RecordSynced, temp.path());
        Ok(temp)
    }

    /// A new file in `tmp/`, removed when dropped.
    pub(crate) fn temp_file(&self) -> Result<NamedTempFile, StoreError> {
        let folder = self.path(TMP);
        let prefix = format!("{}-", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part").rand_bytes(RANDOM_CHARACTERS);
        match builder.tempfile_in(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                ensure_folder(&folder)?;
                builder.tempfile_in(&folder).map_err(|error| StoreError::io("write in", &folder, error))
            }
            made => made.map_err(|error| StoreError::io("write in", &folder, error)),
        }
    }
}

/// Puts a file on disk that nobody is to change any more.
pub(crate) fn sync_read_only(temp: &NamedTempFile) -> Result<(), StoreError> {
    let file = temp.as_file();
    file.set_permissions(Permissions::from_mode(READ_ONLY))
        .and_then(|()| file.sync_all())
        .map_err(|error| StoreError::io("write", temp.path(), error))
}

/// Removes the files in `folder` that are called as `ours` says and were last written more than a
/// day ago.
pub(crate) fn remove_stale(folder: &Path, ours: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten().take(SWEEP_MAX) {
        if !entry.file_name().to_str().is_some_and(&ours) {
            continue;
        }
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        // A time in the future gives no age, and the file stays.
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > STALE_AFTER)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::debug!(path = %entry.path().display(), %error, "a stale temporary file stays");
        }
    }
}

/// The folder that a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Puts the names in a folder on disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| StoreError::io("sync", folder, error))
}

/// On a read-only store there is nothing to sync, and nothing is wrong.
fn sync_folder_if_possible(folder: &Path) {
    if let Err(error) = sync_folder(folder) {
        tracing::debug!(%error, "a folder was not synced");
    }
}

/// Makes a folder and those above it that are missing, each name synced.
pub(crate) fn ensure_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    if above != folder && !above.as_os_str().is_empty() {
        ensure_folder(above)?;
    }
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(StoreError::io("create", folder, error)),
    }
}

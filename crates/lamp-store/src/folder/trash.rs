//! What is moved out of the way in a folder, and for how long.

use std::fs::{self, File};
use std::io;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use walkdir::WalkDir;

use super::{Folder, ensure_folder, parent, sync_folder};
use crate::backend::Aged;
use crate::error::StoreError;
use crate::faults::{Step, passed};

impl Folder {
    /// All records and packs below the folder `prefix`, in no order. What goes away meanwhile is left out.
    pub(crate) fn list_aged(&self, prefix: &str) -> Result<Vec<Aged>, StoreError> {
        let mut found = Vec::new();
        for key in self.list_records(prefix)? {
            let path = self.path(&key);
            match fs::symlink_metadata(&path).and_then(|metadata| Ok((metadata.len(), metadata.modified()?))) {
                Ok((bytes, modified_at)) => found.push(Aged { key, bytes, modified_at }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path, error)),
            }
        }
        Ok(found)
    }

    /// When a record or pack was last written or stamped; nothing if it is not there.
    pub(crate) fn modified_at(&self, key: &str) -> Result<Option<SystemTime>, StoreError> {
        let path = self.path(key);
        match fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified_at) => Ok(Some(modified_at)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
    }

    /// Moves a record or pack; false if it is not there. It keeps its time.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let (from, to) = (self.path(from), self.path(to));
        ensure_folder(parent(&to))?;
        match fs::rename(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StoreError::io("move", &from, error)),
        }
        passed(Step::Moved, &to);
        sync_folder(parent(&to))?;
        sync_folder(parent(&from))?;
        Ok(true)
    }

    /// Locks a file, made if it is missing; nothing if another process has it.
    pub(crate) fn lock(&self, key: &str) -> Result<Option<Flock<File>>, StoreError> {
        let path = self.path(key);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| StoreError::io("lock", &path, error))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, error)) => Err(StoreError::io("lock", &path, error.into())),
        }
    }

    /// Removes a record or pack for good.
    pub(crate) fn remove(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// Removes the empty folders below the folder `prefix`.
    pub(crate) fn remove_empty_folders(&self, prefix: &str) {
        for entry in WalkDir::new(self.path(prefix)).min_depth(1).contents_first(true).into_iter().flatten() {
            if entry.file_type().is_dir() {
                // One that is not empty stays.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

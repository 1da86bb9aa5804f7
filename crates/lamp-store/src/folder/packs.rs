//! Packs in a folder.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lamp_core::digest::Digest;
use tempfile::NamedTempFile;

use super::{Folder, ensure_folder, parent, sync_folder};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::layout::{PACKS, pack_key, parse_pack_name};
use crate::pack::{TRAILER, Table, decode, decode_trailer};

/// Age after which a pack that is used is stamped anew, so that a collection sees that it is in
/// use. Much less than the age at which one may be collected.
pub(crate) const STAMP_AFTER: Duration = Duration::from_hours(24);

impl Folder {
    /// The names of all packs, in no order.
    pub(crate) fn list_packs(&self) -> Result<Vec<Digest>, StoreError> {
        let folder = self.path(PACKS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("read", &folder, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::io("read", &folder, error))?;
            names.extend(entry.file_name().to_str().and_then(parse_pack_name));
        }
        Ok(names)
    }

    /// The table of a pack, or why it has none; nothing if there is no such pack.
    pub(crate) fn pack_table(&self, name: Digest) -> Result<Option<Result<Table, String>>, StoreError> {
        let path = self.path(&pack_key(name));
        match read_table(&path) {
            Ok(table) => Ok(Some(table)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
    }

    /// Bytes of a pack; nothing if there is no such pack.
    pub(crate) fn read_pack(&self, name: Digest, offset: u32, length: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(&pack_key(name));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, u64::from(offset)).map_err(|error| StoreError::io("read", &path, error))?;
        Ok(Some(bytes))
    }

    /// Gives a pack that is on disk its name, and puts the name on disk.
    pub(crate) fn keep_pack(&self, temp: NamedTempFile, name: Digest) -> Result<(), StoreError> {
        let path = self.path(&pack_key(name));
        ensure_folder(parent(&path))?;
        temp.persist(&path).map_err(|error| StoreError::io("write", &path, error.error))?;
        passed(Step::PackNamed, &path);
        sync_folder(parent(&path))?;
        passed(Step::NamesSynced, self.root());
        Ok(())
    }

    /// Stamps a pack as used now; false if there is no such pack. On a read-only store nothing is
    /// collected, and there is nothing to stamp.
    pub(crate) fn touch_pack(&self, name: Digest) -> bool {
        let path = self.path(&pack_key(name));
        let stamped = File::open(&path).and_then(|file| {
            let modified = file.metadata()?.modified()?;
            let is_fresh = modified.elapsed().is_ok_and(|age| age < STAMP_AFTER);
            if is_fresh { Ok(()) } else { file.set_modified(SystemTime::now()) }
        });
        match stamped {
            // Asked once more: a collection may have moved it away between the two.
            Ok(()) => path.exists(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "a pack was not stamped");
                path.exists()
            }
        }
    }
}

/// Reads the table at the end of a pack.
fn read_table(path: &Path) -> io::Result<Result<Table, String>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let Some(before) = size.checked_sub(TRAILER as u64) else { return Ok(Err("it is too short".to_owned())) };
    let mut trailer = [0; TRAILER];
    file.read_exact_at(&mut trailer, before)?;
    let length = match decode_trailer(&trailer, size) {
        Ok(length) => length,
        Err(why) => return Ok(Err(why)),
    };
    let mut bytes = vec![0; length + TRAILER];
    file.read_exact_at(&mut bytes, before - length as u64)?;
    Ok(decode(&bytes))
}

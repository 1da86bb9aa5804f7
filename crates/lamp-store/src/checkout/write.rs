//! One file or link of a checkout, under its name whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use lamp_core::dataset::FileEntry;
use tempfile::NamedTempFile;

use super::Overwrite;
use super::inspect::{Standing, check_folders, inspect, place};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::{Unsynced, parent};
use crate::hashing::{block, digest_of};
use crate::kept::Kept;
use crate::packs::Packs;
use crate::progress::Progress;
use crate::reader::Reader;

/// Permissions of what is written: the user may change it, unlike the object.
const WRITABLE: u32 = 0o644;

/// What the names of temporary files at the destination start with.
const TEMP_PREFIX: &str = ".lamp-";

/// What they end with.
const TEMP_SUFFIX: &str = ".part";

/// Whether a file of this name is one that a checkout was writing.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMP_PREFIX) && name.ends_with(TEMP_SUFFIX)
}

/// Writes files, on one thread.
pub(super) struct Writer {
    reader: Reader,
    kept: Kept,
    block: Vec<u8>,
    /// Whether files here can share their bytes with the kept ones; unknown until it was tried.
    can_share: bool,
}

impl Writer {
    pub(super) fn new(packs: &Arc<Packs>, kept: &Kept) -> Self {
        Self { reader: Reader::new(packs), kept: kept.clone(), block: block(), can_share: true }
    }

    /// Writes a file to its place, checking its digest on the way.
    pub(super) fn file(
        &mut self,
        root: &Path,
        entry: &FileEntry,
        overwrite: Overwrite,
        unsynced: &Unsynced,
        progress: &dyn Progress,
    ) -> Result<(), StoreError> {
        let path = place(root, entry);
        make_folders(root, entry, unsynced)?;
        let temp = match self.shared(&path, entry)? {
            Some(temp) => {
                progress.advance(entry.size);
                temp
            }
            None => self.copied(&path, entry, progress)?,
        };
        let file = temp.as_file();
        file.set_permissions(Permissions::from_mode(WRITABLE))
            .and_then(|()| file.sync_all())
            .map_err(|error| StoreError::io("write", &path, error))?;
        passed(Step::CheckoutSynced, &path);
        name(temp, root, entry, overwrite, &mut self.block)
    }

    /// A file that shares its bytes with the kept one, if there is one and the file system can.
    fn shared(&mut self, path: &Path, entry: &FileEntry) -> Result<Option<NamedTempFile>, StoreError> {
        if !self.can_share {
            return Ok(None);
        }
        let Some(kept) = self.kept.find(entry) else { return Ok(None) };
        let made = builder().make_in(parent(path), |temp| {
            reflink_copy::reflink(&kept, temp)?;
            File::open(temp)
        });
        let Ok(mut temp) = made else {
            self.can_share = false;
            return Ok(None);
        };
        let found = digest_of(temp.as_file_mut(), &mut self.block, |_| {});
        let (_, found) = found.map_err(|error| StoreError::io("read", path, error))?;
        if found == entry.digest {
            return Ok(Some(temp));
        }
        self.kept.forget(entry.digest);
        Ok(None)
    }

    fn copied(&mut self, path: &Path, entry: &FileEntry, progress: &dyn Progress) -> Result<NamedTempFile, StoreError> {
        let mut temp = builder().tempfile_in(parent(path)).map_err(|error| StoreError::io("write", path, error))?;
        let file = temp.as_file_mut();
        self.reader.file(entry, |bytes| {
            file.write_all(bytes).map_err(|error| StoreError::io("write", path, error))?;
            progress.advance(bytes.len() as u64);
            Ok(())
        })?;
        Ok(temp)
    }
}

/// Makes the entry's link.
pub(super) fn link(
    root: &Path,
    entry: &FileEntry,
    overwrite: Overwrite,
    unsynced: &Unsynced,
) -> Result<(), StoreError> {
    let Some(target) = &entry.link else { return Ok(()) };
    let path = place(root, entry);
    make_folders(root, entry, unsynced)?;
    let temp = builder()
        .make_in(parent(&path), |temp| symlink(target, temp))
        .map_err(|error| StoreError::io("write", &path, error))?;
    // To see whether a link is the same, nothing is read.
    name(temp, root, entry, overwrite, &mut [])
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX);
    builder
}

/// Makes the folders of an entry, once more refusing to go through a link.
fn make_folders(root: &Path, entry: &FileEntry, unsynced: &Unsynced) -> Result<(), StoreError> {
    let path = place(root, entry);
    let folder = parent(&path);
    match check_folders(root, entry)? {
        None => {}
        Some(Standing::Absent) => {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::io("create", folder, error))?;
        }
        Some(_) => return Err(in_the_way(root, entry)),
    }
    for above in folder.ancestors().take_while(|above| above.starts_with(root)) {
        unsynced.note(above);
    }
    Ok(())
}

/// Gives a finished file or link its name. What came to stand there since it was looked at is
/// only replaced if that was asked for; it is welcome if it is the same, as it is after another
/// checkout at the same time.
fn name<F>(
    temp: NamedTempFile<F>,
    root: &Path,
    entry: &FileEntry,
    overwrite: Overwrite,
    block: &mut [u8],
) -> Result<(), StoreError> {
    let path = place(root, entry);
    let named = match overwrite {
        Overwrite::Replace => temp.persist(&path).map(|_| ()).map_err(|error| error.error),
        Overwrite::Refuse => temp.persist_noclobber(&path).map(|_| ()).map_err(|error| error.error),
    };
    match named {
        Ok(()) => {
            passed(Step::CheckoutNamed, &path);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match inspect(root, entry, block)? {
            Standing::Same => Ok(()),
            Standing::Absent | Standing::Differs | Standing::Blocked => Err(in_the_way(root, entry)),
        },
        Err(error) => Err(StoreError::io("write", &path, error)),
    }
}

fn in_the_way(root: &Path, entry: &FileEntry) -> StoreError {
    StoreError::WouldOverwrite { to: root.to_owned(), files: vec![entry.path.clone()] }
}

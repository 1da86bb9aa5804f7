//! One file or link of a checkout, under its name whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;
use tempfile::NamedTempFile;

use super::Overwrite;
use super::inspect::{Standing, check_folders, inspect, place};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::{Unsynced, parent};
use crate::hashing::read_block;
use crate::progress::Progress;

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

/// Copies the object at `source` to the entry's place, checking its digest on the way.
pub(super) fn file(
    source: &Path,
    root: &Path,
    entry: &FileEntry,
    overwrite: Overwrite,
    unsynced: &Unsynced,
    progress: &dyn Progress,
    block: &mut [u8],
) -> Result<(), StoreError> {
    let path = place(root, entry);
    make_folders(root, entry, unsynced)?;
    let mut from = File::open(source).map_err(|error| unreadable(source, entry, error))?;
    let mut temp = builder().tempfile_in(parent(&path)).map_err(|error| StoreError::io("write", &path, error))?;
    let mut hasher = blake3::Hasher::new();
    loop {
        let count = read_block(&mut from, block).map_err(|error| unreadable(source, entry, error))?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
        temp.as_file_mut().write_all(&block[..count]).map_err(|error| StoreError::io("write", &path, error))?;
        progress.advance(count as u64);
    }
    let found = Digest::from_bytes(*hasher.finalize().as_bytes());
    if found != entry.digest {
        let why = format!("its bytes have digest {found}");
        return Err(StoreError::ObjectDamaged { digest: entry.digest, path: entry.path.clone(), why });
    }
    let kept = temp.as_file();
    kept.set_permissions(Permissions::from_mode(WRITABLE))
        .and_then(|()| kept.sync_all())
        .map_err(|error| StoreError::io("write", &path, error))?;
    passed(Step::CheckoutSynced, &path);
    name(temp, root, entry, overwrite, block)
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

fn unreadable(source: &Path, entry: &FileEntry, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::ObjectMissing { digest: entry.digest, path: entry.path.clone() },
        _ => StoreError::io("read", source, error),
    }
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

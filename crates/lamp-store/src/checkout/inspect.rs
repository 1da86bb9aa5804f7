//! What stands at the destination already.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use lamp_core::dataset::FileEntry;

use crate::error::StoreError;
use crate::hashing::digest_of;
use crate::links::why_it_leads_out;

/// What stands where an entry belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Absent,
    /// The same content.
    Same,
    /// A file or link with other content.
    Differs,
    /// A folder, a device, or a file where a folder is needed: nothing that could be replaced.
    Blocked,
}

/// Where an entry belongs under `root`. Its name was checked.
pub(super) fn place(root: &Path, entry: &FileEntry) -> PathBuf {
    root.join(&entry.path)
}

/// Looks at the place of an entry under `root`, following nothing.
pub(super) fn inspect(root: &Path, entry: &FileEntry, block: &mut [u8]) -> Result<Standing, StoreError> {
    if let Some(standing) = check_folders(root, entry)? {
        return Ok(standing);
    }
    let path = place(root, entry);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Absent),
        Err(error) => return Err(StoreError::io("read", &path, error)),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(&path).map_err(|error| StoreError::io("read", &path, error))?;
        let is_same = entry.link.as_ref().is_some_and(|wanted| Path::new(wanted) == target);
        return Ok(if is_same { Standing::Same } else { Standing::Differs });
    }
    if !kind.is_file() {
        return Ok(Standing::Blocked);
    }
    if entry.link.is_some() || metadata.len() != entry.size {
        return Ok(Standing::Differs);
    }
    let found = File::open(&path).and_then(|mut file| digest_of(&mut file, block, |_| {}));
    let (_, digest) = found.map_err(|error| StoreError::io("read", &path, error))?;
    Ok(if digest == entry.digest { Standing::Same } else { Standing::Differs })
}

/// Looks at the folders between `root` and an entry. A link among them could lead anywhere and is
/// refused; if one is missing or no folder, that is the entry's standing.
pub(super) fn check_folders(root: &Path, entry: &FileEntry) -> Result<Option<Standing>, StoreError> {
    let mut folder = root.to_owned();
    let mut parts: Vec<_> = entry.path.split('/').collect();
    parts.pop();
    for part in parts {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_symlink() => {
                let why = format!("`{}` is a symbolic link", folder.display());
                return Err(StoreError::Escapes { path: entry.path.clone(), to: root.to_owned(), why });
            }
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(Some(Standing::Blocked)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Standing::Absent)),
            Err(error) => return Err(StoreError::io("read", &folder, error)),
        }
    }
    Ok(None)
}

/// Refuses a link that points outside of the destination.
pub(super) fn check_link(entry: &FileEntry, to: &Path) -> Result<(), StoreError> {
    let Some(target) = &entry.link else { return Ok(()) };
    match why_it_leads_out(&entry.path, target) {
        None => Ok(()),
        Some(why) => {
            let why = format!("it is a link to `{target}`, which {why}");
            Err(StoreError::Escapes { path: entry.path.clone(), to: to.to_owned(), why })
        }
    }
}

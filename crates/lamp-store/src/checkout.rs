//! Writing files out, byte for byte.
//!
//! Everything that can be known beforehand is looked at before the first write: what is there
//! already, what is in the way, what would lead outside of the destination, what the store lacks.

mod inspect;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamp_core::dataset::FileEntry;

use crate::error::StoreError;
use crate::folder::{Unsynced, ensure_folder, remove_stale};
use crate::kept::Kept;
use crate::names::check_file_names;
use crate::packs::Packs;
use crate::progress::Progress;
use crate::workers::{blocking, on_each, on_each_with};
use inspect::{Standing, check_link, inspect};
use write::Writer;

/// What to do with a file at the destination that has other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// Write nothing at all, and list all such files.
    Refuse,
    /// Put the version's file in its place.
    Replace,
}

/// What a checkout did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkout {
    /// Files and links written.
    pub written: u64,
    /// Files and links that had the right content and were left alone.
    pub unchanged: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// See [`Store::checkout`](crate::Store::checkout).
pub(crate) async fn checkout(
    packs: &Arc<Packs>,
    kept: &Kept,
    entries: &[FileEntry],
    to: &Path,
    overwrite: Overwrite,
    progress: Arc<dyn Progress>,
) -> Result<Checkout, StoreError> {
    check_file_names(entries.iter().map(|entry| entry.path.as_str()))?;
    for entry in entries {
        check_link(entry, to)?;
    }
    let wanted = to.to_owned();
    let root = blocking(move || destination(&wanted)).await?;
    let standing = {
        let root = root.clone();
        on_each(entries.to_vec(), move |entry, block| inspect(&root, entry, block)).await?
    };
    let in_the_way = entries.iter().zip(&standing).filter(|(_, standing)| match standing {
        Standing::Blocked => true,
        Standing::Differs => overwrite == Overwrite::Refuse,
        Standing::Absent | Standing::Same => false,
    });
    let files: Vec<String> = in_the_way.map(|(entry, _)| entry.path.clone()).collect();
    if !files.is_empty() {
        return Err(StoreError::WouldOverwrite { to: root, files });
    }
    let to_write: Vec<FileEntry> = entries
        .iter()
        .zip(&standing)
        .filter(|(_, standing)| **standing != Standing::Same)
        .map(|(entry, _)| entry.clone())
        .collect();
    let result = Checkout {
        written: to_write.len() as u64,
        unchanged: (entries.len() - to_write.len()) as u64,
        bytes: to_write.iter().map(|entry| entry.size).sum(),
    };
    write_all(packs, kept, to_write, root, overwrite, progress).await?;
    Ok(result)
}

/// The destination, made if it is missing, by its real path.
fn destination(to: &Path) -> Result<PathBuf, StoreError> {
    let absolute = std::path::absolute(to).map_err(|error| StoreError::io("write to", to, error))?;
    ensure_folder(&absolute)?;
    fs::canonicalize(&absolute).map_err(|error| StoreError::io("write to", &absolute, error))
}

/// Files first and links last, so that nothing is ever written through a link of this version.
async fn write_all(
    packs: &Arc<Packs>,
    kept: &Kept,
    entries: Vec<FileEntry>,
    root: PathBuf,
    overwrite: Overwrite,
    progress: Arc<dyn Progress>,
) -> Result<(), StoreError> {
    progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());
    let (links, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.link.is_some());
    let unsynced = Arc::new(Unsynced::default());

    let (to, noted, watched) = (root.clone(), Arc::clone(&unsynced), Arc::clone(&progress));
    let (reading, kept, threads) = (Arc::clone(packs), kept.clone(), packs.backend.threads());
    on_each_with(
        files,
        threads,
        move || Writer::new(&reading, &kept),
        move |entry, writer| {
            writer.file(&to, entry, overwrite, &noted, watched.as_ref())?;
            watched.file_done(&entry.path);
            Ok(())
        },
    )
    .await?;
    blocking(move || {
        for entry in &links {
            write::link(&root, entry, overwrite, &unsynced)?;
            progress.advance(entry.size);
            progress.file_done(&entry.path);
        }
        for folder in unsynced.sync()? {
            remove_stale(&folder, write::is_temporary);
        }
        Ok(())
    })
    .await
}

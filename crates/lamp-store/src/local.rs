//! Paths at which files can be read in place.

use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::dataset::FileEntry;

use crate::error::StoreError;
use crate::kept::Kept;
use crate::packs::Packs;
use crate::progress::Progress;
use crate::reader::Reader;
use crate::workers::{blocking, on_each_with};

/// See [`Store::local_paths`](crate::Store::local_paths).
pub(crate) async fn local_paths(
    packs: &Arc<Packs>,
    kept: &Kept,
    entries: &[FileEntry],
    progress: Arc<dyn Progress>,
) -> Result<Vec<PathBuf>, StoreError> {
    for entry in entries {
        if let Some(target) = &entry.link {
            return Err(StoreError::IsLink { path: entry.path.clone(), target: target.clone() });
        }
    }
    progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());
    let (reading, keeping) = (Arc::clone(packs), kept.clone());
    let paths = on_each_with(
        entries.to_vec(),
        packs.backend.threads(),
        move || Reader::new(&reading),
        move |entry, reader| {
            let path = keeping.get(entry, reader, progress.as_ref())?;
            progress.file_done(&entry.path);
            Ok(path)
        },
    );
    let paths = paths.await?;
    let kept = kept.clone();
    blocking(move || {
        kept.trim();
        Ok(paths)
    })
    .await
}

//! Paths at which files can be read in place.

use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::dataset::FileEntry;

use crate::backend::Backend;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::progress::Progress;
use crate::workers::on_each;

impl Backend {
    /// See [`Store::local_paths`](crate::Store::local_paths).
    pub(crate) async fn local_paths(
        &self,
        entries: &[FileEntry],
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        for entry in entries {
            if let Some(target) = &entry.link {
                return Err(StoreError::IsLink { path: entry.path.clone(), target: target.clone() });
            }
        }
        progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                on_each(entries.to_vec(), move |entry, _| {
                    let path = in_place(&folder, entry)?;
                    progress.advance(entry.size);
                    progress.file_done(&entry.path);
                    Ok(path)
                })
                .await
            }
            Self::Bucket(bucket) => bucket.fetch_all(entries.to_vec(), progress.as_ref()).await,
        }
    }
}

/// The object itself, if it is there with the right size.
fn in_place(folder: &Folder, entry: &FileEntry) -> Result<PathBuf, StoreError> {
    let (digest, path) = (entry.digest, entry.path.clone());
    match folder.find_object_size(digest)? {
        None => Err(StoreError::ObjectMissing { digest, path }),
        Some(size) if size != entry.size => {
            let why = format!("it has {size} bytes instead of {}", entry.size);
            Err(StoreError::ObjectDamaged { digest, path, why })
        }
        Some(_) => Ok(folder.object_path(digest)),
    }
}

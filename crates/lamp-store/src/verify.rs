//! Looking for damage: every object is hashed again, whatever its size, times and mode say.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_core::dataset::{FileEntry, Manifest};
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::bucket::AT_ONCE;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::hashing::digest_of;
use crate::progress::Progress;
use crate::workers::on_each;

/// A file of a version that is not what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The file's path in the version.
    pub path: String,
    /// The digest that it should have.
    pub digest: Digest,
    /// What is wrong.
    pub kind: DamageKind,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        match &self.kind {
            DamageKind::Missing => write!(f, "`{path}` is missing ({})", self.digest.short()),
            DamageKind::WrongSize { found } => write!(f, "`{path}` has a wrong size, {found} bytes"),
            DamageKind::Corrupt { found } => {
                write!(f, "`{path}` has other bytes: {} instead of {}", found.short(), self.digest.short())
            }
            DamageKind::Unreadable { why } => write!(f, "`{path}` cannot be read: {why}"),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    /// Its object is not there.
    Missing,
    /// Its object has another number of bytes.
    WrongSize {
        /// Bytes found.
        found: u64,
    },
    /// Its object has the right size and other bytes.
    Corrupt {
        /// Digest of the bytes found.
        found: Digest,
    },
    /// Its object is there and cannot be read.
    Unreadable {
        /// What the system said.
        why: String,
    },
}

/// What was found under a digest.
#[derive(Debug, Clone)]
enum Observed {
    Missing,
    Read { size: u64, digest: Digest },
    Unreadable { why: String },
}

/// See [`Store::verify`](crate::Store::verify).
pub(crate) async fn verify(
    backend: &Backend,
    manifest: &Manifest,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Damage>, StoreError> {
    // Several files may share an object; it is read once, under the name of the first of them.
    let mut objects = BTreeMap::new();
    for entry in manifest.files.iter().filter(|entry| entry.link.is_none()) {
        objects.entry(entry.digest).or_insert_with(|| entry.clone());
    }
    let entries: Vec<FileEntry> = objects.into_values().collect();
    progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());

    let digests: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let observed = match backend {
        Backend::Folder(folder) => {
            let folder = folder.clone();
            on_each(entries, move |entry, block| Ok(observe(&folder, entry, progress.as_ref(), block))).await?
        }
        Backend::Bucket(bucket) => {
            let progress = progress.as_ref();
            let reads = futures::stream::iter(entries).map(|entry| async move {
                let found = bucket.digest_object(entry.digest, progress).await?;
                progress.file_done(&entry.path);
                Ok::<_, StoreError>(found.map_or(Observed::Missing, |(size, digest)| Observed::Read { size, digest }))
            });
            reads.buffered(AT_ONCE).try_collect().await?
        }
    };
    let observed: BTreeMap<Digest, Observed> = digests.into_iter().zip(observed).collect();
    Ok(manifest.files.iter().filter_map(|entry| find_damage(entry, observed.get(&entry.digest))).collect())
}

fn observe(folder: &Folder, entry: &FileEntry, progress: &dyn Progress, block: &mut [u8]) -> Observed {
    let read = File::open(folder.object_path(entry.digest))
        .and_then(|mut file| digest_of(&mut file, block, |bytes| progress.advance(bytes)));
    progress.file_done(&entry.path);
    match read {
        Ok((size, digest)) => Observed::Read { size, digest },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Observed::Missing,
        Err(error) => Observed::Unreadable { why: error.to_string() },
    }
}

fn find_damage(entry: &FileEntry, observed: Option<&Observed>) -> Option<Damage> {
    let target = entry
        .link
        .as_ref()
        .map(|target| Observed::Read { size: target.len() as u64, digest: Digest::of(target.as_bytes()) });
    let kind = match target.as_ref().or(observed)? {
        Observed::Missing => DamageKind::Missing,
        Observed::Unreadable { why } => DamageKind::Unreadable { why: why.clone() },
        Observed::Read { size, .. } if *size != entry.size => DamageKind::WrongSize { found: *size },
        Observed::Read { digest, .. } if *digest != entry.digest => DamageKind::Corrupt { found: *digest },
        Observed::Read { .. } => return None,
    };
    Some(Damage { path: entry.path.clone(), digest: entry.digest, kind })
}

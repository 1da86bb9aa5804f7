//! Looking for damage: every chunk is hashed again, whatever the sizes, times and modes of packs say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use lamp_core::dataset::{FileEntry, Manifest};
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::gc::copy_out;
use crate::kept::Kept;
use crate::layout::{pack_key, quarantine_key};
use crate::pack::Kind;
use crate::packs::Packs;
use crate::progress::Progress;
use crate::reader::{Lost, Reader, Reading};
use crate::workers::{blocking, on_each_with};

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
    /// A part of it is not there.
    Missing,
    /// It has another number of bytes.
    WrongSize {
        /// Bytes found.
        found: u64,
    },
    /// It has the right size and other bytes.
    Corrupt {
        /// Digest of the bytes found.
        found: Digest,
    },
    /// A part of it is there and has other bytes, or cannot be read.
    Unreadable {
        /// What is wrong, and with which pack.
        why: String,
    },
}

/// What was found of a file.
#[derive(Debug, Clone)]
enum Observed {
    Missing,
    Read { size: u64, digest: Digest },
    Unreadable { why: String },
}

/// See [`Store::verify`](crate::Store::verify).
pub(crate) async fn verify(
    packs: &Arc<Packs>,
    kept: &Kept,
    manifest: &Manifest,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Damage>, StoreError> {
    // Files with the same bytes are read once, under the name of the first of them.
    let mut contents = BTreeMap::new();
    for entry in manifest.files.iter().filter(|entry| entry.link.is_none()) {
        contents.entry(entry.digest).or_insert_with(|| entry.clone());
    }
    let entries: Vec<FileEntry> = contents.into_values().collect();
    progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());

    let digests: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let (reading, damaged) = (Arc::clone(packs), Arc::new(Mutex::new(BTreeSet::new())));
    let (noted, kept) = (Arc::clone(&damaged), kept.clone());
    let observed = on_each_with(
        entries,
        packs.backend.threads(),
        move || Reader::new(&reading),
        move |entry, reader| {
            let note = |lost: &Lost| {
                if let Lost::Damaged { pack, .. } = lost {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).insert(*pack);
                }
            };
            let observed = observe(reader, entry, progress.as_ref(), note)?.unwrap_or_else(Observed::from);
            kept.check(entry);
            progress.file_done(&entry.path);
            Ok(observed)
        },
    );
    let observed: BTreeMap<Digest, Observed> = digests.into_iter().zip(observed.await?).collect();
    let setting_aside = Arc::clone(packs);
    blocking(move || {
        let damaged = damaged.lock().unwrap_or_else(PoisonError::into_inner);
        quarantine(&setting_aside, &damaged)
    })
    .await?;
    Ok(manifest.files.iter().filter_map(|entry| find_damage(entry, observed.get(&entry.digest))).collect())
}

/// Sets damaged packs aside, so that what they held counts as missing and can be added or fetched
/// again. What is sound in them is copied out first. A store that cannot be written stays as it is.
fn quarantine(packs: &Arc<Packs>, damaged: &BTreeSet<Digest>) -> Result<(), StoreError> {
    let mut damaged = damaged.clone();
    damaged.extend(packs.index().broken().keys());
    while !damaged.is_empty() {
        for pack in &damaged {
            match set_aside(packs, *pack) {
                Ok(()) => {}
                Err(error @ StoreError::Denied { .. }) => {
                    tracing::warn!(%pack, %error, "a damaged pack stays in use");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        packs.refresh()?;
        // What leaned on what is gone now cannot be read either.
        damaged = packs.index().packs_that_lean_on_nothing();
    }
    Ok(())
}

fn set_aside(packs: &Arc<Packs>, pack: Digest) -> Result<(), StoreError> {
    let tables = packs.backend.pack_tables(vec![pack])?;
    copy_out(packs, pack, tables, |_, _| true)?;
    packs.backend.rename(&pack_key(pack), &quarantine_key(pack)).map(|_| ())
}

/// What can be read of a file, or what is lost of it first. All that is lost is noted, so that every damaged pack is
/// known: what is fetched in place of one must not be found in another.
fn observe(reader: &mut Reader, entry: &FileEntry, progress: &dyn Progress, note: impl Fn(&Lost)) -> Reading<Observed> {
    let parts = match reader.parts(&entry.digest, entry.size)? {
        Ok(parts) => parts,
        Err(lost) => {
            note(&lost);
            return Ok(Err(lost));
        }
    };
    let (mut hasher, mut size, mut first_lost) = (blake3::Hasher::new(), 0, None);
    for part in parts {
        match reader.read(Kind::Chunk, &part.digest)? {
            Ok(bytes) => {
                hasher.update(bytes.as_ref());
                size += bytes.as_ref().len() as u64;
                progress.advance(bytes.as_ref().len() as u64);
            }
            Err(lost) => {
                note(&lost);
                first_lost.get_or_insert(lost);
            }
        }
    }
    if let Some(lost) = first_lost {
        return Ok(Err(lost));
    }
    Ok(Ok(Observed::Read { size, digest: Digest::from_bytes(*hasher.finalize().as_bytes()) }))
}

impl From<Lost> for Observed {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Missing => Self::Missing,
            Lost::Damaged { pack, why } => Self::Unreadable { why: format!("pack {}: {why}", pack.short()) },
        }
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

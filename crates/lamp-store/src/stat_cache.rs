//! Remembers what unchanged files were found to be, so that they need not be read again.
//!
//! An entry is kept only if a later write to the file is sure to show in its size, times or inode
//! (see [`Identity::would_show_a_write_since`]), and used only if the store still has the object.
//! Losing the cache, or an entry to another process that saves at the same time, costs a reading.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::hashing::Sums;
use crate::source::Identity;

/// Format of the file.
const FORMAT: u32 = 1;

/// Most entries that are kept; more, and only those of the last addition stay.
const ENTRIES_MAX: usize = 1_000_000;

/// Name of the file in the cache folder.
const FILE: &str = "stat-cache.json";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    identity: Identity,
    digest: Digest,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    format: u32,
    files: BTreeMap<String, Entry>,
}

/// What was known of files when an addition began.
pub(crate) struct StatCache {
    path: PathBuf,
    files: BTreeMap<String, Entry>,
}

/// A file that was read, to be remembered.
pub(crate) struct Seen {
    /// The source's absolute path.
    pub(crate) path: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) sums: Sums,
}

impl StatCache {
    /// Loads the cache; an absent or unreadable one is empty.
    pub(crate) fn load(cache_dir: &Path) -> Self {
        let path = cache_dir.join(FILE);
        let files = match fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<OnDisk>(&bytes).ok()) {
            Some(on_disk) if on_disk.format == FORMAT => on_disk.files,
            _ => BTreeMap::new(),
        };
        Self { path, files }
    }

    /// What the file is, if it has not changed since it was read.
    pub(crate) fn find(&self, path: &Path, identity: &Identity) -> Option<Sums> {
        let entry = self.files.get(path.to_str()?).filter(|entry| entry.identity == *identity)?;
        Some(Sums { size: identity.size, digest: entry.digest, sha256: entry.sha256.clone() })
    }

    /// Adds `seen` to what the file on disk holds now and writes it in one step. It is only a
    /// cache: that it cannot be written is said in the log and is no error.
    pub(crate) fn save(&self, seen: Vec<Seen>) {
        if seen.is_empty() {
            return;
        }
        let folder = self.path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let mut files = Self::load(&folder).files;
        if files.len() + seen.len() > ENTRIES_MAX {
            files.clear();
        }
        for Seen { path, identity, sums } in seen {
            if let Some(path) = path.to_str() {
                files.insert(path.to_owned(), Entry { identity, digest: sums.digest, sha256: sums.sha256 });
            }
        }
        if let Err(error) = write(&folder, &self.path, &OnDisk { format: FORMAT, files }) {
            tracing::warn!(path = %self.path.display(), %error, "the stat cache could not be written");
        }
    }
}

fn write(folder: &Path, path: &Path, content: &OnDisk) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut temp = tempfile::Builder::new().prefix(".stat-cache-").tempfile_in(folder)?;
    temp.write_all(&serde_json::to_vec(content)?)?;
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|error| error.error)?;
    Ok(())
}

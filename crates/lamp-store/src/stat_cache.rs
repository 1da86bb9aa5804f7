//! Remembers what unchanged files were found to be, so that they need not be read again.
//!
//! An entry is kept only if a later write to the file is sure to show in its size, times or inode
//! (see [`Identity::would_show_a_write_since`]), and used only if the store still has the object.
//! Losing the cache, or an entry to another process that saves at the same time, costs a reading.
//!
//! On disk: [`MAGIC`], records in the order of their paths, and BLAKE3 of all of it. They are looked
//! up as they lie: nothing is decoded but what is asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lamp_core::digest::Digest;

use crate::hashing::Sums;
use crate::source::Identity;

/// The first bytes of the file, and its format.
const MAGIC: [u8; 8] = *b"lampsc02";

/// Most entries that are kept; more, and only those of the last addition stay.
const ENTRIES_MAX: usize = 1_000_000;

/// Name of the file in the cache folder.
pub(crate) const FILE: &str = "stat-cache";

/// The file of an earlier format.
const OLD_FILE: &str = "stat-cache.json";

const DIGEST: usize = 32;

/// Bytes of a record after its path: identity, BLAKE3, SHA-256.
const FIXED: usize = 5 * 8 + 2 * DIGEST;

/// What was known of files when an addition began.
pub(crate) struct StatCache {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where records begin in `bytes`, in the order of their paths.
    records: Vec<usize>,
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
        let bytes = fs::read(&path).unwrap_or_default();
        match records_in(&bytes) {
            Some(records) => Self { path, bytes, records },
            None => Self { path, bytes: Vec::new(), records: Vec::new() },
        }
    }

    /// What the file is, if it has not changed since it was read.
    pub(crate) fn find(&self, path: &Path, identity: &Identity) -> Option<Sums> {
        let wanted = path.to_str()?.as_bytes();
        let path_of = |at: &usize| record_at(&self.bytes, *at).map(|(path, _)| path);
        let place = self.records.binary_search_by(|at| path_of(at).cmp(&Some(wanted))).ok()?;
        let (_, fixed) = record_at(&self.bytes, self.records[place])?;
        let (known, digests) = fixed.split_at(FIXED - 2 * DIGEST);
        if known != to_bytes(identity) {
            return None;
        }
        let (digest, sha256) = digests.split_at(DIGEST);
        let digest = Digest::from_bytes(digest.try_into().ok()?);
        let sha256 = Digest::from_bytes(sha256.try_into().ok()?).to_hex();
        Some(Sums { size: identity.size, digest, sha256 })
    }

    /// Adds `seen` to what the file on disk holds now and writes it in one step. It is only a
    /// cache: that it cannot be written is said in the log and is no error.
    pub(crate) fn save(&self, seen: &[Seen]) {
        if seen.is_empty() {
            return;
        }
        let folder = self.path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let now = Self::load(&folder);
        let mut records: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
        if now.records.len() + seen.len() <= ENTRIES_MAX {
            let known = now.records.iter().filter_map(|at| record_at(&now.bytes, *at));
            records.extend(known.map(|(path, fixed)| (path, fixed.to_vec())));
        }
        for Seen { path, identity, sums } in seen {
            let Some((path, sha256)) = path.to_str().zip(Digest::parse(&sums.sha256).ok()) else { continue };
            let mut fixed = to_bytes(identity).to_vec();
            fixed.extend_from_slice(sums.digest.as_bytes());
            fixed.extend_from_slice(sha256.as_bytes());
            records.insert(path.as_bytes(), fixed);
        }
        if let Err(error) = write(&folder, &self.path, &encode(&records)) {
            tracing::warn!(path = %self.path.display(), %error, "the stat cache could not be written");
        }
    }
}

fn to_bytes(identity: &Identity) -> [u8; FIXED - 2 * DIGEST] {
    let Identity { device, inode, size, modified_ns, changed_ns } = *identity;
    let mut bytes = [0; FIXED - 2 * DIGEST];
    let numbers = [device, inode, size].map(u64::to_le_bytes);
    let times = [modified_ns, changed_ns].map(i64::to_le_bytes);
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers.into_iter().chain(times)) {
        place.copy_from_slice(&number);
    }
    bytes
}

/// The path of the record that begins at `at`, and what follows it.
fn record_at(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    let (path, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((path, rest.get(..FIXED)?))
}

/// Where the records begin, if the bytes are a cache as it was written.
fn records_in(bytes: &[u8]) -> Option<Vec<usize>> {
    let (content, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
    if !content.starts_with(&MAGIC) || Digest::of(content).as_bytes() != digest {
        return None;
    }
    let mut records = Vec::with_capacity(content.len() / (FIXED + 64));
    let mut at = MAGIC.len();
    while at < content.len() {
        let (path, _) = record_at(content, at)?;
        records.push(at);
        at += 4 + path.len() + FIXED;
    }
    Some(records)
}

fn encode(records: &BTreeMap<&[u8], Vec<u8>>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (path, fixed) in records {
        // A path has at most some thousand bytes.
        bytes.extend_from_slice(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(fixed);
    }
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut temp = tempfile::Builder::new().prefix(".stat-cache-").tempfile_in(folder)?;
    temp.write_all(bytes)?;
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|error| error.error)?;
    // Nobody reads it any more.
    let _ = fs::remove_file(folder.join(OLD_FILE));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, size: u64) -> Seen {
        let identity = Identity { device: 1, inode: 2, size, modified_ns: -3, changed_ns: i64::MAX };
        Seen { path: PathBuf::from(name), identity, sums: Sums::of(name.as_bytes()) }
    }

    #[test]
    fn what_was_saved_is_found_by_path_and_identity_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        // In no order, with one path at the front of another.
        for names in [vec!["/b", "/a/2", "/ü"], vec!["/a", "/a/1"]] {
            let all: Vec<Seen> = names.into_iter().map(|name| seen(name, 7)).collect();
            StatCache::load(folder.path()).save(&all);
        }
        StatCache::load(folder.path()).save(&[seen("/b", 8)]);
        let cache = StatCache::load(folder.path());
        for (name, size) in [("/a", 7), ("/a/1", 7), ("/a/2", 7), ("/b", 8), ("/ü", 7)] {
            let Seen { path, identity, sums } = seen(name, size);
            let found = cache.find(&path, &identity).expect(name);
            assert_eq!((found.digest, found.sha256), (sums.digest, sums.sha256), "{name}");
            for other in [
                Identity { size: 9, ..identity },
                Identity { inode: 3, ..identity },
                Identity { modified_ns: -4, ..identity },
                Identity { changed_ns: 0, ..identity },
                Identity { device: 0, ..identity },
            ] {
                assert!(cache.find(&path, &other).is_none(), "{name}");
            }
        }
        assert!(cache.find(Path::new("/c"), &seen("/c", 7).identity).is_none());
    }

    #[test]
    fn no_flipped_or_missing_byte_is_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        StatCache::load(folder.path()).save(&[seen("/a", 7), seen("/b", 7)]);
        let bytes = fs::read(folder.path().join(FILE)).expect("saved");
        assert_eq!(records_in(&bytes).map(|records| records.len()), Some(2));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(records_in(&flipped), None, "byte {at}");
            assert_eq!(records_in(&bytes[..at]), None, "cut at {at}");
        }
    }
}

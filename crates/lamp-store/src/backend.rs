//! The two kinds of store behind one set of calls: for small records, and for packs.

use std::fs::File;
use std::time::SystemTime;

use lamp_core::digest::Digest;
use nix::fcntl::Flock;
use tempfile::NamedTempFile;

use crate::bucket::Bucket;
use crate::error::StoreError;
use crate::folder::{Created, Folder};
use crate::index::ByDigest;
use crate::layout::{PACKS, REPACK_LOCK, pack_key, parse_pack_name};
use crate::pack::Named;
use crate::workers::{blocking, threads_for_disk};

/// Threads that read from a bucket, which mostly wait.
const THREADS_FOR_BUCKET: usize = 8;

/// Ends with the value, and with the process.
#[derive(Debug)]
pub(crate) struct RepackLock(#[expect(dead_code, reason = "it is there to be dropped")] Option<Flock<File>>);

/// A record or pack, and when it was written.
#[derive(Debug, Clone)]
pub(crate) struct Aged {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) modified_at: SystemTime,
}

/// A folder or a bucket.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// A folder of this machine.
    Folder(Folder),
    /// A bucket.
    Bucket(Bucket),
}

impl Backend {
    /// Creates a record, whole or not at all; one that is there stays as it is.
    pub(crate) async fn create(&self, key: String, bytes: Vec<u8>) -> Result<Created, StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.create_record(&key, &bytes)).await,
            Self::Bucket(bucket) => bucket.create_record(&key, bytes).await,
        }
    }

    /// Writes a record, whole or not at all, in place of one that may be there.
    pub(crate) async fn replace(&self, key: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.replace_record(&key, &bytes)).await,
            Self::Bucket(bucket) => bucket.replace_record(&key, bytes).await,
        }
    }

    /// The content of a record, if there is one.
    pub(crate) async fn find(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.find_record(&key)).await,
            Self::Bucket(bucket) => bucket.find_record(&key).await,
        }
    }

    /// The keys of all records below the folder `prefix`, in order.
    pub(crate) async fn list(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        let mut keys = match self.clone() {
            Self::Folder(folder) => blocking(move || folder.list_records(&prefix)).await?,
            Self::Bucket(bucket) => bucket.list_records(&prefix).await?,
        };
        keys.sort();
        Ok(keys)
    }
}

/// Packs. These calls block, and are made from the threads of [`workers`](crate::workers).
impl Backend {
    /// The folder of this machine where packs are made.
    pub(crate) fn here(&self) -> &Folder {
        match self {
            Self::Folder(folder) => folder,
            Self::Bucket(bucket) => bucket.here(),
        }
    }

    /// Threads that it is worth to read with.
    pub(crate) fn threads(&self) -> usize {
        match self {
            Self::Folder(_) => threads_for_disk(),
            Self::Bucket(_) => THREADS_FOR_BUCKET,
        }
    }

    /// The names of all packs, in no order.
    pub(crate) fn list_packs(&self) -> Result<Vec<Digest>, StoreError> {
        match self {
            Self::Folder(folder) => folder.list_packs(),
            Self::Bucket(bucket) => bucket.list_packs(),
        }
    }

    /// The tables of packs, or why they have none. Packs that went away meanwhile are left out.
    pub(crate) fn pack_tables(&self, names: Vec<Digest>) -> Result<Vec<Named>, StoreError> {
        match self {
            Self::Folder(folder) => {
                let table = |name| Ok(folder.pack_table(name)?.map(|table| (name, table)));
                names.into_iter().filter_map(|name| table(name).transpose()).collect()
            }
            Self::Bucket(bucket) => bucket.pack_tables(names),
        }
    }

    /// Bytes of a pack; nothing if there is no such pack.
    pub(crate) fn read_pack(&self, name: Digest, offset: u32, length: u32) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Folder(folder) => folder.read_pack(name, offset, length),
            Self::Bucket(bucket) => bucket.read_pack(name, offset, length),
        }
    }

    /// Gives a pack its name, for good.
    pub(crate) fn keep_pack(&self, temp: NamedTempFile, name: Digest) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.keep_pack(temp, name),
            Self::Bucket(bucket) => bucket.keep_pack(&temp, name),
        }
    }

    /// Marks a pack as used now; false if there is no such pack.
    pub(crate) fn touch_pack(&self, name: Digest) -> Result<bool, StoreError> {
        match self {
            Self::Folder(folder) => Ok(folder.touch_pack(name)),
            Self::Bucket(bucket) => bucket.touch_pack(name),
        }
    }

    /// When a record was last written; nothing if it is not there.
    pub(crate) fn modified_at(&self, key: &str) -> Result<Option<SystemTime>, StoreError> {
        match self {
            Self::Folder(folder) => folder.modified_at(key),
            Self::Bucket(bucket) => bucket.modified_at_now(key),
        }
    }

    /// When a pack was last written or marked as used; nothing if it is not there.
    pub(crate) fn used_at(&self, name: Digest) -> Result<Option<SystemTime>, StoreError> {
        match self {
            Self::Folder(folder) => folder.modified_at(&pack_key(name)),
            Self::Bucket(bucket) => bucket.used_at(name, &pack_key(name)),
        }
    }

    /// When a pack that was just moved to `key` was last marked as used. A copy in a bucket is new,
    /// so only its mark counts.
    pub(crate) fn used_at_in(&self, name: Digest, key: &str) -> Result<Option<SystemTime>, StoreError> {
        match self {
            Self::Folder(folder) => folder.modified_at(key),
            Self::Bucket(bucket) => bucket.stamped_at(name),
        }
    }

    /// The bytes of each pack.
    pub(crate) fn pack_sizes(&self) -> Result<ByDigest<u64>, StoreError> {
        let packs = self.list_aged(PACKS)?;
        let sizes = packs.iter().filter_map(|pack| Some((parse_pack_name(pack.key.rsplit_once('/')?.1)?, pack.bytes)));
        Ok(sizes.collect())
    }

    /// Waits for no other repack: nothing if there is one. In a bucket two may write the same
    /// twice, which the next one mends.
    pub(crate) fn lock_for_repack(&self) -> Result<Option<RepackLock>, StoreError> {
        match self {
            Self::Folder(folder) => Ok(folder.lock(REPACK_LOCK)?.map(|lock| RepackLock(Some(lock)))),
            Self::Bucket(_) => Ok(Some(RepackLock(None))),
        }
    }

    /// All records and packs below the folder `prefix`, in no order.
    pub(crate) fn list_aged(&self, prefix: &str) -> Result<Vec<Aged>, StoreError> {
        match self {
            Self::Folder(folder) => folder.list_aged(prefix),
            Self::Bucket(bucket) => bucket.list_aged(prefix),
        }
    }

    /// Moves a record or pack; false if it is not there.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        match self {
            Self::Folder(folder) => folder.rename(from, to),
            Self::Bucket(bucket) => bucket.rename(from, to),
        }
    }

    /// Removes a record or pack for good.
    pub(crate) fn remove(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.remove(key),
            Self::Bucket(bucket) => bucket.remove(key),
        }
    }

    /// Removes the empty folders below the folder `prefix`. A bucket has none.
    pub(crate) fn remove_empty_folders(&self, prefix: &str) {
        match self {
            Self::Folder(folder) => folder.remove_empty_folders(prefix),
            Self::Bucket(_) => {}
        }
    }
}

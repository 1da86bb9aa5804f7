//! Packs in a bucket. A pack that is read from more than a few times is fetched whole, and stays
//! here for a while; the tables of packs stay longer.

use std::collections::VecDeque;
use std::fs;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_core::digest::Digest;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, PutPayload};
use tempfile::NamedTempFile;
use tokio::runtime::Handle;

use super::{AT_ONCE, Bucket};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::packs::STAMP_AFTER;
use crate::index::ByDigest;
use crate::layout::{PACKS, pack_key, parse_pack_name, stamp_key, table_key};
use crate::pack::{Named, TRAILER, Table, decode, decode_trailer};

/// Reads of single blocks after which a pack is fetched whole.
const SINGLE_READS_MAX: u32 = 4;

/// Whole packs that are here at most.
const WHOLE_MAX: usize = 32;

/// Bytes at the end of a pack that are asked for at once: the table of most packs is shorter.
const TABLE_GUESS: u64 = 256 << 10;

/// What is here of a pack.
#[derive(Debug, Default)]
struct Here {
    single_reads: u32,
    whole: Option<NamedTempFile>,
}

/// What is here of all packs.
#[derive(Debug, Default)]
pub(super) struct PacksHere {
    of: ByDigest<Arc<Mutex<Here>>>,
    /// Those that are here whole, the oldest first.
    whole: VecDeque<Digest>,
}

impl PacksHere {
    /// Notes that a pack is here whole. One more than there may be, and the oldest goes, as soon as
    /// nobody reads it.
    fn note_whole(&mut self, name: Digest) {
        self.whole.push_back(name);
        if self.whole.len() > WHOLE_MAX
            && let Some(oldest) = self.whole.pop_front()
        {
            self.of.remove(&oldest);
        }
    }
}

/// Waits for an answer of the bucket, on a thread that may.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    Handle::current().block_on(future)
}

impl Bucket {
    pub(crate) fn list_packs(&self) -> Result<Vec<Digest>, StoreError> {
        let keys = wait(self.list_records(PACKS))?;
        Ok(keys.iter().filter_map(|key| parse_pack_name(key.rsplit_once('/')?.1)).collect())
    }

    pub(crate) fn pack_tables(&self, names: Vec<Digest>) -> Result<Vec<Named>, StoreError> {
        let tables = futures::stream::iter(names).map(|name| async move {
            let table = self.pack_table(name).await?;
            Ok::<_, StoreError>(table.map(|table| (name, table)))
        });
        let tables: Vec<_> = wait(tables.buffer_unordered(AT_ONCE).try_collect())?;
        Ok(tables.into_iter().flatten().collect())
    }

    /// The table, from here or from the end of the pack. It is checked in either case.
    async fn pack_table(&self, name: Digest) -> Result<Option<Result<Table, String>>, StoreError> {
        let key = table_key(name);
        if let Ok(Some(bytes)) = self.here.find_record(&key)
            && let Ok(table) = decode(&bytes)
        {
            return Ok(Some(Ok(table)));
        }
        let Some((mut bytes, size)) = self.tail(name, TABLE_GUESS).await? else { return Ok(None) };
        let length = match decode_trailer(&bytes[bytes.len().saturating_sub(TRAILER)..], size) {
            Ok(length) => length + TRAILER,
            Err(why) => return Ok(Some(Err(why))),
        };
        if bytes.len() < length {
            let Some((longer, _)) = self.tail(name, length as u64).await? else { return Ok(None) };
            bytes = longer;
        }
        let bytes = &bytes[bytes.len().saturating_sub(length)..];
        let table = decode(bytes);
        if table.is_ok()
            && let Err(error) = self.here.replace_record(&key, bytes)
        {
            tracing::debug!(%error, "the table of a pack was not kept");
        }
        Ok(Some(table))
    }

    /// The last bytes of a pack, and its size; nothing if there is no such pack.
    async fn tail(&self, name: Digest, length: u64) -> Result<Option<(Vec<u8>, u64)>, StoreError> {
        let key = pack_key(name);
        let size = match self.store.head(&Key::from(key.as_str())).await {
            Ok(meta) => meta.size,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.error("look for", &key)(error)),
        };
        let range = size.saturating_sub(length)..size;
        if range.is_empty() {
            return Ok(Some((Vec::new(), 0)));
        }
        let bytes = self.store.get_range(&Key::from(key.as_str()), range).await;
        Ok(Some((bytes.map_err(self.error("read", &key))?.into(), size)))
    }

    pub(crate) fn read_pack(&self, name: Digest, offset: u32, length: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let here = {
            let mut packs = self.packs_here.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(packs.of.entry(name).or_default())
        };
        let mut here: MutexGuard<'_, Here> = here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.whole.is_none() && here.single_reads >= SINGLE_READS_MAX {
            here.whole = self.fetch_whole(name)?;
            if here.whole.is_some() {
                self.packs_here.lock().unwrap_or_else(PoisonError::into_inner).note_whole(name);
            }
        }
        if let Some(whole) = &here.whole {
            let mut bytes = vec![0; length as usize];
            let read = std::os::unix::fs::FileExt::read_exact_at(whole.as_file(), &mut bytes, u64::from(offset));
            return read.map(|()| Some(bytes)).map_err(|error| StoreError::io("read", whole.path(), error));
        }
        here.single_reads += 1;
        drop(here);
        let key = pack_key(name);
        let range = u64::from(offset)..u64::from(offset) + u64::from(length);
        if range.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let read = wait(async {
            match self.store.get_opts(&Key::from(key.as_str()), options).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let bytes: Option<Vec<u8>> = read.map_err(self.error("read", &key))?.map(Into::into);
        Ok(bytes)
    }

    /// Fetches a pack; nothing if there is none, or if what came is not that pack: then its blocks
    /// are read one by one, and those that are sound are of use.
    fn fetch_whole(&self, name: Digest) -> Result<Option<NamedTempFile>, StoreError> {
        let key = pack_key(name);
        let temp = self.here.temp_file()?;
        let hasher = wait(async {
            let Some(found) = self.find(&key).await? else { return Ok(None) };
            let (mut pieces, mut hasher) = (found.into_stream(), blake3::Hasher::new());
            while let Some(piece) = pieces.try_next().await.map_err(self.error("read", &key))? {
                hasher.update(&piece);
                let written = std::io::Write::write_all(&mut temp.as_file(), &piece);
                written.map_err(|error| StoreError::io("write", temp.path(), error))?;
            }
            Ok::<_, StoreError>(Some(hasher))
        })?;
        let arrived = hasher.map(|hasher| Digest::from_bytes(*hasher.finalize().as_bytes()));
        Ok((arrived == Some(name)).then_some(temp))
    }

    pub(crate) fn keep_pack(&self, temp: &NamedTempFile, name: Digest) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        let read = fs::File::open(temp.path()).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|error| StoreError::io("read", temp.path(), error))?;
        let key = pack_key(name);
        wait(self.create(&key, PutPayload::from(bytes)))?;
        passed(Step::PackNamed, temp.path());
        Ok(())
    }

    /// A bucket's objects have no stamp that could be set. A record beside it has one.
    pub(crate) fn touch_pack(&self, name: Digest) -> Result<bool, StoreError> {
        let key = pack_key(name);
        let Some(used_at) = self.used_at(name, &key)? else { return Ok(false) };
        if used_at.elapsed().map_or(true, |age| age < STAMP_AFTER) {
            return Ok(true);
        }
        match wait(self.replace_record(&stamp_key(name), Vec::new())) {
            // Whoever may only read cannot stamp, and relies on nothing that he wrote.
            Ok(()) | Err(StoreError::Denied { .. }) => Ok(wait(self.modified_at(&key))?.is_some()),
            Err(error) => Err(error),
        }
    }

    /// When a pack that lies at `key` was last written or stamped; nothing if it is not there.
    pub(crate) fn used_at(&self, name: Digest, key: &str) -> Result<Option<SystemTime>, StoreError> {
        let Some(written_at) = wait(self.modified_at(key))? else { return Ok(None) };
        let stamped_at = wait(self.modified_at(&stamp_key(name)))?;
        Ok(Some(stamped_at.map_or(written_at, |stamped_at| stamped_at.max(written_at))))
    }

    /// When a pack was last stamped, if it was.
    pub(crate) fn stamped_at(&self, name: Digest) -> Result<Option<SystemTime>, StoreError> {
        wait(self.modified_at(&stamp_key(name)))
    }
}

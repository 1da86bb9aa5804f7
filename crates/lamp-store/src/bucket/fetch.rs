//! From the bucket to this machine: whole objects for reading in place, digests for verifying.

use std::path::PathBuf;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;
use tokio::sync::mpsc;

use super::{AT_ONCE, Bucket};
use crate::error::StoreError;
use crate::folder::{Arrived, Unsynced};
use crate::layout::object_key;
use crate::progress::Progress;
use crate::workers::blocking;

/// Chunks of a stream that wait to be written.
const WAITING_CHUNKS_MAX: usize = 16;

impl Bucket {
    /// Paths on this machine with the bytes of `entries`, fetched where they are not here yet.
    pub(crate) async fn fetch_all(
        &self,
        entries: Vec<FileEntry>,
        progress: &dyn Progress,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let fetches = futures::stream::iter(entries).map(|entry| async move {
            let path = self.fetch(&entry, progress).await?;
            progress.file_done(&entry.path);
            Ok(path)
        });
        fetches.buffered(AT_ONCE).try_collect().await
    }

    async fn fetch(&self, entry: &FileEntry, progress: &dyn Progress) -> Result<PathBuf, StoreError> {
        let (fetched, digest, size) = (self.fetched.clone(), entry.digest, entry.size);
        let here = blocking(move || fetched.find_object_size(digest)).await?;
        if here == Some(size) {
            progress.advance(size);
            return Ok(self.fetched.object_path(digest));
        }
        let arrived = self.download(entry, progress).await?;
        if arrived.sums.digest != digest {
            let why = format!("what was fetched has digest {}", arrived.sums.digest);
            return Err(StoreError::ObjectDamaged { digest, path: entry.path.clone(), why });
        }
        let fetched = self.fetched.clone();
        blocking(move || {
            let unsynced = Unsynced::default();
            arrived.sync()?;
            fetched.name_object(arrived, &unsynced)?;
            unsynced.sync()?;
            Ok(fetched.object_path(digest))
        })
        .await
    }

    /// Streams an object into a temporary file, through a bounded queue.
    async fn download(&self, entry: &FileEntry, progress: &dyn Progress) -> Result<Arrived, StoreError> {
        let (digest, path) = (entry.digest, entry.path.clone());
        let key = object_key(digest);
        let Some(found) = self.find(&key).await? else { return Err(StoreError::ObjectMissing { digest, path }) };
        if found.meta.size != entry.size {
            let why = format!("it has {} bytes instead of {}", found.meta.size, entry.size);
            return Err(StoreError::ObjectDamaged { digest, path, why });
        }
        let (send, mut receive) = mpsc::channel::<Bytes>(WAITING_CHUNKS_MAX);
        let fetched = self.fetched.clone();
        let writer = tokio::spawn(blocking(move || {
            let mut incoming = fetched.incoming()?;
            while let Some(chunk) = receive.blocking_recv() {
                incoming.write(&chunk)?;
            }
            Ok(incoming.whole())
        }));
        let mut chunks = found.into_stream();
        let mut broken = None;
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => {
                    let bytes = chunk.len() as u64;
                    let writer_gave_up = send.send(chunk).await.is_err();
                    if writer_gave_up {
                        break;
                    }
                    progress.advance(bytes);
                }
                Err(error) => {
                    broken = Some(self.error("read", &key)(error));
                    break;
                }
            }
        }
        drop(send);
        let arrived = writer.await.map_err(|_| StoreError::Interrupted)?;
        broken.map_or(arrived, Err)
    }

    /// The size and digest that an object has now; none if it is missing.
    pub(crate) async fn digest_object(
        &self,
        digest: Digest,
        progress: &dyn Progress,
    ) -> Result<Option<(u64, Digest)>, StoreError> {
        let key = object_key(digest);
        let Some(found) = self.find(&key).await? else { return Ok(None) };
        let mut chunks = found.into_stream();
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
        while let Some(chunk) = chunks.try_next().await.map_err(self.error("read", &key))? {
            hasher.update(&chunk);
            size += chunk.len() as u64;
            progress.advance(chunk.len() as u64);
        }
        Ok(Some((size, Digest::from_bytes(*hasher.finalize().as_bytes()))))
    }
}

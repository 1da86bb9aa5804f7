//! From this machine to the bucket.
//!
//! A file that fits into one part is read once and put create-only. A larger one is hashed first,
//! because its digest is its name; if the bucket lacks it, it is read again and sent in parts, and
//! the upload is only completed if the second reading gave the same digest.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use lamp_core::digest::Digest;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use tokio::sync::mpsc;

use super::Bucket;
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::hashing::{BLOCK, Summing, Sums, block, read_block};
use crate::layout::object_key;
use crate::progress::Progress;
use crate::source::{Identity, OpenSource};
use crate::workers::blocking;

/// Bytes of a part, except for files so large that there would be too many.
pub(crate) const PART: usize = 8 << 20;

/// Most parts of an upload; providers allow 10,000.
const PARTS_MAX: u64 = 9_000;

/// Parts of one file under way at once.
const PARTS_AT_ONCE: usize = 2;

/// What a source was found to be.
pub(crate) struct Read {
    pub(crate) sums: Sums,
    /// Whether a later write to the source is sure to show.
    pub(crate) is_settled: bool,
    /// The whole content, of a small file.
    content: Option<Bytes>,
}

impl Bucket {
    /// Puts the file that was seen at `path` into the bucket unless its bytes are there.
    pub(crate) async fn absorb(
        &self,
        path: PathBuf,
        identity: Identity,
        progress: &dyn Progress,
    ) -> Result<Read, StoreError> {
        let source = path.clone();
        let read = blocking(move || read_source(&source, identity)).await?;
        let Sums { size, digest, .. } = read.sums;
        let there = self.find_object_size(digest).await?;
        if there == Some(size) {
            progress.advance(size);
            return Ok(read);
        }
        let key = object_key(digest);
        match &read.content {
            Some(content) => {
                self.put_small(&key, content.clone(), there.is_some()).await?;
                progress.advance(size);
            }
            None => self.put_large(&key, path, identity, &read.sums, progress).await?,
        }
        Ok(read)
    }

    /// `has_wrong_size`: something is there that cannot be this object, and is replaced.
    async fn put_small(&self, key: &str, content: Bytes, has_wrong_size: bool) -> Result<(), StoreError> {
        let payload = PutPayload::from(content);
        if has_wrong_size {
            let put = self.store.put(&Key::from(key), payload).await;
            return put.map(|_| ()).map_err(self.error("write", key));
        }
        self.create(key, payload).await.map(|_| ())
    }

    async fn put_large(
        &self,
        key: &str,
        path: PathBuf,
        identity: Identity,
        expected: &Sums,
        progress: &dyn Progress,
    ) -> Result<(), StoreError> {
        let part = part_size(expected.size);
        let upload = self.store.put_multipart(&Key::from(key)).await.map_err(self.error("write", key))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part);
        let (send, mut receive) = mpsc::channel::<Bytes>(PARTS_AT_ONCE);
        let expected = expected.clone();
        let reader = tokio::spawn(blocking(move || send_blocks(&path, identity, &expected, part, &send)));
        let mut failed = None;
        while let Some(bytes) = receive.recv().await {
            let count = bytes.len() as u64;
            if let Err(error) = upload.wait_for_capacity(PARTS_AT_ONCE).await {
                failed = Some(self.error("write", key)(error));
                break;
            }
            upload.put(bytes);
            progress.advance(count);
        }
        drop(receive);
        let read = reader.await.map_err(|_| StoreError::Interrupted)?;
        if let Err(error) = failed.map_or(read, Err) {
            if let Err(abort) = upload.abort().await {
                tracing::warn!(key, error = %abort, "an upload that was given up could not be taken back");
            }
            return Err(error);
        }
        upload.finish().await.map(|_| ()).map_err(self.error("write", key))
    }
}

fn part_size(size: u64) -> usize {
    usize::try_from(size.div_ceil(PARTS_MAX)).unwrap_or(usize::MAX).max(PART)
}

fn read_source(path: &Path, identity: Identity) -> Result<Read, StoreError> {
    let mut source = OpenSource::open(path, identity)?;
    passed(Step::Opened, path);
    let is_small = identity.size <= PART as u64;
    let mut content = Vec::new();
    let (mut summing, mut block, mut size) = (Summing::default(), block(), 0);
    loop {
        let count = read_block(&mut source.file, &mut block).map_err(|error| StoreError::source(path, error))?;
        if count == 0 {
            break;
        }
        size += count as u64;
        let has_grown = size > identity.size;
        if has_grown {
            return Err(source.changed());
        }
        summing.update(&block[..count]);
        if is_small {
            content.extend_from_slice(&block[..count]);
        }
        passed(Step::BlockCopied, path);
    }
    source.check_unchanged()?;
    let is_settled = identity.would_show_a_write_since(source.reading_began_ns);
    Ok(Read { sums: summing.finish(), is_settled, content: is_small.then(|| Bytes::from(content)) })
}

/// Reads the source a second time, a part at a time, and ends well only if it is what it was.
fn send_blocks(
    path: &Path,
    identity: Identity,
    expected: &Sums,
    part: usize,
    send: &mpsc::Sender<Bytes>,
) -> Result<(), StoreError> {
    let mut source = OpenSource::open(path, identity)?;
    let mut hasher = blake3::Hasher::new();
    let mut left = expected.size;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(part.max(BLOCK));
        let mut bytes = vec![0; wanted];
        let count = read_block(&mut source.file, &mut bytes).map_err(|error| StoreError::source(path, error))?;
        if count < wanted {
            return Err(source.changed());
        }
        hasher.update(&bytes);
        left -= count as u64;
        passed(Step::BlockCopied, path);
        let nobody_listens = send.blocking_send(Bytes::from(bytes)).is_err();
        if nobody_listens {
            return Ok(());
        }
    }
    source.check_unchanged()?;
    let is_the_same = Digest::from_bytes(*hasher.finalize().as_bytes()) == expected.digest;
    if is_the_same { Ok(()) } else { Err(source.changed()) }
}

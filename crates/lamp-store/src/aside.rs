//! Two threads beside the one that reads a large file: one hashes the whole, one compresses.

use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{ScopedJoinHandle, scope};

use crate::error::StoreError;
use crate::hashing::{Summing, Sums};
use crate::pack::write::Gathering;
use crate::packing::Packing;

/// Blocks of [`BLOCK`](crate::hashing::BLOCK) bytes that wait to be hashed.
const WAITING_BLOCKS_MAX: usize = 4;

/// Full blocks that wait to be compressed.
const WAITING_FULL_MAX: usize = 16;

/// The ends of the two threads' queues.
pub(crate) struct Aside {
    hashing: SyncSender<Vec<u8>>,
    writing: SyncSender<Gathering>,
}

impl Aside {
    /// Hashes some more bytes of the file.
    pub(crate) fn hash(&self, bytes: &[u8]) {
        // A thread that is gone has panicked, which whoever waits for it will learn.
        let _ = self.hashing.send(bytes.to_vec());
    }

    /// Compresses and writes a block.
    pub(crate) fn write(&self, block: Gathering) -> Result<(), StoreError> {
        // A thread that is gone has failed, and its own error counts.
        self.writing.send(block).map_err(|_| StoreError::Interrupted)
    }
}

/// Does `read` with the two threads beside it, and says what they came to.
pub(crate) fn with_threads_aside(
    packing: &Packing,
    read: impl FnOnce(&Aside) -> Result<(), StoreError>,
) -> Result<Sums, StoreError> {
    scope(|threads| {
        let (hashing, to_hash) = sync_channel::<Vec<u8>>(WAITING_BLOCKS_MAX);
        let (writing, to_write) = sync_channel::<Gathering>(WAITING_FULL_MAX);
        let sums = threads.spawn(move || {
            let mut summing = Summing::default();
            for bytes in to_hash {
                summing.update(&bytes);
            }
            summing.finish()
        });
        let written = threads.spawn(move || to_write.into_iter().try_for_each(|block| packing.write(block)));
        let aside = Aside { hashing, writing };
        let done = read(&aside);
        drop(aside);
        joined(written)?;
        let sums = joined(sums);
        done.map(|()| sums)
    })
}

/// What a thread came to; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

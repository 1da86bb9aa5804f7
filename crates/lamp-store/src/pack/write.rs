//! A pack being written.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use lamp_core::digest::Digest;
use tempfile::NamedTempFile;

use super::codec;
use super::table::encode;
use super::{Block, Codec, Entry, Kind, MAGIC, PACK_FULL, Table};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::{Folder, sync_read_only};

/// A stretch of chunks or recipes, ready to be written.
pub(crate) struct Encoded {
    pub(crate) codec: Codec,
    pub(crate) depth: u8,
    pub(crate) bases: Vec<Digest>,
    pub(crate) stored: Vec<u8>,
    pub(crate) raw: u32,
    pub(crate) kind: Kind,
    pub(crate) parts: Vec<(Digest, u32)>,
}

/// Chunks or recipes that will be one block.
pub(crate) struct Gathering {
    pub(crate) kind: Kind,
    pub(crate) raw: Vec<u8>,
    /// Digest and length of each, in order.
    pub(crate) parts: Vec<(Digest, u32)>,
}

impl Gathering {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, raw: Vec::new(), parts: Vec::new() }
    }

    /// Takes one more. No chunk and no recipe has 4 GiB: a recipe that long is of a file of petabytes.
    pub(crate) fn push(&mut self, digest: Digest, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parts.push((digest, u32::try_from(bytes.len()).unwrap_or(u32::MAX)));
    }

    /// Takes one more, and begins anew if that makes `full` bytes: what was gathered is returned.
    pub(crate) fn push_up_to(&mut self, full: usize, digest: Digest, bytes: &[u8]) -> Option<Self> {
        self.push(digest, bytes);
        let is_full = self.raw.len() >= full;
        is_full.then(|| std::mem::replace(self, Self::new(self.kind)))
    }

    /// Compresses them where it pays.
    pub(crate) fn encode(self, level: i32) -> Result<Encoded, StoreError> {
        let (codec, stored) = codec::encode(&self.raw, level).map_err(StoreError::compressing)?;
        let raw = u32::try_from(self.raw.len()).unwrap_or(u32::MAX);
        let stored = stored.unwrap_or(self.raw);
        Ok(Encoded { codec, depth: 0, bases: Vec::new(), stored, raw, kind: self.kind, parts: self.parts })
    }

    /// Compresses them against `base`, the bytes of `bases`, unless that saves nothing.
    pub(crate) fn encode_against(
        self,
        base: &[u8],
        bases: Vec<Digest>,
        depth: u8,
        level: i32,
    ) -> Result<Encoded, StoreError> {
        let stored = codec::encode_against(base, &self.raw, level).map_err(StoreError::compressing)?;
        let is_worth_it = stored.len() + bases.len() * 32 < self.raw.len() - self.raw.len() / 8;
        if !is_worth_it {
            return self.encode(level);
        }
        let raw = u32::try_from(self.raw.len()).unwrap_or(u32::MAX);
        Ok(Encoded { codec: Codec::Delta, depth, bases, stored, raw, kind: self.kind, parts: self.parts })
    }
}

/// A pack on its way. Dropping it removes it.
pub(crate) struct OpenPack {
    temp: NamedTempFile,
    hasher: blake3::Hasher,
    size: u64,
    table: Table,
}

/// A whole pack, still without a name. Dropping it removes it.
pub(crate) struct Sealed {
    pub(crate) temp: NamedTempFile,
    pub(crate) name: Digest,
    pub(crate) table: Table,
    /// In bytes.
    pub(crate) size: u64,
}

impl OpenPack {
    /// Begins a pack in the `tmp/` of a folder.
    pub(crate) fn begin(folder: &Folder, is_repacked: bool) -> Result<Self, StoreError> {
        let table = Table { created_at_us: now_us(), is_repacked, ..Table::default() };
        let mut pack = Self { temp: folder.temp_file()?, hasher: blake3::Hasher::new(), size: 0, table };
        pack.write(&MAGIC)?;
        Ok(pack)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        let written = self.temp.as_file_mut().write_all(bytes);
        written.map_err(|error| StoreError::io("write", self.temp.path(), error))
    }

    /// Writes one more block.
    pub(crate) fn append(&mut self, block: Encoded) -> Result<(), StoreError> {
        let number = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let index = number(self.table.blocks.len() as u64);
        let mut start = 0;
        for (digest, length) in block.parts {
            self.table.entries.push(Entry { kind: block.kind, digest, block: index, start, length });
            start += length;
        }
        self.table.blocks.push(Block {
            offset: number(self.size),
            stored: number(block.stored.len() as u64),
            raw: block.raw,
            codec: block.codec,
            depth: block.depth,
            bases: block.bases,
        });
        self.write(&block.stored)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.size >= PACK_FULL
    }

    /// Writes the table and puts the pack on disk, read-only.
    pub(crate) fn seal(mut self) -> Result<Sealed, StoreError> {
        self.table.entries.sort_unstable();
        let table = encode(&self.table);
        self.write(&table)?;
        sync_read_only(&self.temp)?;
        passed(Step::PackSynced, self.temp.path());
        let name = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        Ok(Sealed { temp: self.temp, name, table: self.table, size: self.size })
    }
}

/// Now, in microseconds since the epoch.
fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

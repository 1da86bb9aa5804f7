//! The table of a pack, as bytes.

use lamp_core::digest::Digest;

use super::{Block, Codec, Entry, Kind, MAGIC, Table};

/// Bytes after the table: its digest, its length, and the last mark.
pub(crate) const TRAILER: usize = 44;

/// Bytes of the table before its lists.
const HEAD: usize = 21;

/// Bytes of one block in the table.
const BLOCK: usize = 16;

/// Bytes of one entry in the table.
const ENTRY: usize = 45;

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Writes the table and what follows it.
pub(crate) fn encode(table: &Table) -> Vec<u8> {
    let bases: usize = table.blocks.iter().map(|block| block.bases.len()).sum();
    let lists = table.blocks.len() * BLOCK + table.entries.len() * ENTRY + bases * DIGEST;
    let mut bytes = Vec::with_capacity(HEAD + lists + TRAILER);
    bytes.extend_from_slice(&table.created_at_us.to_le_bytes());
    bytes.push(u8::from(table.is_repacked));
    for count in [table.blocks.len(), table.entries.len(), bases] {
        bytes.extend_from_slice(&number(count).to_le_bytes());
    }
    for block in &table.blocks {
        bytes.extend_from_slice(&block.offset.to_le_bytes());
        bytes.extend_from_slice(&block.stored.to_le_bytes());
        bytes.extend_from_slice(&block.raw.to_le_bytes());
        let codec = match block.codec {
            Codec::Raw => 0,
            Codec::Zstd => 1,
            Codec::Delta => 2,
        };
        bytes.extend_from_slice(&[codec, block.depth]);
        let bases = u16::try_from(block.bases.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&bases.to_le_bytes());
    }
    for entry in &table.entries {
        bytes.extend_from_slice(entry.digest.as_bytes());
        bytes.push(match entry.kind {
            Kind::Chunk => 0,
            Kind::Recipe => 1,
        });
        bytes.extend_from_slice(&entry.block.to_le_bytes());
        bytes.extend_from_slice(&entry.start.to_le_bytes());
        bytes.extend_from_slice(&entry.length.to_le_bytes());
    }
    for base in table.blocks.iter().flat_map(|block| &block.bases) {
        bytes.extend_from_slice(base.as_bytes());
    }
    let (digest, length) = (Digest::of(&bytes), number(bytes.len()));
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&MAGIC);
    bytes
}

/// A pack ends before its numbers do: [`PACK_FULL`](super::PACK_FULL) and one block.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The length of the table of a pack of `size` bytes, from its last [`TRAILER`] bytes.
pub(crate) fn decode_trailer(trailer: &[u8], size: u64) -> Result<usize, String> {
    let (_, length, mark) = split_trailer(trailer).ok_or("it is too short")?;
    if mark != MAGIC {
        return Err("it does not end as a pack does".to_owned());
    }
    let fits = u64::from(length) + (TRAILER + MAGIC.len()) as u64 <= size;
    if fits { Ok(length as usize) } else { Err("its table is longer than itself".to_owned()) }
}

fn split_trailer(trailer: &[u8]) -> Option<(Digest, u32, [u8; 8])> {
    let (digest, rest) = trailer.split_at_checked(DIGEST)?;
    let (length, mark) = rest.split_at_checked(4)?;
    let digest = Digest::from_bytes(digest.try_into().ok()?);
    Some((digest, u32::from_le_bytes(length.try_into().ok()?), mark.try_into().ok()?))
}

/// Reads the table and the [`TRAILER`] after it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Table, String> {
    let end = bytes.len().checked_sub(TRAILER).ok_or("it is too short")?;
    let (bytes, trailer) = bytes.split_at(end);
    let (digest, _, _) = split_trailer(trailer).ok_or("it is too short")?;
    if Digest::of(bytes) != digest {
        return Err("its table has other bytes than its digest says".to_owned());
    }
    Cursor(bytes).table().filter(is_sound).ok_or_else(|| "its table contradicts itself".to_owned())
}

/// Whether every entry lies within its block.
fn is_sound(table: &Table) -> bool {
    table.entries.iter().all(|entry| {
        let end = u64::from(entry.start) + u64::from(entry.length);
        table.blocks.get(entry.block as usize).is_some_and(|block| end <= u64::from(block.raw))
    })
}

/// What is left to be read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn digest(&mut self) -> Option<Digest> {
        self.take().map(Digest::from_bytes)
    }

    fn table(&mut self) -> Option<Table> {
        let created_at_us = self.take().map(u64::from_le_bytes)?;
        let is_repacked = self.take::<1>()? != [0];
        let (blocks, entries, bases) = (self.u32()? as usize, self.u32()? as usize, self.u32()? as usize);
        if self.0.len() != blocks * BLOCK + entries * ENTRY + bases * DIGEST {
            return None;
        }
        let mut counts = Vec::with_capacity(blocks);
        let mut table = Table { created_at_us, is_repacked, blocks: Vec::new(), entries: Vec::new() };
        for _ in 0..blocks {
            let (block, bases) = self.block()?;
            table.blocks.push(block);
            counts.push(bases);
        }
        table.entries = (0..entries).map(|_| self.entry()).collect::<Option<_>>()?;
        for (block, count) in table.blocks.iter_mut().zip(counts) {
            block.bases = (0..count).map(|_| self.digest()).collect::<Option<_>>()?;
        }
        self.0.is_empty().then_some(table)
    }

    fn block(&mut self) -> Option<(Block, u16)> {
        let (offset, stored, raw) = (self.u32()?, self.u32()?, self.u32()?);
        let [codec, depth] = self.take()?;
        let codec = match codec {
            0 => Codec::Raw,
            1 => Codec::Zstd,
            2 => Codec::Delta,
            _ => return None,
        };
        let bases = self.take().map(u16::from_le_bytes)?;
        Some((Block { offset, stored, raw, codec, depth, bases: Vec::new() }, bases))
    }

    fn entry(&mut self) -> Option<Entry> {
        let digest = self.digest()?;
        let kind = match self.take()? {
            [0] => Kind::Chunk,
            [1] => Kind::Recipe,
            _ => return None,
        };
        Some(Entry { kind, digest, block: self.u32()?, start: self.u32()?, length: self.u32()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let block = |offset, codec, bases| Block { offset, stored: 7, raw: 10, codec, depth: 1, bases };
        let blocks = vec![
            block(8, Codec::Raw, vec![]),
            block(15, Codec::Delta, vec![Digest::of(b"1"), Digest::of(b"2")]),
            block(22, Codec::Zstd, vec![]),
        ];
        let entry = |kind, block, start| Entry { kind, digest: Digest::of(b"x"), block, start, length: 5 };
        let entries = vec![entry(Kind::Chunk, 0, 5), entry(Kind::Recipe, 2, 0)];
        Table { created_at_us: 1_234_567, is_repacked: true, blocks, entries }
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let bytes = encode(&table());
        assert_eq!(decode(&bytes), Ok(table()));
        let trailer = &bytes[bytes.len() - TRAILER..];
        assert_eq!(decode_trailer(trailer, 1_000), Ok(bytes.len() - TRAILER));
        assert!(decode_trailer(trailer, 100).is_err(), "longer than the pack");
    }

    #[test]
    fn no_flipped_or_missing_byte_goes_unnoticed() {
        let bytes = encode(&table());
        for at in 0..bytes.len() - 12 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(decode(&flipped).is_err(), "byte {at}");
            assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_entry_outside_of_its_block_is_refused() {
        for (block, start) in [(3, 0), (0, 6), (0, u32::MAX)] {
            let mut wrong = table();
            (wrong.entries[0].block, wrong.entries[0].start) = (block, start);
            assert!(decode(&encode(&wrong)).is_err());
        }
    }
}

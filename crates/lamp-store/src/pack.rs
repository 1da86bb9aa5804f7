//! Packs: files in which many chunks lie together.
//!
//! A pack is written once, from front to back, and named by the BLAKE3 digest of all its bytes:
//!
//! ```text
//! 8 bytes           "LAMPPK02"
//! blocks            each a stretch of chunks, as it is or compressed
//! table             what is where (below)
//! 32 bytes          BLAKE3 of the table
//! 4 bytes           length of the table
//! 8 bytes           "LAMPPK02"
//! ```
//!
//! Numbers are little-endian. The table holds when the pack was made (8 bytes, microseconds since
//! the epoch), whether it was repacked (1), the numbers of its blocks, entries and bases (4 each),
//! and then those. See `docs/src/reference/store.md`.

pub(crate) mod codec;
mod table;
pub(crate) mod write;

use lamp_core::digest::Digest;

pub(crate) use table::{TRAILER, decode, decode_trailer};

/// First and last bytes of a pack.
pub(crate) const MAGIC: [u8; 8] = *b"LAMPPK02";

/// A pack that has so many bytes takes no further block. Small enough to be sent in one piece.
pub(crate) const PACK_FULL: u64 = 32 << 20;

/// What bytes in a pack are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A piece of files, or a whole small one, by the digest of its bytes.
    Chunk,
    /// The list of the chunks of a file, by the digest of the file.
    Recipe,
}

/// How a block is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// As it is.
    Raw,
    /// One zstd frame.
    Zstd,
    /// One zstd frame that needs the block's bases, one after the other, as its prefix.
    Delta,
}

/// A block in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where it begins, in bytes from the start of the pack.
    pub(crate) offset: u32,
    /// Its bytes in the pack.
    pub(crate) stored: u32,
    /// Its bytes when decoded.
    pub(crate) raw: u32,
    pub(crate) codec: Codec,
    /// How many blocks must be decoded one after the other to get at it, itself left out.
    pub(crate) depth: u8,
    /// What it is encoded against: entries of the kind that it holds itself.
    pub(crate) bases: Vec<Digest>,
}

/// Bytes that have a digest, and where they are in their pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) digest: Digest,
    /// Number of the block in the pack.
    pub(crate) block: u32,
    /// Where they begin in the decoded block, in bytes.
    pub(crate) start: u32,
    /// How many.
    pub(crate) length: u32,
}

/// What is where in a pack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    /// Microseconds since the epoch, by the clock of whoever made it. It gives an order, no more.
    pub(crate) created_at_us: u64,
    /// Whether a repack made it.
    pub(crate) is_repacked: bool,
    pub(crate) blocks: Vec<Block>,
    pub(crate) entries: Vec<Entry>,
}

/// A table by the name of its pack, or why the pack has none.
pub(crate) type Named = (Digest, Result<Table, String>);

/// One chunk of a file, in its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) digest: Digest,
    pub(crate) length: u32,
}

/// Bytes of a part in a recipe.
const PART: usize = 36;

/// Bytes of the sum at the end of a recipe.
const SUM: usize = 8;

/// Writes a recipe: 32 bytes of digest and 4 of length for every chunk, in order, and the first 8 bytes of the
/// BLAKE3 of all that. A recipe is found by the digest of its file, which says nothing about its own bytes.
pub(crate) fn write_recipe(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.len() * PART + SUM);
    for part in parts {
        bytes.extend_from_slice(part.digest.as_bytes());
        bytes.extend_from_slice(&part.length.to_le_bytes());
    }
    let sum = Digest::of(&bytes);
    bytes.extend_from_slice(&sum.as_bytes()[..SUM]);
    bytes
}

/// Reads a recipe; none if it is not one.
pub(crate) fn read_recipe(bytes: &[u8]) -> Option<Vec<Part>> {
    let (bytes, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    let parts = bytes.chunks_exact(PART);
    let is_sound = parts.remainder().is_empty() && Digest::of(bytes).as_bytes()[..SUM] == *sum;
    if !is_sound {
        return None;
    }
    let part = |bytes: &[u8]| {
        let (digest, length) = bytes.split_at_checked(32)?;
        let digest = Digest::from_bytes(digest.try_into().ok()?);
        Some(Part { digest, length: u32::from_le_bytes(length.try_into().ok()?) })
    };
    parts.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_read_as_it_was_written_and_no_flipped_or_missing_byte_goes_unnoticed() {
        let part = |text: &[u8]| Part { digest: Digest::of(text), length: 7 };
        for parts in [vec![], vec![part(b"1")], vec![part(b"1"), part(b"2")]] {
            let bytes = write_recipe(&parts);
            assert_eq!(read_recipe(&bytes), Some(parts));
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                assert_eq!(read_recipe(&flipped), None, "byte {at}");
                assert_eq!(read_recipe(&bytes[..at]), None, "cut at {at}");
            }
        }
    }
}

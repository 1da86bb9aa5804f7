//! Where a file is cut into chunks.
//!
//! Cuts follow the content (`FastCDC`), so that bytes put in or taken out move no cut but those
//! around them. The sizes below are part of the format: with others nothing would be found again.

use std::io::{self, Read};

use fastcdc::v2020::FastCDC;

use crate::hashing::{BLOCK, read_block};

/// A file of up to so many bytes is one chunk.
pub(crate) const WHOLE_MAX: u64 = 16 << 10;

/// Sizes of chunks in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sizes {
    /// Files up to this size, in bytes, are cut so.
    files_max: u64,
    least: usize,
    average: usize,
    most: usize,
}

/// Small chunks find more that is the same, large ones keep the list of chunks of a large file short.
const SIZES: [Sizes; 3] = [
    Sizes { files_max: 64 << 20, least: 1 << 10, average: 4 << 10, most: 16 << 10 },
    Sizes { files_max: 2 << 30, least: 4 << 10, average: 16 << 10, most: 64 << 10 },
    Sizes { files_max: u64::MAX, least: 16 << 10, average: 64 << 10, most: 256 << 10 },
];

/// Reads `reader` to its end and hands out its chunks in order. `read` is told every block as it
/// comes in, and `chunk` every chunk. `expected` is the size that the file had when it was looked
/// at; it decides on the sizes of the chunks. Holds [`BLOCK`] bytes and one chunk at most.
pub(crate) fn cut<E>(
    reader: &mut impl Read,
    expected: u64,
    buffer: &mut Vec<u8>,
    mut read: impl FnMut(io::Result<&[u8]>) -> Result<(), E>,
    mut chunk: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let sizes = SIZES.iter().find(|sizes| expected <= sizes.files_max).unwrap_or(&SIZES[SIZES.len() - 1]);
    let room = if expected <= WHOLE_MAX { BLOCK } else { BLOCK + sizes.most };
    if buffer.len() < room {
        buffer.resize(room, 0);
    }
    let mut held = 0;
    loop {
        let wanted = held + BLOCK.min(room - held);
        let count = match read_block(reader, &mut buffer[held..wanted]) {
            Ok(count) => count,
            Err(error) => return read(Err(error)),
        };
        if count > 0 {
            read(Ok(&buffer[held..held + count]))?;
        }
        let is_last = count < wanted - held;
        held += count;
        let mut start = 0;
        while held > start && (is_last || held - start >= sizes.most) {
            let length = if expected <= WHOLE_MAX { held - start } else { first_cut(&buffer[start..held], *sizes) };
            chunk(&buffer[start..start + length])?;
            start += length;
        }
        if is_last {
            return Ok(());
        }
        buffer.copy_within(start..held, 0);
        held -= start;
    }
}

/// The length of the first chunk of `bytes`, which hold a whole chunk or the rest of the file.
fn first_cut(bytes: &[u8], sizes: Sizes) -> usize {
    let chunker = FastCDC::new(bytes, sizes.least, sizes.average, sizes.most);
    let (_, end) = chunker.cut(0, bytes.len());
    end
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        let done: Result<(), Infallible> = cut(
            &mut &*bytes,
            bytes.len() as u64,
            &mut Vec::new(),
            |block| {
                seen.extend_from_slice(block.expect("memory can be read"));
                Ok(())
            },
            |chunk| {
                found.push(chunk.to_vec());
                Ok(())
            },
        );
        done.expect("it cannot fail");
        assert_eq!(seen, bytes, "every byte is shown once");
        assert_eq!(found.concat(), bytes, "every byte is in one chunk");
        found
    }

    /// Golden: a change here makes every store forget what it has.
    #[test]
    fn cuts_are_where_they_always_were() {
        let lengths: Vec<_> = chunks(&noise(40_000, 1)).iter().map(Vec::len).collect();
        assert_eq!(lengths, [6_140, 3_095, 11_807, 6_136, 4_592, 1_060, 2_000, 2_507, 2_663]);
    }

    #[test]
    fn small_files_are_one_chunk_and_empty_ones_none() {
        assert_eq!(chunks(b"").len(), 0);
        assert_eq!(chunks(b"a").len(), 1);
        assert_eq!(chunks(&noise(16 << 10, 2)).len(), 1);
        assert!(chunks(&noise((16 << 10) + 1, 2)).len() > 1);
    }

    #[test]
    fn bytes_put_in_change_few_chunks() {
        let before = noise(3 << 20, 3);
        let mut after = before.clone();
        after.splice(1_000_000..1_000_000, *b"something new");
        let (before, after) = (chunks(&before), chunks(&after));
        let new = after.iter().filter(|chunk| !before.contains(chunk)).count();
        assert!((1..=3).contains(&new), "{new} of {} chunks are new", after.len());
    }
}

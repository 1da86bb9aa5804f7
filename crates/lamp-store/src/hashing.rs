//! Both digests of a stream in one pass, in blocks of bounded size.

use std::io::{self, Read};

use lamp_core::digest::Digest;
use sha2::Digest as _;

/// Bytes read at a time.
pub(crate) const BLOCK: usize = 1 << 20;

/// What a stream of bytes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    /// 64 lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

impl Sums {
    /// The sums of bytes in memory.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::default();
        summing.update(bytes);
        summing.finish()
    }
}

/// BLAKE3 and SHA-256 under way.
#[derive(Default)]
pub(crate) struct Summing {
    size: u64,
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
}

impl Summing {
    pub(crate) fn update(&mut self, block: &[u8]) {
        self.size += block.len() as u64;
        self.blake3.update(block);
        self.sha256.update(block);
    }

    pub(crate) fn finish(self) -> Sums {
        Sums {
            size: self.size,
            digest: Digest::from_bytes(*self.blake3.finalize().as_bytes()),
            sha256: Digest::from_bytes(self.sha256.finalize().into()).to_hex(),
        }
    }
}

/// A block to read into, used again for each file of a worker.
pub(crate) fn block() -> Vec<u8> {
    vec![0; BLOCK]
}

/// Reads until `block` is full or the stream ends, and returns how many bytes it got; 0 at the end.
pub(crate) fn read_block(reader: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The size and BLAKE3 digest of what is left of a stream, telling `each` the length of every block.
pub(crate) fn digest_of(reader: &mut impl Read, block: &mut [u8], each: impl Fn(u64)) -> io::Result<(u64, Digest)> {
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    loop {
        let count = read_block(reader, block)?;
        if count == 0 {
            return Ok((size, Digest::from_bytes(*hasher.finalize().as_bytes())));
        }
        hasher.update(&block[..count]);
        size += count as u64;
        each(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_published_test_vectors() {
        let empty = Sums::of(b"");
        assert_eq!(empty.digest.to_hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Sums::of(b"abc").sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

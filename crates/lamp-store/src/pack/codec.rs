//! How blocks are compressed.

use std::io::{self, Read as _, Write as _};

use super::Codec;

/// Effort when files are added: it must keep up with the disk.
pub(crate) const QUICK: i32 = 1;

/// Effort when packs are written anew in the background.
pub(crate) const THOROUGH: i32 = 9;

/// Bytes at the front of a block that are compressed to see whether it is worth it.
const PROBE: usize = 8 << 10;

/// What must be saved: one byte of so many.
const WORTH_ONE_IN: usize = 12;

/// Least and most bytes of a window, as powers of two.
const WINDOW_LOG: std::ops::RangeInclusive<u32> = 10..=27;

/// Compresses a block, or leaves it as it is where that saves too little: Parquet and pictures
/// are compressed already.
pub(crate) fn encode(raw: &[u8], level: i32) -> io::Result<(Codec, Option<Vec<u8>>)> {
    let pays = |compressed: usize, raw: usize| compressed + raw / WORTH_ONE_IN < raw;
    let is_quick = level <= QUICK;
    if is_quick && raw.len() > 2 * PROBE {
        let middle = raw.len() / 2;
        let probe = &raw[middle..middle + PROBE];
        if !pays(zstd::bulk::compress(probe, level)?.len(), PROBE) {
            return Ok((Codec::Raw, None));
        }
    }
    let compressed = zstd::bulk::compress(raw, level)?;
    let is_worth_it = pays(compressed.len(), raw.len()) || (!is_quick && compressed.len() < raw.len());
    Ok(if is_worth_it { (Codec::Zstd, Some(compressed)) } else { (Codec::Raw, None) })
}

/// Compresses a block against `base`.
pub(crate) fn encode_against(base: &[u8], raw: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(Vec::new(), level, base)?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(raw.len() as u64))?;
    let bits = usize::BITS - (base.len() + raw.len()).leading_zeros();
    encoder.window_log(bits.clamp(*WINDOW_LOG.start(), *WINDOW_LOG.end()))?;
    encoder.write_all(raw)?;
    encoder.finish()
}

/// Decodes a block of `raw` bytes. `base` is what it was encoded against.
pub(crate) fn decode(codec: Codec, stored: Vec<u8>, base: &[u8], raw: usize) -> io::Result<Vec<u8>> {
    let decoded = match codec {
        Codec::Raw => stored,
        Codec::Zstd => zstd::bulk::decompress(&stored, raw)?,
        Codec::Delta => {
            let frame = zstd::stream::read::Decoder::with_ref_prefix(&*stored, base)?;
            let mut bytes = Vec::with_capacity(raw);
            frame.take(raw as u64 + 1).read_to_end(&mut bytes)?;
            bytes
        }
    };
    if decoded.len() == raw {
        return Ok(decoded);
    }
    let message = format!("a block of {} bytes should have {raw}", decoded.len());
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        let text = b"one line and another\n".repeat(5_000);
        for level in [QUICK, THOROUGH] {
            let (codec, stored) = encode(&text, level).expect("compressed");
            let stored = stored.expect("text shrinks");
            assert!(codec == Codec::Zstd && stored.len() < text.len() / 10);
            assert_eq!(decode(codec, stored, b"", text.len()).expect("decoded"), text);
        }
        let mut noise = vec![0; 100_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert_eq!(encode(&noise, QUICK).expect("tried"), (Codec::Raw, None));
        assert_eq!(encode(b"", QUICK).expect("tried"), (Codec::Raw, None));

        let mut changed = noise.clone();
        changed[50_000] ^= 1;
        // A prefix that looks like a trained dictionary is taken as plain bytes.
        for base in [noise.clone(), [&[0x37, 0xa4, 0x30, 0xec][..], &noise].concat()] {
            let delta = encode_against(&base, &changed, THOROUGH).expect("encoded");
            assert!(delta.len() < 1_000, "{}", delta.len());
            assert_eq!(decode(Codec::Delta, delta.clone(), &base, changed.len()).expect("decoded"), changed);
            assert!(decode(Codec::Delta, delta, &base, changed.len() - 1).is_err(), "another length");
        }
    }
}

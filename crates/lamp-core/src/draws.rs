//! Draws that can be drawn again: the same seed gives the same ones, on every machine and in every version.

/// A stream of draws: BLAKE3's extendable output over a purpose and a seed.
pub struct Draws {
    stream: blake3::OutputReader,
    buffer: [u8; BUFFER],
    at: usize,
}

/// Bytes taken from the stream at once; a multiple of eight.
const BUFFER: usize = 1_024;

impl Draws {
    /// The draws of `seed` for `purpose`: other purposes have others.
    pub fn seeded(purpose: &str, seed: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(seed);
        Self { stream: hasher.finalize_xof(), buffer: [0; BUFFER], at: BUFFER }
    }

    /// A number from 0 up to but without `end`, all alike to within `end` in 2⁶⁴. 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        if self.at == BUFFER {
            self.stream.fill(&mut self.buffer);
            self.at = 0;
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.buffer[self.at..self.at + 8]);
        self.at += 8;
        // The high half of a product, instead of a remainder (Lemire, 2019, "Fast random integer generation in an
        // interval").
        let product = u128::from(u64::from_le_bytes(bytes)) * end as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_draws_again_and_another_seed_others() {
        let draws = |purpose: &str, seed: &[u8]| {
            let mut draws = Draws::seeded(purpose, seed);
            (0..300).map(|_| draws.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draws("a test", b"7"), draws("a test", b"7"));
        assert_ne!(draws("a test", b"7"), draws("a test", b"8"));
        assert_ne!(draws("a test", b"7"), draws("another", b"7"));
        // Written down once: a report made today is made again in a year.
        assert_eq!(draws("a test", b"7")[..6], [651, 458, 841, 252, 38, 288]);
    }

    #[test]
    fn all_numbers_come_up_alike() {
        let mut draws = Draws::seeded("a test", b"");
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[draws.below(10)] += 1;
        }
        assert!(seen.iter().all(|count| (850..=1_150).contains(count)), "{seen:?}");
        assert_eq!(draws.below(1), 0);
        assert_eq!(draws.below(0), 0);
    }
}

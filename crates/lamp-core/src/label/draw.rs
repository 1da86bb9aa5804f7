//! Simple random sampling without replacement, such that anybody can draw the same again.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::ids::PredictionId;

/// The sampler of this build. A change of what it draws from the same seed and ids is another version.
pub const SAMPLER: &str = "blake3-bottom-k/1";

/// What the sampler is given: ten random bytes, as hexadecimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub String);

impl Seed {
    /// A seed of random bytes.
    pub fn of(random: [u8; 10]) -> Self {
        let mut text = String::with_capacity(2 * random.len());
        for byte in random {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What was drawn, of how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// In random order.
    pub predictions: Vec<PredictionId>,
    /// Different ids that there were.
    pub population: u64,
}

/// Draws `count` of `ids` (all of them, if there are fewer). Each id gets a pseudo-random priority, BLAKE3 of the
/// seed and the id, and the lowest ones are taken, in that order: a simple random sample without replacement whatever
/// the order and however often an id is listed (bottom-k with random priorities: Fan, Muller & Rezucha, 1962,
/// "Development of sampling plans by using sequential (item by item) selection techniques").
pub fn draw(ids: impl IntoIterator<Item = PredictionId>, count: u32, seed: &Seed) -> Draw {
    let all: BTreeSet<PredictionId> = ids.into_iter().collect();
    let mut ranked: Vec<_> = all.iter().map(|id| (priority(seed, *id), *id)).collect();
    ranked.sort_unstable();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let predictions = ranked.into_iter().take(count).map(|(_, id)| id).collect();
    Draw { predictions, population: all.len() as u64 }
}

fn priority(seed: &Seed, id: PredictionId) -> [u8; 32] {
    *blake3::hash(format!("{SAMPLER}\n{seed}\n{id}").as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid_v7;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn ids(count: u8) -> Vec<PredictionId> {
        (0..count).map(|number| PredictionId(uuid_v7(Timestamp::UNIX_EPOCH, [number; 10]))).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_whatever_the_order() {
        let forwards = ids(40);
        let mut twice: Vec<_> = forwards.iter().rev().copied().collect();
        twice.extend(&forwards[5..15]);
        let seed = Seed::of([7; 10]);
        let drawn = draw(forwards, 10, &seed);
        assert_eq!(drawn, draw(twice, 10, &seed));
        assert_eq!((drawn.predictions.len(), drawn.population), (10, 40));
        assert_ne!(drawn.predictions, draw(ids(40), 10, &Seed::of([8; 10])).predictions);
    }

    #[test]
    fn a_small_day_is_drawn_whole_and_an_empty_one_not_at_all() {
        let seed = Seed::of([1; 10]);
        let mut all = draw(ids(3), 10, &seed).predictions;
        all.sort();
        assert_eq!(all, ids(3));
        assert_eq!(draw(Vec::new(), 10, &seed), Draw { predictions: Vec::new(), population: 0 });
        assert!(draw(ids(3), 0, &seed).predictions.is_empty());
    }

    /// Chi-squared over how often each of 20 ids is among 5, in 4,000 draws: 19 degrees of freedom, whose 99.99 %
    /// point is 49.6. Seeds are fixed, so this never fails by chance.
    #[test]
    fn each_is_drawn_equally_often() {
        let all = ids(20);
        let mut hits = [0_u32; 20];
        for round in 0..4_000_u32 {
            let mut random = [0; 10];
            random[..4].copy_from_slice(&round.to_le_bytes());
            for id in draw(all.clone(), 5, &Seed::of(random)).predictions {
                hits[all.iter().position(|candidate| *candidate == id).expect("one of them")] += 1;
            }
        }
        let expected = 4_000.0 * 5.0 / 20.0;
        // Without replacement the counts vary less than a multinomial's, by the factor 1 - 5/20 · 20/19.
        let chi: f64 = hits.iter().map(|hits| (f64::from(*hits) - expected).powi(2) / expected).sum::<f64>() / 0.75;
        assert!(chi < 49.6, "{chi}: {hits:?}");
    }

    proptest! {
        #[test]
        fn a_draw_is_a_set_of_what_there_was(count in 0_u8..60, wanted in 0_u32..80, random: [u8; 10]) {
            let drawn = draw(ids(count), wanted, &Seed::of(random));
            let different: BTreeSet<_> = drawn.predictions.iter().copied().collect();
            prop_assert_eq!(different.len(), drawn.predictions.len());
            prop_assert_eq!(drawn.predictions.len() as u64, u64::from(wanted).min(drawn.population));
            prop_assert!(different.iter().all(|id| ids(count).contains(id)));
        }
    }
}

//! Which values a column had, and how often: for what texts and codes have instead of a mean.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use super::summary::Feature;

/// Partitions whose values are remembered.
const PARTITIONS_KEPT: usize = 28;
/// Partitions before anything is new.
const PARTITIONS_MIN: usize = 5;

/// The values of a column over time.
#[derive(Debug, Clone, Default)]
pub(super) struct ValueHistory {
    latest: VecDeque<Vec<(u64, f64)>>,
    /// By value, the sum of its shares in those.
    sums: HashMap<u64, f64, FixedState>,
}

impl ValueHistory {
    /// Takes in a partition's values with their shares.
    pub fn learn(&mut self, values: &[(u64, f64)]) {
        if self.latest.len() == PARTITIONS_KEPT
            && let Some(oldest) = self.latest.pop_front()
        {
            for (value, share) in oldest {
                if let Some(sum) = self.sums.get_mut(&value) {
                    *sum -= share;
                    if *sum < 1e-12 {
                        self.sums.remove(&value);
                    }
                }
            }
        }
        for (value, share) in values {
            *self.sums.entry(*value).or_default() += share;
        }
        self.latest.push_back(values.to_vec());
    }

    /// How a partition's values differ from those before; nothing before there is a history, or without values.
    pub fn compare(&self, values: &[(u64, f64)]) -> Vec<(Feature, f64)> {
        if values.is_empty() || self.latest.len() < PARTITIONS_MIN {
            return Vec::new();
        }
        let partitions = self.latest.len() as f64;
        let (mut new, mut lump, mut mix, mut usual_of_listed) = (0.0, 0.0_f64, 0.0, 0.0);
        for (value, share) in values {
            let usual = self.sums.get(value).copied().unwrap_or(0.0) / partitions;
            if usual == 0.0 {
                new += share;
            }
            usual_of_listed += usual;
            lump = lump.max(share - usual);
            mix += (share - usual).abs();
        }
        let of_all = self.sums.values().sum::<f64>() / partitions;
        mix += (of_all - usual_of_listed).max(0.0);
        let features = [(Feature::NewValues, new), (Feature::Lump, lump), (Feature::Mix, mix / 2.0)];
        features.map(|(feature, value): (_, f64)| (feature, value.clamp(0.0, 1.0))).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_values_and_surpluses_are_shares() {
        let mut history = ValueHistory::default();
        for _ in 0..40 {
            history.learn(&[(1, 0.5), (2, 0.5)]);
        }
        let compared = history.compare(&[(1, 0.6), (2, 0.3), (3, 0.1)]);
        for ((feature, value), (expected, share)) in
            compared.into_iter().zip([(Feature::NewValues, 0.1), (Feature::Lump, 0.1), (Feature::Mix, 0.2)])
        {
            assert!(feature == expected && (value - share).abs() < 1e-9, "{feature:?} {value}");
        }
        for _ in 0..28 {
            history.learn(&[(3, 1.0)]);
        }
        assert!((history.compare(&[(1, 1.0)])[0].1 - 1.0).abs() < 1e-9, "forgotten");
        assert!(ValueHistory::default().compare(&[(1, 1.0)]).is_empty());
    }
}

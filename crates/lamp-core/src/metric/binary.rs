//! Metrics of P(positive) against the truth.

use super::{Named, count, mean, ratio};

/// Probabilities are kept this far from 0 and 1 in the logarithm, so that one certain error costs much, not
/// everything.
pub(super) const CLIP: f64 = 1e-15;

/// From this probability on, a row is called positive.
pub(super) const THRESHOLD: f64 = 0.5;

pub(super) fn all(truth: &[bool], said: &[f64]) -> Named {
    let rows = || truth.iter().copied().zip(said.iter().copied());
    let table = Confusion::of(rows().map(|(truth, p)| (truth, p >= THRESHOLD)));
    vec![
        ("accuracy", Some(mean(rows().map(|(truth, p)| f64::from(truth == (p >= THRESHOLD)))))),
        ("brier", Some(mean(rows().map(|(truth, p)| (p - f64::from(truth)).powi(2))))),
        ("f1", table.f1()),
        ("log_loss", Some(mean(rows().map(|(truth, p)| surprise(if truth { p } else { 1.0 - p }))))),
        ("precision", table.precision()),
        ("recall", table.recall()),
        ("roc_auc", roc_auc(truth, said)),
    ]
}

/// `-ln p`, with `p` the probability given to what turned out to be true. Its mean is the log loss (Good, 1952,
/// "Rational Decisions").
pub(crate) fn surprise(p: f64) -> f64 {
    -p.clamp(CLIP, 1.0 - CLIP).ln()
}

/// Counts of a two-by-two table, without the true negatives, which no metric here needs.
pub(super) struct Confusion {
    true_positives: f64,
    false_positives: f64,
    false_negatives: f64,
}

impl Confusion {
    /// Counts pairs of (is positive, was called positive).
    pub(super) fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        Self::weighted(pairs.map(|pair| (pair, 1.0)))
    }

    /// Adds up the weights of pairs of (is positive, was called positive).
    pub(super) fn weighted(pairs: impl Iterator<Item = ((bool, bool), f64)>) -> Self {
        let mut table = Self { true_positives: 0.0, false_positives: 0.0, false_negatives: 0.0 };
        for (pair, weight) in pairs {
            match pair {
                (true, true) => table.true_positives += weight,
                (false, true) => table.false_positives += weight,
                (true, false) => table.false_negatives += weight,
                (false, false) => {}
            }
        }
        table
    }

    /// TP / (TP + FP): undefined when nothing is called positive.
    pub(super) fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// TP / (TP + FN): undefined when nothing is positive.
    pub(super) fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// F1 = 2·TP / (2·TP + FP + FN) (van Rijsbergen, 1979, "Information Retrieval", ch. 7, with β = 1): undefined
    /// when the class neither occurs nor is called.
    pub(super) fn f1(&self) -> Option<f64> {
        let twice = 2.0 * self.true_positives;
        ratio(twice, twice + self.false_positives + self.false_negatives)
    }
}

/// The probability that a positive row is ranked above a negative one, a tie counting half: the Mann–Whitney U of
/// the positives' mid-ranks over the number of pairs (Hanley & McNeil, 1982, "The meaning and use of the area under
/// a ROC curve"). Undefined with one class. O(n log n).
fn roc_auc(truth: &[bool], said: &[f64]) -> Option<f64> {
    let positives = count(truth.iter().filter(|truth| **truth));
    let negatives = count(truth.iter().filter(|truth| !**truth));
    let mut order: Vec<(f64, bool)> = said.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut rows_before = 0.0;
    // Values that compare equal share the mean of their ranks; `==` so that 0 and -0 are one tie.
    #[expect(clippy::float_cmp, reason = "a tie is an exact tie")]
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let size = count(tie.iter());
        let mid_rank = rows_before + f64::midpoint(size, 1.0);
        rank_sum += mid_rank * count(tie.iter().filter(|(_, truth)| *truth));
        rows_before += size;
    }
    let wins = rank_sum - positives * (positives + 1.0) / 2.0;
    ratio(wins, positives * negatives)
}

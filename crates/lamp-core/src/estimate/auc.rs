//! The area under the ROC curve.

use super::quantile::Z;
use super::{Interval, effective};

/// Halvings when an end of the interval is looked for: to about 1e-12.
const HALVINGS: u32 = 40;

/// The weighted probability that a positive is ranked above a negative one, a tie counting half, with the score
/// interval of Newcombe (2006, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic.
/// Part 2", method 5: Hanley & McNeil's variance, at the value asked about) at the effective numbers of positives and
/// negatives. `rows` are (weight, score, is positive). None without both classes.
pub(super) fn auc(rows: &[(f64, f64, bool)]) -> Option<Interval> {
    let value = area(rows)?;
    let effective_of = |positive: bool| effective(rows.iter().filter(|row| row.2 == positive).map(|row| row.0));
    let (m, n) = (effective_of(true), effective_of(false));
    let is_inside = |candidate: f64| (candidate - value).abs() <= Z * variance(candidate, m, n).sqrt();
    let end = |outermost: f64| {
        if is_inside(outermost) {
            return outermost;
        }
        let (mut inside, mut outside) = (value, outermost);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            if is_inside(middle) { inside = middle } else { outside = middle }
        }
        inside
    };
    Some(Interval { value, lower: end(0.0), upper: end(1.0) })
}

/// Hanley & McNeil's variance of an AUC of `a` from `m` positives and `n` negatives, with their mean in place of each.
fn variance(a: f64, m: f64, n: f64) -> f64 {
    let others = f64::midpoint(m, n) - 1.0;
    a * (1.0 - a) * (1.0 + others * ((1.0 - a) / (2.0 - a) + a / (1.0 + a))) / (m * n)
}

/// O(n log n).
fn area(rows: &[(f64, f64, bool)]) -> Option<f64> {
    let mut order = rows.to_vec();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let weight_of = |rows: &[(f64, f64, bool)], positive: bool| -> f64 {
        rows.iter().filter(|row| row.2 == positive).map(|row| row.0).sum()
    };
    let (mut wins, mut negatives_below) = (0.0, 0.0);
    // `==` so that 0 and -0 are one tie.
    #[expect(clippy::float_cmp, reason = "a tie is an exact tie")]
    for tie in order.chunk_by(|a, b| a.1 == b.1) {
        let (positives, negatives) = (weight_of(tie, true), weight_of(tie, false));
        wins += positives * (negatives_below + negatives / 2.0);
        negatives_below += negatives;
    }
    let pairs = weight_of(rows, true) * weight_of(rows, false);
    (pairs > 0.0).then(|| (wins / pairs).clamp(0.0, 1.0))
}

//! Shares: accuracy.

use super::quantile::Z;
use super::{Interval, effective};

/// A row of a share: what it counts for, and whether it is a hit; none where nobody could tell.
pub(super) type Hit = (f64, Option<bool>);

/// The share of hits among the rows of which the truth is known, with Wilson's score interval with continuity
/// correction (Newcombe, 1998, "Two-sided confidence intervals for the single proportion: comparison of seven methods",
/// method 4) at the effective number of rows. Rows of which nobody could tell count as misses for the lower end and as
/// hits for the upper one (Manski, 1990, "Nonparametric bounds on treatment effects"). None without a known row.
pub(super) fn share(rows: &[Hit]) -> Option<Interval> {
    let weights = |wanted: fn(Option<bool>) -> bool| -> f64 {
        rows.iter().filter(|(_, hit)| wanted(*hit)).map(|(weight, _)| weight).sum()
    };
    let hits = weights(|hit| hit == Some(true));
    let misses = weights(|hit| hit == Some(false));
    let unknown = weights(|hit| hit.is_none());
    if hits + misses <= 0.0 {
        return None;
    }
    let all = hits + misses + unknown;
    let n = effective(rows.iter().map(|(weight, _)| *weight));
    let (lower, _) = wilson(hits / all, n);
    let (_, upper) = wilson((hits + unknown) / all, n);
    Some(Interval { value: hits / (hits + misses), lower, upper })
}

/// Wilson's interval with continuity correction for the share `p` of `n` rows, `n` not necessarily whole.
pub(super) fn wilson(p: f64, n: f64) -> (f64, f64) {
    let p = p.clamp(0.0, 1.0);
    // The upper end is the lower end of the misses.
    (wilson_lower(p, n), 1.0 - wilson_lower(1.0 - p, n))
}

fn wilson_lower(p: f64, n: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    let z2 = Z * Z;
    let under_root = z2 - 2.0 - 1.0 / n + 4.0 * p * (n * (1.0 - p) + 1.0);
    let lower = (2.0 * n * p + z2 - 1.0 - Z * under_root.max(0.0).sqrt()) / (2.0 * (n + z2));
    lower.clamp(0.0, p)
}

//! Evidence of many columns as one number.

/// Most columns that one cause is looked for in.
const COLUMNS_MAX: usize = 4;

/// How much the columns say together, from how many times larger each column's score is than it usually is: of the
/// `k` columns that are furthest off, the sum of the logarithms over `√k`, for the `k` for which that is largest. So one
/// column that is far off tells as much as several that are each a little off, as when one cause hit them all.
pub(super) fn of_columns(ratios: impl Iterator<Item = f64>) -> f64 {
    let mut logs: Vec<f64> = ratios.map(|ratio| ratio.ln().max(0.0)).collect();
    logs.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut most) = (0.0, 0.0_f64);
    for (count, log) in (1..).zip(logs.iter().take(COLUMNS_MAX)) {
        sum += log;
        most = most.max(sum / f64::from(count).sqrt());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_columns_that_move_together_tell_more_than_one() {
        let of = |ratios: &[f64]| of_columns(ratios.iter().copied());
        assert!(of(&[3.0, 3.0, 3.0, 1.0]) > of(&[3.0, 1.0, 1.0, 1.0]));
        assert!(of(&[20.0, 1.0, 1.0]) > of(&[3.0, 3.0, 3.0]), "one that is far off is enough");
        assert!(of(&[0.0, 0.5, 1.0]) <= 0.0 && of(&[]) <= 0.0);
    }
}

//! Means: log-loss, bias, absolute and squared errors.

use super::quantile::student;
use super::{Interval, effective};

/// A mean with, on each side, the wider of two intervals: Student's, and Student's quantile through Hall's cubic
/// transformation, which takes the skewness out (Hall, 1992, "On the removal of skewness by transformation"; Zhou &
/// Gao, 2000, "One-sided confidence intervals for means of positively skewed distributions"). Weights enter by the
/// linearised variance of a ratio (Särndal, Swensson & Wretman, 1992, "Model Assisted Survey Sampling", §5.7) and by
/// the effective number of rows. None without rows, or when all values are alike: nothing can be told then.
pub(super) fn mean(rows: &[(f64, f64)]) -> Option<Interval> {
    let total: f64 = rows.iter().map(|(weight, _)| weight).sum();
    let n = effective(rows.iter().map(|(weight, _)| *weight));
    // Told by the values, not by the variance: the rounding of a mean would leave a tiny one.
    let varies = rows.windows(2).any(|pair| pair[0].1.total_cmp(&pair[1].1).is_ne());
    if total <= 0.0 || n < 2.0 || !varies {
        return None;
    }
    let value = rows.iter().map(|(weight, value)| weight * value).sum::<f64>() / total;
    let moment = |power: i32| rows.iter().map(|(w, v)| w * (v - value).powi(power)).sum::<f64>() / total;
    let (variance, third) = (moment(2), moment(3));
    let squares: f64 = rows.iter().map(|(w, v)| (w * (v - value)).powi(2)).sum();
    let error = (squares * n / (n - 1.0)).sqrt() / total;
    let t = student(n - 1.0);
    let skewness = third / variance.powf(1.5);
    let down = hall_inverse(t, skewness, n).max(t);
    let up = -hall_inverse(-t, skewness, n).min(-t);
    Some(Interval { value, lower: value - error * down, upper: value + error * up })
}

/// The studentised mean that Hall's transformation sends to `x`.
fn hall_inverse(x: f64, skewness: f64, n: f64) -> f64 {
    let a = skewness / n.sqrt();
    if a.abs() < 1e-6 {
        return x;
    }
    3.0 / a * ((1.0 + a * (x - a / 6.0)).cbrt() - 1.0)
}

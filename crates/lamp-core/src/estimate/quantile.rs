//! Quantiles for intervals of 95 %.

use std::f64::consts::FRAC_PI_2;

/// The 97.5 % quantile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// The 97.5 % quantile of Student's distribution with `df` degrees of freedom, at least one and not necessarily whole
/// (Hill, 1970, "Algorithm 396: Student's t-quantiles"; to about six digits from three degrees on).
pub(super) fn student(df: f64) -> f64 {
    const TAILS: f64 = 0.05;
    if df < 1.5 {
        return 12.706_204_736;
    }
    if (df - 2.0).abs() < 1e-9 {
        return (2.0 / (TAILS * (2.0 - TAILS)) - 2.0).sqrt();
    }
    // The names of the paper are a, b, c and d.
    let inverse = 1.0 / (df - 0.5);
    let scale = 48.0 / (inverse * inverse);
    let shape = ((20_700.0 * inverse / scale - 98.0) * inverse - 16.0) * inverse + 96.36;
    let spread = ((94.5 / (scale + shape) - 3.0) / scale + 1.0) * (inverse * FRAC_PI_2).sqrt() * df;
    let tail = (spread * TAILS).powf(2.0 / df);
    let is_near_normal = tail > inverse + 0.05;
    let squared =
        if is_near_normal { near_normal(df, inverse, scale, shape, spread) } else { far_from_normal(df, spread, tail) };
    (df * squared).sqrt()
}

fn near_normal(df: f64, inverse: f64, scale: f64, shape: f64, spread: f64) -> f64 {
    let x = -Z;
    let shape = if df < 5.0 { shape + 0.3 * (df - 4.5) * (x + 0.6) } else { shape };
    let shape = (((0.05 * spread * x - 5.0) * x - 7.0) * x - 2.0) * x + scale + shape;
    let y = x * x;
    let y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / shape - y - 3.0) / scale + 1.0) * x;
    (inverse * y * y).exp_m1()
}

fn far_from_normal(df: f64, spread: f64, y: f64) -> f64 {
    let inner = 1.0 / (((df + 6.0) / (df * y) - 0.089 * spread - 0.822) * (df + 2.0) * 3.0) + 0.5 / (df + 4.0);
    (inner * y - 1.0) * (df + 1.0) / (df + 2.0) + 1.0 / y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (df, expected) in [
            (1.0, 12.706),
            (2.0, 4.303),
            (3.0, 3.182),
            (4.0, 2.776),
            (5.0, 2.571),
            (9.0, 2.262),
            (29.0, 2.045),
            (99.0, 1.984),
            (10_000.0, 1.960),
        ] {
            assert!((student(df) - expected).abs() < 1e-3, "{df}: {} is not {expected}", student(df));
        }
        assert!(student(9.0) > student(9.5) && student(9.5) > student(10.0), "between whole numbers too");
    }
}

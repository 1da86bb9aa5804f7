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
    let a = 1.0 / (df - 0.5);
    let b = 48.0 / (a * a);
    let c = ((20_700.0 * a / b - 98.0) * a - 16.0) * a + 96.36;
    let d = ((94.5 / (b + c) - 3.0) / b + 1.0) * (a * FRAC_PI_2).sqrt() * df;
    let tail = (d * TAILS).powf(2.0 / df);
    let squared = if tail > a + 0.05 { near_normal(df, a, b, c, d) } else { far_from_normal(df, d, tail) };
    (df * squared).sqrt()
}

fn near_normal(df: f64, a: f64, b: f64, c: f64, d: f64) -> f64 {
    let x = -Z;
    let c = if df < 5.0 { c + 0.3 * (df - 4.5) * (x + 0.6) } else { c };
    let c = (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b + c;
    let y = x * x;
    let y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x;
    (a * y * y).exp_m1()
}

fn far_from_normal(df: f64, d: f64, y: f64) -> f64 {
    let inner = 1.0 / (((df + 6.0) / (df * y) - 0.089 * d - 0.822) * (df + 2.0) * 3.0) + 0.5 / (df + 4.0);
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

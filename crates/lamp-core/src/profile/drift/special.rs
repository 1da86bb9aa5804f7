//! Distribution functions.

/// Terms of a series at most; it ends far earlier, when a term no longer matters.
const TERMS_MAX: u32 = 10_000;

/// The survival function of Kolmogorov's limiting distribution, `2 Σ (−1)^(k−1) exp(−2k²x²)`; for small `x` the
/// form that converges there, `1 − √(2π)/x Σ exp(−(2k−1)²π²/(8x²))` (Numerical Recipes 6.14.56–57).
pub(super) fn kolmogorov(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x <= 0.0 {
        return 1.0;
    }
    let sum = if x < 1.18 {
        let term = |k: i32| (-f64::from(2 * k - 1).powi(2) * PI * PI / (8.0 * x * x)).exp();
        1.0 - (2.0 * PI).sqrt() / x * (1..=4).map(term).sum::<f64>()
    } else {
        let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp() * if k % 2 == 1 { 1.0 } else { -1.0 };
        2.0 * (1..=4).map(term).sum::<f64>()
    };
    sum.clamp(0.0, 1.0)
}

/// The logarithm of the gamma function of `x > 0`: Lanczos' approximation with g = 7 and nine terms (Lanczos, 1964;
/// coefficients by Godfrey), good to some fifteen digits.
#[allow(clippy::excessive_precision, reason = "the coefficients as they are published")]
pub(super) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const FIRST: f64 = 0.999_999_999_999_809_93;
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_13,
        -176.615_029_162_140_59,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_571_6e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = (1_u8..).zip(TERMS).fold(FIRST, |sum, (at, term)| sum + term / (x + f64::from(at)));
    let t = x + G + 0.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised upper incomplete gamma function Q(a, x) for `a > 0` and `x ≥ 0`: the series of Abramowitz and
/// Stegun 6.5.29 below `a + 1`, the continued fraction 6.5.31 by Lentz' method above. `Q(k/2, x/2)` is the survival
/// function of chi-squared with `k` degrees of freedom.
pub(super) fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    let probability = if x < a + 1.0 { 1.0 - scale * series(a, x) } else { scale * fraction(a, x) };
    probability.clamp(0.0, 1.0)
}

fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for k in 1..TERMS_MAX {
        term *= x / (a + f64::from(k));
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let not_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut partial = x + 1.0 - a;
    let mut upper = 1.0 / TINY;
    let mut lower = 1.0 / not_zero(partial);
    let mut value = lower;
    for k in 1..TERMS_MAX {
        let step = -f64::from(k) * (f64::from(k) - a);
        partial += 2.0;
        lower = 1.0 / not_zero(step * lower + partial);
        upper = not_zero(partial + step / upper);
        value *= lower * upper;
        if (lower * upper - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(what: &str, found: f64, expected: f64) {
        let allowed = 1e-11 * expected.abs().max(1e-9);
        assert!((found - expected).abs() <= allowed, "{what}: {found}, not {expected}");
    }

    #[test]
    fn functions_are_those_of_scipy() {
        for (x, expected) in [
            (0.2, 0.999_999_999_999_495),
            (0.3, 0.999_990_694_198_665_5),
            (0.5, 0.963_945_243_664_875_1),
            (0.8276, 0.499_958_416_563_544_56),
            (1.0, 0.269_999_671_677_354_56),
            (1.358, 0.050_026_797_334_446_98),
            (2.0, 0.000_670_925_255_779_695_3),
            (3.0, 3.045_995_948_942_526e-8),
        ] {
            check(&format!("kolmogorov({x})"), kolmogorov(x), expected);
        }
        for (x, expected) in [
            (0.5, 0.572_364_942_924_700),
            (1.0, 0.0),
            (3.7, 1.428_072_326_665_388),
            (30.25, 72.104_204_742_008),
            (1_000.5, 5_908.674_175_848_678),
        ] {
            assert!((ln_gamma(x) - expected).abs() < 1e-11 * f64::max(expected, 1.0), "ln_gamma({x})");
        }
        for (a, x, expected) in [
            (0.5, 0.1, 0.654_720_846_018_576_8),
            (0.5, 3.0, 0.014_305_878_435_429_641),
            (1.0, 1.0, 0.367_879_441_171_442_45),
            (4.5, 2.0, 0.911_412_526_831_679_2),
            (4.5, 20.0, 7.598_525_229_464_264e-6),
            (50.0, 40.0, 0.929_664_933_340_605_1),
            (50.0, 75.0, 0.000_903_932_042_354_018_4),
            (500.0, 520.0, 0.184_691_149_098_743_65),
        ] {
            check(&format!("upper_gamma({a}, {x})"), upper_gamma(a, x), expected);
        }
        assert_eq!((kolmogorov(0.0), upper_gamma(2.0, 0.0)), (1.0, 1.0));
    }
}

//! How far two columns are apart, in the measures that people know, each with an effect size.
//!
//! A p-value answers whether two samples *can* be of one source; with a million rows it is small for any difference
//! at all. So each measure has an effect, from 0 (the same) upwards, that does not grow with the rows: that is what
//! a threshold belongs on.

mod special;

use super::column::{ColumnKind, ColumnProfile};
use super::{compare, histogram};

/// Rows added to each class for the population stability index, which is infinite where a class is empty on one side
/// (Jeffreys' prior).
const PSI_PRIOR: f64 = 0.5;

/// A measure of how far two samples are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The statistic, in its own unit.
    pub statistic: f64,
    /// How likely one source gives samples that are further apart; none for a measure without a distribution.
    pub p_value: Option<f64>,
    /// The size of the difference, whatever the number of rows: 0 for none.
    pub effect: f64,
}

/// A distribution of numbers in steps: values in strictly increasing order, with how often each occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    values: Vec<(f64, u64)>,
    total: u64,
    /// The most by which a share below a value is off.
    error: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
impl Steps {
    /// Of a sample. Values that are not finite are left out.
    pub fn of_sample(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().filter(|value| value.is_finite()).map(|value| value + 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let values: Vec<_> =
            sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|run| (run[0], run.len() as u64)).collect();
        Self { values, total: sorted.len() as u64, error: 0.0 }
    }

    /// Of the finite values of a column of numbers, dates or instants; none for another column.
    pub fn of_column(column: &ColumnProfile) -> Option<Self> {
        let numbers = column.numbers.as_ref()?;
        let (values, error) = if column.top.exact {
            (histogram::sorted_numbers(&column.top), 0.0)
        } else {
            (numbers.quantiles.points().to_vec(), numbers.quantiles.rank_error())
        };
        Some(Self { total: values.iter().map(|(_, count)| count).sum(), values, error })
    }

    /// Number of values.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The most by which a share of these values is off: 0 unless they were sketched.
    pub fn error(&self) -> f64 {
        self.error
    }

    fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// Calls `each` with the shares of both at or below each value that occurs in one of them, and the distance to the
/// next such value; 0 for the last.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn walk(a: &Steps, b: &Steps, mut each: impl FnMut(f64, f64, f64)) {
    let (mut of_a, mut of_b) = (a.values.iter().peekable(), b.values.iter().peekable());
    let (mut below_a, mut below_b) = (0, 0);
    loop {
        let heads = [of_a.peek(), of_b.peek()].into_iter().flatten();
        let Some(value) = heads.map(|(value, _)| *value).reduce(f64::min) else { return };
        below_a += of_a.next_if(|(next, _)| *next <= value).map_or(0, |(_, count)| *count);
        below_b += of_b.next_if(|(next, _)| *next <= value).map_or(0, |(_, count)| *count);
        let next = [of_a.peek(), of_b.peek()].into_iter().flatten().map(|(value, _)| *value).reduce(f64::min);
        let shares = (below_a as f64 / a.total as f64, below_b as f64 / b.total as f64);
        each(shares.0, shares.1, next.map_or(0.0, |next| next - value));
    }
}

/// Kolmogorov and Smirnov's test of two samples: the largest difference between the shares at or below any value,
/// which is its own effect size (0 to 1). The p-value is the limiting distribution with Stephens' correction for few
/// values (1970; Numerical Recipes 14.3.9), and too large for values with many ties. Of sketches the statistic is off by
/// at most the sum of their [errors](Steps::error). None without values on both sides.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
pub fn kolmogorov_smirnov(a: &Steps, b: &Steps) -> Option<Drift> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut largest: f64 = 0.0;
    walk(a, b, |of_a, of_b, _| largest = largest.max((of_a - of_b).abs()));
    let (n, m) = (a.total as f64, b.total as f64);
    let root = (n / (n + m) * m).sqrt();
    let p_value = special::kolmogorov((root + 0.12 + 0.11 / root) * largest);
    Some(Drift { statistic: largest, p_value: Some(p_value), effect: largest })
}

/// The first Wasserstein distance (earth mover's): the area between the shares at or below each value, in the
/// values' own unit (Vallender, 1974). The effect is that distance in sample standard deviations of the reference
/// `b`; infinite where that does not vary. None without values on both sides.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
pub fn wasserstein(a: &Steps, b: &Steps) -> Option<Drift> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut area = 0.0;
    walk(a, b, |of_a, of_b, width| area += (of_a - of_b).abs() * width);
    let count = b.total as f64;
    let mean = b.values.iter().map(|(value, n)| value * (*n as f64 / count)).sum::<f64>();
    let squares = b.values.iter().map(|(value, n)| (value - mean).powi(2) * *n as f64).sum::<f64>();
    let spread = (squares / (count - 1.0).max(1.0)).sqrt();
    let effect = if area == 0.0 { 0.0 } else { area / spread };
    Some(Drift { statistic: area, p_value: None, effect })
}

/// Both sides' rows in the same classes, as shares, with `prior` rows added to each class that occurs. None without
/// rows on both sides.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn shares(a: &[u64], b: &[u64], prior: f64) -> Option<Vec<(f64, f64)>> {
    let occurring: Vec<_> = a.iter().zip(b).filter(|(a, b)| **a + **b > 0).collect();
    let rows = |side: fn(&(&u64, &u64)) -> u64| occurring.iter().map(side).sum::<u64>() as f64;
    let (rows_a, rows_b) = (rows(|(a, _)| **a), rows(|(_, b)| **b));
    if rows_a == 0.0 || rows_b == 0.0 {
        return None;
    }
    let added = prior * occurring.len() as f64;
    let share = |count: u64, rows: f64| (count as f64 + prior) / (rows + added);
    Some(occurring.into_iter().map(|(a, b)| (share(*a, rows_a), share(*b, rows_b))).collect())
}

/// Pearson's chi-squared test of homogeneity of two samples in the same classes, without a continuity correction.
/// Classes that occur on neither side are left out. The effect is Cramér's V, here `√(χ²/n)`: 0 to 1. The p-value
/// is good where at least five rows are expected in nearly all classes. None without rows on both sides.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
pub fn chi_squared(a: &[u64], b: &[u64]) -> Option<Drift> {
    let shares = shares(a, b, 0.0)?;
    let (n, m) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    // Σ (observed − expected)² / expected over both rows, with what they have in common taken out.
    let of_class = |(p, q): &(f64, f64)| (p - q).powi(2) / (p * n + q * m);
    let statistic = n * m * shares.iter().map(of_class).sum::<f64>();
    let degrees = shares.len() as f64 - 1.0;
    let p_value = if degrees > 0.0 { special::upper_gamma(degrees / 2.0, statistic / 2.0) } else { 1.0 };
    Some(Drift { statistic, p_value: Some(p_value), effect: (statistic / (n + m)).sqrt() })
}

/// The population stability index `Σ (p − q) ln(p/q)` (the symmetric divergence of Jeffreys, 1946), with half a row
/// added to each class. Credit scoring reads below 0.1 as stable and above 0.25 as shifted (Siddiqi, 2006). None
/// without rows on both sides.
pub fn population_stability(a: &[u64], b: &[u64]) -> Option<Drift> {
    let index = shares(a, b, PSI_PRIOR)?.iter().map(|(p, q)| (p - q) * (p / q).ln()).sum();
    Some(Drift { statistic: index, p_value: None, effect: index })
}

/// The Jensen–Shannon distance: the square root of the divergence in bits (Endres and Schindelin, 2003), a metric
/// from 0 to 1. None without rows on both sides.
pub fn jensen_shannon(a: &[u64], b: &[u64]) -> Option<Drift> {
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let of_class = |(p, q): &(f64, f64)| part(*p, f64::midpoint(*p, *q)) + part(*q, f64::midpoint(*p, *q));
    let divergence = shares(a, b, 0.0)?.iter().map(of_class).sum::<f64>() / 2.0;
    let distance = divergence.max(0.0).sqrt();
    Some(Drift { statistic: distance, p_value: None, effect: distance })
}

/// Rows of both columns in the same classes, for the measures above: numbers, dates and instants are cut at the
/// deciles of the reference; everything else by value. Nulls are a class, and so are values that are not finite or
/// not listed. None for columns of types that do not go together.
pub fn classes(today: &ColumnProfile, reference: &ColumnProfile) -> Option<(Vec<u64>, Vec<u64>)> {
    let kind: ColumnKind = today.kind.widen(reference.kind)?;
    Some(compare::classes(kind, today, reference))
}

#[cfg(test)]
mod tests;

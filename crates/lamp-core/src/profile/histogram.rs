//! A column as bars.

use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, ColumnProfile};
use super::scalar::Scalar;
use super::top::TopValues;

/// One bar. A range takes in its left end and leaves out its right, save for the last, which takes
/// in both; a single value has equal ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Left end.
    pub from: Scalar,
    /// Right end.
    pub to: Scalar,
    /// The bar's name for people: a range or a value.
    pub label: String,
    /// Rows in it.
    pub count: u64,
}

/// Characters of a value that a label shows.
const LABEL_CHARACTERS: usize = 40;

impl Bin {
    fn range(kind: ColumnKind, from: Scalar, to: Scalar, count: u64) -> Self {
        let label = if from == to { end(kind, &from) } else { format!("{} – {}", end(kind, &from), end(kind, &to)) };
        Self { from, to, label, count }
    }

    /// One integer.
    fn integer(from: Scalar, to: Scalar, count: u64) -> Self {
        Self { label: end(ColumnKind::Int, &from), from, to, count }
    }

    pub(super) fn value(value: &Scalar, count: u64) -> Self {
        let text = value.to_string();
        let label = match text.chars().count() {
            0 => "(empty)".to_owned(),
            1..=LABEL_CHARACTERS => text,
            _ => text.chars().take(LABEL_CHARACTERS).chain(['…']).collect(),
        };
        Self { from: value.clone(), to: value.clone(), label, count }
    }
}

/// An end of a range in few characters.
fn end(kind: ColumnKind, end: &Scalar) -> String {
    match end {
        Scalar::Float(value) if *value == 0.0 || (1e-3..1e9).contains(&value.abs()) => {
            let rounded = format!("{value:.3}");
            rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Scalar::Float(value) => format!("{value:.3e}"),
        Scalar::Instant(_) if kind == ColumnKind::Date => end.to_string().chars().take(10).collect(),
        other => other.to_string(),
    }
}

/// A column as bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Whether bars are ranges (numbers, dates, instants) rather than single values.
    pub ranges: bool,
    /// The bars: ranges from left to right, single values heaviest first.
    pub bins: Vec<Bin>,
    /// Values in none of the bars.
    pub others: u64,
    /// Whether counts are exact; else each bar is off by at most twice
    /// [`super::QUANTILE_RANK_ERROR`] of the values.
    pub exact: bool,
}

/// The smallest listed value at or above which a share `p` of the values lies, from exact counts.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank among counts far below 2^53"
)]
pub(super) fn exact_quantile(top: &TopValues, p: f64) -> Option<f64> {
    let counts = sorted_numbers(top);
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let rank = ((p * total as f64).ceil() as u64).clamp(1, total.max(1));
    let mut seen = 0;
    counts.iter().find_map(|(value, count)| {
        seen += count;
        (seen >= rank).then_some(*value)
    })
}

/// Listed values as numbers, in order.
pub(super) fn sorted_numbers(top: &TopValues) -> Vec<(f64, u64)> {
    let mut counts: Vec<_> =
        top.entries.iter().filter_map(|(value, count)| value.as_f64().map(|value| (value, *count))).collect();
    counts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    counts
}

pub(super) fn of(column: &ColumnProfile, bins: usize) -> Histogram {
    let bins = bins.max(1);
    if column.kind.is_ordered_number() { ranges(column, bins) } else { categories(column, bins) }
}

fn categories(column: &ColumnProfile, bins: usize) -> Histogram {
    let bins: Vec<Bin> = column.top.first(bins).iter().map(|(value, count)| Bin::value(value, *count)).collect();
    let shown: u64 = bins.iter().map(|bin| bin.count).sum();
    Histogram { ranges: false, bins, others: column.non_null().saturating_sub(shown), exact: column.top.exact }
}

fn ranges(column: &ColumnProfile, bins: usize) -> Histogram {
    let finite = column.numbers.as_ref().map_or(0, |numbers| numbers.moments.count);
    let others = column.non_null() - finite;
    let ends = column.min.as_ref().and_then(Scalar::as_f64).zip(column.max.as_ref().and_then(Scalar::as_f64));
    let Some((low, high)) = ends.filter(|_| finite > 0) else {
        return Histogram { ranges: true, bins: Vec::new(), others, exact: true };
    };
    let edges = edges(column.kind, low, high, bins);
    let is_by_integer = are_few_integers(column.kind, low, high, bins);
    let counts = counts_between(column, &edges, finite);
    let bins = edges
        .windows(2)
        .zip(counts)
        .map(|(ends, count)| bin(column.kind, (ends[0], ends[1]), is_by_integer, count))
        .collect();
    Histogram { ranges: true, bins, others, exact: column.top.exact }
}

/// One bar; of a column with a bar for each integer, the integer.
pub(super) fn bin(kind: ColumnKind, (from, to): (f64, f64), is_by_integer: bool, count: u64) -> Bin {
    let is_one_integer = is_by_integer && to - from <= 1.0;
    let (from, to) = (edge_scalar(kind, from), edge_scalar(kind, to));
    if is_one_integer { Bin::integer(from, to, count) } else { Bin::range(kind, from, to, count) }
}

/// How many of the column's `finite` values lie between each two edges; the first and the last take in what lies
/// beyond them. `edges` are strictly increasing, at least two.
pub(super) fn counts_between(column: &ColumnProfile, edges: &[f64], finite: u64) -> Vec<u64> {
    if column.top.exact {
        return exact_counts(&sorted_numbers(&column.top), edges);
    }
    sketched_counts(column, edges, finite)
}

/// Whether there is a bar for every integer of the range.
#[allow(clippy::cast_precision_loss, reason = "a small number of bins")]
fn are_few_integers(kind: ColumnKind, low: f64, high: f64, bins: usize) -> bool {
    kind == ColumnKind::Int && high - low < bins as f64
}

/// Edges from `low` to `high`. Integers never get bins narrower than one.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number of bins"
)]
pub(super) fn edges(kind: ColumnKind, low: f64, high: f64, bins: usize) -> Vec<f64> {
    // Halved before subtracting: the width of the whole range of floats is not a float.
    let width = (high / 2.0 - low / 2.0) / bins as f64 * 2.0;
    let is_one_value = width == 0.0 || low + width <= low;
    if is_one_value {
        return vec![low, high];
    }
    if are_few_integers(kind, low, high, bins) {
        // One bar a value; the last edge lies beyond the last value.
        return (0..=(high - low) as usize + 1).map(|step| low + step as f64).collect();
    }
    let edge = |step: usize| {
        let share = step as f64 / bins as f64;
        if (high - low).is_finite() { low + width * step as f64 } else { low * (1.0 - share) + high * share }
    };
    let mut edges: Vec<f64> = (0..bins).map(edge).collect();
    edges.push(high);
    edges
}

#[allow(clippy::cast_possible_truncation, reason = "an edge lies between two instants")]
fn edge_scalar(kind: ColumnKind, edge: f64) -> Scalar {
    match kind {
        ColumnKind::Date | ColumnKind::Instant => Scalar::Instant(edge.round() as i64),
        _ => Scalar::Float(edge),
    }
}

fn exact_counts(values: &[(f64, u64)], edges: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len() - 1];
    for (value, count) in values {
        let right = edges.partition_point(|edge| edge <= value);
        let bin = right.saturating_sub(1).min(counts.len() - 1);
        counts[bin] += count;
    }
    counts
}

/// Differences of the rounded cumulative counts, so that the bars add up to all values.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of counts far below 2^53"
)]
fn sketched_counts(column: &ColumnProfile, edges: &[f64], finite: u64) -> Vec<u64> {
    let inner = &edges[1..edges.len() - 1];
    let shares = column.numbers.as_ref().and_then(|numbers| numbers.quantiles.shares_below(inner));
    let mut below = 0;
    let mut counts = Vec::with_capacity(edges.len() - 1);
    for share in shares.unwrap_or_default().into_iter().take(inner.len()) {
        let until_here = ((share * finite as f64).round() as u64).clamp(below, finite);
        counts.push(until_here - below);
        below = until_here;
    }
    counts.push(finite - below);
    counts
}

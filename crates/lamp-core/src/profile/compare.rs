//! Two columns side by side: today over what was before.

use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, ColumnProfile};
use super::histogram::{self, Bin};
use super::scalar::Scalar;
use super::{Merging, ProfileError};

/// One bar of both columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedBin {
    /// The bar's name for people: a range or a value.
    pub label: String,
    /// Left end; of a single value the value.
    pub from: Scalar,
    /// Right end; of a single value the value.
    pub to: Scalar,
    /// Rows of today in it.
    pub today: u64,
    /// Rows of the reference in it.
    pub reference: u64,
}

/// Two columns as bars over the same ranges or values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedHistogram {
    /// Whether bars are ranges (numbers, dates, instants) rather than single values.
    pub ranges: bool,
    /// The bars: ranges from left to right, single values heaviest first. Of ranges the first and the last reach
    /// as far as there are values; the others are equally wide.
    pub bins: Vec<PairedBin>,
    /// Values of today in none of the bars.
    pub others_today: u64,
    /// Values of the reference in none of the bars.
    pub others_reference: u64,
    /// Rows of today, nulls among them.
    pub rows_today: u64,
    /// Rows of the reference, nulls among them; 0 without one.
    pub rows_reference: u64,
}

/// Both columns as `bins` bars over the same ranges or values. A reference of another type is left out, and so are
/// dates and instants of the past, which have nothing in common with those of today. Whole numbers are never cut
/// apart: each bar takes in equally many of them.
pub fn side_by_side(today: &ColumnProfile, reference: Option<&ColumnProfile>, bins: usize) -> PairedHistogram {
    let is_time = |column: &ColumnProfile| matches!(column.kind, ColumnKind::Date | ColumnKind::Instant);
    let is_alike = |reference: &&ColumnProfile| reference.kind.widen(today.kind).is_some();
    let reference = reference.filter(is_alike).filter(|reference| !is_time(today) && !is_time(reference));
    let kind = reference.and_then(|reference| reference.kind.widen(today.kind)).unwrap_or(today.kind);
    let bins = bins.max(1);
    if kind.is_ordered_number() { ranges(kind, today, reference, bins) } else { values(today, reference, bins) }
}

/// The total variation distance between two columns, from 0 (the same shares everywhere) to 1 (nothing in
/// common): half the sum of the absolute differences of the shares of rows. Numbers, dates and instants are cut
/// at the deciles of the reference, a decile that repeats being a class of its own; everything else by value.
/// Nulls are a class, and so are values that are not finite, and values that are not listed. Columns of types
/// that do not go together have nothing in common.
pub fn distance(today: &ColumnProfile, reference: &ColumnProfile) -> f64 {
    let Some(kind) = today.kind.widen(reference.kind) else { return 1.0 };
    let (a, b) = classes(kind, today, reference);
    let of = |count: u64, column: &ColumnProfile| share(count, column.count);
    a.iter().zip(&b).map(|(a, b)| (of(*a, today) - of(*b, reference)).abs()).sum::<f64>() / 2.0
}

/// Rows of both columns, which hold values of `kind`, in the same classes: see [`distance`].
pub(super) fn classes(kind: ColumnKind, today: &ColumnProfile, reference: &ColumnProfile) -> (Vec<u64>, Vec<u64>) {
    if kind.is_ordered_number() {
        let edges = decile_edges(reference);
        (classes_of_numbers(today, &edges), classes_of_numbers(reference, &edges))
    } else {
        classes_of_values(today, reference)
    }
}

/// The profiles of one column, one after the other, as one. None if none has it.
pub fn merged<'p>(parts: impl IntoIterator<Item = &'p ColumnProfile>) -> Result<Option<ColumnProfile>, ProfileError> {
    let mut merging = Merging::default();
    for part in parts {
        merging.push(part.clone())?;
    }
    merging.finish()
}

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn share(count: u64, rows: u64) -> f64 {
    if rows == 0 { 0.0 } else { count as f64 / rows as f64 }
}

fn finite(column: &ColumnProfile) -> u64 {
    column.numbers.as_ref().map_or(0, |numbers| numbers.moments.count)
}

fn decile_edges(reference: &ColumnProfile) -> Vec<f64> {
    let mut edges = vec![f64::NEG_INFINITY];
    for decile in (1..10).filter_map(|tenth| reference.quantile(f64::from(tenth) / 10.0)) {
        match edges.last() {
            Some(last) if decile > *last => edges.push(decile),
            // It repeats: what equals it is cut off from what is above it.
            Some(last) if decile.to_bits() == last.to_bits() => edges.push(decile.next_up()),
            Some(_) | None => {}
        }
    }
    edges.push(f64::INFINITY);
    edges
}

fn classes_of_numbers(column: &ColumnProfile, edges: &[f64]) -> Vec<u64> {
    let finite = finite(column);
    let mut classes =
        if finite == 0 { vec![0; edges.len() - 1] } else { histogram::counts_between(column, edges, finite) };
    classes.extend([column.nulls, column.non_null() - finite]);
    classes
}

fn classes_of_values(today: &ColumnProfile, reference: &ColumnProfile) -> (Vec<u64>, Vec<u64>) {
    let values = listed_in_either(today, Some(reference));
    let (mut a, mut b): (Vec<_>, Vec<_>) = values.iter().map(|(_, a, b)| (*a, *b)).unzip();
    for (classes, column) in [(&mut a, today), (&mut b, reference)] {
        let listed: u64 = classes.iter().sum();
        classes.extend([column.nulls, column.non_null().saturating_sub(listed)]);
    }
    (a, b)
}

/// Every value that is listed in one of the two, with how often it occurs in each as far as is known, in order.
fn listed_in_either(today: &ColumnProfile, reference: Option<&ColumnProfile>) -> Vec<(Scalar, u64, u64)> {
    let of_today = today.top.entries.iter().map(|(value, count)| (value.clone(), *count, 0));
    let entries = reference.map(|reference| &reference.top.entries[..]).unwrap_or_default();
    let mut all: Vec<_> = of_today.chain(entries.iter().map(|(value, count)| (value.clone(), 0, *count))).collect();
    all.sort_by(|(a, ..), (b, ..)| a.order(b));
    let mut united: Vec<(Scalar, u64, u64)> = Vec::with_capacity(all.len());
    for (value, a, b) in all {
        match united.last_mut() {
            Some((last, today, reference)) if last.order(&value).is_eq() => {
                *today += a;
                *reference += b;
            }
            _ => united.push((value, a, b)),
        }
    }
    united
}

fn values(today: &ColumnProfile, reference: Option<&ColumnProfile>, bins: usize) -> PairedHistogram {
    let rows_reference = reference.map_or(0, |reference| reference.count);
    let mut listed = listed_in_either(today, reference);
    let weight = |(_, a, b): &(Scalar, u64, u64)| share(*a, today.count).max(share(*b, rows_reference));
    listed.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    listed.truncate(bins);
    let shown = |count: fn(&(Scalar, u64, u64)) -> u64| listed.iter().map(count).sum::<u64>();
    let (of_today, of_reference) = (shown(|entry| entry.1), shown(|entry| entry.2));
    PairedHistogram {
        ranges: false,
        others_today: today.non_null().saturating_sub(of_today),
        others_reference: reference.map_or(0, |reference| reference.non_null().saturating_sub(of_reference)),
        bins: listed
            .into_iter()
            .map(|(value, today, reference)| PairedBin {
                label: Bin::value(&value, 0).label,
                from: value.clone(),
                to: value,
                today,
                reference,
            })
            .collect(),
        rows_today: today.count,
        rows_reference,
    }
}

fn ranges(kind: ColumnKind, today: &ColumnProfile, reference: Option<&ColumnProfile>, bins: usize) -> PairedHistogram {
    let both = [Some(today), reference];
    let are_whole = both.iter().flatten().all(|column| are_whole(column));
    let edges = shared_edges(kind, &both, are_whole, bins);
    let counts = |column: Option<&ColumnProfile>| match column.filter(|column| finite(column) > 0) {
        Some(column) if edges.len() > 1 => histogram::counts_between(column, &edges, finite(column)),
        Some(_) | None => vec![0; edges.len().saturating_sub(1)],
    };
    let (of_today, of_reference) = (counts(Some(today)), counts(reference));
    let others = |column: &ColumnProfile| column.non_null() - finite(column);
    PairedHistogram {
        ranges: true,
        bins: edges
            .windows(2)
            .zip(of_today.into_iter().zip(of_reference))
            .map(|(ends, counts)| range_bin(kind, (ends[0], ends[1]), are_whole, counts))
            .collect(),
        others_today: others(today),
        others_reference: reference.map_or(0, others),
        rows_today: today.count,
        rows_reference: reference.map_or(0, |reference| reference.count),
    }
}

/// A bar between two edges. Of whole numbers the right edge is the first that it does not take in.
fn range_bin(kind: ColumnKind, (from, to): (f64, f64), are_whole: bool, (today, reference): (u64, u64)) -> PairedBin {
    let last = if are_whole { (to - 1.0).max(from) } else { to };
    let bin = histogram::bin(kind, (from, last), false, today);
    PairedBin { label: bin.label, from: bin.from, to: bin.to, today, reference }
}

/// Whether every value is a whole number.
#[allow(clippy::float_cmp, reason = "a whole number is exactly its own rounding")]
fn are_whole(column: &ColumnProfile) -> bool {
    let is_whole = |value: &Scalar| value.as_f64().is_some_and(|value| value == value.round());
    match column.kind {
        ColumnKind::Int | ColumnKind::Null => true,
        ColumnKind::Float => column.top.exact && column.top.entries.iter().all(|(value, _)| is_whole(value)),
        ColumnKind::Bool
        | ColumnKind::Date
        | ColumnKind::Instant
        | ColumnKind::Time
        | ColumnKind::Text
        | ColumnKind::List
        | ColumnKind::Struct
        | ColumnKind::Other => false,
    }
}

/// Edges that fit both: equal widths where nearly all values are, so that one value far out does not press the
/// others into one bar; the first and the last bar reach to the extremes.
fn shared_edges(kind: ColumnKind, columns: &[Option<&ColumnProfile>], are_whole: bool, bins: usize) -> Vec<f64> {
    let all =
        |value: fn(&ColumnProfile) -> Option<f64>| columns.iter().flatten().filter_map(move |column| value(column));
    let low = all(|column| column.min.as_ref()?.as_f64()).reduce(f64::min);
    let high = all(|column| column.max.as_ref()?.as_f64()).reduce(f64::max);
    let Some((low, high)) = low.zip(high) else { return Vec::new() };
    let inner_low = all(|column| column.quantile(0.01)).reduce(f64::min).unwrap_or(low);
    let inner_high = all(|column| column.quantile(0.99)).reduce(f64::max).unwrap_or(high);
    // What lies not far beyond the middle needs no wider bar.
    let reach = inner_high - inner_low;
    let from = if reach <= 0.0 || low >= inner_low - reach { low } else { inner_low };
    let to = if reach <= 0.0 || high <= inner_high + reach { high } else { inner_high };
    let mut edges = if are_whole { whole_edges(from, to, bins) } else { histogram::edges(kind, from, to, bins) };
    if let Some(first) = edges.first_mut() {
        *first = first.min(low);
    }
    if let Some(last) = edges.last_mut() {
        *last = if are_whole { high + 1.0 } else { last.max(high) };
    }
    edges
}

/// Edges between whole numbers, equally many of them in each bar; the last edge lies beyond the last number.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number of bars"
)]
fn whole_edges(from: f64, to: f64, bins: usize) -> Vec<f64> {
    let (from, to) = (from.floor(), to.ceil());
    let numbers = to - from + 1.0;
    let step = (numbers / bins as f64).ceil().max(1.0);
    let bars = ((numbers / step).ceil() as usize).clamp(1, bins);
    (0..=bars).map(|at| from + step * at as f64).collect()
}

#[cfg(test)]
mod tests;

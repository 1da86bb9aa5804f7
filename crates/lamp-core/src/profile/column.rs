//! The summary of one column.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::moments::Moments;
use super::quantiles::QuantileSketch;
use super::scalar::Scalar;
use super::sketch::{DISTINCT_RELATIVE_ERROR, DistinctSketch};
use super::top::TopValues;
use super::{ProfileError, histogram, sketch};

/// What sort of values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Nothing but nulls.
    Null,
    /// Booleans.
    Bool,
    /// Integers that fit 64 bits with a sign.
    Int,
    /// Floats, decimals and unsigned 64-bit integers.
    Float,
    /// Calendar days; kept as the instant that starts them in UTC.
    Date,
    /// Instants; times without a zone are kept as if they were UTC.
    Instant,
    /// Times of day; kept as text.
    Time,
    /// Text.
    Text,
    /// Lists.
    List,
    /// Structs and maps.
    Struct,
    /// Bytes and whatever else; only counted.
    Other,
}

impl ColumnKind {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::Float => "number",
            Self::Date => "date",
            Self::Instant => "timestamp",
            Self::Time => "time",
            Self::Text => "text",
            Self::List => "list",
            Self::Struct => "struct",
            Self::Other => "other",
        }
    }

    /// Whether quantiles and bins make sense.
    pub const fn is_ordered_number(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Date | Self::Instant)
    }

    /// The kind that holds both; none when there is no such kind.
    pub const fn widen(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => Some(kind),
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Some(Self::Float),
            (Self::Date, Self::Instant) | (Self::Instant, Self::Date) => Some(Self::Instant),
            (a, b) if a as u8 == b as u8 => Some(a),
            _ => None,
        }
    }
}

/// What numbers, dates and instants have. Instants count in microseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NumberSummary {
    /// Values that are not a number.
    pub nan: u64,
    /// Values that are +∞; left out of extremes, moments and quantiles.
    pub positive_infinite: u64,
    /// Values that are −∞; left out likewise.
    pub negative_infinite: u64,
    /// Values equal to zero.
    pub zeros: u64,
    /// Values below zero.
    pub negatives: u64,
    /// Mean and spread of the finite values.
    pub moments: Moments,
    /// Their distribution.
    pub quantiles: QuantileSketch,
}

/// What text has. Lengths are in characters, not bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextSummary {
    /// Values that are the empty string.
    pub empty: u64,
    /// Length of the shortest value.
    pub min_length: u64,
    /// Length of the longest value.
    pub max_length: u64,
    /// Sum of the lengths.
    pub total_length: u64,
    /// Number of values.
    pub count: u64,
}

impl TextSummary {
    /// Mean length; none without values.
    #[allow(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn mean_length(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_length as f64 / self.count as f64)
    }

    /// Of both parts.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0 {
            return other.clone();
        }
        if other.count == 0 {
            return self.clone();
        }
        Self {
            empty: self.empty + other.empty,
            min_length: self.min_length.min(other.min_length),
            max_length: self.max_length.max(other.max_length),
            total_length: self.total_length + other.total_length,
            count: self.count + other.count,
        }
    }
}

/// How many different values a column has; nulls and NaN are not values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distinct {
    /// The number, or the best guess at it.
    pub estimate: u64,
    /// Whether it was counted rather than guessed. A guess is within
    /// [`DISTINCT_RELATIVE_ERROR`] in about 95 of 100 cases.
    pub exact: bool,
}

/// The summary of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name.
    pub name: String,
    /// Engine type name, for example `Int64` or `Timestamp(us, UTC)`.
    pub data_type: String,
    /// What sort of values it holds.
    pub kind: ColumnKind,
    /// Rows, nulls among them.
    pub count: u64,
    /// Nulls, the rows of files that lack the column among them.
    pub nulls: u64,
    /// Rows of files that lack the column.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absent: u64,
    /// Smallest finite value; of text the first in code-point order, cut after [`super::TOP_TEXT_MAX`] bytes.
    pub min: Option<Scalar>,
    /// Largest finite value; of text the last, cut likewise.
    pub max: Option<Scalar>,
    /// For numbers, dates and instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberSummary>,
    /// For text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSummary>,
    /// Distinct values, sketched; see [`ColumnProfile::distinct`].
    pub sketch: DistinctSketch,
    /// The most frequent values.
    pub top: TopValues,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ColumnProfile {
    /// Rows that are not null.
    pub fn non_null(&self) -> u64 {
        self.count - self.nulls
    }

    /// Share of nulls among the rows, from 0 to 1; 0 for a table without rows.
    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn null_share(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.nulls as f64 / self.count as f64 }
    }

    /// Number of values that are not a number.
    pub fn nan(&self) -> u64 {
        self.numbers.as_ref().map_or(0, |numbers| numbers.nan)
    }

    /// Number of zeros.
    pub fn zeros(&self) -> u64 {
        self.numbers.as_ref().map_or(0, |numbers| numbers.zeros)
    }

    /// Mean of the finite values; of instants, microseconds since the epoch.
    pub fn mean(&self) -> Option<f64> {
        self.numbers.as_ref().and_then(|numbers| numbers.moments.mean())
    }

    /// Sample standard deviation of the finite values; of instants, microseconds.
    pub fn std(&self) -> Option<f64> {
        self.numbers.as_ref().and_then(|numbers| numbers.moments.std())
    }

    /// How many different values there are.
    pub fn distinct(&self) -> Distinct {
        let counted = u64::try_from(self.top.entries.len()).unwrap_or(u64::MAX);
        if self.top.exact {
            return Distinct { estimate: counted, exact: true };
        }
        // The heaviest values were seen: there are at least as many, and never more than there are values.
        let estimate = self.sketch.estimate().clamp(counted, self.non_null().max(counted));
        Distinct { estimate, exact: false }
    }

    /// The range in which the number of distinct values lies in about 95 of 100 cases.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a range for people"
    )]
    pub fn distinct_range(&self) -> (u64, u64) {
        let distinct = self.distinct();
        if distinct.exact {
            return (distinct.estimate, distinct.estimate);
        }
        let spread = (distinct.estimate as f64 * DISTINCT_RELATIVE_ERROR).ceil() as u64;
        (distinct.estimate.saturating_sub(spread), distinct.estimate + spread)
    }

    /// The value below which a share `p` (0 to 1) of the finite values lies: exact while the
    /// column's values are counted one by one, else off by at most
    /// [`super::QUANTILE_RANK_ERROR`] in rank. None for columns without numbers.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let is_share = (0.0..=1.0).contains(&p);
        let numbers = self.numbers.as_ref().filter(|_| is_share)?;
        if numbers.moments.count == 0 {
            return None;
        }
        if self.top.exact {
            return histogram::exact_quantile(&self.top, p);
        }
        // Of both ends more is known than the sketch does.
        match p {
            0.0 => self.min.as_ref()?.as_f64(),
            1.0 => self.max.as_ref()?.as_f64(),
            _ => numbers.quantiles.quantile(p),
        }
    }

    /// The median.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The column as bars: `bins` of equal width between the extremes for numbers, dates and
    /// instants; the `bins` most frequent values and a rest for everything else.
    pub fn histogram(&self, bins: usize) -> Histogram {
        histogram::of(self, bins)
    }

    /// This column followed by `rows` rows of a file that lacks it.
    #[must_use]
    pub(super) fn followed_by_absent(&self, rows: u64) -> Self {
        let mut column = self.clone();
        column.count += rows;
        column.nulls += rows;
        column.absent += rows;
        column
    }

    fn full_sketch(&self) -> DistinctSketch {
        if !self.top.exact {
            return self.sketch.clone();
        }
        let mut sketch = DistinctSketch::default();
        for (value, _) in &self.top.entries {
            sketch.add(match value {
                Scalar::Bool(value) => sketch::coupon_of_int(i64::from(*value)),
                Scalar::Int(value) | Scalar::Instant(value) => sketch::coupon_of_int(*value),
                Scalar::Float(value) => sketch::coupon_of_float(*value),
                Scalar::Text(value) => sketch::coupon_of_text(value),
            });
        }
        sketch
    }

    fn full_quantiles(&self) -> QuantileSketch {
        if self.top.exact {
            return QuantileSketch::of_counts(&histogram::sorted_numbers(&self.top));
        }
        self.numbers.as_ref().map(|numbers| numbers.quantiles.clone()).unwrap_or_default()
    }

    /// The summary of both parts.
    pub(super) fn merge(&self, other: &Self) -> Result<Self, ProfileError> {
        let Some(kind) = self.kind.widen(other.kind) else {
            return Err(ProfileError::TypeConflict {
                column: self.name.clone(),
                left: self.data_type.clone(),
                right: other.data_type.clone(),
            });
        };
        let data_type = if kind == self.kind { self.data_type.clone() } else { other.data_type.clone() };
        let widen =
            |scalar: Option<Scalar>| if kind == ColumnKind::Float { scalar.map(Scalar::widened) } else { scalar };
        let extremes = [self, other].map(|part| (widen(part.min.clone()), widen(part.max.clone())));
        let [(left_min, left_max), (right_min, right_max)] = extremes;
        let top = self.top.merge(&other.top, kind == ColumnKind::Float);
        let mut numbers = both(self.numbers.as_ref(), other.numbers.as_ref(), NumberSummary::merge);
        let mut sketch = DistinctSketch::default();
        if !top.exact {
            // A part whose values are all listed has empty sketches: they are made now.
            sketch = self.full_sketch().merge(&other.full_sketch());
            if let Some(numbers) = &mut numbers {
                numbers.quantiles = self.full_quantiles().merge(&other.full_quantiles());
            }
        }
        Ok(Self {
            name: self.name.clone(),
            data_type,
            kind,
            count: self.count + other.count,
            nulls: self.nulls + other.nulls,
            absent: self.absent + other.absent,
            min: pick(left_min, right_min, |a, b| a.order(b).is_le()),
            max: pick(left_max, right_max, |a, b| a.order(b).is_ge()),
            numbers,
            text: both(self.text.as_ref(), other.text.as_ref(), TextSummary::merge),
            sketch,
            top,
        })
    }
}

impl NumberSummary {
    /// Of both parts.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            nan: self.nan + other.nan,
            positive_infinite: self.positive_infinite + other.positive_infinite,
            negative_infinite: self.negative_infinite + other.negative_infinite,
            zeros: self.zeros + other.zeros,
            negatives: self.negatives + other.negatives,
            moments: self.moments.merge(other.moments),
            quantiles: self.quantiles.merge(&other.quantiles),
        }
    }
}

fn pick(
    left: Option<Scalar>,
    right: Option<Scalar>,
    prefers_left: impl Fn(&Scalar, &Scalar) -> bool,
) -> Option<Scalar> {
    match (left, right) {
        (Some(a), Some(b)) => Some(if prefers_left(&a, &b) { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn both<T: Clone>(left: Option<&T>, right: Option<&T>, merge: impl Fn(&T, &T) -> T) -> Option<T> {
    match (left, right) {
        (Some(a), Some(b)) => Some(merge(a, b)),
        (a, b) => a.or(b).cloned(),
    }
}

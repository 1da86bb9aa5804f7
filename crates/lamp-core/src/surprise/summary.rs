//! One partition in few numbers a column.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::partition::PartitionKey;
use crate::profile::{ColumnKind, ColumnProfile, Profile, Scalar};

/// Values of a column whose shares are compared one by one: the heaviest.
const VALUES_MAX: usize = 256;

/// Decimals that are told apart; a number with as many has no short decimal form.
const DECIMALS_MAX: u32 = 9;

/// Microseconds in a day.
const DAY_MICROS: f64 = 86_400e6;

/// What is measured of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Rows of the partition; of the table, not of a column.
    Rows,
    /// Share of nulls.
    Nulls,
    /// How far the share of nulls is above that of columns whose nulls come and go with it.
    NullGap,
    /// Share of values that are NaN or infinite.
    NotFinite,
    /// Share of zeros.
    Zeros,
    /// Share of values below zero.
    Negatives,
    /// Share of empty texts.
    Empty,
    /// Mean.
    Mean,
    /// Standard deviation.
    Spread,
    /// Smallest value.
    Min,
    /// The median.
    Median,
    /// Largest value.
    Max,
    /// Number of different values.
    Distinct,
    /// Share of the most frequent value.
    Heaviest,
    /// The largest share that one value has beyond its usual one.
    Lump,
    /// Share of rows whose value did not occur in the history.
    NewValues,
    /// Half the sum of the differences between the values' shares and their usual ones.
    Mix,
    /// Most decimals of a number.
    Decimals,
    /// Mean length of a text.
    Length,
    /// Length of the shortest text.
    Shortest,
    /// Length of the longest text.
    Longest,
}

/// On which scale a feature is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// A share from 0 to 1: by its arcsine root, on which sampling noise is the same everywhere.
    Share,
    /// A count: by its logarithm.
    Count,
    /// In spreads of the column.
    Spreads,
    /// In spreads of the column, those far out by their logarithm: one value decides it.
    Extreme,
    /// As it is.
    Plain,
}

impl Feature {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Nulls => "share of nulls",
            Self::NullGap => "nulls beyond related columns",
            Self::NotFinite => "share of NaN",
            Self::Zeros => "share of zeros",
            Self::Negatives => "share below zero",
            Self::Empty => "share of empty texts",
            Self::Mean => "mean",
            Self::Spread => "spread",
            Self::Min => "minimum",
            Self::Median => "median",
            Self::Max => "maximum",
            Self::Distinct => "different values",
            Self::Heaviest => "share of the most frequent value",
            Self::Lump => "one value's surplus share",
            Self::NewValues => "share of new values",
            Self::Mix => "shift between values",
            Self::Decimals => "decimals",
            Self::Length => "mean length",
            Self::Shortest => "shortest text",
            Self::Longest => "longest text",
        }
    }

    /// A value of this feature for people.
    pub fn shown(self, value: f64) -> String {
        match self.scale() {
            Scale::Share => format!("{:.1} %", value * 100.0),
            Scale::Count if self != Self::Spread => format!("{value:.0}"),
            Scale::Plain => format!("{value:.0}"),
            Scale::Count | Scale::Spreads | Scale::Extreme => significant(value),
        }
    }

    pub(super) const fn scale(self) -> Scale {
        match self {
            Self::Nulls
            | Self::NullGap
            | Self::NotFinite
            | Self::Zeros
            | Self::Negatives
            | Self::Empty
            | Self::Heaviest
            | Self::Lump
            | Self::NewValues
            | Self::Mix => Scale::Share,
            Self::Rows | Self::Distinct | Self::Spread | Self::Length | Self::Shortest | Self::Longest => Scale::Count,
            Self::Mean | Self::Median => Scale::Spreads,
            Self::Min | Self::Max => Scale::Extreme,
            Self::Decimals => Scale::Plain,
        }
    }
}

/// A number with about four digits that count.
fn significant(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 || (size < 1e-3 && size > 0.0) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// A column of a partition in few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// What sort of values it holds.
    pub kind: ColumnKind,
    /// Rows, nulls among them.
    pub rows: u64,
    /// What was measured, by feature; instants count in days from the start of the partition.
    pub measured: Vec<(Feature, f64)>,
    /// The heaviest values by a digest of each, with their shares of the rows that are not null.
    pub(super) values: Vec<(u64, f64)>,
}

/// A partition in few numbers a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<ColumnSummary>,
}

impl Summary {
    /// Of the profile of a partition, whose days begin in `zone`.
    pub fn of(profile: &Profile, key: &PartitionKey, zone: &TimeZone) -> Self {
        let start = zone.to_timestamp(key.start().at(0, 0, 0, 0)).map_or(0, jiff::Timestamp::as_microsecond);
        let columns = profile.columns.iter().map(|column| ColumnSummary::of(column, start as f64));
        Self { rows: profile.rows, columns: columns.collect() }
    }

    /// A column by name.
    pub fn find(&self, name: &str) -> Option<&ColumnSummary> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl ColumnSummary {
    fn of(column: &ColumnProfile, start: f64) -> Self {
        let mut measured = Vec::with_capacity(20);
        measured.push((Feature::Nulls, column.null_share()));
        let values = column.non_null();
        if values > 0 {
            let share = |count: u64| count as f64 / values as f64;
            let distinct = column.distinct().estimate;
            if column.kind != ColumnKind::Other && column.kind != ColumnKind::List && column.kind != ColumnKind::Struct
            {
                measured.push((Feature::Distinct, distinct as f64));
                let heaviest = column.top.entries.first().map_or(0, |(_, count)| *count);
                measured.push((Feature::Heaviest, share(heaviest)));
            }
            // Where all rows have one value, only which value it is can change.
            if distinct > 1 {
                of_numbers(column, start, &mut measured);
            }
            of_texts(column, &mut measured);
        }
        Self { name: column.name.clone(), kind: column.kind, rows: column.count, measured, values: values_of(column) }
    }

    /// What was measured of a feature.
    pub fn find(&self, feature: Feature) -> Option<f64> {
        self.measured.iter().find(|(one, _)| *one == feature).map(|(_, value)| *value)
    }
}

fn of_numbers(column: &ColumnProfile, start: f64, measured: &mut Vec<(Feature, f64)>) {
    let Some(numbers) = column.numbers.as_ref().filter(|numbers| numbers.moments.count > 0) else { return };
    let is_time = matches!(column.kind, ColumnKind::Date | ColumnKind::Instant);
    let at = |value: f64| if is_time { (value - start) / DAY_MICROS } else { value };
    let values = column.non_null() as f64;
    let moments = [(Feature::Mean, column.mean().map(at))];
    let spread = column.std().map(|std| if is_time { std / DAY_MICROS } else { std });
    let quantiles = [(Feature::Min, 0.0), (Feature::Median, 0.5), (Feature::Max, 1.0)];
    let quantiles = quantiles.map(|(feature, p)| (feature, column.quantile(p).map(at)));
    let found = moments.into_iter().chain([(Feature::Spread, spread)]).chain(quantiles);
    measured.extend(found.filter_map(|(feature, value)| Some((feature, value.filter(|value| value.is_finite())?))));
    if is_time {
        return;
    }
    let infinite = numbers.nan + numbers.positive_infinite + numbers.negative_infinite;
    measured.push((Feature::NotFinite, infinite as f64 / values));
    measured.push((Feature::Zeros, numbers.zeros as f64 / values));
    measured.push((Feature::Negatives, numbers.negatives as f64 / values));
    let decimals = column.top.entries.iter().filter_map(|(value, _)| value.as_f64()).map(decimals).max();
    measured.extend(decimals.map(|most| (Feature::Decimals, f64::from(most))));
}

/// How many decimals the shortest text of a number has, up to [`DECIMALS_MAX`].
fn decimals(value: f64) -> u32 {
    if value.fract() == 0.0 {
        return 0;
    }
    let text = format!("{value}");
    let count = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    u32::try_from(count).unwrap_or(DECIMALS_MAX).min(DECIMALS_MAX)
}

fn of_texts(column: &ColumnProfile, measured: &mut Vec<(Feature, f64)>) {
    let Some(text) = column.text.as_ref().filter(|text| text.count > 0) else { return };
    measured.push((Feature::Empty, text.empty as f64 / text.count as f64));
    measured.extend(text.mean_length().map(|mean| (Feature::Length, mean)));
    measured.push((Feature::Shortest, text.min_length as f64));
    measured.push((Feature::Longest, text.max_length as f64));
}

fn values_of(column: &ColumnProfile) -> Vec<(u64, f64)> {
    if matches!(column.kind, ColumnKind::Date | ColumnKind::Instant) {
        return Vec::new();
    }
    let rows = column.non_null().max(1) as f64;
    let entries = column.top.first(VALUES_MAX).iter();
    entries.map(|(value, count)| (digest(value), *count as f64 / rows)).collect()
}

/// A digest of a value, the same for an integer and the float that equals it.
fn digest(value: &Scalar) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    match (value, value.as_f64()) {
        (Scalar::Text(text), _) => text.hash(&mut hasher),
        (_, number) => (number.unwrap_or(0.0) + 0.0).to_bits().hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_shortest_text() {
        for (value, expected) in [(0.0, 0), (3.0, 0), (-0.5, 1), (39.02, 2), (1.0 / 3.0, 9), (1e-12, 9), (1e300, 0)] {
            assert_eq!(decimals(value), expected, "{value}");
        }
    }

    #[test]
    fn an_integer_and_its_float_are_one_value() {
        assert_eq!(digest(&Scalar::Int(7)), digest(&Scalar::Float(7.0)));
        assert_ne!(digest(&Scalar::Int(7)), digest(&Scalar::Int(8)));
        assert_ne!(digest(&Scalar::Text("7".to_owned())), digest(&Scalar::Int(7)));
    }
}

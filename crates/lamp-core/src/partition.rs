//! Partitions by day or month, and ranges of them.
//!
//! A range is written `trips[..-1month]`: `..` leaves its right end out, `..=` takes it in;
//! an end is a day (`2013-01-31`), a month (`2013-01`), or relative to the run's `as_of`
//! (`-1month`, `-7days`, `-2weeks`).

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};
use crate::names::{DatasetName, NameError};

/// The length of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// One civil day.
    Day,
    /// One civil month.
    Month,
}

/// How a dataset is cut: by the civil date of `column`, in the workspace's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionBy {
    /// The column that dates a row.
    pub column: String,
    /// Day or month.
    pub by: Period,
}

/// One partition: the first civil day that it covers, and its period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartitionKey {
    start: Date,
    month: bool,
}

impl PartitionKey {
    /// The partition of `period` that holds `date`.
    pub fn containing(date: Date, period: Period) -> Self {
        match period {
            Period::Day => Self { start: date, month: false },
            Period::Month => Self { start: date.first_of_month(), month: true },
        }
    }

    /// Parses `2013-01-31` (a day) or `2013-01` (a month).
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError::Key { text: text.to_owned() };
        if let Some(date) = strict_date(text) {
            return Ok(Self { start: date, month: false });
        }
        let month = (text.len() == 7).then(|| strict_date(&format!("{text}-01"))).flatten();
        month.map(|start| Self { start, month: true }).ok_or_else(error)
    }

    /// Finds the last partition key written anywhere in a file's path
    /// (`data/dt=2013-01-05/part-0.parquet`, `flights-2013-01.csv`).
    pub fn find_in_path(path: &str, period: Period) -> Option<Self> {
        let width = match period {
            Period::Day => 10,
            Period::Month => 7,
        };
        let bytes = path.as_bytes();
        let found = (0..bytes.len().saturating_sub(width - 1)).rev().find_map(|at| {
            let before_is_digit = at > 0 && bytes[at - 1].is_ascii_digit();
            let after_is_digit = bytes.get(at + width).is_some_and(u8::is_ascii_digit);
            if before_is_digit || after_is_digit {
                return None;
            }
            let text = path.get(at..at + width)?;
            Self::parse(text).ok()
        });
        found.or_else(|| match period {
            Period::Day => None,
            Period::Month => {
                Self::find_in_path(path, Period::Day).map(|day| Self::containing(day.start, Period::Month))
            }
        })
    }

    /// First civil day covered.
    pub fn start(&self) -> Date {
        self.start
    }

    /// The day after the last civil day covered.
    pub fn end(&self) -> Date {
        if self.month { self.start + 1.month() } else { self.start + 1.day() }
    }
}

fn strict_date(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shaped { text.parse().ok() } else { None }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.month {
            write!(f, "{:04}-{:02}", self.start.year(), self.start.month())
        } else {
            write!(f, "{}", self.start)
        }
    }
}

impl TryFrom<String> for PartitionKey {
    type Error = RangeError;
    fn try_from(text: String) -> Result<Self, RangeError> {
        Self::parse(&text)
    }
}

impl From<PartitionKey> for String {
    fn from(key: PartitionKey) -> String {
        key.to_string()
    }
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Open,
    At(PartitionKey),
    Before { amount: i32, unit: Unit },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
}

/// A range of partitions, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRange {
    from: End,
    to: End,
    to_included: bool,
}

/// A range of civil days: from the first, up to but without the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// First day, or unbounded.
    pub from: Option<Date>,
    /// The day after the last, or unbounded.
    pub until: Option<Date>,
}

impl Days {
    /// Whether a whole partition lies in the range.
    pub fn holds(&self, key: &PartitionKey) -> bool {
        self.from.is_none_or(|from| key.start() >= from) && self.until.is_none_or(|until| key.end() <= until)
    }

    /// Whether two ranges share a day.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |a: &Self, b: &Self| match (a.until, b.from) {
            (Some(until), Some(from)) => until <= from,
            _ => false,
        };
        let is_empty = |d: &Self| matches!((d.from, d.until), (Some(from), Some(until)) if until <= from);
        !(ends_before(self, other) || ends_before(other, self) || is_empty(self) || is_empty(other))
    }
}

/// A text that is not a partition or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not a partition.
    #[error("`{text}` is not a partition")]
    Key {
        /// As given.
        text: String,
    },
    /// Not a range.
    #[error("`{text}` is not a range of partitions: {why}")]
    Range {
        /// As given.
        text: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The part before the bracket is not a dataset.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Classified for RangeError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write `2013-01..2013-03`, `2013-01-01..=2013-01-31`, `..-1month` or `-7days..`".to_owned())
    }
}

impl PartitionRange {
    /// Every partition.
    pub fn all() -> Self {
        Self { from: End::Open, to: End::Open, to_included: false }
    }

    /// Parses what stands between the brackets.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = |why| RangeError::Range { text: text.to_owned(), why };
        let Some((from, to)) = text.split_once("..") else {
            let key = PartitionKey::parse(text)?;
            return Ok(Self { from: End::At(key.clone()), to: End::At(key), to_included: true });
        };
        let (to, to_included) = to.strip_prefix('=').map_or((to, false), |to| (to, true));
        let from = parse_end(from).map_err(error)?;
        let to = parse_end(to).map_err(error)?;
        if to_included && to == End::Open {
            return Err(error("`..=` needs an end to take in"));
        }
        if let (End::At(from), End::At(to)) = (&from, &to) {
            let last = if to_included { to.end() } else { to.start() };
            if last <= from.start() {
                return Err(error("it ends before it starts"));
            }
        }
        Ok(Self { from, to, to_included })
    }

    /// The civil days covered, with relative ends counted back from `as_of`.
    pub fn resolve(&self, as_of: Date) -> Days {
        let from = match &self.from {
            End::Open => None,
            End::At(key) => Some(key.start()),
            End::Before { amount, unit } => Some(before(as_of, *amount, *unit)),
        };
        let until = match &self.to {
            End::Open => None,
            End::At(key) => Some(if self.to_included { key.end() } else { key.start() }),
            End::Before { amount, unit } => {
                let day = before(as_of, *amount, *unit);
                Some(if self.to_included { day + 1.day() } else { day })
            }
        };
        Days { from, until }
    }
}

fn before(as_of: Date, amount: i32, unit: Unit) -> Date {
    let span: Span = match unit {
        Unit::Day => amount.days(),
        Unit::Week => amount.weeks(),
        Unit::Month => amount.months(),
    };
    as_of.saturating_sub(span)
}

fn parse_end(text: &str) -> Result<End, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(End::Open);
    }
    let Some(relative) = text.strip_prefix('-') else {
        return PartitionKey::parse(text).map(End::At).map_err(|_| "an end is neither a day, a month nor relative");
    };
    let digits = relative.find(|c: char| !c.is_ascii_digit()).unwrap_or(relative.len());
    let amount: i32 = relative[..digits].parse().map_err(|_| "a relative end needs a number, as in `-1month`")?;
    let unit = match relative[digits..].trim() {
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        _ => return Err("a relative end counts in days, weeks or months"),
    };
    if amount > 12_000 {
        return Err("a relative end is at most 12000 units back");
    }
    Ok(End::Before { amount, unit })
}

/// A dataset with a range: `trips[..-1month]`, or `trips` for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSlice {
    /// The dataset.
    pub dataset: DatasetName,
    /// Which partitions.
    pub range: PartitionRange,
    /// As written.
    pub text: String,
}

impl DatasetSlice {
    /// Parses `NAME` or `NAME[RANGE]`.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let (name, range) = match text.split_once('[') {
            None => (text, PartitionRange::all()),
            Some((name, rest)) => {
                let inner = rest
                    .strip_suffix(']')
                    .ok_or(RangeError::Range { text: text.to_owned(), why: "the bracket is not closed" })?;
                (name, PartitionRange::parse(inner)?)
            }
        };
        Ok(Self { dataset: DatasetName::parse(name)?, range, text: text.to_owned() })
    }
}

impl fmt::Display for DatasetSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn days(text: &str) -> Days {
        PartitionRange::parse(text).expect(text).resolve(date(2013, 4, 1))
    }

    #[test]
    fn ranges_leave_their_right_end_out_unless_told() {
        assert_eq!(days("2013-01..2013-03"), Days { from: Some(date(2013, 1, 1)), until: Some(date(2013, 3, 1)) });
        assert_eq!(days("2013-01..=2013-03").until, Some(date(2013, 4, 1)));
        assert_eq!(days("2013-01-05..=2013-01-06").until, Some(date(2013, 1, 7)));
        assert_eq!(days("2013-02"), Days { from: Some(date(2013, 2, 1)), until: Some(date(2013, 3, 1)) });
    }

    #[test]
    fn relative_ends_count_back_from_as_of() {
        assert_eq!(days("..-1month"), Days { from: None, until: Some(date(2013, 3, 1)) });
        assert_eq!(days("-1month.."), Days { from: Some(date(2013, 3, 1)), until: None });
        assert_eq!(days("-7days..").from, Some(date(2013, 3, 25)));
        assert_eq!(days("-2weeks..=-1day").until, Some(date(2013, 4, 1)));
    }

    #[test]
    fn training_and_validation_meet_without_overlap() {
        assert!(!days("..-1month").overlaps(&days("-1month..")));
        assert!(days("..=-1month").overlaps(&days("-1month..")));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in
            ["", "x..", "2013-13..", "2013-03..2013-01", "..=", "-..", "-1year..", "-99999999999days..", "2013-1-1.."]
        {
            assert!(PartitionRange::parse(bad).is_err(), "{bad}");
        }
        assert!(DatasetSlice::parse("trips[..").is_err());
        assert!(DatasetSlice::parse("Trips").is_err());
    }

    #[test]
    fn a_partition_is_found_in_a_path() {
        let day = |path| PartitionKey::find_in_path(path, Period::Day).map(|key| key.to_string());
        assert_eq!(day("data/2013-01-05.parquet").as_deref(), Some("2013-01-05"));
        assert_eq!(day("year=2013/dt=2013-01-05/part-0.parquet").as_deref(), Some("2013-01-05"));
        assert_eq!(day("data/part-12013-01-05.parquet"), None);
        assert_eq!(
            PartitionKey::find_in_path("flights-2013-02.csv", Period::Month).map(|key| key.to_string()).as_deref(),
            Some("2013-02")
        );
        assert_eq!(
            PartitionKey::find_in_path("2013-02-03.csv", Period::Month).map(|key| key.to_string()).as_deref(),
            Some("2013-02")
        );
    }
}

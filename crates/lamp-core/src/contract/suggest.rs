//! A contract from history: what every partition kept so far, with the room that a back-test says it needs.
//!
//! Each promise is fitted on the first half of the history and replayed over the rest. One that would have alarmed
//! more often than [`Settings::alarms_max`] is widened step by step, and left out when the widest still alarms; what
//! was left out is said. The promise that is written is then fitted on the whole history, so it alarms on none of it.

mod column;
mod fit;
mod table;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::types::LogicalType;
use crate::profile::{ColumnKind, Profile, Scalar};

pub use fit::Backtest;

/// Partitions below which nothing is replayed.
pub const BACKTEST_MIN: usize = 6;

/// Rows that a typical partition must have before a column without repetitions is promised to be unique.
const UNIQUE_ROWS_MIN: u64 = 20;

/// One partition (or one version of a dataset without partitions), with its profile.
#[derive(Debug, Clone)]
pub struct HistoryPiece {
    /// What it is called: `2013-03-28`, or `version 3`.
    pub label: String,
    /// Its profile.
    pub profile: Profile,
}

/// What is known of a dataset, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The dataset's name.
    pub dataset: String,
    /// Its partitions or versions.
    pub pieces: Vec<HistoryPiece>,
    /// Columns that an exact scan found without repetitions in each piece.
    pub unique: BTreeSet<String>,
    /// The declared key, when an exact scan found no repetition of it in any piece.
    pub key: Vec<String>,
    /// How rows arrive; none for a dataset whose rows are dated by no column.
    pub arrivals: Option<Arrivals>,
}

/// How old the newest row was, over time.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    /// The column that dates the rows.
    pub column: String,
    /// For each version, in seconds: the age that its newest row had reached when the next one came; for the last
    /// one, its age now.
    pub ages: Vec<f64>,
    /// Length of a partition in seconds.
    pub period: Option<f64>,
}

/// How a contract is suggested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Alarms a partition that one promise may have had in the back-test, from 0 to 1.
    pub alarms_max: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { alarms_max: 0.01 }
    }
}

/// What is promised.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Promise {
    Type(LogicalType),
    Required,
    Unique,
    Key,
    Minimum(f64),
    Maximum(f64),
    MinLength(u64),
    MaxLength(u64),
    /// At most this percentage of the rows has another value.
    Values(Vec<Scalar>, f64),
    /// In percent of the rows.
    NullShare(f64),
    RowsAtLeast(u64),
    RowsAtMost(u64),
    /// In hours.
    Latency(u64),
}

/// A promise with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Suggested {
    column: Option<String>,
    promise: Promise,
    evidence: String,
    backtest: Option<Backtest>,
}

/// A promise of the suggested contract, for people and machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuggestedRule {
    /// The column; none for a promise of the whole table.
    pub column: Option<String>,
    /// What is promised: `maximum 1400`.
    pub promise: String,
    /// What was seen.
    pub evidence: String,
    /// How often it would have alarmed; none where the history is too short to be replayed.
    pub backtest: Option<Backtest>,
}

/// A promise that history does not bear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The column; none for a promise of the whole table.
    pub column: Option<String>,
    /// What is not promised.
    pub promise: String,
    /// Why not.
    pub why: String,
}

/// A suggested contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The contract's text: ODCS 3.1.0.
    pub contract: String,
    /// Its promises.
    pub rules: Vec<SuggestedRule>,
    /// What is not promised, and why.
    pub left_out: Vec<LeftOut>,
    /// Partitions looked at.
    pub partitions: usize,
    /// Partitions that the promises were replayed over.
    pub replayed: usize,
    /// How many of those would have had an alarm, from any promise.
    pub alarmed: usize,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    suggested: Vec<Suggested>,
    left_out: Vec<LeftOut>,
    columns: BTreeMap<String, String>,
}

impl Findings {
    fn keep(&mut self, column: Option<&str>, promise: Promise, evidence: String, backtest: Option<Backtest>) {
        self.suggested.push(Suggested { column: column.map(str::to_owned), promise, evidence, backtest });
    }

    fn leave_out(&mut self, column: Option<&str>, promise: &str, why: String) {
        self.left_out.push(LeftOut { column: column.map(str::to_owned), promise: promise.to_owned(), why });
    }
}

/// The columns whose uniqueness is worth an exact scan: sketches do not speak against it in any piece, and pieces are
/// so large that it is no accident. Floats and booleans are never keys.
pub fn unique_candidates(pieces: &[HistoryPiece]) -> Vec<String> {
    let mut rows: Vec<u64> = pieces.iter().map(|piece| piece.profile.rows).collect();
    rows.sort_unstable();
    let typical = rows.get(rows.len() / 2).copied().unwrap_or(0);
    let Some(last) = pieces.last().filter(|_| typical >= UNIQUE_ROWS_MIN) else { return Vec::new() };
    let could_be = |name: &str| {
        pieces.iter().all(|piece| {
            let Some(column) = piece.profile.find(name) else { return false };
            let is_of_keys =
                matches!(column.kind, ColumnKind::Int | ColumnKind::Text | ColumnKind::Instant | ColumnKind::Date);
            piece.profile.rows == 0 || (is_of_keys && column.nulls == 0 && column.distinct_range().1 >= column.count)
        })
    };
    last.profile.columns.iter().map(|column| column.name.clone()).filter(|name| could_be(name)).collect()
}

/// The contract that the history bears.
pub fn suggest(history: &History, settings: Settings) -> Suggestion {
    let mut found = Findings::default();
    table::row_counts(history, settings, &mut found);
    let mut seen = BTreeSet::new();
    let all = history.pieces.iter().flat_map(|piece| &piece.profile.columns);
    let names: Vec<&str> = all.map(|column| column.name.as_str()).filter(|name| seen.insert(*name)).collect();
    for name in names {
        column::promises(history, name, settings, &mut found);
    }
    table::key(history, &mut found);
    table::latency(history, settings, &mut found);
    let alarmed: BTreeSet<usize> =
        found.suggested.iter().filter_map(|rule| rule.backtest.as_ref()).flat_map(|b| b.at.iter().copied()).collect();
    let replayed = fit::split(history.pieces.len()).map_or(0, |fitted| history.pieces.len() - fitted);
    let summary = write::Summary { replayed, alarmed: alarmed.len() };
    Suggestion {
        contract: write::contract(history, &found, &summary),
        rules: found.suggested.iter().map(Suggested::for_people).collect(),
        left_out: found.left_out,
        partitions: history.pieces.len(),
        replayed,
        alarmed: alarmed.len(),
    }
}

/// `1 partition`, `12 partitions`.
fn partitions(count: usize) -> String {
    if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") }
}

/// What was seen of something: `5`, or `from 5 to 7`.
fn span<T: PartialEq + std::fmt::Display + Copy>(low: T, high: T) -> String {
    if low == high { low.to_string() } else { format!("from {low} to {high}") }
}

impl Suggested {
    fn for_people(&self) -> SuggestedRule {
        SuggestedRule {
            column: self.column.clone(),
            promise: self.promise.words(),
            evidence: self.evidence.clone(),
            backtest: self.backtest.clone(),
        }
    }
}

impl Promise {
    fn words(&self) -> String {
        match self {
            Self::Type(kind) => format!("type {kind}"),
            Self::Required => "required".to_owned(),
            Self::Unique => "unique".to_owned(),
            Self::Key => "primary key".to_owned(),
            Self::Minimum(bound) => format!("minimum {bound}"),
            Self::Maximum(bound) => format!("maximum {bound}"),
            Self::MinLength(bound) => format!("minLength {bound}"),
            Self::MaxLength(bound) => format!("maxLength {bound}"),
            Self::Values(values, share) if *share > 0.0 => {
                format!("at most {share} % other than {} values", values.len())
            }
            Self::Values(values, _) => format!("one of {} values", values.len()),
            Self::NullShare(bound) => format!("at most {bound} % nulls"),
            Self::RowsAtLeast(bound) => format!("at least {bound} rows"),
            Self::RowsAtMost(bound) => format!("at most {bound} rows"),
            Self::Latency(hours) => format!("the newest row is at most {hours} h old"),
        }
    }
}

#[cfg(test)]
mod tests;

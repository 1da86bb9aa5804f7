//! What is said of a partition.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::series::Expectation;
use super::summary::Feature;
use crate::profile::ColumnKind;

/// One feature of a column beside what was expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureJudgement {
    /// The feature.
    pub feature: Feature,
    /// What it is.
    pub value: f64,
    /// What it was expected to be.
    pub expected: f64,
    /// Three sigmas below that.
    pub low: f64,
    /// Three sigmas above that.
    pub high: f64,
    /// How the expectation was found.
    pub by: Expectation,
    /// How many sigmas it is off.
    pub score: f64,
    /// How many times larger that is than 95 of 100 past scores are.
    pub ratio: f64,
    /// How likely so large a score is of this feature.
    pub p: f64,
}

/// One column of a partition beside its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnJudgement {
    /// The column; of the number of rows, [`super::ROWS`].
    pub column: String,
    /// How likely it is that the column is at least as unlike its history.
    pub p: f64,
    /// The same, adjusted for the number of columns (Benjamini and Hochberg).
    pub q: f64,
    /// Its place among the columns, the least likely first, from 1.
    pub rank: usize,
    /// Its features, the one that is further off than usual by most first.
    pub features: Vec<FeatureJudgement>,
}

/// A column is named where naming all such columns names at most this share in error.
const NAMED_Q_MAX: f64 = 0.1;
/// Most columns that are named.
const NAMED_MAX: usize = 5;
/// Columns, and features of each, that are kept of a judgement.
const COLUMNS_KEPT: usize = 12;
const FEATURES_KEPT: usize = 3;

impl FeatureJudgement {
    /// In words: `share of nulls 4.4 %, usually 0.0 % to 0.3 %`.
    pub fn in_words(&self) -> String {
        let [value, low, high] = [self.value, self.low, self.high].map(|value| self.feature.shown(value));
        format!("{} {value}, usually {low} to {high}", self.feature.as_str())
    }
}

impl ColumnJudgement {
    /// In words: the column, and what is most unusual of it.
    pub fn in_words(&self) -> String {
        match self.features.first() {
            Some(feature) => format!("{}: {}", self.column, feature.in_words()),
            None => self.column.clone(),
        }
    }
}

/// A change of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum SchemaChange {
    /// A column that no partition of the history has.
    New {
        /// The column.
        column: String,
    },
    /// A column that the partition before has.
    Gone {
        /// The column.
        column: String,
    },
    /// A column whose values are of another sort.
    OtherKind {
        /// The column.
        column: String,
        /// What they were.
        before: ColumnKind,
        /// What they are.
        now: ColumnKind,
    },
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New { column } => write!(f, "{column}: a new column"),
            Self::Gone { column } => write!(f, "{column}: the column is gone"),
            Self::OtherKind { column, before, now } => {
                write!(f, "{column}: {} instead of {}", now.as_str(), before.as_str())
            }
        }
    }
}

impl SchemaChange {
    /// The column that changed.
    pub fn column(&self) -> &str {
        match self {
            Self::New { column } | Self::Gone { column } | Self::OtherKind { column, .. } => column,
        }
    }
}

/// What is said of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The history is too short.
    NoVerdict,
    /// As usual.
    Usual,
    /// Somebody should look.
    Surprising,
}

impl Outcome {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoVerdict => "no_verdict",
            Self::Usual => "usual",
            Self::Surprising => "surprising",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::NoVerdict, Self::Usual, Self::Surprising].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// A partition beside its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What is said of it.
    pub outcome: Outcome,
    /// Partitions of the history that were learnt from.
    pub history: usize,
    /// Evidence of all columns together.
    pub evidence: f64,
    /// How likely so much evidence is on a usual partition.
    pub p: f64,
    /// The share of usual partitions that may be called surprising: the budget.
    pub alpha: f64,
    /// Changes of the schema.
    pub changes: Vec<SchemaChange>,
    /// The columns, the least likely first.
    pub columns: Vec<ColumnJudgement>,
}

impl Judgement {
    /// The columns to look at: those that changed their type, came or went, and those least like their history.
    pub fn named(&self) -> Vec<&str> {
        let mut named: Vec<&str> = self.changes.iter().map(SchemaChange::column).collect();
        for column in &self.columns {
            let is_named = column.q <= NAMED_Q_MAX || named.is_empty();
            if is_named && !named.contains(&&*column.column) {
                named.push(&column.column);
            }
        }
        named.truncate(NAMED_MAX);
        named
    }

    /// Why somebody should look, most important first: a line for each named column.
    pub fn reasons(&self) -> Vec<String> {
        let of_column = |name: &str| {
            let change = self.changes.iter().find(|change| change.column() == name).map(ToString::to_string);
            let column = || self.columns.iter().find(|column| column.column == name).map(ColumnJudgement::in_words);
            change.or_else(column)
        };
        self.named().into_iter().filter_map(of_column).collect()
    }

    /// The same with the columns and features alone that anybody looks at.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        self.columns.truncate(COLUMNS_KEPT);
        for column in &mut self.columns {
            column.features.truncate(FEATURES_KEPT);
        }
        self
    }
}

//! Data contracts: files in the Open Data Contract Standard (ODCS) 3.0 and 3.1.
//!
//! A contract is parsed once into types, with the line of every rule; what is wrong with the text
//! is listed with line, column and remedy by [`lint`]. Rules are evaluated by pure functions on
//! numbers that somebody else measured. What cannot be evaluated is said, never skipped.
//!
//! Where the standard leaves room, we read it like this:
//! - `mustBeBetween: [a, b]` takes in both ends, and `mustNotBeBetween` is its exact opposite. The
//!   standard's text says "greater than … and less than", its best-known evaluator takes the ends
//!   in, and so does `BETWEEN` in SQL.
//! - Several operators on one rule must all hold (the text allows them, the JSON schema does not).
//! - `nullValues` counts nulls alone; `missingValues` counts exactly the values in its list, `null`
//!   included only when it is listed (without a list it counts nulls and empty text).
//! - `invalidValues` never counts nulls: a missing value is missing, not invalid.
//! - `duplicateValues` counts the rows beyond the first of each value. Nulls of one column are not
//!   compared with each other; in a combination of columns null equals null.
//! - `percent` is of all rows. A table without rows has no percentages: the rule is not evaluated.

pub mod budget;
pub mod diff;
mod format;
mod freshness;
mod judge;
mod lint;
mod own;
mod read;
pub mod response;
mod rule;
mod sla;
pub mod suggest;
mod types;
mod yaml;

use crate::error::{Classified, Kind};

pub use format::{TextFormat, date_pattern, text_format};
pub use freshness::Measure;
pub use judge::{RuleName, judge, not_evaluated};
pub use lint::{Lint, Severity, lint};
pub use own::{
    Against, Change, DriftMethod, Evidence, OWN_ENGINE, Order, OwnMetric, OwnRule, Statistic, measure as measure_own,
};
pub use rule::{Metric, Operator, Rule, RuleKind, Unit};
pub use sla::{Sla, SlaProperty, newest_at, parse_period};
pub use types::{Bound, Contract, LogicalType, Member, Property, Relationship, SchemaObject, Support, TypeOptions};

/// The largest contract that is read, in bytes.
pub const CONTRACT_BYTES_MAX: usize = 4 << 20;

/// A contract that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", more(*.others))]
pub struct ContractError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line of the first mistake, from 1.
    pub line: u64,
    /// Column of the first mistake, from 1.
    pub column: u64,
    /// The first mistake.
    pub message: String,
    /// Its remedy.
    pub remedy: Option<String>,
    /// How many further mistakes there are.
    pub others: usize,
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " (and one more mistake)".to_owned(),
        n => format!(" (and {n} more mistakes)"),
    }
}

impl Classified for ContractError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        let all = (self.others > 0).then(|| format!("lamp contract lint {}", self.file));
        all.or_else(|| self.remedy.clone()).or_else(|| Some(format!("lamp contract lint {}", self.file)))
    }
}

impl Contract {
    /// Parses the text of a contract. `file_label` is what messages call the file.
    pub fn parse(text: &str, file_label: &str) -> Result<Self, ContractError> {
        let (contract, lints) = read::read(text);
        let mut errors = lints.into_iter().filter(|lint| lint.severity == Severity::Error);
        if let Some(first) = errors.next() {
            return Err(ContractError {
                file: file_label.to_owned(),
                line: first.line,
                column: first.column,
                message: first.message,
                remedy: first.hint,
                others: errors.count(),
            });
        }
        Ok(contract)
    }
}

#[cfg(test)]
mod tests;

//! One verdict of one rule on one version.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::names::DatasetName;
use crate::partition::PartitionKey;

/// What a rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The promise holds.
    Passed,
    /// The promise is broken.
    Failed,
    /// The rule cannot be evaluated here; said, never skipped in silence.
    NotEvaluated,
}

impl Verdict {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotEvaluated => "not_evaluated",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Passed, Self::Failed, Self::NotEvaluated].into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// What one rule of a contract said of some data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name of the rule within its contract: `schema.carrier.required`, `quality.rowCount`, `sla.latency`.
    pub rule: String,
    /// The column, for a rule on one.
    pub column: Option<String>,
    /// What it said.
    pub verdict: Verdict,
    /// The measured value, where there is one.
    pub measured: Option<f64>,
    /// The bound as written: `>= 600 rows`.
    pub bound: String,
    /// One sentence for people.
    pub message: String,
    /// `severity` of the contract, as written there; see [`Check::severity`].
    pub severity: Option<String>,
    /// What sort of quality it is about: `completeness`, `conformity`, … None where nothing says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<String>,
    /// Some of the rows that break it, at most [`SAMPLES_MAX`]. Shown, and in no ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampleRow>,
}

/// The most rows that are shown of those that break a rule.
pub const SAMPLES_MAX: usize = 5;

/// What stands for a value that must not be shown.
pub const MASK: &str = "•••";

/// Some columns of a row that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRow(pub Vec<SampleCell>);

/// One value of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCell {
    /// The column.
    pub column: String,
    /// The value as text, or [`MASK`]; null for null.
    pub value: Option<String>,
}

impl fmt::Display for SampleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, cell) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            match &cell.value {
                Some(value) if value.is_empty() => write!(f, "{comma}{}=\"\"", cell.column)?,
                Some(value) => write!(f, "{comma}{}={}", cell.column, value.escape_debug())?,
                None => write!(f, "{comma}{} is null", cell.column)?,
            }
        }
        Ok(())
    }
}

/// How bad a broken promise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Shown and recorded; breaks nothing.
    Warning,
    /// The data does not keep its contract.
    Error,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// The word of the standard's examples.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads a word of a contract, in any case. The standard leaves the words open: those of other tools are
    /// known too. None for another word.
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "error" | "critical" | "blocker" | "fatal" | "high" | "major" | "fail" => Some(Self::Error),
            "warning" | "warn" | "medium" | "moderate" | "minor" | "low" => Some(Self::Warning),
            "info" | "information" | "informational" | "notice" | "trivial" => Some(Self::Info),
            _ => None,
        }
    }
}

impl Check {
    /// How bad it is when it is broken: an error when nothing is said, or a word that nobody knows.
    pub fn severity(&self) -> Severity {
        self.severity.as_deref().and_then(Severity::parse).unwrap_or(Severity::Error)
    }

    /// Whether the data breaks its contract by this: a broken promise that is more than a warning.
    pub fn is_breaking(&self) -> bool {
        self.verdict == Verdict::Failed && self.severity() == Severity::Error
    }

    /// Whether the promise is broken, and the contract says that this is no error.
    pub fn is_warning(&self) -> bool {
        self.verdict == Verdict::Failed && self.severity() < Severity::Error
    }
}

/// A check as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version.
    pub version: VersionNumber,
    /// The partition, when one was checked alone.
    pub partition: Option<PartitionKey>,
    /// Digest of the contract's text.
    pub contract: Digest,
    /// When.
    pub checked_at: Timestamp,
    /// The verdict.
    pub check: Check,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_breaks_the_contract() {
        let check = |verdict, severity: Option<&str>| Check {
            rule: "quality.rowCount".to_owned(),
            column: None,
            verdict,
            measured: None,
            bound: String::new(),
            message: String::new(),
            severity: severity.map(str::to_owned),
            dimension: None,
            samples: Vec::new(),
        };
        for (severity, breaks) in [
            (None, true),
            (Some("error"), true),
            (Some("Critical"), true),
            (Some("sev-1"), true),
            (Some("warning"), false),
            (Some("WARN"), false),
            (Some("info"), false),
        ] {
            assert_eq!(check(Verdict::Failed, severity).is_breaking(), breaks, "{severity:?}");
            assert_eq!(check(Verdict::Failed, severity).is_warning(), !breaks, "{severity:?}");
            assert!(!check(Verdict::Passed, severity).is_breaking() && !check(Verdict::Passed, severity).is_warning());
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.as_str()), Some(severity));
        }
    }

    #[test]
    fn a_row_is_shown_on_one_line() {
        let cell = |column: &str, value: Option<&str>| SampleCell {
            column: column.to_owned(),
            value: value.map(str::to_owned),
        };
        let row =
            SampleRow(vec![cell("id", Some("7")), cell("note", Some("a\nb")), cell("to", None), cell("by", Some(""))]);
        assert_eq!(row.to_string(), r#"id=7, note=a\nb, to is null, by="""#);
    }
}

//! One verdict of one rule on one version.

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
    /// `severity` of the contract, as written there.
    pub severity: Option<String>,
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

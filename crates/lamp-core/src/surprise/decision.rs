//! What a person said of a surprising partition, and what follows from it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::error::{Classified, Kind};
use crate::ids::IncidentId;
use crate::names::DatasetName;
use crate::partition::PartitionKey;

/// What a person says that a surprising partition was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Decision {
    /// It is as it should be: the partition stays in the history.
    Accept,
    /// It is wrong: the partition is left out of the history.
    Reject,
    /// From now on it is like this: the history of the columns named begins with this partition.
    ExpectedChange,
}

/// A word that is none of the decisions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a decision")]
pub struct NotADecision {
    text: String,
}

impl Classified for NotADecision {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("accept, reject or expected-change".to_owned())
    }
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accept, Self::Reject, Self::ExpectedChange];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::ExpectedChange => "expected-change",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Decision {
    type Err = NotADecision;

    fn from_str(text: &str) -> Result<Self, NotADecision> {
        let found = Self::ALL.into_iter().find(|decision| decision.as_str() == text);
        found.ok_or_else(|| NotADecision { text: text.to_owned() })
    }
}

impl TryFrom<String> for Decision {
    type Error = NotADecision;
    fn try_from(text: String) -> Result<Self, NotADecision> {
        text.parse()
    }
}

impl From<Decision> for String {
    fn from(decision: Decision) -> Self {
        decision.as_str().to_owned()
    }
}

/// A decision as the ledger keeps it. The last one on a partition counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The dataset.
    pub dataset: DatasetName,
    /// The partition.
    pub partition: PartitionKey,
    /// What was said of it.
    pub decision: Decision,
    /// The columns that it is about.
    pub columns: Vec<String>,
    /// The incident that was resolved so.
    pub incident: IncidentId,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

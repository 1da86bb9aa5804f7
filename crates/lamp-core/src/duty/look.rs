//! What a person saw of a column, and what they said of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::columns::ChosenAs;
use crate::actor::Actor;
use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::error::{Classified, Kind};
use crate::ids::IncidentId;
use crate::names::DatasetName;
use crate::partition::PartitionKey;

/// What a person says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnVerdict {
    /// As one would expect.
    LooksRight,
    /// Somebody must look into it: opens an incident.
    Suspicious,
}

impl ColumnVerdict {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LooksRight => "looks_right",
            Self::Suspicious => "suspicious",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::LooksRight, Self::Suspicious].into_iter().find(|verdict| verdict.as_str() == text)
    }
}

impl fmt::Display for ColumnVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LooksRight => "looks right",
            Self::Suspicious => "suspicious",
        })
    }
}

/// What there is to see of a column: the digests name the profiles that were shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version.
    pub version: VersionNumber,
    /// The partition; none for a dataset without partitions.
    pub partition: Option<PartitionKey>,
    /// The column.
    pub column: String,
    /// Digest of its profile.
    pub profile: Digest,
    /// Digest of the profile that it is held against, where there is a history.
    pub reference: Option<Digest>,
}

impl Look {
    /// `flights[2013-02-08]`, or `flights@7` for a dataset without partitions.
    pub fn data(&self) -> String {
        match &self.partition {
            Some(partition) => format!("{}[{partition}]", self.dataset),
            None => format!("{}@{}", self.dataset, self.version),
        }
    }

    /// `flights[2013-02-08].dep_delay`: what an incident is about.
    pub fn subject(&self) -> String {
        format!("{}.{}", self.data(), self.column)
    }
}

/// A column that a duty asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PinnedColumn {
    /// Its place in the duty, from 1.
    pub place: u32,
    /// What there is to see.
    pub look: Look,
    /// Why it was chosen.
    pub because: ChosenAs,
    /// How much further it is from its history than usual; none without a history.
    pub moved: Option<f64>,
}

/// What a person said of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What they said.
    pub verdict: ColumnVerdict,
    /// Why, in their words.
    pub note: Option<String>,
    /// The incident that it led to.
    pub incident: Option<IncidentId>,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// One line of a sign-off: what was seen, and what was said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedColumn {
    /// What was seen.
    pub look: Look,
    /// What was said.
    pub verdict: Verdict,
}

/// A sign-off: the evidence of a histograms duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// Format of this record; 1.
    pub format: u32,
    /// Every column of the duty, in order.
    pub columns: Vec<SignedColumn>,
}

impl SignOff {
    /// The sign-off of a duty's columns, once there is a verdict on each of them.
    pub fn of(columns: &[PinnedColumn], verdicts: &[(u32, Verdict)]) -> Option<Self> {
        let signed = columns.iter().map(|column| {
            let (_, verdict) = verdicts.iter().find(|(place, _)| *place == column.place)?;
            Some(SignedColumn { look: column.look.clone(), verdict: verdict.clone() })
        });
        let columns: Vec<_> = signed.collect::<Option<_>>()?;
        (!columns.is_empty()).then_some(Self { format: 1, columns })
    }

    /// Digest of the sign-off: what the duty's end binds.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("a sign-off serialises"))
    }
}

/// Why a verdict is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerdictRefusal {
    /// A suspicion without a word.
    #[error("`{column}` is suspicious: say why")]
    NoteMissing {
        /// The column.
        column: String,
    },
    /// The duty does not ask for it.
    #[error("this duty does not ask for {what}")]
    NotAsked {
        /// The place or column named.
        what: String,
    },
    /// Something else was seen than the duty asks for.
    #[error("what you saw of `{column}` is not what this duty asks for")]
    OtherProfile {
        /// The column.
        column: String,
    },
}

impl Classified for VerdictRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::NoteMissing { .. } => Kind::Invalid,
            Self::NotAsked { .. } => Kind::NotFound,
            Self::OtherProfile { .. } => Kind::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoteMissing { .. } => "add --note \"what looks wrong\"".to_owned(),
            Self::NotAsked { .. } | Self::OtherProfile { .. } => "look again: lamp duty histograms".to_owned(),
        })
    }
}

//! Labels: what the truth turned out to be, by whom, when; and the draws that say whom to ask about.
//!
//! Nothing here is ever changed: a correction is another label, and the last one of each [`Basis`] counts.

mod draw;
mod spec;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actor::Actor;
use crate::ids::PredictionId;
use crate::names::ServiceName;
use crate::route::Role;

pub use draw::{Draw, SAMPLER, Seed, draw};
pub use spec::{LabelError, LabelSpec};

/// Longest note on a label, in characters.
pub const NOTE_MAX: usize = 2_000;

/// What the truth turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum LabelValue {
    /// Binary: whether the row is positive.
    Truth(bool),
    /// Multiclass: the class, as the signature writes it.
    Class(Value),
    /// Regression: the number; finite.
    Number(f64),
    /// Somebody looked and could not tell. It stays in the denominator.
    CannotTell,
}

impl LabelValue {
    /// Whether the truth is known.
    pub const fn is_told(&self) -> bool {
        match self {
            Self::Truth(_) | Self::Class(_) | Self::Number(_) => true,
            Self::CannotTell => false,
        }
    }
}

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(true) => f.pad("yes"),
            Self::Truth(false) => f.pad("no"),
            Self::Class(Value::String(text)) => f.pad(text),
            Self::Class(class) => f.pad(&class.to_string()),
            Self::Number(number) => f.pad(&number.to_string()),
            Self::CannotTell => f.pad("cannot tell"),
        }
    }
}

/// How a label came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSource {
    /// A person looked at a drawn prediction, blind.
    Hand,
    /// A file of outcomes.
    Import,
    /// A program, over HTTP.
    Api,
}

impl LabelSource {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Import => "import",
            Self::Api => "api",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hand, Self::Import, Self::Api].into_iter().find(|source| source.as_str() == text)
    }

    /// The estimator that such labels may enter.
    pub const fn basis(self) -> Basis {
        match self {
            Self::Hand => Basis::Drawn,
            Self::Import | Self::Api => Basis::Imported,
        }
    }
}

/// Which labels an estimate rests on. The two are never mixed: outcomes that come in by themselves are no
/// random sample of what was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Labels by hand on predictions that were drawn at random, weighted by one over their inclusion probability.
    Drawn,
    /// Outcomes that came in by themselves, each counted once.
    Imported,
}

impl Basis {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::Imported => "imported",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Drawn, Self::Imported].into_iter().find(|basis| basis.as_str() == text)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The draw of one service and one civil day, recorded before anybody sees a row of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelDraw {
    /// The service.
    pub service: ServiceName,
    /// The civil day of the predictions, in the workspace's zone.
    pub day: Date,
    /// The sampler and its version.
    pub sampler: String,
    /// What the sampler was given.
    pub seed: Seed,
    /// Predictions of that day when it was drawn.
    pub population: u64,
    /// How many were wanted.
    pub wanted: u32,
    /// How many were drawn: `min(wanted, population)`.
    pub drawn: u32,
    /// Whether the day was over.
    pub is_complete: bool,
    /// Who asked for it.
    pub drawn_by: Actor,
    /// When.
    pub drawn_at: Timestamp,
}

impl LabelDraw {
    /// The probability that a prediction of that day is in the draw; zero on a day without predictions.
    #[expect(clippy::cast_precision_loss, reason = "counts of one day")]
    pub fn inclusion(&self) -> f64 {
        if self.population == 0 { 0.0 } else { f64::from(self.drawn) / self.population as f64 }
    }
}

/// What a model that was asked said of a logged row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSaid {
    /// `name@version`.
    pub model: String,
    /// Outputs by name, as logged; empty when it gave no valid answer.
    pub outputs: BTreeMap<String, Value>,
}

/// What a label is held against: copied from the prediction log, so that scoring does not read the log again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedAnswer {
    /// The prediction.
    pub prediction: PredictionId,
    /// The service.
    pub service: ServiceName,
    /// The civil day on which it was answered.
    pub day: Date,
    /// When it was answered.
    pub served_at: Timestamp,
    /// Who answered.
    pub served_by: Role,
    /// What the primary said, if it was asked.
    pub primary: Option<ModelSaid>,
    /// What the shadow said, if it was asked.
    pub shadow: Option<ModelSaid>,
}

impl LoggedAnswer {
    /// What the model in a place said.
    pub fn said_by(&self, role: Role) -> Option<&ModelSaid> {
        match role {
            Role::Primary => self.primary.as_ref(),
            Role::Shadow => self.shadow.as_ref(),
        }
    }
}

/// A prediction of a draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawnPrediction {
    /// What was logged of it.
    pub logged: LoggedAnswer,
    /// Its place in the draw, from 1. The order is random, so that whoever stops early leaves a random rest.
    pub rank: u32,
    /// The probability with which it was drawn, in (0, 1].
    pub inclusion: f64,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The prediction.
    pub prediction: PredictionId,
    /// How it came in.
    pub source: LabelSource,
    /// What the truth turned out to be.
    pub value: LabelValue,
    /// In a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When the truth came to be, if that is known; labels may arrive long after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at: Option<Timestamp>,
    /// Who labelled or imported.
    pub by: Actor,
    /// When the label was recorded.
    pub at: Timestamp,
}

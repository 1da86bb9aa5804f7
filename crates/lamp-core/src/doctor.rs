//! `lamp doctor`: how a repository stands with the nine practices. Scored from facts, and from nothing else.

mod facts;
mod score;

use std::fmt;

use serde::Serialize;

pub use facts::{
    ChecksFacts, CodeFacts, DataFacts, DatasetFacts, Facts, HooksFacts, LabelFacts, LookFacts, ModelFacts,
    QualityFacts, RepositoryFacts, RetrainingFacts, ServiceFacts, TestFacts,
};
pub use score::diagnose;

/// The practices, in the order in which they are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Practice {
    /// Hooks keep the code clean.
    Hooks,
    /// Models come from committed code.
    CommittedCode,
    /// One repository holds it all.
    OneRepository,
    /// Data is versioned.
    VersionedData,
    /// Data keeps promises, and people look.
    DataQuality,
    /// People label a handful a day.
    Labels,
    /// Models are trained again on a cadence, and a person signs.
    Cadence,
    /// A simpler model stands behind the main one.
    Shadow,
    /// Machine learning is tested in CI.
    Tests,
}

impl Practice {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Hooks,
        Self::CommittedCode,
        Self::OneRepository,
        Self::VersionedData,
        Self::DataQuality,
        Self::Labels,
        Self::Cadence,
        Self::Shadow,
        Self::Tests,
    ];

    /// Its number, from 1.
    pub const fn number(self) -> u8 {
        match self {
            Self::Hooks => 1,
            Self::CommittedCode => 2,
            Self::OneRepository => 3,
            Self::VersionedData => 4,
            Self::DataQuality => 5,
            Self::Labels => 6,
            Self::Cadence => 7,
            Self::Shadow => 8,
            Self::Tests => 9,
        }
    }

    /// What it asks for, in a line.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hooks => "Hooks keep the code clean",
            Self::CommittedCode => "Models come from committed code",
            Self::OneRepository => "One repository for cleaning, training and serving",
            Self::VersionedData => "Data is versioned, never overwritten",
            Self::DataQuality => "Data keeps promises, and a person looks at it",
            Self::Labels => "A handful of predictions is labelled by hand",
            Self::Cadence => "Models are trained again on a cadence, and a person signs",
            Self::Shadow => "A simpler model stands behind the main one",
            Self::Tests => "Machine learning is tested in CI",
        }
    }
}

/// Whether a practice is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// Every sign of it is there.
    Yes,
    /// Some are.
    Partly,
    /// None is.
    No,
}

impl Score {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that shows whether a practice is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// Whether it is as it should be.
    pub holds: bool,
    /// What was found.
    pub found: String,
    /// What to type, or to write, where it is not.
    pub next: Option<String>,
}

/// How one practice stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its number, from 1.
    pub practice: u8,
    /// What it asks for.
    pub title: &'static str,
    /// Whether it is kept.
    pub score: Score,
    /// The signs, in the order in which one would set them up.
    pub signs: Vec<Sign>,
    /// The next command to type; none where all is well.
    pub next: Option<String>,
}

impl Finding {
    /// Yes when every sign holds, no when none does.
    fn of(practice: Practice, signs: Vec<Sign>) -> Self {
        let score = match signs.iter().filter(|sign| sign.holds).count() {
            0 => Score::No,
            held if held == signs.len() => Score::Yes,
            _ => Score::Partly,
        };
        let next = signs.iter().find(|sign| !sign.holds).and_then(|sign| sign.next.clone());
        Self { practice: practice.number(), title: practice.title(), score, signs, next }
    }
}

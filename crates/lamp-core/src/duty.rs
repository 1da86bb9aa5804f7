//! Duties: something to be done in a shift, with evidence.
//!
//! ```text
//! open ──▶ done      with the digest of the evidence
//!      ├─▶ waived    by a person, with a reason
//!      └─▶ missed    when its time has passed, in plain sight
//! ```
//!
//! None of the three ends is left again.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::Digest;
use crate::error::{Classified, Kind};
use crate::ids::DutyId;
use crate::names::{ProjectName, RotaName};

pub mod columns;
pub mod look;
pub mod plan;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DutyKind {
    /// Label some predictions by hand.
    Labels,
    /// Look at some columns.
    Histograms,
    /// Approve or reject a candidate.
    Validate,
}

impl DutyKind {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Histograms => "histograms",
            Self::Validate => "validate",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Labels, Self::Histograms, Self::Validate].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for DutyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a duty stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DutyState {
    /// It waits to be done.
    Open,
    /// Done, with evidence.
    Done,
    /// A person said why it need not be done.
    Waived,
    /// Its time has passed.
    Missed,
}

impl DutyState {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Waived => "waived",
            Self::Missed => "missed",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Done, Self::Waived, Self::Missed].into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for DutyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a duty ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyEnd {
    /// Who did it, waived it, or found it missed.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub note: Option<String>,
    /// Digest of what was done.
    pub evidence: Option<Digest>,
}

/// A duty, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Its id.
    pub id: DutyId,
    /// The project.
    pub project: ProjectName,
    /// What is to be done.
    pub kind: DutyKind,
    /// The period (`2013-04-01`) or the candidate (`delay@12`) that it is about: one duty for each.
    pub subject: String,
    /// The rota that it was given to, if one is meant.
    pub rota: Option<RotaName>,
    /// Who was on that rota when it was created.
    pub assignee: Option<String>,
    /// How many predictions or columns are asked for; 1 for a candidate.
    pub pieces: u32,
    /// When its period began.
    pub opens_at: Timestamp,
    /// When it is late.
    pub due_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: DutyState,
    /// How it ended.
    pub end: Option<DutyEnd>,
}

/// Something that happened to a duty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DutyEvent {
    /// The duty.
    pub duty: DutyId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Whose duty it was, if somebody else did this.
    pub on_behalf_of: Option<String>,
    /// What: `created`, `started`, `reassigned`, `judged`, `done`, `waived`, `missed`.
    pub action: String,
    /// Details, as JSON; `words` says them for people, where there is something to say.
    pub details: serde_json::Value,
}

impl DutyEvent {
    /// What happened, beyond the word for it.
    pub fn words(&self) -> Option<&str> {
        self.details.get("words").and_then(serde_json::Value::as_str)
    }
}

/// What somebody wants to do with a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DutyAct<'a> {
    /// It is done; the digest is that of the evidence.
    Finish {
        /// Digest of what was done.
        evidence: Digest,
    },
    /// It need not be done.
    Waive {
        /// Why.
        why: &'a str,
    },
    /// Its time has passed.
    Miss,
}

/// A duty's way to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyMove {
    /// The duty.
    pub duty: DutyId,
    /// The state it ends in.
    pub to: DutyState,
    /// How.
    pub end: DutyEnd,
    /// Whose duty it was, if somebody else did it.
    pub on_behalf_of: Option<String>,
}

/// Why a duty stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DutyRefusal {
    /// It has ended.
    #[error("duty {duty} is {state} already")]
    Ended {
        /// The duty.
        duty: DutyId,
        /// How.
        state: DutyState,
    },
    /// Too late.
    #[error("duty {duty} was due at {due_at}, and is missed")]
    Late {
        /// The duty.
        duty: DutyId,
        /// When it was due.
        due_at: Timestamp,
    },
    /// There is time yet.
    #[error("duty {duty} is not due before {due_at}")]
    NotDue {
        /// The duty.
        duty: DutyId,
        /// When it is.
        due_at: Timestamp,
    },
    /// Not a person.
    #[error("`{actor}` is not a person, and duties are people's")]
    NotAPerson {
        /// Who tried.
        actor: String,
    },
    /// No reason given.
    #[error("waiving duty {duty} needs a reason")]
    WhyMissing {
        /// The duty.
        duty: DutyId,
    },
}

impl Classified for DutyRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Ended { .. } | Self::Late { .. } | Self::NotDue { .. } => Kind::Conflict,
            Self::NotAPerson { .. } => Kind::Forbidden,
            Self::WhyMissing { .. } => Kind::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Ended { duty, .. } | Self::NotDue { duty, .. } => Some(format!("lamp duty show {duty}")),
            Self::Late { .. } => Some("what was missed stays in sight; do the present one: lamp duty".to_owned()),
            Self::NotAPerson { .. } => None,
            Self::WhyMissing { .. } => Some("add --why \"why it need not be done\"".to_owned()),
        }
    }
}

impl Duty {
    /// What it is about, in few words: `histograms 2013-04-01`, `validate delay@12`.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.subject)
    }

    /// Whose duty it was, if `actor` is somebody else.
    pub fn on_behalf(&self, actor: &Actor) -> Option<String> {
        self.assignee.clone().filter(|assignee| *assignee != actor.name)
    }

    /// Whether people can still do something about it at an instant.
    pub fn is_open_at(&self, at: Timestamp) -> bool {
        self.state == DutyState::Open && at < self.due_at
    }

    /// Refuses what people want to do with a duty that has ended, or whose time has passed.
    pub fn refuse_unless_open(&self, actor: &Actor, at: Timestamp) -> Result<(), DutyRefusal> {
        if !actor.is_person() {
            return Err(DutyRefusal::NotAPerson { actor: actor.name.clone() });
        }
        match self.state {
            DutyState::Open if at < self.due_at => Ok(()),
            DutyState::Open | DutyState::Missed => Err(DutyRefusal::Late { duty: self.id, due_at: self.due_at }),
            DutyState::Done | DutyState::Waived => Err(DutyRefusal::Ended { duty: self.id, state: self.state }),
        }
    }

    /// Decides on the end of a duty: the move to record, or why there is none.
    pub fn decide(&self, act: DutyAct<'_>, actor: &Actor, at: Timestamp) -> Result<DutyMove, DutyRefusal> {
        let ending = |to, note: Option<&str>, evidence| DutyMove {
            duty: self.id,
            to,
            end: DutyEnd { by: actor.clone(), at, note: note.map(str::to_owned), evidence },
            on_behalf_of: self.on_behalf(actor).filter(|_| actor.is_person()),
        };
        match act {
            DutyAct::Finish { evidence } => {
                self.refuse_unless_open(actor, at)?;
                Ok(ending(DutyState::Done, None, Some(evidence)))
            }
            DutyAct::Waive { why } => {
                self.refuse_unless_open(actor, at)?;
                if why.trim().is_empty() {
                    return Err(DutyRefusal::WhyMissing { duty: self.id });
                }
                Ok(ending(DutyState::Waived, Some(why.trim()), None))
            }
            DutyAct::Miss => match self.state {
                DutyState::Open if at >= self.due_at => Ok(ending(DutyState::Missed, None, None)),
                DutyState::Open => Err(DutyRefusal::NotDue { duty: self.id, due_at: self.due_at }),
                DutyState::Done | DutyState::Waived | DutyState::Missed => {
                    Err(DutyRefusal::Ended { duty: self.id, state: self.state })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests;

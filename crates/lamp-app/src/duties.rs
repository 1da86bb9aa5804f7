//! Practices 5, 6 and 7: what people do in their shifts.

mod finish;
pub mod histograms;
pub mod list;
pub mod sign;
pub mod tend;
pub mod waive;

use lamp_core::duty::look::VerdictRefusal;
use lamp_core::duty::{Duty, DutyEvent, DutyKind, DutyMove, DutyRefusal};
use lamp_core::error::{Classified, Kind};
use lamp_core::names::RotaName;
use lamp_core::rota::SwapRefusal;
use lamp_ledger::{LedgerError, Tx};
use serde_json::{Value, json};

use crate::app::App;
use crate::data::DataError;
use crate::parts::{PartError, take_parts};

/// Why nothing was done about a duty or a rota.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// No duty of that id.
    #[error("no duty `{text}`")]
    Unknown {
        /// As given.
        text: String,
    },
    /// More than one id begins so.
    #[error("`{text}` is the start of {count} duties")]
    Ambiguous {
        /// As given.
        text: String,
        /// How many, up to the number that is looked for.
        count: usize,
    },
    /// Nobody wants histograms to be looked at now.
    #[error("no histograms wait to be looked at")]
    NoHistograms,
    /// Another kind of duty.
    #[error("duty {} is about {}, not about histograms", duty.id, duty.kind)]
    NotHistograms {
        /// The duty.
        duty: Box<Duty>,
    },
    /// The profile that a duty shows cannot be had any more.
    #[error("the profile of `{column}` is not what it was when this duty was begun")]
    ProfileChanged {
        /// `flights[2013-02-08].dep_delay`.
        column: String,
    },
    /// No such rota.
    #[error("there is no rota `{rota}`")]
    UnknownRota {
        /// The rota.
        rota: RotaName,
    },
    /// The duty is not in the state for that.
    #[error(transparent)]
    Refused(#[from] DutyRefusal),
    /// A verdict that is not recorded.
    #[error(transparent)]
    Verdict(#[from] VerdictRefusal),
    /// A swap that is not recorded.
    #[error(transparent)]
    Swap(#[from] SwapRefusal),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(DutyError);

impl Classified for DutyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } | Self::NoHistograms | Self::UnknownRota { .. } => Kind::NotFound,
            Self::Ambiguous { .. } | Self::NotHistograms { .. } => Kind::Invalid,
            Self::ProfileChanged { .. } => Kind::Conflict,
            Self::Refused(e) => e.kind(),
            Self::Verdict(e) => e.kind(),
            Self::Swap(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } | Self::Ambiguous { .. } => Some("lamp duty ls".to_owned()),
            Self::NoHistograms => Some("lamp duty".to_owned()),
            Self::NotHistograms { duty } => Some(format!("lamp duty show {}", duty.id)),
            Self::ProfileChanged { .. } => {
                Some("profiles are made anew by this build of lamp; waive the duty and do the next one".to_owned())
            }
            Self::UnknownRota { .. } => Some("lamp rota".to_owned()),
            Self::Refused(e) => e.hint(),
            Self::Verdict(e) => e.hint(),
            Self::Swap(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// The next thing to type for a duty that is open.
pub(crate) fn next_command(duty: &Duty) -> String {
    match duty.kind {
        DutyKind::Labels => "lamp label".to_owned(),
        DutyKind::Histograms => format!("lamp duty histograms {}", duty.id),
        DutyKind::Validate => {
            format!("lamp models show {0}; then lamp approve {0} --note \"…\"", duty.subject)
        }
    }
}

impl App {
    /// Records the end of a duty: the move, its event and its audit event.
    pub(crate) async fn end_duty(&self, tx: &mut Tx, duty: &Duty, ending: DutyMove) -> Result<(), LedgerError> {
        tx.end_duty(&ending).await?;
        let details = json!({"note": ending.end.note, "evidence": ending.end.evidence});
        self.note_duty(tx, duty, ending.to.as_str(), ending.on_behalf_of, details).await
    }

    /// Records that something happened to a duty, in its own history and in the audit log.
    pub(crate) async fn note_duty(
        &self,
        tx: &mut Tx,
        duty: &Duty,
        action: &str,
        on_behalf_of: Option<String>,
        details: Value,
    ) -> Result<(), LedgerError> {
        let audited = json!({
            "project": duty.project, "duty": duty.title(), "assignee": duty.assignee, "on_behalf_of": on_behalf_of,
            "details": details,
        });
        tx.note_duty(&DutyEvent {
            duty: duty.id,
            at: self.now(),
            actor: self.actor().clone(),
            on_behalf_of,
            action: action.to_owned(),
            details,
        })
        .await?;
        tx.audit(&self.entry(&format!("duty.{action}"), duty.id, audited)).await?;
        Ok(())
    }
}

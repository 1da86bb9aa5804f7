//! Practice 5: what a person must look at, and who does.

use lamp_core::access::Permission;
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::IncidentId;
use lamp_core::incident::{DATA_SURPRISING, Incident, IncidentRefusal, IncidentState};
use lamp_core::surprise::Decision;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::parts::{PartError, take_parts};

/// Most incidents that are listed: the newest, those that wait for somebody first.
pub const INCIDENTS_LISTED_MAX: u32 = 1_000;

/// Why nothing was done about an incident.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// No incident of that id.
    #[error("no incident `{text}`")]
    Unknown {
        /// As given.
        text: String,
    },
    /// More than one id begins so.
    #[error("`{text}` is the start of {count} incidents")]
    Ambiguous {
        /// As given.
        text: String,
        /// How many, up to the number that is looked for.
        count: usize,
    },
    /// It is not about data beside its history.
    #[error("incident {incident} is not about data that is unlike its history, so there is nothing to decide of it")]
    NothingToDecide {
        /// The incident.
        incident: IncidentId,
    },
    /// It is not in the state for that.
    #[error(transparent)]
    Refused(#[from] IncidentRefusal),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(IncidentError);

impl Classified for IncidentError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            Self::Ambiguous { .. } | Self::NothingToDecide { .. } => Kind::Invalid,
            Self::Refused(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } | Self::Ambiguous { .. } => Some("lamp incidents ls --all".to_owned()),
            Self::NothingToDecide { incident } => Some(format!("lamp incidents resolve {incident} --note \"…\"")),
            Self::Refused(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// An incident with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// Where it stands.
    pub state: IncidentState,
    /// The command that shows what it is about, where there is one.
    pub look: Option<String>,
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        Self { state: incident.state(), look: incident.look(), incident }
    }
}

impl App {
    /// Incidents, those that wait for somebody first, newest first: those alone, or `all`. At most
    /// [`INCIDENTS_LISTED_MAX`].
    pub async fn incidents(&self, all: bool) -> Result<Vec<IncidentView>, IncidentError> {
        let found = self.ledger().incidents(!all, INCIDENTS_LISTED_MAX).await?;
        Ok(found.into_iter().map(IncidentView::from).collect())
    }

    /// The incident that an id, or the start of one, names.
    pub async fn show_incident(&self, text: &str) -> Result<IncidentView, IncidentError> {
        Ok(self.find_incident(text).await?.into())
    }

    /// Notes that the actor looks at an incident.
    pub async fn ack_incident(&self, text: &str) -> Result<IncidentView, IncidentError> {
        self.authorize(Permission::Watch)?;
        let incident = self.find_incident(text).await?;
        let acknowledgement = incident.acknowledge(self.actor(), self.now())?;
        let mut tx = self.ledger().begin().await?;
        tx.acknowledge_incident(incident.id, &acknowledgement).await?;
        let details = json!({"subject": incident.subject, "cause": incident.cause});
        tx.audit(&self.entry("incident.acknowledged", incident.id, details)).await?;
        tx.commit().await?;
        Ok(Incident { acknowledged: Some(acknowledgement), ..incident }.into())
    }

    /// Says that an incident is over, and what it was. Of one about data that is unlike its history, also what that
    /// data was: see [`Decision`].
    pub async fn resolve_incident(
        &self,
        text: &str,
        note: &str,
        decision: Option<Decision>,
    ) -> Result<IncidentView, IncidentError> {
        self.authorize(Permission::Watch)?;
        let incident = self.find_incident(text).await?;
        if decision.is_some() && incident.cause != DATA_SURPRISING {
            return Err(IncidentError::NothingToDecide { incident: incident.id });
        }
        let resolution = incident.resolve(self.actor(), note, self.now())?;
        let mut tx = self.ledger().begin().await?;
        tx.resolve_incident(incident.id, &resolution).await?;
        if let Some(decision) = decision {
            self.decide_judgements(&mut tx, &incident, decision).await?;
        }
        let (subject, cause, note) = (&incident.subject, &incident.cause, &resolution.note);
        let details = json!({"subject": subject, "cause": cause, "note": note, "decision": decision});
        tx.audit(&self.entry("incident.resolved", incident.id, details)).await?;
        tx.commit().await?;
        Ok(Incident { resolved: Some(resolution), ..incident }.into())
    }

    async fn find_incident(&self, text: &str) -> Result<Incident, IncidentError> {
        let unknown = || IncidentError::Unknown { text: text.to_owned() };
        if let Some(id) = IncidentId::parse(text) {
            return self.ledger().find_incident(id).await?.ok_or_else(unknown);
        }
        let mut found = self.ledger().find_incidents_by_prefix(text).await?;
        match found.len() {
            0 => Err(unknown()),
            1 => Ok(found.remove(0)),
            count => Err(IncidentError::Ambiguous { text: text.to_owned(), count }),
        }
    }
}

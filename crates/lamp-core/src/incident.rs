//! Incidents: something a person must look at.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::error::{Classified, Kind};
use crate::ids::IncidentId;
use crate::names::ProjectName;

/// A partition broke a promise of its contract; the subject is `flights[2013-02-08]`.
pub const CONTRACT_BROKEN: &str = "contract.broken";

/// A partition is unlike its history; the subject is `flights[2013-02-08]`.
pub const DATA_SURPRISING: &str = "data.surprising";

/// Another model answers for a service; the subject is `delay epoch 7`.
pub const SERVICE_SWITCHED: &str = "service.switched";

/// A model of a service is lost, or its answers are; the subject is `delay shadow delay-simple@1`.
pub const SERVICE_DEGRADED: &str = "service.degraded";

/// The disk of a replica's prediction log fills; the subject is the replica and how full it is.
pub const LOG_DISK: &str = "log.disk";

/// A person said that a column looks suspicious; the subject is `flights[2013-02-08].dep_delay`.
pub const HISTOGRAM_SUSPICIOUS: &str = "histogram.suspicious";

/// A rotation of a cadence came to no candidate; the subject is the model.
pub const ROTATION_FAILED: &str = "rotation.failed";

/// The newest row of a dataset is older than promised, or no new version came; the subject is
/// `flights after 2013-03-27T04:59:00Z`.
pub const SLA_LATE: &str = "sla.late";

/// A dataset's error budget is exhausted; the subject is `flights objective`.
pub const SLA_EXHAUSTED: &str = "sla.exhausted";

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// Nobody has said that they look at it.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// It is over, with a note.
    Resolved,
}

impl IncidentState {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Somebody has said that they look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Who said so.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What it was, in their words.
    pub note: String,
}

/// An incident, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What kind of thing happened: [`CONTRACT_BROKEN`], [`SERVICE_SWITCHED`], …
    pub cause: String,
    /// What it is about: `flights[2013-02-08]`, `delay epoch 7`.
    pub subject: String,
    /// One sentence for people.
    pub title: String,
    /// The project that it belongs to, where there is one.
    pub project: Option<ProjectName>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// Who looks at it.
    pub acknowledged: Option<Acknowledgement>,
    /// How it ended.
    pub resolved: Option<Resolution>,
}

/// Why an incident stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentRefusal {
    /// Somebody looks at it already.
    #[error("incident {id} was acknowledged by {by} already")]
    Acknowledged {
        /// The incident.
        id: IncidentId,
        /// By whom.
        by: Actor,
    },
    /// It is over.
    #[error("incident {id} was resolved by {by} already: {note}")]
    Resolved {
        /// The incident.
        id: IncidentId,
        /// By whom.
        by: Actor,
        /// In their words.
        note: String,
    },
    /// No reason given.
    #[error("resolving incident {id} needs a note")]
    NoteMissing {
        /// The incident.
        id: IncidentId,
    },
}

impl Classified for IncidentRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Acknowledged { .. } | Self::Resolved { .. } => Kind::Conflict,
            Self::NoteMissing { .. } => Kind::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Acknowledged { id, .. } => format!("lamp incidents resolve {id} --note \"…\""),
            Self::Resolved { id, .. } => format!("lamp incidents show {id}"),
            Self::NoteMissing { .. } => "add --note \"what it was, and what was done\"".to_owned(),
        })
    }
}

impl Incident {
    /// A new incident.
    pub fn open(id: IncidentId, cause: &str, subject: impl Into<String>, title: String, at: Timestamp) -> Self {
        Self {
            id,
            cause: cause.to_owned(),
            subject: subject.into(),
            title,
            project: None,
            opened_at: at,
            acknowledged: None,
            resolved: None,
        }
    }

    /// The same, as a matter of `project`.
    #[must_use]
    pub fn of(mut self, project: Option<&ProjectName>) -> Self {
        self.project = project.cloned();
        self
    }

    /// Where it stands.
    pub fn state(&self) -> IncidentState {
        match (&self.resolved, &self.acknowledged) {
            (Some(_), _) => IncidentState::Resolved,
            (None, Some(_)) => IncidentState::Acknowledged,
            (None, None) => IncidentState::Open,
        }
    }

    /// `actor` looks at it from now on.
    pub fn acknowledge(&self, actor: &Actor, at: Timestamp) -> Result<Acknowledgement, IncidentRefusal> {
        self.refuse_if_resolved()?;
        if let Some(acknowledged) = &self.acknowledged {
            return Err(IncidentRefusal::Acknowledged { id: self.id, by: acknowledged.by.clone() });
        }
        Ok(Acknowledgement { by: actor.clone(), at })
    }

    /// It is over, says `actor`. Nobody needs to have acknowledged it before.
    pub fn resolve(&self, actor: &Actor, note: &str, at: Timestamp) -> Result<Resolution, IncidentRefusal> {
        self.refuse_if_resolved()?;
        if note.trim().is_empty() {
            return Err(IncidentRefusal::NoteMissing { id: self.id });
        }
        Ok(Resolution { by: actor.clone(), at, note: note.trim().to_owned() })
    }

    fn refuse_if_resolved(&self) -> Result<(), IncidentRefusal> {
        match &self.resolved {
            Some(end) => Err(IncidentRefusal::Resolved { id: self.id, by: end.by.clone(), note: end.note.clone() }),
            None => Ok(()),
        }
    }

    /// The command that shows what it is about, where there is one.
    pub fn look(&self) -> Option<String> {
        match self.cause.as_str() {
            CONTRACT_BROKEN => Some(format!("lamp check '{}'", self.subject)),
            DATA_SURPRISING => Some(format!("lamp check '{}' --explain", self.subject)),
            SERVICE_SWITCHED | SERVICE_DEGRADED => {
                self.subject.split(' ').next().map(|service| format!("lamp why {service}"))
            }
            HISTOGRAM_SUSPICIOUS => {
                let (data, column) = self.subject.rsplit_once('.')?;
                Some(format!("lamp profile '{data}' --column {column}"))
            }
            ROTATION_FAILED => Some(format!("lamp cadence show {}", self.subject)),
            SLA_LATE | SLA_EXHAUSTED => self.subject.split(' ').next().map(|dataset| format!("lamp sla {dataset}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid_v7;

    fn incident(cause: &str, subject: &str) -> Incident {
        let id = IncidentId(uuid_v7(Timestamp::UNIX_EPOCH, [7; 10]));
        Incident::open(id, cause, subject, "it broke".to_owned(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_incident_is_acknowledged_once_and_resolved_once_with_a_note() {
        let (ada, bob) = (Actor::local("ada@example.com"), Actor::local("bob@example.com"));
        let now = Timestamp::UNIX_EPOCH;
        let open = incident(CONTRACT_BROKEN, "flights[2013-02-08]");
        assert_eq!(open.state(), IncidentState::Open);
        let acknowledged = Incident { acknowledged: Some(open.acknowledge(&ada, now).expect("open")), ..open.clone() };
        assert_eq!(acknowledged.state(), IncidentState::Acknowledged);
        assert!(
            matches!(acknowledged.acknowledge(&bob, now), Err(IncidentRefusal::Acknowledged { by, .. }) if by == ada)
        );
        assert!(matches!(open.resolve(&bob, " \n", now), Err(IncidentRefusal::NoteMissing { .. })));

        // What was never acknowledged can be resolved all the same.
        for unresolved in [open, acknowledged] {
            let end = unresolved.resolve(&bob, " a storm ", now).expect("not resolved yet");
            assert_eq!(end.note, "a storm");
            let resolved = Incident { resolved: Some(end), ..unresolved };
            assert_eq!(resolved.state(), IncidentState::Resolved);
            assert!(matches!(resolved.resolve(&ada, "again", now), Err(IncidentRefusal::Resolved { .. })));
            assert!(matches!(resolved.acknowledge(&ada, now), Err(IncidentRefusal::Resolved { .. })));
        }
    }

    #[test]
    fn an_incident_says_where_to_look() {
        for (cause, subject, command) in [
            (CONTRACT_BROKEN, "flights[2013-02-08]", Some("lamp check 'flights[2013-02-08]'")),
            (DATA_SURPRISING, "flights[2013-02-08]", Some("lamp check 'flights[2013-02-08]' --explain")),
            (SERVICE_SWITCHED, "delay epoch 7", Some("lamp why delay")),
            (SERVICE_DEGRADED, "delay shadow delay-simple@1", Some("lamp why delay")),
            (HISTOGRAM_SUSPICIOUS, "flights[2013-02].dep", Some("lamp profile 'flights[2013-02]' --column dep")),
            (ROTATION_FAILED, "delay", Some("lamp cadence show delay")),
            (SLA_LATE, "flights after 2013-03-27T04:59:00Z", Some("lamp sla flights")),
            (SLA_EXHAUSTED, "flights objective", Some("lamp sla flights")),
            ("something.else", "delay", None),
        ] {
            assert_eq!(incident(cause, subject).look().as_deref(), command, "{cause}");
        }
    }
}

//! Incidents: something a person must look at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::IncidentId;

/// An incident, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What kind of thing happened: `contract.broken`, `service.switched`, …
    pub cause: String,
    /// What it is about: `flights@7`, `delay`.
    pub subject: String,
    /// One sentence for people.
    pub title: String,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
}

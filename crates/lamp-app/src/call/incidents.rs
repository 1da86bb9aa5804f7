//! Calls about incidents.

use lamp_core::surprise::Decision;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::incidents::IncidentView;

/// `lamp incidents ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListIncidents {
    /// Also those that are over.
    pub all: bool,
}

impl Call for ListIncidents {
    const NAME: &'static str = "list-incidents";
    type Answer = Vec<IncidentView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.incidents(self.all).await.map_err(failed)
    }
}

/// `lamp incidents show`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowIncident {
    /// Its id, or the start of one.
    pub incident: String,
}

impl Call for ShowIncident {
    const NAME: &'static str = "show-incident";
    type Answer = IncidentView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_incident(&self.incident).await.map_err(failed)
    }
}

/// `lamp incidents ack`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AckIncident {
    /// Its id, or the start of one.
    pub incident: String,
}

impl Call for AckIncident {
    const NAME: &'static str = "ack-incident";
    type Answer = IncidentView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.ack_incident(&self.incident).await.map_err(failed)
    }
}

/// `lamp incidents resolve`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveIncident {
    /// Its id, or the start of one.
    pub incident: String,
    /// What it was.
    pub note: String,
    /// What the data was, of an incident about data that is unlike its history.
    #[serde(default, rename = "as")]
    pub decision: Option<Decision>,
}

impl Call for ResolveIncident {
    const NAME: &'static str = "resolve-incident";
    type Answer = IncidentView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.resolve_incident(&self.incident, &self.note, self.decision).await.map_err(failed)
    }
}

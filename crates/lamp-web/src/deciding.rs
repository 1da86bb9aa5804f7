//! A decision on a candidate, as the page and the API both send it.

use lamp_app::registry::RegistryError;
use lamp_app::registry::decide::Decide;
use lamp_core::error::{Classified, Kind};
use lamp_core::registry::{Approval, Decision};
use serde::Deserialize;

use crate::site::Site;

/// Longest note, in characters.
const NOTE_MAX: usize = 2_000;

/// What a form or a body asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// `approve` or `reject`.
    #[serde(default)]
    pub(crate) decision: String,
    #[serde(default)]
    pub(crate) note: String,
    /// Digest of the report that was looked at.
    #[serde(default)]
    pub(crate) report: String,
    /// Anything but nothing: approve although the gate failed.
    #[serde(default)]
    pub(crate) override_gate: String,
    /// Not empty: approve although an error budget is exhausted.
    #[serde(default)]
    pub(crate) override_budget: String,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecidingError {
    /// Not a decision.
    #[error("`{decision}` is neither `approve` nor `reject`")]
    NotADecision {
        /// As given.
        decision: String,
    },
    /// Not a note any more.
    #[error("the note is longer than {NOTE_MAX} characters")]
    NoteTooLong,
    /// Another report than the one that was looked at.
    #[error("the report that you looked at is not the report of {model}")]
    OtherReport {
        /// The version.
        model: String,
    },
    /// The use case said no.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Classified for DecidingError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotADecision { .. } | Self::NoteTooLong => Kind::Invalid,
            Self::OtherReport { .. } => Kind::Conflict,
            Self::Registry(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADecision { .. } => Some("send `decision` as `approve` or `reject`".to_owned()),
            Self::NoteTooLong => Some("put the story into a file and its address here".to_owned()),
            Self::OtherReport { model } => Some(format!("look at the report of {model} as it is now, and sign that")),
            Self::Registry(error) => error.hint(),
        }
    }
}

/// Signs. A person signs for the report that they saw, so its digest must be sent along.
pub(crate) async fn decide(site: &Site, reference: &str, asked: Asked) -> Result<Approval, DecidingError> {
    let decision = match asked.decision.as_str() {
        "approve" => Decision::Approved,
        "reject" => Decision::Rejected,
        _ => return Err(DecidingError::NotADecision { decision: asked.decision }),
    };
    if asked.note.chars().count() > NOTE_MAX {
        return Err(DecidingError::NoteTooLong);
    }
    let version = site.app().model_version(reference).await?;
    if version.evidence.digest().to_hex() != asked.report {
        return Err(DecidingError::OtherReport { model: version.id.to_string() });
    }
    let model = version.id.to_string();
    let gate_override = !asked.override_gate.is_empty();
    let budget_override = !asked.override_budget.is_empty();
    Ok(site.app().decide(Decide { model, decision, note: asked.note, gate_override, budget_override }).await?)
}

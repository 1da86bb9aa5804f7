//! Routes: who answers for a service now.

mod break_glass;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::dataset::VersionNumber;
use crate::error::{Classified, Kind};
use crate::names::{ModelName, ServiceName};

pub use break_glass::{BrokenGlass, Reconciled};

/// The two places of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The main model.
    Primary,
    /// The simpler model behind it.
    Shadow,
}

impl Role {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Shadow => "shadow",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "primary" => Some(Self::Primary),
            "shadow" => Some(Self::Shadow),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A version of a model, by name and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    /// The series.
    pub model: ModelName,
    /// The number in the series.
    pub version: VersionNumber,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.model, self.version))
    }
}

/// Who answers for a service. Every change raises the epoch by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The service.
    pub service: ServiceName,
    /// The main model.
    pub primary: Option<ModelRef>,
    /// The model behind it.
    pub shadow: Option<ModelRef>,
    /// Who answers.
    pub active: Role,
    /// Counts the changes, from 1.
    pub epoch: u64,
    /// Who changed it last.
    pub changed_by: Actor,
    /// When.
    pub changed_at: Timestamp,
    /// Why, in a person's words.
    pub why: String,
}

/// A change that a route does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Nothing stands in that place.
    #[error("service `{service}` has no {role}")]
    Empty {
        /// The service.
        service: ServiceName,
        /// The empty place.
        role: Role,
    },
    /// It answers already.
    #[error("the {role} of `{service}` answers already (epoch {epoch})")]
    AlreadyActive {
        /// The service.
        service: ServiceName,
        /// Who answers.
        role: Role,
        /// The present epoch.
        epoch: u64,
    },
}

impl Classified for RouteError {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Empty { service, role } => Some(format!("lamp deploy {service} MODEL@V --as {role}")),
            Self::AlreadyActive { .. } => None,
        }
    }
}

impl Route {
    /// The model in a place.
    pub fn model(&self, role: Role) -> Option<&ModelRef> {
        match role {
            Role::Primary => self.primary.as_ref(),
            Role::Shadow => self.shadow.as_ref(),
        }
    }

    /// Whether this route stands above `other`. Two decisions that did not know of each other, one of them
    /// taken while the ledger was away, may have one epoch: then the later one stands.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.epoch, self.changed_at) > (other.epoch, other.changed_at)
    }

    /// The route after a person switched to `role`.
    pub fn switched(&self, role: Role, actor: &Actor, at: Timestamp, why: &str) -> Result<Self, RouteError> {
        if self.model(role).is_none() {
            return Err(RouteError::Empty { service: self.service.clone(), role });
        }
        if self.active == role {
            return Err(RouteError::AlreadyActive { service: self.service.clone(), role, epoch: self.epoch });
        }
        Ok(Self { active: role, ..self.changed(actor, at, why) })
    }

    /// The route after `model` was put in the place `role`.
    #[must_use]
    pub fn deployed(&self, role: Role, model: ModelRef, actor: &Actor, at: Timestamp, why: &str) -> Self {
        let mut next = self.changed(actor, at, why);
        match role {
            Role::Primary => next.primary = Some(model),
            Role::Shadow => next.shadow = Some(model),
        }
        next
    }

    /// The first route of a service, before anything is deployed.
    pub fn empty(service: ServiceName, actor: &Actor, at: Timestamp) -> Self {
        Self {
            service,
            primary: None,
            shadow: None,
            active: Role::Primary,
            epoch: 0,
            changed_by: actor.clone(),
            changed_at: at,
            why: String::new(),
        }
    }

    fn changed(&self, actor: &Actor, at: Timestamp, why: &str) -> Self {
        Self { epoch: self.epoch + 1, changed_by: actor.clone(), changed_at: at, why: why.to_owned(), ..self.clone() }
    }
}

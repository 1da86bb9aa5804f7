//! Practices 2 and 7: every model has a commit, and a person signs for it.

pub mod decide;
pub mod list;
pub mod report;
pub mod retire;
pub mod signing;
pub mod view;

use lamp_core::error::{Classified, Kind};
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::registry::DecisionError;
use lamp_core::route::{ModelRef, Role};

use crate::check::CheckError;
use crate::parts::{PartError, take_parts};

/// Why the registry did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No version of that model.
    #[error("model `{model}` has no version")]
    NoVersion {
        /// The model.
        model: ModelName,
    },
    /// Not that version.
    #[error("no model {model}")]
    UnknownVersion {
        /// The version.
        model: ModelRef,
    },
    /// Nothing of that name serves.
    #[error("no version of `{model}` is serving")]
    NotServing {
        /// The model.
        model: ModelName,
    },
    /// It serves.
    #[error("{model} serves `{service}` as its {role}")]
    StillServing {
        /// The version.
        model: ModelRef,
        /// Where.
        service: ServiceName,
        /// In which place.
        role: Role,
    },
    /// The decision cannot be signed.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The error budgets of its data cannot be told.
    #[error(transparent)]
    Budget(#[from] CheckError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(RegistryError);

impl Classified for RegistryError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoVersion { .. } | Self::UnknownVersion { .. } | Self::NotServing { .. } => Kind::NotFound,
            Self::StillServing { .. } => Kind::Conflict,
            Self::Decision(e) => e.kind(),
            Self::Budget(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoVersion { model } => Some(format!("lamp train {model}")),
            Self::UnknownVersion { model } => Some(format!("lamp models ls {}", model.model)),
            Self::NotServing { model } => Some(format!("lamp deploy SERVICE {model}@V --as primary")),
            Self::StillServing { service, role, .. } => Some(format!("lamp deploy {service} ANOTHER@V --as {role}")),
            Self::Decision(e) => e.hint(),
            Self::Budget(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

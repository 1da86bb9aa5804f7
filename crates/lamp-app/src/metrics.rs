//! Practice 6: what the labels say of the models, and the job that says it again when there are more.

pub mod glance;
mod rows;
pub mod update;
pub mod view;

use lamp_core::error::{Classified, Kind};
use lamp_core::estimate::WindowError;
use lamp_core::names::ServiceName;

use crate::labels::LabelingError;
use crate::parts::{PartError, take_parts};
use crate::registry::RegistryError;
use crate::training::RunError;

/// Why there are no estimates.
#[derive(Debug, thiserror::Error)]
pub enum EstimationError {
    /// Nothing declares that service.
    #[error("no project declares a service `{service}`")]
    UnknownService {
        /// The service.
        service: ServiceName,
    },
    /// Neither a service nor a model of one.
    #[error("`{name}` is neither a service nor a model of one")]
    UnknownName {
        /// As given.
        name: String,
    },
    /// The span is empty.
    #[error("the first day is after the last one")]
    EmptySpan,
    /// Not a window.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// Labels.
    #[error(transparent)]
    Labels(#[from] LabelingError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A package.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(EstimationError);

impl Classified for EstimationError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownService { .. } | Self::UnknownName { .. } => Kind::NotFound,
            Self::EmptySpan => Kind::Invalid,
            Self::Window(e) => e.kind(),
            Self::Labels(e) => e.kind(),
            Self::Registry(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownService { service } => Some(format!("add [services.{service}] to a project's lamp.toml")),
            Self::UnknownName { .. } => Some("lamp metrics".to_owned()),
            Self::EmptySpan => Some("--since 2013-04-01 --until 2013-04-30".to_owned()),
            Self::Window(e) => e.hint(),
            Self::Labels(e) => e.hint(),
            Self::Registry(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

//! Practice 8: a simpler model behind the main one, one click away.

mod break_glass;
pub mod compact;
pub mod deploy;
pub mod feedback;
pub mod feeder;
pub(crate) mod logged;
pub mod predictions;
pub mod price;
pub mod replay;
pub mod services;
pub mod switch;
mod watch;

use lamp_core::error::{Classified, Kind};
use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;
use lamp_core::registry::ModelState;
use lamp_core::route::{ModelRef, Role, RouteError};

use crate::data::DataError;
use crate::labels::LabelingError;
use crate::metrics::EstimationError;
use crate::parts::{PartError, take_parts};
use crate::registry::RegistryError;
use crate::training::RunError;

/// Why serving did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// Nothing declares that service.
    #[error("no project declares a service `{service}`")]
    UnknownService {
        /// The service.
        service: ServiceName,
    },
    /// Nothing was deployed there yet.
    #[error("nothing is deployed to service `{service}`")]
    NothingDeployed {
        /// The service.
        service: ServiceName,
    },
    /// Only approved models are deployed.
    #[error("{model} is {state}, and only approved models are deployed")]
    NotApproved {
        /// The version.
        model: ModelRef,
        /// Its state.
        state: ModelState,
    },
    /// The two models of a service take the same inputs.
    #[error("{model} takes other inputs than {other}, the {role} of `{service}`")]
    OtherInputs {
        /// The version to deploy.
        model: ModelRef,
        /// What is there.
        other: ModelRef,
        /// In which place.
        role: Role,
        /// The service.
        service: ServiceName,
    },
    /// A model behind itself is no safety net.
    #[error("{model} is the {role} of `{service}` already, and behind itself it is no safety net")]
    InBothPlaces {
        /// The version.
        model: ModelRef,
        /// The place it has.
        role: Role,
        /// The service.
        service: ServiceName,
    },
    /// An upstream model has no commit of ours.
    #[error("{model} is answered by a server of its own, without a commit: `{service}` does not allow that")]
    Unattested {
        /// The version.
        model: ModelRef,
        /// The service.
        service: ServiceName,
    },
    /// No change to go back to.
    #[error("service `{service}` has no earlier {role} to go back to")]
    NothingToRollBack {
        /// The service.
        service: ServiceName,
        /// The place.
        role: Role,
    },
    /// A switch or rollback needs a reason.
    #[error("a change of who answers needs a reason")]
    WhyMissing,
    /// The route does not allow it.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// No such prediction.
    #[error("no prediction {id} in the log")]
    UnknownPrediction {
        /// Its id.
        id: PredictionId,
    },
    /// A row that the log does not have cannot be asked again.
    #[error("the row of prediction {id} is not in the log: `{service}` keeps its hash, or leaves columns out")]
    RowNotKept {
        /// The prediction.
        id: PredictionId,
        /// The service.
        service: ServiceName,
    },
    /// A row that the model's signature does not allow.
    #[error("{model} does not take the row of prediction {id} as it is in the log: {why}")]
    RowNotTaken {
        /// The prediction.
        id: PredictionId,
        /// The version.
        model: String,
        /// Why.
        why: String,
    },
    /// Labels that clients sent.
    #[error(transparent)]
    Labels(Box<LabelingError>),
    /// The labels' scores.
    #[error(transparent)]
    Estimation(Box<EstimationError>),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A model that does not come to life.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(ServingError);

impl Classified for ServingError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownService { .. } | Self::NothingDeployed { .. } | Self::UnknownPrediction { .. } => {
                Kind::NotFound
            }
            Self::NotApproved { .. }
            | Self::OtherInputs { .. }
            | Self::InBothPlaces { .. }
            | Self::RowNotKept { .. }
            | Self::NothingToRollBack { .. } => Kind::Conflict,
            Self::Unattested { .. } => Kind::Forbidden,
            Self::WhyMissing | Self::RowNotTaken { .. } => Kind::Invalid,
            Self::Labels(e) => e.kind(),
            Self::Estimation(e) => e.kind(),
            Self::Route(e) => e.kind(),
            Self::Registry(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownService { service } => Some(format!("add [services.{service}] to a project's lamp.toml")),
            Self::NothingDeployed { service } => Some(format!("lamp deploy {service} MODEL@V --as primary")),
            Self::NotApproved { model, state: ModelState::Candidate } => {
                Some(format!("lamp models show {model}; then lamp approve {model} --note \"…\""))
            }
            Self::NotApproved { model, .. } => Some(format!("lamp models ls {}", model.model)),
            Self::OtherInputs { .. } => Some("both models of a service must have the same input signature".to_owned()),
            Self::InBothPlaces { model, role, service } => {
                let place = match role {
                    Role::Primary => Role::Shadow,
                    Role::Shadow => Role::Primary,
                };
                Some(format!("lamp models ls; then lamp deploy {service} ANOTHER@V --as {place}, not {model}"))
            }
            Self::Unattested { service, .. } => Some(format!("set `unattested = true` in [services.{service}]")),
            Self::NothingToRollBack { service, .. } => Some(format!("lamp why {service}")),
            Self::WhyMissing => Some("add --why \"what you saw\"".to_owned()),
            Self::UnknownPrediction { .. } | Self::RowNotTaken { .. } => None,
            Self::RowNotKept { .. } => {
                Some("set `features = \"full\"` without `redact` for what is to come".to_owned())
            }
            Self::Labels(e) => e.hint(),
            Self::Estimation(e) => e.hint(),
            Self::Route(e) => e.hint(),
            Self::Registry(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

//! What the gateway is told to serve.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lamp_core::clock::Clock;
use lamp_core::ids::{Ids, ReplicaId};
use lamp_core::names::ServiceName;
use lamp_core::route::{ModelRef, Role, Route};
use lamp_model::Model;
use serde::{Deserialize, Serialize};

use crate::kept::KeptInputs;
use crate::log::disk::DiskGauge;

/// How much the prediction log matters to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogMode {
    /// Answer in any case, and count every row that could not be kept.
    #[default]
    BestEffort,
    /// No answer without a row on disk: 503 when it cannot be kept.
    Required,
}

/// What a gateway needs from its surroundings.
#[derive(Clone)]
pub struct GatewaySettings {
    /// This process.
    pub replica: ReplicaId,
    /// Folder of the prediction log; one folder per service is made in it.
    pub log_dir: PathBuf,
    /// Host names by which clients may call, besides loopback names and the bound address.
    pub allowed_hosts: Vec<String>,
    /// How full the log's disk is.
    pub disk: DiskGauge,
    /// Time of predictions. Deadlines run on the machine's own monotonic clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness of identifiers.
    pub ids: Arc<dyn Ids>,
}

impl fmt::Debug for GatewaySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewaySettings")
            .field("replica", &self.replica)
            .field("log_dir", &self.log_dir)
            .field("allowed_hosts", &self.allowed_hosts)
            .finish_non_exhaustive()
    }
}

/// A loaded model in its place.
#[derive(Clone)]
pub struct Mounted {
    /// Which version it is.
    pub model_ref: ModelRef,
    /// The model, ready to answer.
    pub model: Arc<dyn Model>,
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("model_ref", &self.model_ref).finish_non_exhaustive()
    }
}

/// All that is needed to serve one service.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// Its name; also the protocol's model name.
    pub service: ServiceName,
    /// Time to answer, from the request's arrival.
    pub deadline: Duration,
    /// How much the log matters.
    pub log: LogMode,
    /// What the log keeps of the inputs.
    pub kept: KeptInputs,
    /// The main model.
    pub primary: Option<Mounted>,
    /// The simpler model behind it.
    pub shadow: Option<Mounted>,
    /// Who answers now.
    pub route: Route,
    /// Whether the service is not ready at first until its shadow can answer.
    pub needs_shadow: bool,
}

impl ServicePlan {
    /// What stands in a place.
    pub fn mounted(&self, role: Role) -> Option<&Mounted> {
        match role {
            Role::Primary => self.primary.as_ref(),
            Role::Shadow => self.shadow.as_ref(),
        }
    }
}

//! What a gateway says about itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamp_core::ids::ReplicaId;
use lamp_core::names::ServiceName;
use lamp_core::route::{ModelRef, Role, Route};
use lamp_model::Health;
use serde::{Deserialize, Serialize};

use crate::log::disk::DiskState;
use crate::plan::LogMode;

/// Everything at one moment. Counts run from the gateway's start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayState {
    /// The process.
    pub replica: ReplicaId,
    /// When it started.
    pub started_at: Timestamp,
    /// When this was said.
    pub at: Timestamp,
    /// How much room the log's disk has.
    #[serde(default)]
    pub disk: DiskState,
    /// The services, by name.
    pub services: Vec<ServiceState>,
}

impl GatewayState {
    /// Finds a service.
    pub fn find(&self, service: &ServiceName) -> Option<&ServiceState> {
        self.services.iter().find(|state| &state.service == service)
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its name.
    pub service: ServiceName,
    /// The route in force.
    pub route: Route,
    /// The route's epoch.
    pub epoch: u64,
    /// Who answers by the route.
    pub active: Role,
    /// Time to answer, in milliseconds.
    pub deadline_ms: u64,
    /// How much the log matters.
    pub log: LogMode,
    /// The main model, where there is one.
    pub primary: Option<LaneState>,
    /// The model behind it, where there is one.
    pub shadow: Option<LaneState>,
    /// The breaker before the primary.
    pub breaker: BreakerState,
    /// Rows answered by the primary.
    pub answered_by_primary: u64,
    /// Rows answered by the shadow.
    pub answered_by_shadow: u64,
    /// Rows answered by the shadow, by the word of the reason.
    pub reasons: BTreeMap<String, u64>,
    /// Requests that got no answer (503).
    pub failures: u64,
    /// Requests refused because too many were under way (429).
    pub overloaded: u64,
    /// Requests refused because they were wrong (400).
    pub invalid: u64,
    /// Requests of which only one model was asked, because many were under way.
    #[serde(default)]
    pub shed: u64,
    /// How far the two models are apart, over rows that both answered.
    pub disagreement: Option<Disagreement>,
    /// Rows kept in the log.
    pub log_kept: u64,
    /// Rows that could not be kept.
    pub log_dropped: u64,
    /// Rows kept without their inputs, because the disk was almost full.
    #[serde(default)]
    pub log_thinned: u64,
}

/// One of the two models of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// Which version.
    pub model: ModelRef,
    /// How it is doing; with the process ids of its workers.
    pub health: Health,
    /// Requests that it was asked.
    pub asked: u64,
    /// Requests to which it had no valid answer in time.
    pub failed: u64,
    /// Median latency of its valid answers, in microseconds.
    pub latency_p50_us: Option<u64>,
    /// 99th percentile of the same.
    pub latency_p99_us: Option<u64>,
}

/// How far primary and shadow are apart on their first output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Rows that both answered.
    pub rows: u64,
    /// Mean of |primary − shadow| over the numbers of the first output.
    pub mean_abs: f64,
    /// Rows on which they decide differently: text, whole numbers and booleans that are not equal, scores of several
    /// classes whose largest is not the same one, and numbers declared between 0 and 1 on two sides of one half.
    #[serde(default)]
    pub flips: u64,
}

impl Disagreement {
    /// Over the rows of both.
    #[must_use]
    pub fn together(self, other: Self) -> Self {
        let rows = self.rows + other.rows;
        // Beyond 2^53 rows the mean's last digits do not matter.
        #[allow(clippy::cast_precision_loss)]
        let sum = self.mean_abs * self.rows as f64 + other.mean_abs * other.rows as f64;
        #[allow(clippy::cast_precision_loss)]
        let mean_abs = if rows == 0 { 0.0 } else { sum / rows as f64 };
        Self { rows, mean_abs, flips: self.flips + other.flips }
    }
}

/// The breaker in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BreakerState {
    /// Requests wait for the primary.
    Closed,
    /// Requests do not wait for the primary; a sample is still sent to it.
    Open,
}

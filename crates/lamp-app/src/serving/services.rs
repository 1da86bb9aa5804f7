//! Services at a glance: routes, replicas, history.

use std::time::Duration;

use lamp_core::names::ServiceName;
use lamp_core::route::Route;
use lamp_gateway::{GatewayState, ServiceState};
use lamp_ledger::ReplicaAck;
use serde::Serialize;

use super::ServingError;
use crate::app::App;

/// A replica whose last word is older than this is shown as gone.
const REPLICA_FRESH: Duration = Duration::from_secs(15);

/// One replica's view of a service.
#[derive(Debug, Clone, Serialize)]
pub struct ReplicaView {
    /// Its last word to the ledger.
    pub epoch: u64,
    /// When it was heard of.
    pub seen_at: jiff::Timestamp,
    /// Whether that is recent.
    pub is_fresh: bool,
    /// What it said of the service.
    pub state: Option<ServiceState>,
}

/// A service with its route, history and replicas.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceView {
    /// The service.
    pub service: ServiceName,
    /// Milliseconds to answer.
    pub deadline_ms: u64,
    /// The route, once something is deployed.
    pub route: Option<Route>,
    /// Its changes, newest first.
    pub history: Vec<Route>,
    /// The replicas.
    pub replicas: Vec<ReplicaView>,
}

impl App {
    /// Every declared service.
    pub async fn list_services(&self) -> Result<Vec<ServiceView>, ServingError> {
        let mut views = Vec::new();
        for project in self.workspace().projects.values() {
            for service in project.services.keys() {
                views.push(self.show_service(service, 20).await?);
            }
        }
        Ok(views)
    }

    /// One service, with at most `history` changes.
    pub async fn show_service(&self, service: &ServiceName, history: u32) -> Result<ServiceView, ServingError> {
        let unknown = || ServingError::UnknownService { service: service.clone() };
        let (_, config) = self.workspace().service(service).ok_or_else(unknown)?;
        let acks = self.ledger().replica_acks(service).await?;
        Ok(ServiceView {
            service: service.clone(),
            deadline_ms: u64::try_from(config.deadline.as_millis()).unwrap_or(u64::MAX),
            route: self.ledger().find_route(service).await?,
            history: self.ledger().route_history(service, history).await?,
            replicas: acks.iter().map(|ack| self.replica_view(service, ack)).collect(),
        })
    }

    fn replica_view(&self, service: &ServiceName, ack: &ReplicaAck) -> ReplicaView {
        let state: Option<GatewayState> = serde_json::from_str(&ack.state).ok();
        let silent = self.now().duration_since(ack.seen_at).unsigned_abs();
        ReplicaView {
            epoch: ack.epoch,
            seen_at: ack.seen_at,
            is_fresh: silent < REPLICA_FRESH,
            state: state.and_then(|state| state.find(service).cloned()),
        }
    }
}

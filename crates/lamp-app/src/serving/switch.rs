//! `lamp switch SERVICE shadow|primary`: one click.

use std::time::{Duration, Instant};

use lamp_core::access::Permission;
use lamp_core::ids::IncidentId;
use lamp_core::incident::{Incident, SERVICE_SWITCHED};
use lamp_core::names::ServiceName;
use lamp_core::route::{Role, Route};
use lamp_ledger::ReplicaAck;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ServingError;
use crate::app::App;

/// A replica that was not heard of for so long is gone and not waited for.
const REPLICA_GONE_AFTER: Duration = Duration::from_secs(15);

/// How often the acknowledgements are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who is to answer from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Switch {
    /// The service.
    pub service: ServiceName,
    /// The place that answers.
    pub to: Role,
    /// Why.
    pub why: String,
}

/// Which replicas obey.
#[derive(Debug, Clone)]
pub struct Obeyed {
    /// Replicas at the new epoch.
    pub acknowledged: Vec<ReplicaAck>,
    /// Live replicas that have not said so yet.
    pub waiting: Vec<ReplicaAck>,
}

impl App {
    /// Changes who answers: the route, its audit event and an incident, in one transaction.
    pub async fn switch(&self, request: Switch) -> Result<Route, ServingError> {
        self.authorize(Permission::Sign)?;
        if request.why.trim().is_empty() {
            return Err(ServingError::WhyMissing);
        }
        let mut tx = self.ledger().begin().await?;
        let nothing = || ServingError::NothingDeployed { service: request.service.clone() };
        let before = tx.find_route(&request.service).await?.ok_or_else(nothing)?;
        let route = before.switched(request.to, self.actor(), self.now(), request.why.trim())?;
        tx.save_route(&route).await?;
        let title =
            format!("{} was switched to its {} by {}: {}", route.service, route.active, route.changed_by, route.why);
        let subject = format!("{} epoch {}", route.service, route.epoch);
        let id = IncidentId::new(self.now(), &*self.ids());
        let project = self.workspace().service(&route.service).map(|(project, _)| &project.name);
        let incident = Incident::open(id, SERVICE_SWITCHED, subject, title, self.now()).of(project);
        self.open_incident(&mut tx, &incident).await?;
        let details = json!({"to": route.active, "epoch": route.epoch, "why": route.why});
        tx.audit(&self.entry("service.switched", &request.service, details)).await?;
        tx.commit().await?;
        Ok(route)
    }

    /// Waits until every live replica serves `route`'s epoch, or until `limit` has passed.
    pub async fn wait_until_obeyed(&self, route: &Route, limit: Duration) -> Result<Obeyed, ServingError> {
        let started = Instant::now();
        loop {
            let acks = self.ledger().replica_acks(&route.service).await?;
            let alive = |ack: &ReplicaAck| {
                let silent = self.now().duration_since(ack.seen_at);
                silent.unsigned_abs() < REPLICA_GONE_AFTER
            };
            let (acknowledged, rest): (Vec<_>, Vec<_>) = acks.into_iter().partition(|ack| ack.epoch >= route.epoch);
            let waiting: Vec<_> = rest.into_iter().filter(alive).collect();
            if waiting.is_empty() || started.elapsed() >= limit {
                return Ok(Obeyed { acknowledged, waiting });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

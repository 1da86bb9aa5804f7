//! Facts of practice 8: who answers, and who stands behind.

use lamp_core::doctor::ServiceFacts;
use lamp_gateway::LaneState;
use lamp_model::HealthState;

use super::DoctorError;
use crate::app::App;

impl App {
    pub(super) async fn service_facts(&self) -> Result<Vec<ServiceFacts>, DoctorError> {
        let mut facts = Vec::new();
        for view in self.list_services().await? {
            let fresh: Vec<_> = view.replicas.iter().filter(|replica| replica.is_fresh).collect();
            let is_ready = |lane: &LaneState| match lane.health.state {
                HealthState::Ready | HealthState::Degraded => true,
                HealthState::Starting | HealthState::Down => false,
            };
            let shadows = fresh.iter().filter_map(|replica| replica.state.as_ref()?.shadow.as_ref());
            facts.push(ServiceFacts {
                name: view.service.clone(),
                primary: view.route.as_ref().and_then(|route| route.primary.clone()),
                shadow: view.route.as_ref().and_then(|route| route.shadow.clone()),
                gateways: fresh.len(),
                with_shadow_ready: shadows.filter(|lane| is_ready(lane)).count(),
            });
        }
        Ok(facts)
    }
}

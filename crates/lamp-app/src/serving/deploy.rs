//! `lamp deploy` and `lamp rollback`: an approved version takes a place in a service.

use lamp_core::access::Permission;
use lamp_core::names::ServiceName;
use lamp_core::package::Flavour;
use lamp_core::registry::{ModelState, ModelVersion};
use lamp_core::route::{ModelRef, Role, Route};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ServingError;
use crate::app::App;

/// What to put where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deploy {
    /// The service.
    pub service: ServiceName,
    /// `delay@12`.
    pub model: String,
    /// The place.
    pub role: Role,
    /// Why.
    pub why: String,
}

impl App {
    /// Puts an approved model into a service. The gateway warms it up beside the old one before
    /// it answers.
    pub async fn deploy(&self, request: Deploy) -> Result<Route, ServingError> {
        self.authorize(Permission::Sign)?;
        let model = self.model_version(&request.model).await?;
        let judged = self.fit_to_deploy(&request.service, &model, request.role).await?;
        self.put_in_place(judged, model.id, request.role, &request.why, "service.deployed").await
    }

    /// Puts back the version that held the place before the present one.
    pub async fn rollback(&self, service: &ServiceName, role: Role, why: &str) -> Result<Route, ServingError> {
        self.authorize(Permission::Sign)?;
        if why.trim().is_empty() {
            return Err(ServingError::WhyMissing);
        }
        let route = self.route(service).await?;
        let present = route.model(role);
        let history = self.ledger().route_history(service, u32::MAX).await?;
        let mut earlier = history.iter().filter_map(|past| past.model(role));
        let before = earlier.find(|past| Some(*past) != present).cloned();
        let Some(before) = before else {
            return Err(ServingError::NothingToRollBack { service: service.clone(), role });
        };
        let model = self.model_version(&before.to_string()).await?;
        let judged = self.fit_to_deploy(service, &model, role).await?;
        self.put_in_place(judged, before, role, why, "service.rolled_back").await
    }

    /// The route of a service with something deployed.
    pub(crate) async fn route(&self, service: &ServiceName) -> Result<Route, ServingError> {
        let found = self.ledger().find_route(service).await?;
        found.ok_or_else(|| ServingError::NothingDeployed { service: service.clone() })
    }

    /// Gives back the route that was judged, on which the change is to be built.
    async fn fit_to_deploy(
        &self,
        service: &ServiceName,
        model: &ModelVersion,
        role: Role,
    ) -> Result<Route, ServingError> {
        let unknown = || ServingError::UnknownService { service: service.clone() };
        let (_, config) = self.workspace().service(service).ok_or_else(unknown)?;
        if model.state != ModelState::Approved {
            return Err(ServingError::NotApproved { model: model.id.clone(), state: model.state });
        }
        let package = self.package(&model.package).await?;
        let has_no_commit = matches!(package.flavour, Flavour::Upstream { .. });
        if has_no_commit && !config.unattested {
            return Err(ServingError::Unattested { model: model.id.clone(), service: service.clone() });
        }
        let other_role = match role {
            Role::Primary => Role::Shadow,
            Role::Shadow => Role::Primary,
        };
        let route = self.ledger().find_route(service).await?;
        let route = route.unwrap_or_else(|| Route::empty(service.clone(), self.actor(), self.now()));
        let Some(other) = route.model(other_role).cloned() else { return Ok(route) };
        if other == model.id {
            return Err(ServingError::InBothPlaces { model: other, role: other_role, service: service.clone() });
        }
        let other_model = self.model_version(&other.to_string()).await?;
        let other_package = self.package(&other_model.package).await?;
        if package.signature.takes_same_inputs_as(&other_package.signature) {
            return Ok(route);
        }
        Err(ServingError::OtherInputs { model: model.id.clone(), other, role: other_role, service: service.clone() })
    }

    async fn put_in_place(
        &self,
        before: Route,
        model: ModelRef,
        role: Role,
        why: &str,
        action: &str,
    ) -> Result<Route, ServingError> {
        let mut tx = self.ledger().begin().await?;
        // It may have been retired since it was judged. A route that moved since then is refused
        // by `save_route`.
        if let Some(found) = tx.find_model(&model).await?
            && found.state != ModelState::Approved
        {
            return Err(ServingError::NotApproved { model, state: found.state });
        }
        let route = before.deployed(role, model.clone(), self.actor(), self.now(), why);
        tx.save_route(&route).await?;
        let details = json!({"model": model.to_string(), "role": role, "epoch": route.epoch, "why": why});
        tx.audit(&self.entry(action, &route.service, details)).await?;
        tx.commit().await?;
        Ok(route)
    }
}

//! The feeder: brings routes and models from the ledger to the gateway, which knows no SQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lamp_core::config::LogPolicy;
use lamp_core::ids::ReplicaId;
use lamp_core::names::ServiceName;
use lamp_core::route::{ModelRef, Role, Route};
use lamp_gateway::{Gateway, LogMode, Mounted, ServicePlan};
use lamp_model::{Model, golden_difference};
use tokio::sync::Mutex;

use super::ServingError;
use crate::app::App;
use crate::training::RunError;
use crate::training::mount::MountSpec;

/// Feeds one gateway.
pub struct Feeder {
    app: App,
    gateway: Gateway,
    replica: ReplicaId,
    fed: Mutex<Fed>,
}

/// What the gateway has been told so far.
#[derive(Default)]
struct Fed {
    routes: BTreeMap<ServiceName, Route>,
    models: BTreeMap<ModelRef, Arc<dyn Model>>,
    said_at: Option<Instant>,
}

/// How often a replica says how it is doing when nothing changes: each word is a synced write.
const SAY_EVERY: Duration = Duration::from_secs(2);

impl Feeder {
    /// A feeder that has told the gateway nothing yet.
    pub fn new(app: App, gateway: Gateway, replica: ReplicaId) -> Self {
        Self { app, gateway, replica, fed: Mutex::default() }
    }

    /// Looks for newer routes, puts them into force and acknowledges them. A model that does not
    /// come to life leaves its service as it was, and is tried again next time.
    pub async fn feed(&self) -> Result<(), ServingError> {
        let mut fed = self.fed.lock().await;
        let (mut first_error, mut has_changed) = (None, false);
        for route in self.app.ledger().routes().await? {
            let is_new = fed.routes.get(&route.service).is_none_or(|known| known.epoch < route.epoch);
            if !is_new {
                continue;
            }
            match self.put_in_force(&mut fed, &route).await {
                Ok(()) => {
                    fed.routes.insert(route.service.clone(), route);
                    has_changed = true;
                }
                Err(error) => {
                    tracing::error!(service = %route.service, epoch = route.epoch, %error, "cannot serve this route");
                    first_error.get_or_insert(error);
                }
            }
        }
        let is_due = fed.said_at.is_none_or(|said_at| said_at.elapsed() >= SAY_EVERY);
        if has_changed || is_due {
            self.acknowledge(&fed).await?;
            fed.said_at = Some(Instant::now());
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Says goodbye to the ledger.
    pub async fn forget(&self) -> Result<(), ServingError> {
        let mut tx = self.app.ledger().begin().await?;
        tx.forget_replica(self.replica).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn put_in_force(&self, fed: &mut Fed, route: &Route) -> Result<(), ServingError> {
        let same_models = fed
            .routes
            .get(&route.service)
            .is_some_and(|known| known.primary == route.primary && known.shadow == route.shadow);
        if same_models {
            self.gateway.set_route(route.clone());
            return Ok(());
        }
        let Some((_, config)) = self.app.workspace().service(&route.service) else {
            return Err(ServingError::UnknownService { service: route.service.clone() });
        };
        let plan = ServicePlan {
            service: route.service.clone(),
            deadline: config.deadline,
            log: match config.log {
                LogPolicy::BestEffort => LogMode::BestEffort,
                LogPolicy::Required => LogMode::Required,
            },
            primary: self.mounted(fed, route, Role::Primary).await?,
            shadow: self.mounted(fed, route, Role::Shadow).await?,
            route: route.clone(),
        };
        self.gateway.install(plan)?;
        let in_use: Vec<ModelRef> = fed
            .routes
            .values()
            .filter(|known| known.service != route.service)
            .chain([route])
            .flat_map(|route| [route.primary.clone(), route.shadow.clone()])
            .flatten()
            .collect();
        fed.models.retain(|model, _| in_use.contains(model));
        Ok(())
    }

    async fn mounted(&self, fed: &mut Fed, route: &Route, role: Role) -> Result<Option<Mounted>, ServingError> {
        let Some(id) = route.model(role) else { return Ok(None) };
        if let Some(model) = fed.models.get(id) {
            return Ok(Some(Mounted { model_ref: id.clone(), model: Arc::clone(model) }));
        }
        let version = self.app.model_version(&id.to_string()).await?;
        let spec = MountSpec { package: version.package, commit: version.commit.clone(), project: version.project };
        let model = self.app.mount(&spec, &|line| tracing::info!("{line}")).await?;
        self.answers_golden_rows(&*model, &spec, version.run).await?;
        fed.models.insert(id.clone(), Arc::clone(&model));
        Ok(Some(Mounted { model_ref: id.clone(), model }))
    }

    /// A model that no longer answers as it did in training does not go into service.
    async fn answers_golden_rows(
        &self,
        model: &dyn Model,
        spec: &MountSpec,
        run: lamp_core::ids::RunId,
    ) -> Result<(), ServingError> {
        let package = self.app.package(&spec.package).await?;
        let difference = golden_difference(model, &package).await?;
        if difference <= package.golden.tolerance {
            return Ok(());
        }
        let why = format!("its answers to the golden rows differ by {difference:.3e} now");
        Err(RunError::BadOutput { run, why }.into())
    }

    async fn acknowledge(&self, fed: &Fed) -> Result<(), ServingError> {
        let state = serde_json::to_string(&self.gateway.state()).unwrap_or_default();
        let mut tx = self.app.ledger().begin().await?;
        for route in fed.routes.values() {
            tx.ack_route(self.replica, &route.service, route.epoch, self.app.now(), &state).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

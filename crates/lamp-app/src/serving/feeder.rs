//! The feeder: brings routes and models from the ledger to the gateway, which knows no SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lamp_core::actor::Actor;
use lamp_core::config::{FeaturePolicy, LogPolicy};
use lamp_core::ids::ReplicaId;
use lamp_core::names::ServiceName;
use lamp_core::route::{BrokenGlass, ModelRef, Role, Route};
use lamp_gateway::{Gateway, KeptInputs, LogMode, Mounted, ServicePlan};
use lamp_model::{Model, golden_difference};
use tokio::sync::Mutex;

use super::ServingError;
use super::break_glass::{self, Journal};
use super::switch::Switch;
use super::watch::Watch;
use crate::app::App;
use crate::training::RunError;
use crate::training::mount::MountSpec;

/// Feeds one gateway.
pub struct Feeder {
    app: App,
    gateway: Gateway,
    replica: ReplicaId,
    /// What the gateway has. Held only for moments, never while a model is mounted.
    in_force: StdMutex<BTreeMap<ServiceName, Route>>,
    said_at: StdMutex<Option<Instant>>,
    has_left: AtomicBool,
    journal: StdMutex<Journal>,
    /// Held by the one who tells the ledger of what the journal has.
    telling: Mutex<()>,
    watch: Mutex<Watch>,
    fed: Mutex<Fed>,
}

/// What only the one who mounts needs.
#[derive(Default)]
struct Fed {
    models: BTreeMap<ModelRef, Arc<dyn Model>>,
    failures: BTreeMap<ServiceName, Failed>,
}

/// The models of a route, and why one of them is not there.
struct Mounts {
    primary: Option<Mounted>,
    shadow: Option<Mounted>,
    failure: Option<ServingError>,
}

/// A route whose models did not come to life.
struct Failed {
    epoch: u64,
    pause: Duration,
    at: Instant,
}

/// How often a replica says how it is doing when nothing changes: each word is a synced write.
const SAY_EVERY: Duration = Duration::from_secs(2);

/// First pause before a model that did not come to life is tried again; doubles each time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Longest pause before a model that did not come to life is tried again.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

impl Feeder {
    /// A feeder that has told the gateway nothing yet.
    pub fn new(app: App, gateway: Gateway, replica: ReplicaId) -> Self {
        gateway.expect(None);
        Self {
            journal: StdMutex::new(Journal::at(app.layout().broken_glass())),
            telling: Mutex::default(),
            watch: Mutex::default(),
            app,
            gateway,
            replica,
            in_force: StdMutex::default(),
            said_at: StdMutex::default(),
            has_left: AtomicBool::new(false),
            fed: Mutex::default(),
        }
    }

    /// Looks for newer routes, puts them into force and acknowledges them. A model that does not
    /// come to life leaves its service with the models it had, and is tried again after a pause;
    /// who answers is obeyed all the same.
    pub async fn feed(&self) -> Result<(), ServingError> {
        self.feed_routes(false).await
    }

    /// The same for somebody who asked: what failed before is tried again at once.
    pub async fn feed_now(&self) -> Result<(), ServingError> {
        self.feed_routes(true).await
    }

    /// Switches at this replica alone, since the ledger does not answer. The ledger is told when it is back.
    /// Gives the route that is in force here, and whether the switch is on disk until then. Waits for that disk.
    pub fn break_glass(&self, request: Switch, by: Actor) -> Result<(Route, bool), ServingError> {
        let why = request.why.trim();
        if why.is_empty() {
            return Err(ServingError::WhyMissing);
        }
        let at = self.app.now();
        let (on_epoch, route) = {
            let in_force = lock(&self.in_force);
            let nothing = || ServingError::NothingDeployed { service: request.service.clone() };
            let known = in_force.get(&request.service).ok_or_else(nothing)?;
            (known.epoch, known.switched(request.to, &by, at, why)?)
        };
        let glass = BrokenGlass { service: request.service, to: request.to, by, at, why: why.to_owned(), on_epoch };
        let is_kept = break_glass::lock(&self.journal).note(&self.app, &glass);
        let mut in_force = lock(&self.in_force);
        if in_force.get(&route.service).is_none_or(|known| route.is_newer_than(known)) {
            self.gateway.set_route(route.clone());
            in_force.insert(route.service.clone(), route.clone());
        }
        Ok((route, is_kept))
    }

    async fn feed_routes(&self, is_asked: bool) -> Result<(), ServingError> {
        if let Ok(_one_at_a_time) = self.telling.try_lock() {
            break_glass::tell(&self.journal, &self.app).await;
        }
        let routes = self.app.ledger().routes().await?;
        self.gateway.expect(Some(self.expected(&routes)));
        let has_changed = self.obey(&routes);
        let is_due = lock(&self.said_at).is_none_or(|said_at| said_at.elapsed() >= SAY_EVERY);
        if has_changed || is_due {
            self.acknowledge().await?;
        }
        if routes.iter().all(|route| self.is_in_force(route)) {
            return Ok(());
        }
        let mut fed = self.fed.lock().await;
        let mut first_error = None;
        // While we waited, somebody else may have mounted them, or a still newer route may stand.
        for route in self.app.ledger().routes().await? {
            if self.is_in_force(&route) || (!is_asked && fed.must_pause(&route)) {
                continue;
            }
            match self.put_in_force(&mut fed, &route).await {
                Ok(()) => {
                    fed.failures.remove(&route.service);
                    self.acknowledge().await?;
                }
                Err(error) => {
                    tracing::error!(service = %route.service, epoch = route.epoch, %error, "cannot serve this route");
                    fed.failed(&route);
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Lets the place that a newer route names answer, with the models that serve now: neither a
    /// model that is being mounted nor one that fails to come to life stands in a switch's way.
    /// Whether anything changed.
    fn obey(&self, routes: &[Route]) -> bool {
        let mut in_force = lock(&self.in_force);
        let mut has_changed = false;
        for route in routes {
            let Some(known) = in_force.get_mut(&route.service) else { continue };
            let has_same_models = known.primary == route.primary && known.shadow == route.shadow;
            let is_switch = known.active != route.active && known.model(route.active).is_some();
            if !route.is_newer_than(known) || !(has_same_models || is_switch) {
                continue;
            }
            known.active = route.active;
            known.epoch = route.epoch;
            known.changed_at = route.changed_at;
            self.gateway.set_route(known.clone());
            has_changed = true;
        }
        has_changed
    }

    /// The services that this replica is to serve.
    fn expected(&self, routes: &[Route]) -> BTreeSet<ServiceName> {
        let is_ours = |route: &&Route| self.app.workspace().service(&route.service).is_some();
        routes.iter().filter(is_ours).map(|route| route.service.clone()).collect()
    }

    fn is_in_force(&self, route: &Route) -> bool {
        lock(&self.in_force).get(&route.service).is_some_and(|known| {
            known.epoch >= route.epoch && known.primary == route.primary && known.shadow == route.shadow
        })
    }

    /// Says goodbye to the ledger; a round still under way says nothing after that.
    pub async fn forget(&self) -> Result<(), ServingError> {
        self.has_left.store(true, Ordering::SeqCst);
        let mut tx = self.app.ledger().begin().await?;
        tx.forget_replica(self.replica).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn put_in_force(&self, fed: &mut Fed, route: &Route) -> Result<(), ServingError> {
        let Some((_, config)) = self.app.workspace().service(&route.service) else {
            return Err(ServingError::UnknownService { service: route.service.clone() });
        };
        let Mounts { primary, shadow, failure } = self.mounts(fed, route).await?;
        let mut route = route.clone();
        if failure.is_some() {
            // Half of a route does not count as obeyed, and is tried again.
            route.epoch = route.epoch.saturating_sub(1);
            route.primary = route.primary.filter(|_| primary.is_some());
            route.shadow = route.shadow.filter(|_| shadow.is_some());
        }
        let mut plan = ServicePlan {
            service: route.service.clone(),
            deadline: config.deadline,
            log: match config.log {
                LogPolicy::BestEffort => LogMode::BestEffort,
                LogPolicy::Required => LogMode::Required,
            },
            primary,
            shadow,
            route: route.clone(),
            needs_shadow: config.shadow.is_some(),
            kept: KeptInputs {
                hash_only: match config.features {
                    FeaturePolicy::Full => false,
                    FeaturePolicy::Hash => true,
                },
                redact: config.redact.clone(),
            },
        };
        let mut in_force = lock(&self.in_force);
        if let Some(known) = in_force.get(&route.service).filter(|known| known.epoch > route.epoch) {
            // Somebody switched while the models warmed up.
            plan.route.epoch = known.epoch;
            plan.route.changed_at = known.changed_at;
            if route.model(known.active).is_some() {
                plan.route.active = known.active;
            }
        }
        let route = plan.route.clone();
        self.gateway.install(plan)?;
        in_force.insert(route.service.clone(), route);
        let is_in_use = |model: &ModelRef| {
            in_force.values().any(|route| route.primary.as_ref() == Some(model) || route.shadow.as_ref() == Some(model))
        };
        fed.models.retain(|model, _| is_in_use(model));
        failure.map_or(Ok(()), Err)
    }

    /// The models of a route. Where nothing is served yet and one of the two does not come to life, the other one is
    /// better than none: but never in the stead of a model that a person has switched to.
    async fn mounts(&self, fed: &mut Fed, route: &Route) -> Result<Mounts, ServingError> {
        let primary = self.mounted(fed, route, Role::Primary).await;
        let shadow = self.mounted(fed, route, Role::Shadow).await;
        let is_served = lock(&self.in_force).contains_key(&route.service);
        match (primary, shadow) {
            (Ok(primary), Ok(shadow)) => Ok(Mounts { primary, shadow, failure: None }),
            (Ok(Some(primary)), Err(failure)) if !is_served && route.active == Role::Primary => {
                Ok(Mounts { primary: Some(primary), shadow: None, failure: Some(failure) })
            }
            (Err(failure), Ok(Some(shadow))) if !is_served => {
                Ok(Mounts { primary: None, shadow: Some(shadow), failure: Some(failure) })
            }
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        }
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

    async fn acknowledge(&self) -> Result<(), ServingError> {
        if self.has_left.load(Ordering::SeqCst) {
            return Ok(());
        }
        let seen = self.gateway.state();
        self.app.open_troubles(&mut *self.watch.lock().await, &seen).await?;
        let state = serde_json::to_string(&seen).unwrap_or_default();
        let mut tx = self.app.ledger().begin().await?;
        if self.has_left.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Looked at inside the transaction, so that the later word is the newer one.
        let epochs: Vec<(ServiceName, u64)> =
            lock(&self.in_force).values().map(|route| (route.service.clone(), route.epoch)).collect();
        for (service, epoch) in epochs {
            tx.ack_route(self.replica, &service, epoch, self.app.now(), &state).await?;
        }
        tx.commit().await?;
        *lock(&self.said_at) = Some(Instant::now());
        Ok(())
    }
}

impl Fed {
    fn must_pause(&self, route: &Route) -> bool {
        self.failures
            .get(&route.service)
            .is_some_and(|failed| failed.epoch == route.epoch && failed.at.elapsed() < failed.pause)
    }

    fn failed(&mut self, route: &Route) {
        let before = self.failures.get(&route.service).filter(|failed| failed.epoch == route.epoch);
        let pause = before.map_or(RETRY_AFTER, |failed| (failed.pause * 2).min(RETRY_AFTER_MAX));
        self.failures.insert(route.service.clone(), Failed { epoch: route.epoch, pause, at: Instant::now() });
    }
}

/// What is behind these locks is whole at any moment.
fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

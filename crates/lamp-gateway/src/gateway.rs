//! The gateway itself: services in memory, swapped whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use lamp_core::clock::Clock;
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::{Ids, ReplicaId};
use lamp_core::names::ServiceName;
use lamp_core::route::Route;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::host::HostPolicy;
use crate::log::Log;
use crate::plan::{GatewaySettings, ServicePlan};
use crate::record::Record;
use crate::service::Service;
use crate::state::GatewayState;

/// Answered requests that may wait for their slower model; beyond that, the log takes them as they are.
const LATE_MAX: usize = 4_096;

/// Longest deadline of a service or a request.
pub(crate) const DEADLINE_MAX: Duration = Duration::from_mins(1);

/// Connections that are still busy so long after the shutdown began are cut.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

/// Closing waits so long, beyond twice the longest deadline, for answers that are under way.
const SETTLE_GRACE: Duration = Duration::from_millis(500);

/// How often closing looks whether all is done.
const SETTLE_STEP: Duration = Duration::from_millis(2);

type Services = BTreeMap<ServiceName, Arc<Service>>;

pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) log: Log,
    pub(crate) allowed_hosts: Vec<String>,
    replica: ReplicaId,
    started_at: Timestamp,
    services: ArcSwap<Services>,
    /// The services that are to come; none when that is not known yet.
    expected: ArcSwapOption<BTreeSet<ServiceName>>,
    /// Whether everything that was expected was ready once.
    was_ready: AtomicBool,
    /// Plans and routes change one at a time; requests never take this lock.
    changing: Mutex<()>,
    late: Arc<Semaphore>,
    finishing: TaskTracker,
    /// Cancelled when serving comes to its end.
    pub(crate) stopping: CancellationToken,
}

impl Inner {
    pub(crate) fn find(&self, service: &ServiceName) -> Option<Arc<Service>> {
        self.services.load().get(service).cloned()
    }

    pub(crate) fn services(&self) -> Arc<Services> {
        self.services.load_full()
    }

    /// Whether every service can answer. Until that was so once, it also wants every service that is
    /// expected, with its shadow; one that is new later, or that loses its shadow, makes nothing unready.
    pub(crate) fn is_ready(&self) -> bool {
        if self.was_ready.load(Ordering::Acquire) {
            return self.services().values().all(|service| service.can_answer());
        }
        let is_ready = self.waits_for().is_empty();
        if is_ready {
            self.was_ready.store(true, Ordering::Release);
        }
        is_ready
    }

    /// What stands between the gateway and readiness, for people.
    pub(crate) fn waits_for(&self) -> Vec<String> {
        let services = self.services();
        let Some(expected) = self.expected.load_full() else {
            return vec!["it is not known yet what is to be served".to_owned()];
        };
        let missing = expected.iter().filter(|name| !services.contains_key(*name));
        let missing = missing.map(|name| format!("{name}: its models are not loaded"));
        missing.chain(services.values().filter_map(|service| service.waits_for())).collect()
    }

    /// Waits for the slower model behind the answer's back, then logs the request.
    pub(crate) fn finish_later(self: &Arc<Self>, mut record: Record) {
        let permit = Arc::clone(&self.late).try_acquire_owned();
        let inner = Arc::clone(self);
        self.finishing.spawn(async move {
            if permit.is_ok() {
                record.wait_for_late().await;
            }
            let counters = Arc::clone(&record.service.counters.log);
            let service = record.service.name.clone();
            inner.log.append(&service, record.finish(inner.log.disk()), &counters);
            drop(permit);
        });
    }
}

/// Serves predictions. Cheap to clone: all clones are the same gateway.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("replica", &self.0.replica).finish_non_exhaustive()
    }
}

/// Why a gateway cannot do what its owner asks.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The log's folder cannot be used.
    #[error("the prediction log in {path} cannot be used")]
    Log {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The plan contradicts itself.
    #[error("service `{service}` cannot be served: {problem}")]
    Plan {
        /// The service.
        service: ServiceName,
        /// What is wrong with its plan.
        problem: String,
    },
}

impl Classified for GatewayError {
    fn kind(&self) -> Kind {
        match self {
            Self::Log { .. } => Kind::Unavailable,
            Self::Plan { .. } => Kind::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Log { .. } => Some("free space on the disk, or give this user the folder".to_owned()),
            Self::Plan { service, .. } => Some(format!("lamp deploy {service} MODEL@V --as primary")),
        }
    }
}

impl Gateway {
    /// Opens the log and closes the segments that a crash left open. Call it within a tokio runtime.
    pub fn new(settings: GatewaySettings) -> Result<Self, GatewayError> {
        let GatewaySettings { replica, log_dir, allowed_hosts, disk, clock, ids } = settings;
        let log = Log::open(&log_dir, disk, Arc::clone(&clock), Arc::clone(&ids))
            .map_err(|source| GatewayError::Log { path: log_dir, source })?;
        let started_at = clock.now();
        Ok(Self(Arc::new(Inner {
            clock,
            ids,
            log,
            allowed_hosts,
            replica,
            started_at,
            services: ArcSwap::from_pointee(Services::new()),
            expected: ArcSwapOption::from_pointee(BTreeSet::new()),
            was_ready: AtomicBool::new(false),
            changing: Mutex::new(()),
            late: Arc::new(Semaphore::new(LATE_MAX)),
            finishing: TaskTracker::new(),
            stopping: CancellationToken::new(),
        })))
    }

    /// Says which services are to come, so that the gateway is not ready before they are; none when
    /// that is not known yet. Nothing is expected until this is called.
    pub fn expect(&self, services: Option<BTreeSet<ServiceName>>) {
        self.0.expected.store(services.map(Arc::new));
        self.note_readiness();
    }

    /// Looks now, so that readiness does not depend on who asks when.
    fn note_readiness(&self) {
        let is_ready = self.0.is_ready();
        tracing::trace!(is_ready, "looked whether all is there");
    }

    /// Serves `plan` in place of what the service was before; requests under way finish on the
    /// old models. Counts, and the statistics of models that stay, are kept. A plan with an older
    /// route than the one in force does not turn the route back.
    pub fn install(&self, plan: ServicePlan) -> Result<(), GatewayError> {
        check(&plan)?;
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut services = Services::clone(&self.0.services.load());
        let before = services.get(&plan.service);
        let service = Service::new(&plan, before.map(|before| &**before)).ok_or_else(|| GatewayError::Plan {
            service: plan.service.clone(),
            problem: "it has no model".to_owned(),
        })?;
        services.insert(plan.service, Arc::new(service));
        self.0.services.store(Arc::new(services));
        self.note_readiness();
        Ok(())
    }

    /// Puts a newer route into force: the very next answer obeys, also to a request that is under way.
    /// `false` when its service is not served here or the route is not newer.
    pub fn set_route(&self, route: Route) -> bool {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.find(&route.service).is_some_and(|service| service.set_route(route))
    }

    /// Stops serving; requests under way finish. `false` when it was not served.
    pub fn remove(&self, service: &ServiceName) -> bool {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut services = Services::clone(&self.0.services.load());
        let was_served = services.remove(service).is_some();
        self.0.services.store(Arc::new(services));
        was_served
    }

    /// Everything at this moment.
    pub fn state(&self) -> GatewayState {
        GatewayState {
            replica: self.0.replica,
            started_at: self.0.started_at,
            at: self.0.clock.now(),
            disk: self.0.log.disk(),
            services: self.0.services().values().map(|service| service.state()).collect(),
        }
    }

    /// Waits for the slower models of answered requests (bounded), then closes the log's open
    /// segments, so that they can be compacted; returns when they are on disk.
    pub async fn rotate(&self) {
        self.settle().await;
        self.0.log.rotate().await;
    }

    /// Ends the log in good order: [`rotate`](Self::rotate), to be called after `serve` returned.
    pub async fn close(&self) {
        self.rotate().await;
    }

    async fn settle(&self) {
        let longest = self.0.services().values().map(|service| service.deadline).max().unwrap_or_default();
        let until = tokio::time::Instant::now() + longest * 2 + SETTLE_GRACE;
        while !self.0.finishing.is_empty() && tokio::time::Instant::now() < until {
            tokio::time::sleep(SETTLE_STEP).await;
        }
    }

    /// The predictions' HTTP routes, for loopback names and the allowed hosts.
    pub fn router(&self) -> axum::Router {
        crate::http::router(self.clone(), HostPolicy::new(None, &self.0.allowed_hosts))
    }

    /// Serves predictions until `shutdown` completes; requests under way are finished, within
    /// ten seconds. Which address may be bound is for the caller to decide.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let policy = HostPolicy::new(Some(listener.local_addr()?.ip()), &self.0.allowed_hosts);
        let stopping = self.0.stopping.clone();
        let tell = stopping.clone();
        let shutdown = async move {
            shutdown.await;
            tell.cancel();
        };
        let out_of_patience = async {
            stopping.cancelled().await;
            tokio::time::sleep(SHUTDOWN_WITHIN).await;
        };
        let serving = axum::serve(listener, crate::http::router(self.clone(), policy)).with_graceful_shutdown(shutdown);
        tokio::select! {
            served = serving => served,
            () = out_of_patience => Ok(()),
        }
    }
}

fn check(plan: &ServicePlan) -> Result<(), GatewayError> {
    let wrong = |problem: String| Err(GatewayError::Plan { service: plan.service.clone(), problem });
    if plan.route.service != plan.service {
        return wrong(format!("its route is that of `{}`", plan.route.service));
    }
    if plan.deadline.is_zero() || plan.deadline > DEADLINE_MAX {
        return wrong(format!("a deadline of {} ms is out of bounds", plan.deadline.as_millis()));
    }
    if let (Some(primary), Some(shadow)) = (&plan.primary, &plan.shadow)
        && !primary.model.signature().takes_same_inputs_as(shadow.model.signature())
    {
        return wrong(format!("{} and {} do not take the same inputs", primary.model_ref, shadow.model_ref));
    }
    Ok(())
}

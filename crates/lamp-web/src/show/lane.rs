//! One of the two models of a service.

use lamp_app::serving::services::{ReplicaView, ServiceView};
use lamp_core::registry::ModelState;
use lamp_core::route::{ModelRef, Role};

use super::text::{count, latency, word_of};

/// A place of a service, with what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) role: Role,
    /// What the route puts here.
    pub(crate) model: Option<ModelRef>,
    /// What the registry says of that version, where it was asked.
    pub(crate) registered: Option<Registered>,
    /// The worst that a replica says: `ready`, `degraded`, `starting`, `down`, or `unknown`.
    pub(crate) health: String,
    /// What happened last.
    pub(crate) detail: Option<String>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) asked: String,
    pub(crate) failed: String,
    /// Of the slowest replica.
    pub(crate) p50: String,
    /// Of the slowest replica.
    pub(crate) p99: String,
}

/// What the registry says of a version.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) state: ModelState,
    /// `onnx`, `python` or `upstream`.
    pub(crate) flavour: String,
}

/// One worker process.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) pid: Option<u32>,
    pub(crate) is_ready: bool,
    pub(crate) restarts: u64,
}

/// What one replica says of a place.
struct Said {
    model: ModelRef,
    health: String,
    detail: Option<String>,
    workers: Vec<Worker>,
    asked: u64,
    failed: u64,
    p50: Option<u64>,
    p99: Option<u64>,
}

impl Lane {
    pub(crate) fn of(view: &ServiceView, role: Role) -> Self {
        let model = view.route.as_ref().and_then(|route| route.model(role)).cloned();
        let said: Vec<Said> =
            view.replicas.iter().filter(|replica| replica.is_fresh).filter_map(|replica| said(replica, role)).collect();
        let other = said.iter().map(|said| &said.model).find(|said| Some(*said) != model.as_ref());
        let still = other.map(|other| format!("a replica still has {other}"));
        let worst = said.iter().max_by_key(|said| badness(&said.health));
        Self {
            role,
            model,
            registered: None,
            health: worst.map_or_else(|| "unknown".to_owned(), |said| said.health.clone()),
            detail: worst.and_then(|said| said.detail.clone()).or(still),
            asked: count(said.iter().map(|said| said.asked).sum()),
            failed: count(said.iter().map(|said| said.failed).sum()),
            p50: latency(said.iter().filter_map(|said| said.p50).max()),
            p99: latency(said.iter().filter_map(|said| said.p99).max()),
            workers: said.into_iter().flat_map(|said| said.workers).collect(),
        }
    }

    /// What there is to say where no worker is known.
    pub(crate) fn without_workers(&self) -> &'static str {
        match self.registered.as_ref().map(|registered| registered.flavour.as_str()) {
            Some("onnx") => "none: it runs in the gateway",
            Some("upstream") => "none: a server of its own answers",
            _ => "none",
        }
    }

    /// The keys of its numbers among the live values.
    pub(crate) fn key(&self, of: &str) -> String {
        format!("{}-{of}", self.role)
    }

    /// What changes only when the page must be drawn anew. Without the registry's word, which a
    /// reader of numbers does not ask for.
    pub(crate) fn shape(&self) -> String {
        let workers: Vec<_> = self.workers.iter().map(|w| format!("{:?}{}{}", w.pid, w.is_ready, w.restarts)).collect();
        format!("{:?} {} {:?} {}", self.model, self.health, self.detail, workers.join(" "))
    }
}

fn said(replica: &ReplicaView, role: Role) -> Option<Said> {
    let state = replica.state.as_ref()?;
    let lane = match role {
        Role::Primary => state.primary.as_ref(),
        Role::Shadow => state.shadow.as_ref(),
    }?;
    let workers = lane.health.workers.iter();
    Some(Said {
        model: lane.model.clone(),
        health: word_of(&lane.health.state),
        detail: lane.health.detail.clone(),
        workers: workers.map(|w| Worker { pid: w.pid, is_ready: w.ready, restarts: w.restarts }).collect(),
        asked: lane.asked,
        failed: lane.failed,
        p50: lane.latency_p50_us,
        p99: lane.latency_p99_us,
    })
}

fn badness(health: &str) -> u8 {
    match health {
        "ready" => 0,
        "degraded" => 1,
        "starting" => 2,
        _ => 3,
    }
}

//! The statistics extension: what each model of a service did since it was mounted.

use serde::Serialize;

use crate::gateway::Gateway;
use crate::lane::Lane;
use crate::service::Service;

/// How often, and how long in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Spent {
    pub(crate) count: u64,
    /// Nanoseconds.
    pub(crate) ns: u64,
}

/// Where the time of a model's requests went. A model is asked and answers; we see no more of it,
/// so that all of its time is `compute_infer`, its queue's included.
#[derive(Debug, Serialize)]
pub(crate) struct InferStatistics {
    /// Valid answers in time.
    pub(crate) success: Spent,
    /// All others.
    pub(crate) fail: Spent,
    pub(crate) queue: Spent,
    pub(crate) compute_input: Spent,
    pub(crate) compute_infer: Spent,
    pub(crate) compute_output: Spent,
    pub(crate) cache_hit: Spent,
    pub(crate) cache_miss: Spent,
}

/// One model of a service. Both models of a service count, whoever's answer went out.
#[derive(Debug, Serialize)]
pub(crate) struct ModelStatistics {
    /// The service.
    pub(crate) name: String,
    /// The model: `delay@3`.
    pub(crate) version: String,
    /// Milliseconds since the epoch; 0 when it was never asked.
    pub(crate) last_inference: u64,
    /// Rows with a valid answer in time.
    pub(crate) inference_count: u64,
    /// Requests with a valid answer in time.
    pub(crate) execution_count: u64,
    pub(crate) inference_stats: InferStatistics,
    /// Always empty: batch sizes are not kept apart.
    pub(crate) batch_stats: Vec<()>,
}

/// Statistics of a service's models, or of one of them.
pub(crate) fn of_service(service: &Service, version: Option<&str>) -> Vec<ModelStatistics> {
    let is_asked_for = |lane: &&Lane| version.is_none_or(|version| lane.model_ref.to_string() == version);
    service.lanes().map(AsRef::as_ref).filter(is_asked_for).map(|lane| of_lane(service, lane)).collect()
}

/// Statistics of everything that is served.
pub(crate) fn of_all(gateway: &Gateway) -> Vec<ModelStatistics> {
    gateway.0.services().values().flat_map(|service| of_service(service, None)).collect()
}

fn of_lane(service: &Service, lane: &Lane) -> ModelStatistics {
    let totals = lane.totals();
    ModelStatistics {
        name: service.name.to_string(),
        version: lane.model_ref.to_string(),
        last_inference: totals.last_ms,
        inference_count: totals.rows,
        execution_count: totals.success.count,
        inference_stats: InferStatistics {
            success: totals.success,
            fail: totals.fail,
            queue: Spent::default(),
            compute_input: Spent::default(),
            compute_infer: totals.success,
            compute_output: Spent::default(),
            cache_hit: Spent::default(),
            cache_miss: Spent::default(),
        },
        batch_stats: Vec::new(),
    }
}

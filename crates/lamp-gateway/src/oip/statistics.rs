//! The statistics extension: what a service did, and each of its models since it was mounted.

use serde::Serialize;

use crate::gateway::Gateway;
use crate::lane::Totals;
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

/// A service as a whole, or one model of it. Both models of a service count, whoever's answer went out.
#[derive(Debug, Serialize)]
pub(crate) struct ModelStatistics {
    /// The service.
    pub(crate) name: String,
    /// The model, `delay@3`; for the service as a whole the route's epoch.
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

/// Statistics of a service as a whole and of its models, or of one of its models.
pub(crate) fn of_service(service: &Service, version: Option<&str>) -> Vec<ModelStatistics> {
    let lanes = service.lanes().map(|lane| (lane.model_ref.to_string(), lane.totals()));
    let models = lanes.filter(|(model, _)| version.is_none_or(|version| model == version));
    let models = models.map(|(model, totals)| statistics(service, model, totals, Spent::default()));
    let whole = version.is_none().then(|| of_whole(service));
    whole.into_iter().chain(models).collect()
}

/// Statistics of everything that is served.
pub(crate) fn of_all(gateway: &Gateway) -> Vec<ModelStatistics> {
    gateway.0.services().values().flat_map(|service| of_service(service, None)).collect()
}

/// The service as a whole. Load generators take the greatest version that is a number and has a
/// queue to be the one that they called: here that is the route's epoch.
fn of_whole(service: &Service) -> ModelStatistics {
    let totals = service.counters.totals();
    let queue = Spent { count: totals.success.count, ns: 0 };
    statistics(service, service.route.load().epoch.to_string(), totals, queue)
}

fn statistics(service: &Service, version: String, totals: Totals, queue: Spent) -> ModelStatistics {
    // Load generators stop where the steps of a request were not counted alike.
    let no_time = Spent { count: totals.success.count, ns: 0 };
    ModelStatistics {
        name: service.name.to_string(),
        version,
        last_inference: totals.last_ms,
        inference_count: totals.rows,
        execution_count: totals.success.count,
        inference_stats: InferStatistics {
            success: totals.success,
            fail: totals.fail,
            queue,
            compute_input: no_time,
            compute_infer: totals.success,
            compute_output: no_time,
            cache_hit: Spent::default(),
            cache_miss: Spent::default(),
        },
        batch_stats: Vec::new(),
    }
}

//! One service at run time: its two lanes, its route and its counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use lamp_core::names::ServiceName;
use lamp_core::package::{Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::route::{Role, Route};
use lamp_core::table::Values;
use lamp_model::{OutputColumn, Outputs};
use tokio::sync::Notify;

use crate::breaker::Breaker;
use crate::kept::KeptInputs;
use crate::lane::{Judged, Lane, Totals};
use crate::log::LogCounters;
use crate::plan::{LogMode, Mounted, ServicePlan};
use crate::state::{BreakerState, Disagreement, ServiceState};

/// Requests of one service under way at once; more are refused with 429.
pub(crate) const IN_FLIGHT_MAX: usize = 1_024;

/// With so many under way, the model that does not answer is not asked at once: its copy of the
/// request is the first thing that a service can do without.
pub(crate) const SHED_ABOVE: usize = 128;

/// Every reason, for the counts.
const REASONS: [FallbackReason; 9] = [
    FallbackReason::Timeout,
    FallbackReason::Error,
    FallbackReason::Shape,
    FallbackReason::Dtype,
    FallbackReason::Nonfinite,
    FallbackReason::Range,
    FallbackReason::Breaker,
    FallbackReason::Overload,
    FallbackReason::Switched,
];

/// Counts that outlive a new plan of the same service.
#[derive(Default)]
pub(crate) struct Counters {
    answered_by_primary: AtomicU64,
    answered_by_shadow: AtomicU64,
    reasons: [AtomicU64; REASONS.len()],
    pub(crate) failures: AtomicU64,
    pub(crate) overloaded: AtomicU64,
    pub(crate) invalid: AtomicU64,
    pub(crate) shed: AtomicU64,
    pub(crate) in_flight: AtomicUsize,
    totals: Mutex<Totals>,
    disagreement: Mutex<Apart>,
    pub(crate) log: Arc<LogCounters>,
}

impl Counters {
    /// Takes note of a request that was answered, by whom and why.
    pub(crate) fn count_answered(&self, judged: &Judged, served_by: Role, reason: Option<FallbackReason>) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).add(judged);
        let rows = u64::try_from(judged.rows).unwrap_or(u64::MAX);
        let answered = match served_by {
            Role::Primary => &self.answered_by_primary,
            Role::Shadow => &self.answered_by_shadow,
        };
        answered.fetch_add(rows, Ordering::Relaxed);
        if let Some(reason) = reason
            && let Some((_, counter)) = REASONS.iter().zip(&self.reasons).find(|(known, _)| **known == reason)
        {
            counter.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// Sums over requests, whichever model answered. Of those without an answer only the count is kept.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = *self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.fail.count = self.failures.load(Ordering::Relaxed) + self.overloaded.load(Ordering::Relaxed);
        totals
    }

    /// Takes note of rows that both models answered, by their first outputs.
    pub(crate) fn count_disagreement(&self, rows: usize, field: Option<&Field>, primary: &Outputs, shadow: &Outputs) {
        let (Some(a), Some(b)) = (primary.columns.first(), shadow.columns.first()) else { return };
        if a.width() != b.width() {
            return;
        }
        let is_share = field.is_some_and(|field| field.min == Some(0.0) && field.max == Some(1.0));
        let flips = (0..rows).filter(|row| decides_differently(a, b, *row, is_share)).count();
        let mut sum = 0.0;
        let mut counted = 0_u64;
        for row in 0..rows {
            let (left, right) = (a.numbers(row), b.numbers(row));
            let total: f64 = left.iter().zip(&right).map(|(x, y)| (x - y).abs()).sum();
            let values = u32::try_from(left.len().max(1)).unwrap_or(u32::MAX);
            if total.is_finite() {
                sum += total / f64::from(values);
                counted += 1;
            }
        }
        let mut disagreement = self.disagreement.lock().unwrap_or_else(PoisonError::into_inner);
        disagreement.rows += counted;
        disagreement.sum += sum;
        disagreement.flips += u64::try_from(flips).unwrap_or(u64::MAX);
    }

    fn disagreement(&self) -> Option<Disagreement> {
        let Apart { rows, sum, flips } = *self.disagreement.lock().unwrap_or_else(PoisonError::into_inner);
        // Beyond 2^53 rows the mean's last digits do not matter.
        #[allow(clippy::cast_precision_loss)]
        let mean_abs = sum / rows as f64;
        (rows > 0).then_some(Disagreement { rows, mean_abs, flips })
    }

    fn reasons(&self) -> BTreeMap<String, u64> {
        REASONS
            .iter()
            .zip(&self.reasons)
            .map(|(reason, counter)| (reason.as_str().to_owned(), counter.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// How far two models were apart, in sums.
#[derive(Debug, Clone, Copy, Default)]
struct Apart {
    rows: u64,
    sum: f64,
    flips: u64,
}

/// Whether the models decide differently on a row; see [`Disagreement::flips`].
fn decides_differently(a: &OutputColumn, b: &OutputColumn, row: usize, is_share: bool) -> bool {
    let largest = |numbers: &[f64]| {
        let by_size = numbers.iter().enumerate().max_by(|x, y| x.1.total_cmp(y.1));
        by_size.map(|(at, _)| at)
    };
    match (&a.values, &b.values) {
        (Values::Float(_), Values::Float(_)) => {
            let (left, right) = (a.numbers(row), b.numbers(row));
            match (left.as_slice(), right.as_slice()) {
                ([x], [y]) => is_share && (*x >= 0.5) != (*y >= 0.5),
                (left, right) => largest(left) != largest(right),
            }
        }
        (left, right) => {
            let width = a.width();
            (row * width..(row + 1) * width).any(|at| left.json(at) != right.json(at))
        }
    }
}

/// A service as it is served. A new plan makes a new one; requests under way keep the old.
pub(crate) struct Service {
    pub(crate) name: ServiceName,
    pub(crate) deadline: Duration,
    pub(crate) log: LogMode,
    pub(crate) kept: KeptInputs,
    pub(crate) primary: Option<Arc<Lane>>,
    pub(crate) shadow: Option<Arc<Lane>>,
    pub(crate) route: ArcSwap<Route>,
    /// Tells the requests under way that the route has changed.
    pub(crate) switched: Notify,
    needs_shadow: bool,
    /// Whether it was ready once: what is lost later makes it degraded, not unready.
    was_ready: Arc<AtomicBool>,
    pub(crate) breaker: Arc<Mutex<Breaker>>,
    pub(crate) counters: Arc<Counters>,
    /// What requests are validated against.
    pub(crate) signature: Arc<Signature>,
}

impl Service {
    /// A service by `plan`; keeps from `before` its counts, the lanes of models that stay, and a
    /// newer route. `None` when the plan has no model at all.
    pub(crate) fn new(plan: &ServicePlan, before: Option<&Self>) -> Option<Self> {
        let keep = |mounted: &Mounted, role: Role| {
            let kept = before
                .and_then(|before| before.lane(role))
                .filter(|lane| lane.model_ref == mounted.model_ref && Arc::ptr_eq(&lane.model, &mounted.model));
            kept.map_or_else(|| Arc::new(Lane::new(mounted)), Arc::clone)
        };
        let primary = plan.primary.as_ref().map(|mounted| keep(mounted, Role::Primary));
        let shadow = plan.shadow.as_ref().map(|mounted| keep(mounted, Role::Shadow));
        let signature = Arc::clone(primary.as_ref().or(shadow.as_ref())?.model.signature());
        let is_same_primary = match (&primary, before.and_then(|before| before.primary.as_ref())) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then),
            (Some(_) | None, Some(_) | None) => false,
        };
        let breaker = before.filter(|_| is_same_primary).map(|before| Arc::clone(&before.breaker)).unwrap_or_default();
        let newest = before.map(|before| before.route.load_full()).filter(|route| route.is_newer_than(&plan.route));
        let route = ArcSwap::new(newest.unwrap_or_else(|| Arc::new(plan.route.clone())));
        let counters = before.map(|before| Arc::clone(&before.counters)).unwrap_or_default();
        let was_ready = before.map(|before| Arc::clone(&before.was_ready)).unwrap_or_default();
        let service = Self {
            name: plan.service.clone(),
            deadline: plan.deadline,
            log: plan.log,
            kept: plan.kept.clone(),
            primary,
            shadow,
            route,
            switched: Notify::new(),
            needs_shadow: plan.needs_shadow,
            was_ready,
            breaker,
            counters,
            signature,
        };
        // Looked at now, so that a shadow that is lost before anybody asks was there all the same.
        let is_ready = service.is_ready();
        tracing::debug!(service = %service.name, is_ready, "a plan is in force");
        Some(service)
    }

    pub(crate) fn lane(&self, role: Role) -> Option<&Arc<Lane>> {
        match role {
            Role::Primary => self.primary.as_ref(),
            Role::Shadow => self.shadow.as_ref(),
        }
    }

    /// The models that there are, the primary first.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.primary.iter().chain(&self.shadow)
    }

    /// Puts `route` into force if it is newer. One caller at a time.
    pub(crate) fn set_route(&self, route: Route) -> bool {
        let is_newer = route.is_newer_than(&self.route.load());
        if is_newer {
            self.route.store(Arc::new(route));
            self.switched.notify_waiters();
        }
        is_newer
    }

    /// Whether some model can answer now and, at first, the shadow is warm where there must be one.
    pub(crate) fn is_ready(&self) -> bool {
        let is_warm = self.was_ready.load(Ordering::Acquire) || !self.needs_shadow || can_answer(self.shadow.as_ref());
        let is_ready = is_warm && self.can_answer();
        if is_ready {
            self.was_ready.store(true, Ordering::Release);
        }
        is_ready
    }

    /// Whether some model can answer now.
    pub(crate) fn can_answer(&self) -> bool {
        can_answer(self.primary.as_ref()) || can_answer(self.shadow.as_ref())
    }

    /// What stands between the service and readiness, for people; none when it is ready.
    pub(crate) fn waits_for(&self) -> Option<String> {
        if self.is_ready() {
            return None;
        }
        let what = match &self.shadow {
            _ if !self.can_answer() => "no model can answer",
            None => "it has no shadow",
            Some(_) => "its shadow is not warm",
        };
        Some(format!("{}: {what}", self.name))
    }

    /// The lane that answers by the route, or the only one there is.
    pub(crate) fn active_lane(&self) -> Option<&Arc<Lane>> {
        let active = self.route.load().active;
        self.lane(active).or(self.primary.as_ref()).or(self.shadow.as_ref())
    }

    pub(crate) fn with_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn state(&self) -> ServiceState {
        let route = Route::clone(&self.route.load());
        let counters = &self.counters;
        let breaker =
            if self.with_breaker(|breaker| breaker.is_open()) { BreakerState::Open } else { BreakerState::Closed };
        ServiceState {
            service: self.name.clone(),
            epoch: route.epoch,
            active: route.active,
            route,
            deadline_ms: u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
            log: self.log,
            primary: self.primary.as_ref().map(|lane| lane.state()),
            shadow: self.shadow.as_ref().map(|lane| lane.state()),
            breaker,
            answered_by_primary: counters.answered_by_primary.load(Ordering::Relaxed),
            answered_by_shadow: counters.answered_by_shadow.load(Ordering::Relaxed),
            reasons: counters.reasons(),
            failures: counters.failures.load(Ordering::Relaxed),
            overloaded: counters.overloaded.load(Ordering::Relaxed),
            invalid: counters.invalid.load(Ordering::Relaxed),
            shed: counters.shed.load(Ordering::Relaxed),
            disagreement: counters.disagreement(),
            log_kept: counters.log.kept.load(Ordering::Relaxed),
            log_dropped: counters.log.dropped.load(Ordering::Relaxed),
            log_thinned: counters.log.thinned.load(Ordering::Relaxed),
        }
    }
}

fn can_answer(lane: Option<&Arc<Lane>>) -> bool {
    lane.is_some_and(|lane| lane.model.health().is_ready())
}

/// Counts a request as under way until it is dropped.
pub(crate) struct InFlight {
    counters: Arc<Counters>,
    /// How many were under way when it came.
    before: usize,
}

impl InFlight {
    /// `None` when too many are under way.
    pub(crate) fn enter(counters: &Arc<Counters>) -> Option<Self> {
        let before = counters.in_flight.fetch_add(1, Ordering::AcqRel);
        let entered = Self { counters: Arc::clone(counters), before };
        (before < IN_FLIGHT_MAX).then_some(entered)
    }

    /// Whether it came when the service had to save work.
    pub(crate) fn is_pressed(&self) -> bool {
        self.before >= SHED_ABOVE
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

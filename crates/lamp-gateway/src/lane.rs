//! A model in its place, with what is known of its doings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use lamp_core::route::ModelRef;
use lamp_model::Model;

use crate::oip::statistics::Spent;
use crate::plan::Mounted;
use crate::state::LaneState;

/// Latencies are kept to three digits, in microseconds.
const LATENCY_DIGITS: u8 = 3;

/// One of the models of a service.
pub(crate) struct Lane {
    pub(crate) model_ref: ModelRef,
    pub(crate) model: Arc<dyn Model>,
    asked: AtomicU64,
    doings: Mutex<Doings>,
}

/// How a model did with one request, or a service.
pub(crate) struct Judged {
    /// Whether its answer was valid and in time.
    pub(crate) did_well: bool,
    pub(crate) rows: usize,
    /// From the request's start to its answer, or to the moment when none was waited for any more.
    pub(crate) took: Duration,
    pub(crate) at: Timestamp,
}

/// Sums since a model was mounted, or a service was first served.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) success: Spent,
    pub(crate) fail: Spent,
    /// Rows with a valid answer in time.
    pub(crate) rows: u64,
    /// When it was last judged, in milliseconds since the epoch.
    pub(crate) last_ms: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, judged: &Judged) {
        self.last_ms = u64::try_from(judged.at.as_millisecond()).unwrap_or(0);
        let spent = if judged.did_well { &mut self.success } else { &mut self.fail };
        spent.count += 1;
        spent.ns = spent.ns.saturating_add(u64::try_from(judged.took.as_nanos()).unwrap_or(u64::MAX));
        if judged.did_well {
            self.rows += u64::try_from(judged.rows).unwrap_or(u64::MAX);
        }
    }
}

struct Doings {
    latency_us: Option<Histogram<u64>>,
    totals: Totals,
}

impl Lane {
    pub(crate) fn new(mounted: &Mounted) -> Self {
        let doings = Doings { latency_us: Histogram::new(LATENCY_DIGITS).ok(), totals: Totals::default() };
        Self {
            model_ref: mounted.model_ref.clone(),
            model: Arc::clone(&mounted.model),
            asked: AtomicU64::new(0),
            doings: Mutex::new(doings),
        }
    }

    pub(crate) fn count_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of one answer, or of its absence.
    pub(crate) fn count_outcome(&self, judged: &Judged) {
        let mut doings = self.doings.lock().unwrap_or_else(PoisonError::into_inner);
        doings.totals.add(judged);
        if !judged.did_well {
            return;
        }
        if let Some(histogram) = doings.latency_us.as_mut() {
            // It grows as needed; only an absurd value is refused, and such a one may be left out.
            let _ = histogram.record(u64::try_from(judged.took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.doings.lock().unwrap_or_else(PoisonError::into_inner).totals
    }

    pub(crate) fn state(&self) -> LaneState {
        let doings = self.doings.lock().unwrap_or_else(PoisonError::into_inner);
        let quantile = |q: f64| {
            let histogram = doings.latency_us.as_ref().filter(|histogram| !histogram.is_empty())?;
            Some(histogram.value_at_quantile(q))
        };
        LaneState {
            model: self.model_ref.clone(),
            health: self.model.health(),
            asked: self.asked.load(Ordering::Relaxed),
            failed: doings.totals.fail.count,
            latency_p50_us: quantile(0.5),
            latency_p99_us: quantile(0.99),
        }
    }
}

//! An answered request on its way into the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use lamp_core::ids::PredictionId;
use lamp_core::prediction::{Answer, FallbackReason, Prediction};
use lamp_core::route::Role;
use tokio::time::Instant;

use crate::answer::{Request, Run, Runs, is_good};
use crate::lane::{Judged, Lane};
use crate::log::disk::DiskState;
use crate::service::Service;

/// The word for a valid answer that came when it was no longer waited for, or not before the row
/// was written.
const STATUS_LATE: &str = "late";
const STATUS_OK: &str = "ok";

/// Everything that the log keeps of one answered request.
pub(crate) struct Record {
    pub(crate) service: Arc<Service>,
    pub(crate) request: Request,
    pub(crate) ids: Vec<PredictionId>,
    pub(crate) served_at: Timestamp,
    pub(crate) epoch: u64,
    pub(crate) served_by: Role,
    pub(crate) reason: Option<FallbackReason>,
    pub(crate) runs: Runs,
    /// Whether the breaker knows how the primary did.
    pub(crate) primary_was_judged: bool,
}

impl Record {
    /// Gives the model that has not spoken yet until twice the deadline that it is judged by.
    pub(crate) async fn wait_for_late(&mut self) {
        let at = self.request.started + self.request.fair_deadline(&self.service) * 2;
        self.runs.primary.wait_until(at).await;
        self.runs.shadow.wait_until(at).await;
    }

    /// Counts what both models did, and gives the rows for the log.
    pub(crate) fn finish(self, disk: DiskState) -> Vec<Prediction> {
        self.count(self.request.fair_deadline(&self.service));
        let is_tight = disk == DiskState::Tight;
        if is_tight {
            let rows = u64::try_from(self.ids.len()).unwrap_or(u64::MAX);
            self.service.counters.log.thinned.fetch_add(rows, Ordering::Relaxed);
        }
        (0u32..)
            .zip(&self.ids)
            .map(|(row, id)| {
                let at = usize::try_from(row).unwrap_or(usize::MAX);
                let (inputs, inputs_hash) = self.service.kept.keep(self.request.batch.row(at), is_tight);
                Prediction {
                    id: *id,
                    request: self.request.id,
                    row,
                    served_at: self.served_at,
                    service: self.service.name.clone(),
                    epoch: self.epoch,
                    served_by: self.served_by,
                    reason: self.reason,
                    primary: self.answer_of(Role::Primary, at),
                    shadow: self.answer_of(Role::Shadow, at),
                    inputs,
                    inputs_hash,
                }
            })
            .collect()
    }

    fn count(&self, deadline: Duration) {
        for role in [Role::Primary, Role::Shadow] {
            let (Some(lane), run) = (self.service.lane(role), self.runs.of(role)) else { continue };
            match run {
                Run::Absent | Run::Skipped => {}
                Run::Running(_) if self.request.is_within(deadline) => {}
                Run::Running(_) => lane.count_outcome(&self.judged(false, self.request.started.elapsed())),
                Run::Done(outcome) => lane.count_outcome(&self.judged(is_good(outcome, deadline), outcome.latency)),
            }
        }
        let is_undecided = matches!(self.runs.primary, Run::Running(_)) && self.request.is_within(deadline);
        if !self.primary_was_judged && !is_undecided {
            let did_well = self.runs.primary.outcome().is_some_and(|outcome| is_good(outcome, deadline));
            self.service.with_breaker(|breaker| breaker.record(did_well));
        }
        let valid = |role| self.runs.of(role).outcome().and_then(|outcome| outcome.result.as_ref().ok());
        if let (Some(primary), Some(shadow)) = (valid(Role::Primary), valid(Role::Shadow)) {
            let field = self.service.primary.as_ref().and_then(|lane| lane.model.signature().outputs.first());
            self.service.counters.count_disagreement(self.request.batch.rows(), field, primary, shadow);
        }
    }

    fn judged(&self, did_well: bool, took: Duration) -> Judged {
        Judged { did_well, rows: self.request.batch.rows(), took, at: self.served_at }
    }

    fn answer_of(&self, role: Role, row: usize) -> Option<Answer> {
        let lane = self.service.lane(role)?;
        said(lane, self.runs.of(role), row, &self.request)
    }
}

/// What one model said of a row; `None` when it was not asked.
fn said(lane: &Lane, run: &Run, row: usize, request: &Request) -> Option<Answer> {
    let model = lane.model_ref.to_string();
    let micros = |latency: Duration| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    match run {
        Run::Absent | Run::Skipped => None,
        Run::Running(_) => Some(Answer {
            model,
            // A row that had to be kept before this model's time was over does not blame it.
            status: if request.is_early() { STATUS_LATE } else { FallbackReason::Timeout.as_str() }.to_owned(),
            outputs: None,
            latency_us: micros(Instant::now() - request.started),
        }),
        Run::Done(outcome) => {
            let status = match &outcome.result {
                Ok(_) if is_good(outcome, request.deadline) => STATUS_OK,
                Ok(_) => STATUS_LATE,
                Err(rejection) => rejection.reason.as_str(),
            };
            Some(Answer {
                model,
                status: status.to_owned(),
                outputs: outcome.result.as_ref().ok().map(|outputs| outputs.row(row)),
                latency_us: micros(outcome.latency),
            })
        }
    }
}

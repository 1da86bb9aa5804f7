//! One request from validated rows to an answer: both models asked together, the race decided,
//! the log written behind the answer's back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lamp_core::ids::{PredictionId, RequestId};
use lamp_core::prediction::FallbackReason;
use lamp_core::route::{ModelRef, Role};
use lamp_model::{Batch, Outputs, Rejection, check_answer};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::breaker::Admission;
use crate::gateway::Inner;
use crate::lane::{Judged, Lane};
use crate::plan::LogMode;
use crate::race::{Choice, Decision, Phase, Progress, decide, until_half, until_margin};
use crate::record::Record;
use crate::service::{InFlight, Service};

/// A service that demands its log waits so long for the slower model, so that both answers are in
/// the row that is committed before the client hears.
const REQUIRED_GRACE: Duration = Duration::from_millis(10);

/// A commit that takes longer counts as failed.
const COMMIT_WITHIN: Duration = Duration::from_secs(2);

/// One request, ready to be asked.
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) batch: Arc<Batch>,
    pub(crate) started: Instant,
    pub(crate) deadline: Duration,
}

impl Request {
    /// Whether there still is time to wait for the first choice.
    pub(crate) fn is_early(&self) -> bool {
        self.is_within(self.deadline)
    }

    pub(crate) fn is_within(&self, deadline: Duration) -> bool {
        self.started.elapsed() < until_margin(deadline)
    }

    /// The deadline that models are judged by. A client in a hurry says nothing about them: its
    /// own deadline must not open the breaker for everybody else.
    pub(crate) fn fair_deadline(&self, service: &Service) -> Duration {
        self.deadline.max(service.deadline)
    }
}

/// A request's answer.
pub(crate) struct Answered {
    pub(crate) served_by: Role,
    pub(crate) model: ModelRef,
    pub(crate) reason: Option<FallbackReason>,
    pub(crate) epoch: u64,
    pub(crate) ids: Vec<PredictionId>,
    pub(crate) outcome: Arc<Outcome>,
}

impl Answered {
    pub(crate) fn outputs(&self) -> Option<&Outputs> {
        self.outcome.result.as_ref().ok()
    }
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Too many requests, or full queues before both models.
    #[error("service `{0}` has too many requests under way")]
    Overload(String),
    /// Neither model has a valid answer.
    #[error("service `{service}` has no answer: {why}")]
    Failed { service: String, why: String },
    /// The service demands its log, and the row cannot be kept.
    #[error("service `{0}` answers only what it can log, and its log cannot take more now")]
    Log(String),
}

/// What one model said, held against its signature.
pub(crate) struct Outcome {
    pub(crate) result: Result<Outputs, Rejection>,
    /// From the request's start.
    pub(crate) latency: Duration,
}

/// A task that ends when nobody waits for it.
pub(crate) struct LaneTask(JoinHandle<Arc<Outcome>>);

impl Drop for LaneTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How far one lane of a request has come.
pub(crate) enum Run {
    /// There is no such model.
    Absent,
    /// It was left out.
    Skipped,
    /// It is at work.
    Running(LaneTask),
    /// It has spoken.
    Done(Arc<Outcome>),
}

impl Run {
    fn start(lane: Option<&Arc<Lane>>, request: &Request) -> Self {
        let Some(lane) = lane else { return Self::Absent };
        lane.count_asked();
        let (lane, batch, started) = (Arc::clone(lane), Arc::clone(&request.batch), request.started);
        Self::Running(LaneTask(tokio::spawn(ask(lane, batch, started))))
    }

    fn progress(&self) -> Progress {
        match self {
            Self::Skipped => Progress::Skipped,
            Self::Running(_) => Progress::Pending,
            Self::Done(outcome) if outcome.result.is_ok() => Progress::Valid,
            Self::Absent | Self::Done(_) => Progress::Failed,
        }
    }

    pub(crate) fn outcome(&self) -> Option<&Arc<Outcome>> {
        match self {
            Self::Done(outcome) => Some(outcome),
            Self::Absent | Self::Skipped | Self::Running(_) => None,
        }
    }

    /// Waits until the lane has spoken; for ever when it is not at work.
    async fn wait(&mut self) {
        match self {
            Self::Running(task) => {
                let outcome = (&mut task.0).await.unwrap_or_else(|error| {
                    let rejection = Rejection::new(FallbackReason::Error, format!("the model broke: {error}"));
                    Arc::new(Outcome { result: Err(rejection), latency: Duration::ZERO })
                });
                *self = Self::Done(outcome);
            }
            Self::Absent | Self::Skipped | Self::Done(_) => std::future::pending().await,
        }
    }

    /// Gives the lane until `at`, if it is at work.
    pub(crate) async fn wait_until(&mut self, at: Instant) {
        if matches!(self, Self::Running(_)) {
            // Still at work afterwards: that is what the caller looks at.
            let _ = timeout_at(at, self.wait()).await;
        }
    }
}

async fn ask(lane: Arc<Lane>, batch: Arc<Batch>, started: Instant) -> Arc<Outcome> {
    let rows = batch.rows();
    let result = match lane.model.predict(batch).await {
        Ok(outputs) => check_answer(lane.model.signature(), rows, &outputs).map(|()| outputs),
        Err(error) => Err(Rejection::new(error.reason(), error.to_string())),
    };
    Arc::new(Outcome { result, latency: started.elapsed() })
}

/// Both lanes of a request.
pub(crate) struct Runs {
    pub(crate) primary: Run,
    pub(crate) shadow: Run,
}

impl Runs {
    pub(crate) fn of(&self, role: Role) -> &Run {
        match role {
            Role::Primary => &self.primary,
            Role::Shadow => &self.shadow,
        }
    }

    fn start(&mut self, service: &Service, request: &Request, role: Role) {
        let run = match role {
            Role::Primary => &mut self.primary,
            Role::Shadow => &mut self.shadow,
        };
        *run = Run::start(service.lane(role), request);
    }

    /// Whether there is such a model, and it was never asked.
    fn was_left_out(&self, service: &Service, role: Role) -> bool {
        service.lane(role).is_some() && matches!(self.of(role), Run::Skipped)
    }

    /// Returns when either lane has spoken.
    async fn next(&mut self) {
        tokio::select! {
            () = self.primary.wait() => {}
            () = self.shadow.wait() => {}
        }
    }
}

/// Whom to prefer, and whether the other one is asked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    first: Role,
    second: Role,
    /// It is asked only if the first fails, or is slow.
    second_is_skipped: bool,
    /// Why the shadow answers, where that is settled before anybody is asked.
    settled: Option<FallbackReason>,
}

/// `is_pressed`: so much is under way that the copy for the model that does not answer is left out.
fn order(service: &Service, active: Role, is_pressed: bool) -> Order {
    let primary_first =
        Order { first: Role::Primary, second: Role::Shadow, second_is_skipped: is_pressed, settled: None };
    let shadow_first = |settled, second_is_skipped| Order {
        first: Role::Shadow,
        second: Role::Primary,
        second_is_skipped,
        settled: Some(settled),
    };
    let has_both = service.primary.is_some() && service.shadow.is_some();
    match active {
        Role::Shadow => shadow_first(FallbackReason::Switched, is_pressed),
        // Without a shadow, not asking the primary would only turn some failures into all.
        Role::Primary if !has_both => primary_first,
        Role::Primary => match service.with_breaker(|breaker| breaker.admit(std::time::Instant::now())) {
            Admission::Ask => primary_first,
            Admission::Probe => shadow_first(FallbackReason::Breaker, false),
            Admission::Skip => shadow_first(FallbackReason::Breaker, true),
        },
    }
}

/// By which route a request is answered. It may change while the request is under way.
#[derive(Debug)]
struct Standing {
    epoch: u64,
    active: Role,
    order: Order,
    /// Whether the route has changed since the request began.
    has_turned: bool,
}

impl Standing {
    fn now(service: &Service, is_pressed: bool) -> Self {
        let route = service.route.load();
        let order = order(service, route.active, is_pressed);
        Self { epoch: route.epoch, active: route.active, order, has_turned: false }
    }

    /// Looks whether somebody switched meanwhile.
    fn follow(&mut self, service: &Service) {
        let route = service.route.load();
        if route.epoch == self.epoch && route.active == self.active {
            return;
        }
        self.epoch = route.epoch;
        if route.active != self.active {
            (self.active, self.has_turned) = (route.active, true);
            self.order = turned(service, route.active);
        }
    }
}

/// The order of a request under way whose service was switched to `active`.
fn turned(service: &Service, active: Role) -> Order {
    let shadow_first =
        |settled| Order { first: Role::Shadow, second: Role::Primary, second_is_skipped: true, settled: Some(settled) };
    match active {
        Role::Shadow => shadow_first(FallbackReason::Switched),
        Role::Primary if service.shadow.is_some() && service.with_breaker(|breaker| breaker.is_open()) => {
            shadow_first(FallbackReason::Breaker)
        }
        Role::Primary => Order { first: Role::Primary, second: Role::Shadow, second_is_skipped: true, settled: None },
    }
}

/// Answers a request, or says why not. What is left to do for the log goes on behind.
pub(crate) async fn answer(inner: &Arc<Inner>, service: &Arc<Service>, request: Request) -> Result<Answered, NoAnswer> {
    let counters = &service.counters;
    let Some(in_flight) = InFlight::enter(counters) else {
        counters.overloaded.fetch_add(1, Ordering::Relaxed);
        return Err(NoAnswer::Overload(service.name.to_string()));
    };
    let (rows, started) = (request.batch.rows(), request.started);
    let must_log = service.log == LogMode::Required;
    if must_log && !inner.log.has_room(rows) {
        counters.failures.fetch_add(1, Ordering::Relaxed);
        return Err(NoAnswer::Log(service.name.to_string()));
    }
    let mut standing = Standing::now(service, in_flight.is_pressed());
    let mut runs = Runs { primary: Run::Skipped, shadow: Run::Skipped };
    runs.start(service, &request, standing.order.first);
    if !standing.order.second_is_skipped {
        runs.start(service, &request, standing.order.second);
    }
    let decision = race(service, &request, &mut standing, &mut runs).await;
    let Standing { order, epoch, .. } = standing;
    if in_flight.is_pressed() && runs.was_left_out(service, order.second) {
        counters.shed.fetch_add(1, Ordering::Relaxed);
    }
    let primary_was_judged = judge_primary(service, &request, order, &runs);
    let Some(served_by) = decision else {
        return Err(failed(inner, service, &request, &runs, primary_was_judged));
    };
    let reason = reason(served_by, order, &runs);
    let (Some(outcome), Some(lane)) = (runs.of(served_by).outcome().cloned(), service.lane(served_by)) else {
        return Err(failed(inner, service, &request, &runs, primary_was_judged));
    };
    let at = inner.clock.now();
    let ids: Vec<PredictionId> = (0..rows).map(|_| PredictionId::new(at, &*inner.ids)).collect();
    let answered = Answered { served_by, model: lane.model_ref.clone(), reason, epoch, ids: ids.clone(), outcome };
    let record = Record {
        service: Arc::clone(service),
        request,
        ids,
        served_at: at,
        epoch,
        served_by,
        reason,
        runs,
        primary_was_judged,
    };
    keep(inner, record, must_log).await?;
    let judged = Judged { did_well: true, rows, took: started.elapsed(), at };
    counters.count_answered(&judged, served_by, reason);
    Ok(answered)
}

/// Sees to the log: before the answer where the service demands it, behind it elsewhere.
async fn keep(inner: &Arc<Inner>, mut record: Record, must_log: bool) -> Result<(), NoAnswer> {
    if !must_log {
        inner.finish_later(record);
        return Ok(());
    }
    let margin = record.request.started + until_margin(record.request.deadline);
    let patience = margin.min(Instant::now() + REQUIRED_GRACE);
    record.runs.primary.wait_until(patience).await;
    record.runs.shadow.wait_until(patience).await;
    let counters = Arc::clone(&record.service.counters);
    let service = record.service.name.clone();
    let predictions = record.finish(inner.log.disk());
    let commit = inner.log.append_and_commit(&service, predictions, &counters.log);
    let is_kept = tokio::time::timeout(COMMIT_WITHIN, commit).await.unwrap_or(false);
    if is_kept {
        return Ok(());
    }
    counters.failures.fetch_add(1, Ordering::Relaxed);
    Err(NoAnswer::Log(service.to_string()))
}

/// Waits until it is settled who answers; `None` when nobody does. A route that changes meanwhile is obeyed.
async fn race(service: &Service, request: &Request, standing: &mut Standing, runs: &mut Runs) -> Option<Role> {
    let switched = service.switched.notified();
    tokio::pin!(switched);
    let half = request.started + until_half(request.deadline);
    let margin = request.started + until_margin(request.deadline);
    let over = request.started + request.deadline;
    loop {
        standing.follow(service);
        let order = standing.order;
        if standing.has_turned && matches!(runs.of(order.first), Run::Skipped) {
            runs.start(service, request, order.first);
        }
        let now = Instant::now();
        let (phase, wake) = if now < half {
            (Phase::Early, half)
        } else if now < margin {
            (Phase::Half, margin)
        } else if now < over {
            (Phase::Margin, over)
        } else {
            (Phase::Over, over)
        };
        match decide(runs.of(order.first).progress(), runs.of(order.second).progress(), phase) {
            Decision::Answer(Choice::First) => return Some(order.first),
            Decision::Answer(Choice::Second) => return Some(order.second),
            Decision::GiveUp => return None,
            Decision::AskSecond => runs.start(service, request, order.second),
            Decision::Wait => {
                tokio::select! {
                    () = runs.next() => {}
                    () = sleep_until(wake) => {}
                    () = &mut switched => switched.set(service.switched.notified()),
                }
            }
        }
    }
}

/// Tells the breaker how the primary did, if that is known by now.
fn judge_primary(service: &Service, request: &Request, order: Order, runs: &Runs) -> bool {
    let deadline = request.fair_deadline(service);
    let did_well = match &runs.primary {
        Run::Absent | Run::Skipped => return true,
        Run::Done(outcome) => is_good(outcome, deadline),
        // Waited for in vain.
        Run::Running(_) if order.first == Role::Primary && !request.is_within(deadline) => false,
        Run::Running(_) => return false,
    };
    service.with_breaker(|breaker| breaker.record(did_well));
    true
}

/// Whether an answer was valid and in time.
pub(crate) fn is_good(outcome: &Outcome, deadline: Duration) -> bool {
    outcome.result.is_ok() && outcome.latency <= until_margin(deadline)
}

/// Why the answer is not the primary's.
fn reason(served_by: Role, order: Order, runs: &Runs) -> Option<FallbackReason> {
    if served_by == Role::Primary {
        return None;
    }
    order.settled.or(match &runs.primary {
        Run::Running(_) => Some(FallbackReason::Timeout),
        Run::Done(outcome) => outcome.result.as_ref().err().map(|rejection| rejection.reason),
        Run::Absent => Some(FallbackReason::Error),
        Run::Skipped => Some(FallbackReason::Breaker),
    })
}

fn failed(inner: &Inner, service: &Service, request: &Request, runs: &Runs, primary_was_judged: bool) -> NoAnswer {
    let counters = &service.counters;
    if !primary_was_judged && !request.is_within(request.fair_deadline(service)) {
        service.with_breaker(|breaker| breaker.record(false));
    }
    let judged =
        Judged { did_well: false, rows: request.batch.rows(), took: request.started.elapsed(), at: inner.clock.now() };
    let mut overloaded = 0;
    let mut asked = 0;
    let mut why = Vec::new();
    for role in [Role::Primary, Role::Shadow] {
        let Some(lane) = service.lane(role) else { continue };
        let said = match runs.of(role) {
            Run::Absent | Run::Skipped => continue,
            Run::Running(_) => format!("no answer within {} ms", request.deadline.as_millis()),
            Run::Done(outcome) => outcome.result.as_ref().err().map_or_else(String::new, |r| {
                overloaded += usize::from(r.reason == FallbackReason::Overload);
                r.detail.clone()
            }),
        };
        asked += 1;
        lane.count_outcome(&judged);
        why.push(format!("{role} {}: {said}", lane.model_ref));
    }
    if asked > 0 && overloaded == asked {
        counters.overloaded.fetch_add(1, Ordering::Relaxed);
        return NoAnswer::Overload(service.name.to_string());
    }
    let why = if why.is_empty() { "it has no model".to_owned() } else { why.join("; ") };
    counters.failures.fetch_add(1, Ordering::Relaxed);
    tracing::error!(service = %service.name, request = %request.id, why, "a request was not answered");
    NoAnswer::Failed { service: service.name.to_string(), why }
}

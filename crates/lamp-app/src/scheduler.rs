//! What happens by itself: one look at everything that may be due.
//!
//! Each step asks the ledger or the disk what is due *now*, so a round can be repeated, cut short, or
//! run by two processes at once. A step that fails is said and does not hold up the others.

use std::fmt::Display;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamp_core::human;
use lamp_core::label::LabelDraw;
use lamp_core::names::ServiceName;
use lamp_store::Repacked;
use tokio::sync::Mutex;

use crate::app::App;
use crate::cadence::CadenceError;
use crate::cadence::tip::Tip;
use crate::check::CheckError;
use crate::data::DataError;
use crate::labels::LabelingError;
use crate::labels::draw::Drawn;
use crate::metrics::EstimationError;

/// Something that a round did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The step that did it.
    pub step: &'static str,
    /// In words, for a log.
    pub what: String,
}

/// The scheduler: Lamplighter itself, looking.
#[derive(Clone)]
pub struct Scheduler {
    app: App,
    /// The commit that was looked at last, with its cadences.
    tip: Arc<Mutex<Option<Arc<Tip>>>>,
    /// When promises of service were looked at last: contracts and profiles are not read every two seconds.
    watched_at: Arc<Mutex<Option<Timestamp>>>,
}

/// Seconds between two looks at promises of service, whose units are minutes at the least.
const WATCH_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// What one round has done so far.
#[derive(Debug, Default)]
struct Round {
    happened: Vec<Happened>,
}

impl Round {
    fn note<T: Display>(&mut self, step: &'static str, outcome: Result<Vec<T>, impl Display>) {
        match outcome {
            Ok(done) => self.happened.extend(done.into_iter().map(|what| Happened { step, what: what.to_string() })),
            Err(error) => tracing::warn!(step, %error, "the scheduler could not do this; it will look again"),
        }
    }
}

impl Scheduler {
    /// A scheduler over the parts of `app`.
    pub fn new(app: &App) -> Self {
        Self { app: app.acting_as_system(), tip: Arc::default(), watched_at: Arc::default() }
    }

    /// Does what is due, and says what that was.
    pub async fn round(&self) -> Vec<Happened> {
        let mut round = Round::default();
        let adopted = self.app.adopt_finished_runs().await;
        let adopted = adopted
            .map(|runs| runs.iter().map(|run| format!("run {} {}", run.id, run.state.as_str())).collect::<Vec<_>>());
        round.note("collect", adopted);
        round.note("cadence", self.rotate().await);
        for service in self.services() {
            round.note("feedback", self.app.take_in_sent_labels(&service).await);
            round.note("compact", self.compact_due(&service).await);
        }
        round.note("draw", self.draw_due().await);
        round.note("duties", self.app.tend_duties().await);
        round.note("metrics", self.update_metrics().await);
        round.note("service levels", self.watch_when_due().await);
        round.happened
    }

    /// What cadences ask for, as they stand in the commit that is checked out now.
    async fn rotate(&self) -> Result<Vec<String>, CadenceError> {
        let mut known = self.tip.lock().await;
        *known = self.app.tip(known.take()).await?;
        match known.clone() {
            Some(tip) => self.app.advance_rotations(&tip).await,
            None => Ok(Vec::new()),
        }
    }

    async fn watch_when_due(&self) -> Result<Vec<String>, CheckError> {
        let mut watched_at = self.watched_at.lock().await;
        let now = self.app.now();
        // A clock that was set back does not stop the watch.
        let is_due = watched_at.is_none_or(|last| now < last || now.duration_since(last) >= WATCH_EVERY);
        if !is_due {
            return Ok(Vec::new());
        }
        *watched_at = Some(now);
        self.app.watch_service_levels().await
    }

    /// Delivers what the team is to be told. A round of its own, beside the other: nothing waits for an address
    /// that does not answer.
    pub async fn deliver(&self) -> Vec<Happened> {
        let mut round = Round::default();
        round.note("notify", self.app.deliver_notifications().await);
        round.happened
    }

    /// Keeps the store small. A round of its own too: it may take minutes, and nothing waits for it.
    pub async fn tend_store(&self) -> Vec<Happened> {
        let mut round = Round::default();
        round.note("repack", self.repack_due().await);
        round.happened
    }

    async fn repack_due(&self) -> Result<Vec<String>, DataError> {
        let repacked = self.app.repack_when_due().await?;
        let in_words = |done: Repacked| {
            let (before, after) = (human::bytes(done.bytes_before), human::bytes(done.bytes_after));
            format!("{} packs of {before} written anew in {after}", done.packs)
        };
        Ok(repacked.map(in_words).into_iter().collect())
    }

    /// Takes in what the gateway has closed, due or not: the last thing before the end.
    pub async fn compact_all(&self) -> Vec<Happened> {
        let mut round = Round::default();
        for service in self.services() {
            let compacted = self.app.compact(&service).await;
            let said = compacted.map(|done| done.map(|done| compacted_in_words(&service, done.rows)));
            round.note("compact", said.map(|said| said.into_iter().collect::<Vec<_>>()));
        }
        round.happened
    }

    async fn compact_due(&self, service: &ServiceName) -> Result<Vec<String>, crate::serving::ServingError> {
        let compacted = self.app.compact_when_due(service).await?;
        Ok(compacted.map(|done| compacted_in_words(service, done.rows)).into_iter().collect())
    }

    async fn draw_due(&self) -> Result<Vec<String>, LabelingError> {
        let drawn = self.app.draw_due_labels().await?;
        let in_words = |drawn: &Drawn| {
            let LabelDraw { service, day, drawn, population, .. } = &drawn.draw;
            match population {
                0 => format!("nothing to label of {day}: {service} predicted nothing"),
                _ => format!("{drawn} of {population} predictions of {service} on {day} drawn for labelling"),
            }
        };
        Ok(drawn.iter().map(in_words).collect())
    }

    async fn update_metrics(&self) -> Result<Vec<String>, EstimationError> {
        let updated = self.app.update_due_metrics().await?;
        Ok(updated.iter().map(|(service, estimates)| format!("{estimates} estimates of {service} updated")).collect())
    }

    fn services(&self) -> Vec<ServiceName> {
        self.app.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect()
    }
}

fn compacted_in_words(service: &ServiceName, rows: u64) -> String {
    format!("{rows} rows of the prediction log of {service} compacted")
}

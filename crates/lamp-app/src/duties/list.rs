//! `lamp duty`, `lamp duty ls` and `lamp duty show`: what is mine, what is late, what happened.

use jiff::{Timestamp, ToSpan as _};
use lamp_core::duty::{Duty, DutyEvent, DutyKind, DutyState};
use lamp_core::ids::DutyId;
use serde::{Deserialize, Serialize};

use super::{DutyError, next_command};
use crate::app::App;
use crate::rota::RotaView;

/// How long a missed duty stays on the first page, in days. It stays in the list for ever.
pub const MISSED_SHOWN_DAYS: i64 = 7;

/// Most missed duties on the first page.
const MISSED_SHOWN_MAX: u32 = 100;

/// How far a duty has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Pieces done.
    pub done: u32,
    /// Pieces asked for.
    pub of: u32,
}

/// A duty with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyView {
    /// The duty.
    #[serde(flatten)]
    pub duty: Duty,
    /// `histograms 2013-04-01`.
    pub title: String,
    /// Whether it was given to the one who asks.
    pub is_mine: bool,
    /// How far it has got.
    pub progress: Progress,
    /// The next thing to type, while it is open.
    pub next: Option<String>,
}

/// A duty with its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DutyHistory {
    /// The duty.
    #[serde(flatten)]
    pub view: DutyView,
    /// What happened to it, oldest first.
    pub events: Vec<DutyEvent>,
}

/// What a person has to do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyShift {
    /// The person.
    pub person: String,
    /// Now.
    pub at: Timestamp,
    /// Who is on which rota.
    pub rotas: Vec<RotaView>,
    /// Open duties that were given to this person, the one due first at the top.
    pub mine: Vec<DutyView>,
    /// Open duties of others; anybody may do them.
    pub others: Vec<DutyView>,
    /// Duties of everybody that were missed in the last [`MISSED_SHOWN_DAYS`] days, newest first.
    pub missed: Vec<DutyView>,
}

impl App {
    /// What the actor has to do now. What is due is created first, and what is late is missed, as the scheduler
    /// does it, so that this is right where none runs.
    pub async fn my_shift(&self) -> Result<MyShift, DutyError> {
        self.acting_as_system().tend_duties().await?;
        let now = self.now();
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        for duty in self.ledger().open_duties().await? {
            let view = self.duty_view(duty).await?;
            if view.is_mine { mine.push(view) } else { others.push(view) }
        }
        let since = now.checked_sub((MISSED_SHOWN_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        let missed = self.duty_views(self.ledger().missed_duties(since, MISSED_SHOWN_MAX).await?).await?;
        let rotas = self.rotas().await?;
        Ok(MyShift { person: self.actor().name.clone(), at: now, rotas, mine, others, missed })
    }

    /// The last `limit` duties that were created, newest first.
    pub async fn list_duties(&self, limit: u32) -> Result<Vec<DutyView>, DutyError> {
        self.acting_as_system().tend_duties().await?;
        self.duty_views(self.ledger().duties(limit).await?).await
    }

    /// A duty with its history.
    pub async fn show_duty(&self, text: &str) -> Result<DutyHistory, DutyError> {
        let duty = self.find_duty(text).await?;
        let events = self.ledger().duty_events(duty.id).await?;
        Ok(DutyHistory { view: self.duty_view(duty).await?, events })
    }

    /// The duty that an id, or the start of one, names.
    pub(crate) async fn find_duty(&self, text: &str) -> Result<Duty, DutyError> {
        let unknown = || DutyError::Unknown { text: text.to_owned() };
        if let Some(id) = DutyId::parse(text) {
            return self.ledger().find_duty(id).await?.ok_or_else(unknown);
        }
        let mut found = self.ledger().find_duties_by_prefix(text).await?;
        match found.len() {
            0 => Err(unknown()),
            1 => Ok(found.remove(0)),
            count => Err(DutyError::Ambiguous { text: text.to_owned(), count }),
        }
    }

    async fn duty_views(&self, duties: Vec<Duty>) -> Result<Vec<DutyView>, DutyError> {
        let mut views = Vec::with_capacity(duties.len());
        for duty in duties {
            views.push(self.duty_view(duty).await?);
        }
        Ok(views)
    }

    pub(crate) async fn duty_view(&self, duty: Duty) -> Result<DutyView, DutyError> {
        let progress = self.progress_of(&duty).await?;
        let is_mine = duty.assignee.as_ref() == Some(&self.actor().name);
        let next = duty.is_open_at(self.now()).then(|| next_command(&duty));
        Ok(DutyView { title: duty.title(), is_mine, progress, next, duty })
    }

    async fn progress_of(&self, duty: &Duty) -> Result<Progress, DutyError> {
        let all_if_done = |of: u32| Progress { done: if duty.state == DutyState::Done { of } else { 0 }, of };
        match duty.kind {
            DutyKind::Validate => Ok(all_if_done(duty.pieces)),
            DutyKind::Labels => Ok(Progress { done: self.labels_given(duty).await?, of: duty.pieces }),
            DutyKind::Histograms => {
                let of = self.ledger().pinned_columns(duty.id).await?.len();
                if of == 0 {
                    return Ok(all_if_done(duty.pieces));
                }
                let done = self.ledger().column_verdicts(duty.id).await?.len();
                let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                Ok(Progress { done: count(done), of: count(of) })
            }
        }
    }
}

//! Duties and rotas as the first page and their own pages show them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_app::duties::histograms::{HistogramColumn, HistogramTask};
use lamp_app::duties::list::{DutyHistory, DutyView};
use lamp_app::rota::RotaView;
use lamp_core::duty::columns::ChosenAs;
use lamp_core::duty::look::ColumnVerdict;
use lamp_core::duty::{DutyKind, DutyState};
use lamp_core::rota::Shift;

use super::histogram::{ColumnShown, Seen};
use super::text::{Instant, age, counted};

/// A duty.
#[derive(Debug, Clone)]
pub(crate) struct DutyShown {
    pub(crate) id: String,
    /// `Look at 8 columns`
    pub(crate) what: String,
    /// The period or the candidate.
    pub(crate) subject: String,
    pub(crate) project: String,
    pub(crate) state: DutyState,
    pub(crate) whose: Option<String>,
    pub(crate) rota: Option<String>,
    pub(crate) due_at: Instant,
    /// `6 h left`, or `late`.
    pub(crate) left: String,
    /// `3 of 8`
    pub(crate) progress: String,
    /// Whether it is done piece by piece.
    pub(crate) has_pieces: bool,
    /// Done pieces, of 100.
    pub(crate) percent: u32,
    /// The word on the button, and where it leads.
    pub(crate) verb: &'static str,
    pub(crate) page: String,
    pub(crate) is_open: bool,
    pub(crate) ended: Option<(String, Instant, Option<String>)>,
    pub(crate) evidence: Option<String>,
}

/// One thing that happened to a duty.
#[derive(Debug, Clone)]
pub(crate) struct EventShown {
    pub(crate) at: Instant,
    pub(crate) what: String,
    pub(crate) by: String,
    pub(crate) on_behalf_of: Option<String>,
}

/// A column of a histograms duty.
#[derive(Debug, Clone)]
pub(crate) struct LookShown {
    pub(crate) place: u32,
    pub(crate) name: String,
    /// `flights[2013-03-31]`
    pub(crate) data: String,
    /// The page of everything about that data.
    pub(crate) page: String,
    pub(crate) because: &'static str,
    /// Digest of what is on the screen.
    pub(crate) profile: String,
    pub(crate) column: ColumnShown,
    pub(crate) verdict: Option<VerdictSaid>,
}

/// What was said of a column.
#[derive(Debug, Clone)]
pub(crate) struct VerdictSaid {
    pub(crate) is_suspicious: bool,
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) note: Option<String>,
    pub(crate) incident: Option<String>,
}

/// A rota.
#[derive(Debug, Clone)]
pub(crate) struct RotaShown {
    pub(crate) name: String,
    pub(crate) on: TurnShown,
    pub(crate) next: TurnShown,
    pub(crate) is_me: bool,
    pub(crate) people: Vec<String>,
}

/// Somebody's turn.
#[derive(Debug, Clone)]
pub(crate) struct TurnShown {
    pub(crate) person: String,
    pub(crate) from: Instant,
    pub(crate) until: Instant,
    /// `Mon 8 April, 09:00`
    pub(crate) until_words: String,
    pub(crate) swapped: Option<String>,
}

impl DutyShown {
    pub(crate) fn new(view: &DutyView, now: Timestamp, zone: &TimeZone) -> Self {
        let duty = &view.duty;
        let pieces = u64::from(duty.pieces);
        let (what, verb, page) = match duty.kind {
            DutyKind::Labels => {
                (format!("Label {}", counted(pieces, "prediction", "predictions")), "Label", "/labels".to_owned())
            }
            DutyKind::Histograms => {
                (format!("Look at {}", counted(pieces, "column", "columns")), "Look", format!("/duties/{}", duty.id))
            }
            DutyKind::Validate => {
                (format!("Validate {}", duty.subject), "Read and sign", format!("/models/{}", duty.subject))
            }
        };
        let is_late = duty.due_at <= now;
        let ended = duty.end.as_ref();
        Self {
            id: duty.id.to_string(),
            what,
            subject: duty.subject.clone(),
            project: duty.project.to_string(),
            state: duty.state,
            whose: duty.assignee.clone(),
            rota: duty.rota.as_ref().map(ToString::to_string),
            due_at: Instant::new(duty.due_at, zone),
            left: if is_late { "late".to_owned() } else { format!("{} left", age(now, duty.due_at)) },
            progress: format!("{} of {}", view.progress.done, view.progress.of),
            has_pieces: view.progress.of > 1,
            percent: view.progress.done.saturating_mul(100) / view.progress.of.max(1),
            verb,
            page,
            is_open: duty.is_open_at(now),
            ended: ended.map(|end| (end.by.name.clone(), Instant::new(end.at, zone), end.note.clone())),
            evidence: ended.and_then(|end| end.evidence).map(lamp_core::digest::Digest::to_hex),
        }
    }
}

impl EventShown {
    pub(crate) fn all(history: &DutyHistory, zone: &TimeZone) -> Vec<Self> {
        let event = |event: &lamp_core::duty::DutyEvent| Self {
            at: Instant::new(event.at, zone),
            what: event.action.clone(),
            by: event.actor.name.clone(),
            on_behalf_of: event.on_behalf_of.clone(),
        };
        history.events.iter().map(event).collect()
    }
}

impl LookShown {
    pub(crate) fn all(task: &HistogramTask, zone: &TimeZone) -> Vec<Self> {
        task.columns.iter().map(|column| Self::new(column, zone)).collect()
    }

    fn new(column: &HistogramColumn, zone: &TimeZone) -> Self {
        let look = &column.look;
        let at = look.partition.as_ref().map(|partition| format!("&at={partition}")).unwrap_or_default();
        let seen = Seen {
            name: &look.column,
            now: &column.today,
            before: column.reference.as_ref(),
            histogram: &column.histogram,
            // Less than usual is none.
            moved: column.moved.map(|moved| moved.max(0.0)),
            notes: &column.notes,
        };
        Self {
            place: column.place,
            name: look.column.clone(),
            data: look.data(),
            page: format!("/histograms/{}?version={}{at}", look.dataset, look.version),
            because: match column.because {
                ChosenAs::Moved => "it moved most",
                ChosenAs::Turn => "it is its turn",
            },
            profile: look.profile.to_hex(),
            column: ColumnShown::new(&seen, zone),
            verdict: column.verdict.as_ref().map(|verdict| VerdictSaid {
                is_suspicious: verdict.verdict == ColumnVerdict::Suspicious,
                text: verdict.verdict.to_string(),
                by: verdict.by.name.clone(),
                note: verdict.note.clone(),
                incident: verdict.incident.map(|id| id.to_string()),
            }),
        }
    }
}

impl RotaShown {
    pub(crate) fn new(view: &RotaView, zone: &TimeZone) -> Self {
        Self {
            name: view.rota.to_string(),
            on: TurnShown::new(&view.on, zone),
            next: TurnShown::new(&view.next, zone),
            is_me: view.is_me,
            people: view.people.clone(),
        }
    }
}

impl TurnShown {
    fn new(shift: &Shift, zone: &TimeZone) -> Self {
        Self {
            person: shift.person.clone(),
            from: Instant::new(shift.from, zone),
            until: Instant::new(shift.until, zone),
            until_words: shift.until.to_zoned(zone.clone()).strftime("%a %-d %B, %H:%M").to_string(),
            swapped: shift.swapped.clone(),
        }
    }
}

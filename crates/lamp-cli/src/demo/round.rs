//! A lamplighter's round: what a person on the rota does each morning. The demo plays that person, with
//! the airport's own record of what became of the flights, and says so.

use lamp_app::App;
use lamp_app::duties::histograms::HistogramColumn;
use lamp_app::duties::sign::{JudgeColumn, SignHistograms};
use lamp_app::labels::submit::{Answered, SubmitLabel};
use lamp_app::scheduler::Scheduler;
use lamp_core::duty::look::ColumnVerdict;
use lamp_core::names::ServiceName;

use super::outcomes::Outcomes;
use crate::failure::Failure;
use crate::gateway_process;

/// Bars of the histograms that are signed for.
const BINS: usize = 10;

/// Most predictions that are labelled in one morning.
const LABELS_MAX: u32 = 50;

/// A column that lost so much of its values since yesterday does not look right to anybody.
const GONE_SHARE: f64 = 0.5;

/// What a morning's round did.
#[derive(Debug, Default, Clone, Copy)]
pub struct Round {
    /// Labels given.
    pub labels: u64,
    /// Columns signed for.
    pub columns: u64,
}

impl std::ops::AddAssign for Round {
    fn add_assign(&mut self, other: Self) {
        self.labels += other.labels;
        self.columns += other.columns;
    }
}

/// What is due by itself, then the person's part: labels (but for the last `left`), histograms.
pub async fn walk(app: &App, service: &ServiceName, outcomes: &Outcomes, left: usize) -> Result<Round, Failure> {
    gateway_process::rotate(&app.layout().admin_socket()).await.map_err(Failure::operation)?;
    app.compact(service).await?;
    let scheduler = Scheduler::new(app);
    scheduler.round().await;
    let done = Round { labels: label(app, service, outcomes, left).await?, columns: sign(app).await? };
    // The labels move the metrics, and what was signed for is done.
    scheduler.round().await;
    Ok(done)
}

async fn label(app: &App, service: &ServiceName, outcomes: &Outcomes, left: usize) -> Result<u64, Failure> {
    let mut tasks = app.label_queue(Some(service), LABELS_MAX).await?;
    tasks.truncate(tasks.len().saturating_sub(left));
    for task in &tasks {
        let answer = match outcomes.of(task.prediction) {
            Some(late) => Answered::Value(if late { "yes" } else { "no" }.to_owned()),
            None => Answered::CannotTell,
        };
        app.submit_label(SubmitLabel { prediction: task.prediction, answer, note: None, event_at: None }).await?;
    }
    Ok(tasks.len() as u64)
}

/// Signs for every histogram of the duty that is due. What is gone all of a sudden is suspicious; the rest of
/// these days looks right.
async fn sign(app: &App) -> Result<u64, Failure> {
    let shift = app.my_shift().await?;
    let mut signed = 0;
    for duty in shift.mine.iter().chain(&shift.others) {
        if duty.duty.kind != lamp_core::duty::DutyKind::Histograms {
            continue;
        }
        let id = duty.duty.id.to_string();
        let task = app.histogram_task(Some(&id), BINS).await?;
        let verdicts: Vec<_> = task.columns.iter().filter(|column| column.verdict.is_none()).map(judge).collect();
        signed += verdicts.len() as u64;
        app.sign_histograms(SignHistograms { duty: Some(id), verdicts }).await?;
    }
    Ok(signed)
}

fn judge(column: &HistogramColumn) -> JudgeColumn {
    let usual = column.reference.as_ref().map_or(0.0, |reference| reference.null_share);
    let is_gone = column.today.null_share - usual > GONE_SHARE;
    JudgeColumn {
        column: column.place.to_string(),
        verdict: if is_gone { ColumnVerdict::Suspicious } else { ColumnVerdict::LooksRight },
        note: if is_gone { "gone, all of a sudden: did the feed stop?".to_owned() } else { String::new() },
        profile: Some(column.look.profile),
    }
}

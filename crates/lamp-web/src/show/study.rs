//! Cadences and studies as their pages show them.

use jiff::tz::TimeZone;
use lamp_app::cadence::view::{AgeView, CadenceView, RotationView, StudyView, WindowView};
use lamp_core::human::duration;

use super::plot::{Frame, LEFT, SIZE, coordinate};
use super::text::{Instant, count, counted};
use super::value::number;

/// The cadence of one model.
#[derive(Debug, Clone)]
pub(crate) struct CadenceShown {
    pub(crate) model: String,
    pub(crate) project: String,
    pub(crate) every: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) evidence: Option<String>,
    /// The study that the evidence names.
    pub(crate) study: Option<String>,
    pub(crate) is_uncommitted: bool,
    pub(crate) next_cutoff: Option<String>,
    pub(crate) next_due_at: Option<Instant>,
    pub(crate) rotations: Vec<RotationShown>,
}

/// One training on time.
#[derive(Debug, Clone)]
pub(crate) struct RotationShown {
    pub(crate) cutoff: String,
    pub(crate) state: String,
    pub(crate) run: Option<String>,
    pub(crate) candidate: Option<String>,
    pub(crate) candidate_state: Option<String>,
}

/// A study.
#[derive(Debug, Clone)]
pub(crate) struct StudyShown {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) model: String,
    pub(crate) commit: String,
    pub(crate) by: String,
    pub(crate) at: Instant,
    pub(crate) loss: String,
    pub(crate) block: String,
    pub(crate) blocks: String,
    pub(crate) days: String,
    pub(crate) label_lag: String,
    pub(crate) review_cost: String,
    pub(crate) compute_hour_cost: String,
    pub(crate) trainings: String,
    pub(crate) recommended: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) is_adopted: bool,
    pub(crate) windows: Vec<WindowShown>,
}

/// One window of a study.
#[derive(Debug, Clone)]
pub(crate) struct WindowShown {
    pub(crate) window: String,
    pub(crate) is_recommended: bool,
    pub(crate) training: String,
    pub(crate) rows: String,
    pub(crate) fresh_loss: Option<String>,
    pub(crate) tolerance: Option<String>,
    pub(crate) compared_on: String,
    pub(crate) chart: Option<AgeChart>,
    pub(crate) ages: Vec<AgeRow>,
    pub(crate) rhythms: Vec<RhythmRow>,
}

/// The age curve with its band.
#[derive(Debug, Clone)]
pub(crate) struct AgeChart {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: String,
    pub(crate) band: String,
    pub(crate) line: String,
    pub(crate) points: Vec<(String, String, String)>,
    pub(crate) ticks: Vec<(String, String)>,
    pub(crate) zero: String,
    pub(crate) ends: (String, String),
    pub(crate) summary: String,
}

/// A point of the age curve as a row.
#[derive(Debug, Clone)]
pub(crate) struct AgeRow {
    pub(crate) age: String,
    pub(crate) blocks: String,
    pub(crate) excess: String,
    pub(crate) interval: String,
}

/// What one cadence costs.
#[derive(Debug, Clone)]
pub(crate) struct RhythmRow {
    pub(crate) every: String,
    pub(crate) excess: String,
    pub(crate) cost: String,
    pub(crate) over_best: String,
    pub(crate) interval: String,
    pub(crate) is_chosen: bool,
}

impl CadenceShown {
    pub(crate) fn new(view: &CadenceView, zone: &TimeZone) -> Self {
        let study = view.evidence.as_deref().and_then(|evidence| evidence.strip_prefix("study:"));
        Self {
            model: view.model.to_string(),
            project: view.project.to_string(),
            every: view.every.clone(),
            at: view.at.clone(),
            study: study.and_then(|rest| rest.split(' ').next()).map(str::to_owned),
            evidence: view.evidence.clone(),
            is_uncommitted: view.uncommitted,
            next_cutoff: view.next_cutoff.map(|day| day.to_string()),
            next_due_at: view.next_due_at.map(|at| Instant::new(at, zone)),
            rotations: view.rotations.iter().map(RotationShown::new).collect(),
        }
    }
}

impl RotationShown {
    fn new(view: &RotationView) -> Self {
        Self {
            cutoff: view.rotation.cutoff.to_string(),
            state: view.rotation.state.as_str().to_owned(),
            run: view.rotation.run.map(|run| run.to_string()),
            candidate: view.candidate.as_ref().map(ToString::to_string),
            candidate_state: view.candidate_state.map(|state| state.to_string()),
        }
    }
}

impl StudyShown {
    pub(crate) fn new(view: &StudyView, zone: &TimeZone) -> Self {
        let days = view.from.zip(view.to).map(|(from, to)| format!("{from} up to {to}"));
        let window = view.recommended_window.as_ref().map(|window| match window.as_str() {
            "configured" => "the range of lamp.toml".to_owned(),
            "all" => "all history".to_owned(),
            length => format!("the last {length}"),
        });
        let advice = view.recommended_every.as_ref().zip(window);
        Self {
            id: view.id.clone(),
            digest: view.digest.clone(),
            model: view.model.to_string(),
            commit: view.commit.clone(),
            by: view.by.name.clone(),
            at: Instant::new(view.at, zone),
            loss: view.loss.clone(),
            block: view.block.clone(),
            blocks: count(view.blocks as u64),
            days: days.unwrap_or_default(),
            label_lag: counted(view.label_lag_days.into(), "day", "days"),
            review_cost: number(view.review_cost),
            compute_hour_cost: number(view.compute_hour_cost),
            trainings: counted(view.trainings as u64, "training", "trainings"),
            recommended: advice.map(|(every, window)| format!("every {every}, with {window}")),
            reason: view.reason.clone(),
            is_adopted: view.adopted,
            windows: view.windows.iter().map(|window| WindowShown::new(window, &view.loss)).collect(),
        }
    }
}

/// Losses differ by little: with their sign and as many digits as tell.
fn signed(value: f64) -> String {
    format!("{value:+.4}").replace('-', "−")
}

impl WindowShown {
    fn new(view: &WindowView, loss: &str) -> Self {
        Self {
            window: view.window.clone(),
            is_recommended: view.recommended,
            training: duration(view.training_ms),
            rows: counted(view.rows, "row", "rows"),
            fresh_loss: view.fresh_loss.map(number),
            tolerance: view.tolerance.map(number),
            compared_on: counted(view.compared_on.into(), "block", "blocks"),
            chart: chart(&view.ages, loss),
            ages: view.ages.iter().map(AgeRow::new).collect(),
            rhythms: view
                .rhythms
                .iter()
                .map(|rhythm| RhythmRow {
                    every: rhythm.every.clone(),
                    excess: signed(rhythm.excess),
                    cost: number(rhythm.cost),
                    over_best: signed(rhythm.over_best),
                    interval: format!("{} to {}", signed(rhythm.over_best_low), signed(rhythm.over_best_high)),
                    is_chosen: rhythm.chosen,
                })
                .collect(),
        }
    }
}

impl AgeRow {
    fn new(view: &AgeView) -> Self {
        Self {
            age: view.age.clone(),
            blocks: count(view.blocks.into()),
            excess: signed(view.excess),
            interval: format!("{} to {}", signed(view.low), signed(view.high)),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a small number of ages")]
fn chart(ages: &[AgeView], loss: &str) -> Option<AgeChart> {
    let (first, last) = (ages.first()?, ages.last()?);
    let values = ages.iter().flat_map(|age| [age.low, age.high, age.excess]).chain([0.0]);
    let frame = Frame::around(0.0, (ages.len() - 1) as f64, values)?;
    let at = |(place, age): (usize, &AgeView)| (place as f64, (age.low, age.high));
    let ends: Vec<_> = ages.iter().enumerate().map(at).collect();
    let line: Vec<_> = ages.iter().enumerate().map(|(place, age)| (place as f64, age.excess)).collect();
    let title = |age: &AgeView| {
        format!(
            "{} old: {} [{}, {}] on {} blocks",
            age.age,
            signed(age.excess),
            signed(age.low),
            signed(age.high),
            age.blocks
        )
    };
    let points =
        ages.iter().zip(&line).map(|(age, (x, y))| (coordinate(frame.x(*x)), coordinate(frame.y(*y)), title(age)));
    Some(AgeChart {
        width: SIZE.0,
        height: SIZE.1,
        left: coordinate(LEFT),
        band: frame.band(&ends),
        line: frame.line(&line),
        points: points.collect(),
        ticks: frame.ticks(),
        zero: coordinate(frame.y(0.0)),
        ends: (first.age.clone(), last.age.clone()),
        summary: format!(
            "What age costs in {loss}: {} at {}, {} at {}",
            signed(first.excess),
            first.age,
            signed(last.excess),
            last.age
        ),
    })
}

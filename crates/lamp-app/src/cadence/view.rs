//! `lamp cadence ls|show|studies`: cadences and studies as people read them.

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::actor::Actor;
use lamp_core::cadence::choice::Findings;
use lamp_core::cadence::periods::{Next, Period};
use lamp_core::cadence::report::{StudyRecord, WindowReport};
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::config::{Cadence, Every};
use lamp_core::names::{ModelName, ProjectName};
use lamp_core::registry::ModelState;
use lamp_core::route::ModelRef;
use serde::{Deserialize, Serialize};

use super::CadenceError;
use super::tip::Tip;
use crate::app::App;

/// Rotations that a listing shows of each model.
const ROTATIONS_SHOWN: u32 = 20;

/// Studies that a listing shows.
const STUDIES_SHOWN: u32 = 50;

/// One rotation with the candidate that came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RotationView {
    /// The rotation.
    #[serde(flatten)]
    pub rotation: Rotation,
    /// The candidate that its training made.
    pub candidate: Option<ModelRef>,
    /// What has become of that.
    pub candidate_state: Option<ModelState>,
}

/// The cadence of one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CadenceView {
    /// The model.
    pub model: ModelName,
    /// Its project.
    pub project: ProjectName,
    /// How often: `1 month`. None for a model that was only run by hand.
    pub every: Option<String>,
    /// From which time of day on: `06:30`.
    pub at: Option<String>,
    /// What `lamp.toml` names as evidence.
    pub evidence: Option<String>,
    /// Whether the working tree says something else: what counts is what is committed.
    pub uncommitted: bool,
    /// The next cut-off.
    pub next_cutoff: Option<Date>,
    /// When that is due.
    pub next_due_at: Option<Timestamp>,
    /// Its rotations, newest first.
    pub rotations: Vec<RotationView>,
}

/// A point of the age curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgeView {
    /// Age in words: `3 weeks`.
    pub age: String,
    /// Blocks on which it was compared.
    pub blocks: u32,
    /// Mean excess loss.
    pub excess: f64,
    /// Low end of the 95 % interval.
    pub low: f64,
    /// High end.
    pub high: f64,
}

/// What one cadence costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RhythmView {
    /// The cadence in words: `4 weeks`.
    pub every: String,
    /// Mean excess loss over all ages and phases.
    pub excess: f64,
    /// Low end of its 95 % interval.
    pub low: f64,
    /// High end.
    pub high: f64,
    /// With the cost of training.
    pub cost: f64,
    /// Cost over that of the best.
    pub over_best: f64,
    /// Low end of its 95 % interval.
    pub over_best_low: f64,
    /// High end: what the tolerance is held against.
    pub over_best_high: f64,
    /// Whether it is the slowest within the tolerance.
    pub chosen: bool,
}

/// One window of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowView {
    /// `configured`, `all`, or a length.
    pub window: String,
    /// Whether it is the one that is recommended.
    pub recommended: bool,
    /// Mean wall time of a training, in milliseconds.
    pub training_ms: u64,
    /// Rows scored.
    pub rows: u64,
    /// Mean loss of fresh models; none when the history is too short, and then there is no more.
    pub fresh_loss: Option<f64>,
    /// The tolerance, in units of the loss.
    pub tolerance: Option<f64>,
    /// Blocks on which the cadences were compared.
    pub compared_on: u32,
    /// The age curve.
    pub ages: Vec<AgeView>,
    /// The cadences, the fastest first.
    pub rhythms: Vec<RhythmView>,
}

/// A study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyView {
    /// Its name.
    pub id: String,
    /// Digest of its document.
    pub digest: String,
    /// The model.
    pub model: ModelName,
    /// The commit of all its trainings.
    pub commit: String,
    /// Who asked for it.
    pub by: Actor,
    /// When it was finished.
    pub at: Timestamp,
    /// The loss: `log_loss` or `mae`.
    pub loss: String,
    /// Length of a block.
    pub block: String,
    /// Number of blocks.
    pub blocks: usize,
    /// First civil day scored.
    pub from: Option<Date>,
    /// The day after the last.
    pub to: Option<Date>,
    /// Days until labels are known.
    pub label_lag_days: u32,
    /// Cost of one review, in units of the loss over one block.
    pub review_cost: f64,
    /// Cost of an hour of training.
    pub compute_hour_cost: f64,
    /// Number of trainings.
    pub trainings: usize,
    /// The windows.
    pub windows: Vec<WindowView>,
    /// The cadence that it advises: `4 weeks`.
    pub recommended_every: Option<String>,
    /// With which window.
    pub recommended_window: Option<String>,
    /// Why it advises none.
    pub reason: Option<String>,
    /// Whether the committed configuration names it as evidence.
    pub adopted: bool,
}

impl App {
    /// Every model that has a cadence, or had a rotation.
    pub async fn list_cadences(&self) -> Result<Vec<CadenceView>, CadenceError> {
        let tip = self.tip(None).await?;
        let run = self.ledger().rotations(None, 1_000).await?;
        let mut models: Vec<ModelName> = Vec::new();
        let here = self.workspace().projects.values().flat_map(|project| project.cadence.keys());
        let committed = tip.iter().flat_map(|tip| tip.cadences().map(|(_, model, _)| model));
        for model in here.chain(committed).chain(run.iter().map(|rotation| &rotation.model)) {
            if !models.contains(model) {
                models.push(model.clone());
            }
        }
        let mut views = Vec::new();
        for model in models {
            views.extend(self.cadence_view(tip.as_deref(), &model).await?);
        }
        Ok(views)
    }

    /// The cadence of one model, with its rotations.
    pub async fn show_cadence(&self, model: &ModelName) -> Result<CadenceView, CadenceError> {
        let tip = self.tip(None).await?;
        let view = self.cadence_view(tip.as_deref(), model).await?;
        let view = view.filter(|view| view.every.is_some() || view.uncommitted || !view.rotations.is_empty());
        view.ok_or_else(|| CadenceError::NoCadence { model: model.clone() })
    }

    async fn cadence_view(&self, tip: Option<&Tip>, model: &ModelName) -> Result<Option<CadenceView>, CadenceError> {
        let declared = self.workspace().model(model).or_else(|| tip?.workspace.model(model));
        let Some((project, _)) = declared else { return Ok(None) };
        let here = self.workspace().project(&project.name).and_then(|project| project.cadence.get(model));
        let committed = tip.and_then(|tip| tip.cadence(model));
        let mut rotations = Vec::new();
        for rotation in self.ledger().rotations(Some(model), ROTATIONS_SHOWN).await? {
            rotations.push(self.rotation_view(rotation).await?);
        }
        let newest = rotations.iter().map(|view| view.rotation.cutoff).max();
        let next = tip.zip(committed).map(|(tip, cadence)| self.next_period(tip, cadence, newest));
        Ok(Some(CadenceView {
            model: model.clone(),
            project: project.name.clone(),
            every: committed.map(|cadence| cadence.every.in_words()),
            at: committed.map(|cadence| cadence.at.strftime("%H:%M").to_string()),
            evidence: committed.and_then(|cadence| cadence.evidence.clone()),
            uncommitted: here != committed,
            next_cutoff: next.as_ref().map(|period| period.cutoff),
            next_due_at: next.map(|period| period.due_at),
            rotations,
        }))
    }

    fn next_period(&self, tip: &Tip, cadence: &Cadence, newest: Option<Date>) -> Period {
        match tip.periods(cadence).next(newest, None, self.now()) {
            Next::Due { period, .. } | Next::Begun { period } | Next::Wait { period } => period,
        }
    }

    async fn rotation_view(&self, rotation: Rotation) -> Result<RotationView, CadenceError> {
        let made = match (rotation.state, rotation.run) {
            (RotationState::Reported, Some(run)) => self.ledger().find_model_of_run(run).await?,
            _ => None,
        };
        Ok(RotationView {
            candidate_state: made.as_ref().map(|model| model.state),
            candidate: made.map(|model| model.id),
            rotation,
        })
    }

    /// The last studies, of one model or of all, newest first.
    pub async fn list_studies(&self, model: Option<&ModelName>) -> Result<Vec<StudyView>, CadenceError> {
        let tip = self.tip(None).await?;
        let records = self.ledger().studies(model, STUDIES_SHOWN).await?;
        Ok(records.iter().map(|record| study_view(record, tip.as_deref())).collect())
    }

    /// The study that an id, or the start of one, names, as it was weighed last.
    pub async fn show_study(&self, text: &str) -> Result<StudyView, CadenceError> {
        let record = self.study_record(text).await?;
        Ok(study_view(&record, self.tip(None).await?.as_deref()))
    }

    pub(super) async fn study_record(&self, text: &str) -> Result<StudyRecord, CadenceError> {
        let found = self.ledger().find_studies(text).await?;
        let mut names: Vec<&String> = found.iter().map(|record| &record.id).collect();
        names.dedup();
        names.sort();
        names.dedup();
        if names.len() > 1 {
            return Err(CadenceError::AmbiguousStudy { text: text.to_owned(), count: names.len() });
        }
        found.into_iter().next().ok_or_else(|| CadenceError::UnknownStudy { text: text.to_owned() })
    }

    /// A finished study as people read it.
    pub async fn view_study(&self, record: &StudyRecord) -> Result<StudyView, CadenceError> {
        Ok(study_view(record, self.tip(None).await?.as_deref()))
    }
}

fn study_view(record: &StudyRecord, tip: Option<&Tip>) -> StudyView {
    let study = &record.study;
    let plan = &study.plan;
    let evidence = study.evidence();
    let cadence = tip.and_then(|tip| tip.cadence(&plan.model));
    let recommended = study.recommendation.as_ref();
    let window = |report: &WindowReport| {
        let is_recommended = recommended.is_some_and(|advice| advice.window == report.measured.window);
        window_view(report, plan.every, is_recommended)
    };
    StudyView {
        id: record.id.clone(),
        digest: record.digest.to_hex(),
        model: plan.model.clone(),
        commit: plan.commit.clone(),
        by: record.by.clone(),
        at: record.at,
        loss: study.loss.clone(),
        block: plan.every.in_words(),
        blocks: plan.blocks.len(),
        from: plan.blocks.first().map(|block| block.start),
        to: plan.blocks.last().map(|block| block.end),
        label_lag_days: plan.label_lag_days,
        review_cost: study.costs.review,
        compute_hour_cost: study.costs.compute_hour,
        trainings: plan.blocks.len() * plan.windows.len(),
        windows: study.windows.iter().map(window).collect(),
        recommended_every: recommended.map(|advice| advice.every.in_words()),
        recommended_window: recommended.map(|advice| advice.window.to_string()),
        reason: study.reason.clone(),
        adopted: cadence.and_then(|cadence| cadence.evidence.as_ref()) == Some(&evidence),
    }
}

fn window_view(report: &WindowReport, block: Every, recommended: bool) -> WindowView {
    let findings = report.findings.as_ref();
    WindowView {
        window: report.measured.window.to_string(),
        recommended,
        training_ms: report.measured.training_ms,
        rows: report.measured.rows,
        fresh_loss: findings.map(|findings| findings.fresh_loss),
        tolerance: findings.map(|findings| findings.tolerance),
        compared_on: findings.map_or(0, |findings| findings.compared_on),
        ages: findings.map(|findings| age_views(findings, block)).unwrap_or_default(),
        rhythms: findings.map(|findings| rhythm_views(findings, block)).unwrap_or_default(),
    }
}

fn age_views(findings: &Findings, block: Every) -> Vec<AgeView> {
    let view = |point: &lamp_core::cadence::choice::AgePoint| AgeView {
        age: block.times(point.age).in_words(),
        blocks: point.blocks,
        excess: point.excess,
        low: point.interval.0,
        high: point.interval.1,
    };
    findings.ages.iter().map(view).collect()
}

fn rhythm_views(findings: &Findings, block: Every) -> Vec<RhythmView> {
    let view = |rhythm: &lamp_core::cadence::choice::RhythmCost| RhythmView {
        every: block.times(rhythm.blocks).in_words(),
        excess: rhythm.excess,
        low: rhythm.interval.0,
        high: rhythm.interval.1,
        cost: rhythm.cost,
        over_best: rhythm.over_best,
        over_best_low: rhythm.over_best_interval.0,
        over_best_high: rhythm.over_best_interval.1,
        chosen: rhythm.blocks == findings.chosen,
    };
    findings.rhythms.iter().map(view).collect()
}

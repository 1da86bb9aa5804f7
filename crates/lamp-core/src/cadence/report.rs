//! The report of a study: what was asked, what was measured, and what follows from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::choice::{Findings, Tolerance, Weights, weigh};
use super::study::{Losses, StudyPlan, Window};
use crate::actor::Actor;
use crate::config::Every;
use crate::digest::Digest;
use crate::metric::loss;

/// What people and machines cost, in units of the loss over one block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// The review of one candidate.
    pub review: f64,
    /// One hour of training.
    pub compute_hour: f64,
    /// How much more than the best a rhythm may cost.
    pub tolerance: Tolerance,
}

/// What was measured with one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How much history each training took in.
    pub window: Window,
    /// Mean wall time of a training, in milliseconds.
    pub training_ms: u64,
    /// Rows scored, over all trainings.
    pub rows: u64,
    /// Mean loss by block of training and age.
    pub losses: Losses,
}

/// One window: what was measured, and what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowReport {
    /// What was measured.
    #[serde(flatten)]
    pub measured: Measured,
    /// What it says; none when the history is too short.
    pub findings: Option<Findings>,
}

/// What a study advises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The window that costs least.
    pub window: Window,
    /// The cadence.
    pub every: Every,
}

/// A finished study: the document that is kept, and that its digest names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// Format of this record; 1.
    pub format: u32,
    /// What was asked.
    pub plan: StudyPlan,
    /// The loss: `log_loss` or `mae`.
    pub loss: String,
    /// What was weighed against it.
    pub costs: Costs,
    /// The windows, in the order asked.
    pub windows: Vec<WindowReport>,
    /// The advice; none when the history is too short.
    pub recommendation: Option<Recommendation>,
    /// Why there is none.
    pub reason: Option<String>,
}

impl Study {
    /// Concludes from what was measured.
    pub fn conclude(plan: StudyPlan, costs: Costs, measured: Vec<Measured>) -> Self {
        let seed = plan.id();
        let mut reason = None;
        let windows: Vec<WindowReport> = measured
            .into_iter()
            .map(|measured| {
                let cost_of_training = costs.review + costs.compute_hour * hours(measured.training_ms);
                let weights = Weights { cost_of_training, tolerance: costs.tolerance };
                let findings = weigh(&measured.losses, &weights, seed.as_bytes());
                let findings = findings.map_err(|error| reason = Some(error.to_string())).ok();
                WindowReport { measured, findings }
            })
            .collect();
        let recommendation = recommend(&windows, plan.every);
        if recommendation.is_some() {
            reason = None;
        }
        let loss = loss(plan.task).to_owned();
        Self { format: 1, plan, loss, costs, windows, recommendation, reason }
    }

    /// The document.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a study serialises")
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// What `lamp.toml` says of its cadence's evidence: `study:ID DIGEST`.
    pub fn evidence(&self) -> String {
        format!("study:{} {}", self.plan.id(), self.digest())
    }
}

/// The window whose best rhythm costs least; of those that cost the same, the first that was asked for.
fn recommend(windows: &[WindowReport], block: Every) -> Option<Recommendation> {
    let cost = |findings: &Findings| {
        // A window is judged by its loss as well: excess is counted from its own fresh models.
        let costs = findings.rhythms.iter().map(|rhythm| rhythm.cost);
        findings.fresh_loss + costs.fold(f64::INFINITY, f64::min)
    };
    let known = windows.iter().filter_map(|report| Some((report, report.findings.as_ref()?)));
    let (report, findings) = known.min_by(|a, b| cost(a.1).total_cmp(&cost(b.1)))?;
    Some(Recommendation { window: report.measured.window, every: block.times(findings.chosen) })
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a training")]
fn hours(milliseconds: u64) -> f64 {
    milliseconds as f64 / 3_600_000.0
}

/// A study as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord {
    /// Name of the study; weighed again with other costs it keeps its name and has another digest.
    pub id: String,
    /// Digest of the document.
    pub digest: Digest,
    /// Who asked for it.
    pub by: Actor,
    /// When it was finished.
    pub at: Timestamp,
    /// The document.
    pub study: Study,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cadence::study::cut;
    use crate::names::ModelName;
    use crate::package::Task;

    fn plan(blocks: i64) -> StudyPlan {
        let every: Every = "2 weeks".parse().expect("a length");
        let from = jiff::civil::date(2013, 1, 1);
        StudyPlan {
            format: 1,
            model: ModelName::parse("late").expect("a name"),
            task: Task::Binary,
            commit: "abc".to_owned(),
            data: std::collections::BTreeMap::new(),
            every,
            blocks: cut(from, from + jiff::ToSpan::weeks(2 * blocks), every),
            windows: vec![Window::All],
            label_lag_days: 1,
            ages: 4,
        }
    }

    fn measured(window: &str, blocks: u32, fresh: f64, slope: f64) -> Measured {
        let row =
            |t: u32| (0..4).filter(|age| t + age < blocks).map(|age| Some(fresh + slope * f64::from(age))).collect();
        let losses = (0..blocks).map(row).collect();
        Measured { window: window.parse().expect(window), training_ms: 1_800_000, rows: 10, losses }
    }

    fn costs(tolerance: f64) -> Costs {
        Costs { review: 0.0, compute_hour: 0.0, tolerance: Tolerance::Absolute(tolerance) }
    }

    #[test]
    fn the_window_that_loses_least_is_recommended_with_its_cadence() {
        let windows = vec![measured("all", 20, 0.6, 0.001), measured("60 days", 20, 0.5, 0.01)];
        let study = Study::conclude(plan(20), costs(0.006), windows);
        let recommended = study.recommendation.clone().expect("a recommendation");
        // A hundredth a block costs 0.005 at a rhythm of two blocks of two weeks.
        assert_eq!(
            (recommended.window.to_string(), recommended.every.in_words()),
            ("60 days".into(), "4 weeks".into())
        );
        assert_eq!(study.evidence(), format!("study:{} {}", study.plan.id(), study.digest()));
        let read: Study = serde_json::from_slice(&study.to_bytes()).expect("read");
        assert_eq!(read, study);
    }

    #[test]
    fn compute_and_review_are_weighed() {
        let windows = || vec![measured("all", 20, 0.6, 0.01)];
        let every =
            |costs: Costs| Study::conclude(plan(20), costs, windows()).recommendation.map(|r| r.every.in_words());
        assert_eq!(every(costs(0.0)).as_deref(), Some("2 weeks"));
        // Half an hour of compute at 0.02, and 0.07 for a review: J is least at four blocks.
        let dear = Costs { review: 0.07, compute_hour: 0.02, ..costs(0.0) };
        assert_eq!(every(dear).as_deref(), Some("8 weeks"));
    }

    #[test]
    fn a_short_history_is_a_study_without_advice() {
        let study = Study::conclude(plan(6), costs(0.1), vec![measured("all", 6, 0.6, 0.0)]);
        assert_eq!(study.recommendation, None);
        assert_eq!(
            study.reason.as_deref(),
            Some("not enough history: 6 blocks with labels, and comparing two rhythms takes at least 9")
        );
    }
}

//! The registry's rules: candidate → approved | rejected → retired. *Serving* is derived from the routes.

pub mod beside;
pub mod slices;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::beside::BesideServing;
use crate::actor::Actor;
use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::error::{Classified, Kind};
use crate::ids::RunId;
use crate::names::{DatasetName, ProjectName};
use crate::package::Task;
use crate::route::ModelRef;
use crate::run::CodeOrigin;

/// Where a model version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelState {
    /// Trained; waits for a person.
    Candidate,
    /// A person signed for it.
    Approved,
    /// A person refused it.
    Rejected,
    /// Taken out of use.
    Retired,
}

impl ModelState {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Retired => "retired",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Candidate, Self::Approved, Self::Rejected, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl fmt::Display for ModelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One version of a model, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// Name and number.
    pub id: ModelRef,
    /// The project.
    pub project: ProjectName,
    /// What it predicts.
    pub task: Task,
    /// Digest of the package's manifest in the store.
    pub package: Digest,
    /// `onnx`, `python` or `upstream`.
    pub flavour: String,
    /// The run that made it.
    pub run: RunId,
    /// Full commit hash.
    pub commit: String,
    /// Where it stands.
    pub state: ModelState,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The report of its evaluation.
    pub evidence: Evidence,
}

/// The report that a person reads before signing: metrics that Lamplighter computed itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Format of this record; 1.
    pub format: u32,
    /// Held-out data, for example `trips@3[-1month..]`.
    pub valid: String,
    /// Rows scored.
    pub rows: u64,
    /// Rows left out because the target was null.
    pub null_targets: u64,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// The gate and its verdict.
    pub gate: Option<GateVerdict>,
    /// The model that served when this was measured, with its metrics on the same rows.
    pub serving: Option<(ModelRef, BTreeMap<String, f64>)>,
    /// Largest difference between the served and the recorded answers on the golden rows.
    pub golden_difference: Option<f64>,
    /// The candidate beside the serving model, row by row; none where nothing served, or what served does not take
    /// these rows. Reports from before there was one have none, and keep their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<BesideServing>,
    /// Whether the data that went into the training had kept its contracts by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_checks: Vec<DataChecks>,
}

/// What the ledger knew of the contract of one dataset version when a model was trained on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataChecks {
    /// The dataset.
    pub dataset: DatasetName,
    /// Its version.
    pub version: VersionNumber,
    /// Rules that had been checked on the partitions that were used; 0 when nobody had checked.
    pub checked: u64,
    /// How many of these were broken.
    pub broken: u64,
    /// The first few of them, by partition and rule.
    pub examples: Vec<String>,
}

impl Evidence {
    /// Digest of the report: what an approval binds.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("evidence serialises"))
    }
}

/// What the gate of `lamp.toml` said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// Metric name.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// The bound, as written: `>= 0.65`.
    pub bound: String,
    /// Whether it holds.
    pub passed: bool,
}

/// What a person said of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Fit to serve.
    Approved,
    /// Not fit.
    Rejected,
}

impl Decision {
    /// The state it leads to.
    pub const fn state(self) -> ModelState {
        match self {
            Self::Approved => ModelState::Approved,
            Self::Rejected => ModelState::Rejected,
        }
    }
}

/// A person's signed decision on a model version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The version.
    pub model: ModelRef,
    /// What was decided.
    pub decision: Decision,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub note: String,
    /// Digest of the report they saw.
    pub evidence: Digest,
}

/// What the outside world says about a candidate at the moment of signing.
#[derive(Debug, Clone)]
pub struct SigningFacts {
    /// Whether the run's commit was committed, or work in progress.
    pub origin: CodeOrigin,
    /// Whether a branch reaches the commit, or holds the same tree, now.
    pub reachable_from_branch: bool,
    /// Who asked for the training run.
    pub author: Actor,
    /// Whether the project wants the reviewer to be another than the author.
    pub reviewer_is_not_author: bool,
    /// Datasets that the model comes from, whose error budget is exhausted now.
    pub exhausted: Vec<ExhaustedBudget>,
    /// What may be signed all the same.
    pub overrides: Overrides,
}

/// What a person signs for although the rules say no. It is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// A gate that failed.
    pub gate: bool,
    /// An error budget that is exhausted.
    pub budget: bool,
}

/// A dataset whose objective is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExhaustedBudget {
    /// The dataset.
    pub dataset: DatasetName,
    /// How it stands, in words.
    pub sentence: String,
}

/// Why a decision cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// Already decided.
    #[error("{model} is {state}, not a candidate")]
    NotCandidate {
        /// The version.
        model: ModelRef,
        /// Its state.
        state: ModelState,
    },
    /// The commit is on no branch.
    #[error("{model} was trained at commit {commit}, which no branch reaches")]
    UnreachableCommit {
        /// The version.
        model: ModelRef,
        /// The commit.
        commit: String,
    },
    /// The gate failed.
    #[error("{model} failed its gate: {why}")]
    GateFailed {
        /// The version.
        model: ModelRef,
        /// The verdict in words.
        why: String,
    },
    /// A dataset that went into it has broken its objective.
    #[error("{model} was trained on `{dataset}`{}, whose error budget is exhausted: {sentence}", among(*.others))]
    BudgetExhausted {
        /// The version.
        model: ModelRef,
        /// The first of the datasets.
        dataset: DatasetName,
        /// How it stands.
        sentence: String,
        /// How many other datasets are exhausted too.
        others: usize,
    },
    /// Not a person.
    #[error("`{actor}` is not a person, and only a person signs for a model")]
    NotAPerson {
        /// Who tried.
        actor: String,
    },
    /// The reviewer is the author.
    #[error("{actor} asked for the training of {model} and cannot be the one who approves it")]
    AuthorCannotReview {
        /// Who tried.
        actor: String,
        /// The version.
        model: ModelRef,
    },
    /// No reason given.
    #[error("a decision on {model} needs a note")]
    NoteMissing {
        /// The version.
        model: ModelRef,
    },
}

fn among(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

impl Classified for DecisionError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotCandidate { .. }
            | Self::UnreachableCommit { .. }
            | Self::GateFailed { .. }
            | Self::BudgetExhausted { .. } => Kind::Conflict,
            Self::NotAPerson { .. } | Self::AuthorCannotReview { .. } => Kind::Forbidden,
            Self::NoteMissing { .. } => Kind::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotCandidate { model, .. } => Some(format!("lamp models show {model}")),
            Self::UnreachableCommit { .. } => {
                Some("merge the commit, or the same tree, into a branch and sign again".to_owned())
            }
            Self::GateFailed { model, .. } => Some(format!("lamp reject {model} --note \"…\"")),
            Self::BudgetExhausted { model, dataset, .. } => Some(format!(
                "lamp sla {dataset}; to sign all the same: lamp approve {model} --override-budget --note \"…\""
            )),
            Self::NotAPerson { .. } => None,
            Self::AuthorCannotReview { .. } => Some("ask another person on the rota to review it".to_owned()),
            Self::NoteMissing { .. } => Some("add --note \"what you looked at and why\"".to_owned()),
        }
    }
}

impl ModelVersion {
    /// Decides on a candidate: the approval to record, or why there is none.
    pub fn decide(
        &self,
        decision: Decision,
        actor: &Actor,
        note: &str,
        facts: &SigningFacts,
        at: Timestamp,
    ) -> Result<Approval, DecisionError> {
        let model = self.id.clone();
        if !actor.is_person() {
            return Err(DecisionError::NotAPerson { actor: actor.name.clone() });
        }
        if note.trim().is_empty() {
            return Err(DecisionError::NoteMissing { model });
        }
        if self.state != ModelState::Candidate {
            return Err(DecisionError::NotCandidate { model, state: self.state });
        }
        if decision == Decision::Approved {
            self.fit_to_approve(actor, facts)?;
        }
        Ok(Approval {
            model,
            decision,
            by: actor.clone(),
            at,
            note: note.trim().to_owned(),
            evidence: self.evidence.digest(),
        })
    }

    fn fit_to_approve(&self, actor: &Actor, facts: &SigningFacts) -> Result<(), DecisionError> {
        let model = self.id.clone();
        if !facts.reachable_from_branch {
            return Err(DecisionError::UnreachableCommit { model, commit: self.commit.clone() });
        }
        if facts.reviewer_is_not_author && facts.author.name == actor.name {
            return Err(DecisionError::AuthorCannotReview { actor: actor.name.clone(), model });
        }
        match &self.evidence.gate {
            Some(gate) if !gate.passed && !facts.overrides.gate => {
                let why = format!("{} is {:.4}, the gate wants {}", gate.metric, gate.value, gate.bound);
                return Err(DecisionError::GateFailed { model, why });
            }
            _ => {}
        }
        match facts.exhausted.split_first() {
            Some((first, others)) if !facts.overrides.budget => Err(DecisionError::BudgetExhausted {
                model,
                dataset: first.dataset.clone(),
                sentence: first.sentence.clone(),
                others: others.len(),
            }),
            _ => Ok(()),
        }
    }
}

//! The report that a person reads before signing, with what would stop their signature.

use jiff::Timestamp;
use lamp_core::access::{Denied, Permission};
use lamp_core::error::Classified;
use lamp_core::registry::{Decision, DecisionError, ExhaustedBudget, ModelState, Overrides};

use super::RegistryError;
use super::view::ModelView;
use crate::app::App;

/// A commit in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// First line of the message.
    pub subject: String,
    /// Author's name.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// Why the reader could not approve a candidate now.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The rules say no.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The reader's role says no.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Obstacle {
    /// Whether the gate is what stands in the way: it can be overridden, and that is recorded.
    pub fn is_gate(&self) -> bool {
        matches!(self, Self::Decision(DecisionError::GateFailed { .. }))
    }

    /// Whether an exhausted error budget is what stands in the way: it can be overridden, and that is recorded.
    pub fn is_budget(&self) -> bool {
        matches!(self, Self::Decision(DecisionError::BudgetExhausted { .. }))
    }

    /// Whether even a refusal cannot be signed by the reader.
    pub fn stops_everything(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::Decision(DecisionError::NotAPerson { .. }))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Decision(error) => error.hint(),
            Self::Denied(error) => error.hint(),
        }
    }
}

/// A model version as it is read before signing.
#[derive(Debug)]
pub struct ModelReport {
    /// The version with what stands around it.
    pub view: ModelView,
    /// The commit that it was trained at; none where the repository does not have it.
    pub commit: Option<CommitLine>,
    /// Why the reader could not approve it now; none where they could, or where it is decided.
    pub obstacle: Option<Obstacle>,
    /// Datasets that it comes from, whose error budget is exhausted now.
    pub exhausted: Vec<ExhaustedBudget>,
}

impl App {
    /// The report of a version, as the present actor reads it.
    pub async fn model_report(&self, text: &str) -> Result<ModelReport, RegistryError> {
        let view = self.show_model(text).await?;
        let commit = self.repo().log1(&view.model.commit).await.ok();
        let commit = commit.map(|commit| CommitLine { subject: commit.subject, author: commit.author, at: commit.at });
        let (obstacle, exhausted) = match view.model.state {
            ModelState::Candidate => self.obstacle(&view).await?,
            ModelState::Approved | ModelState::Rejected | ModelState::Retired => (None, Vec::new()),
        };
        Ok(ModelReport { view, commit, obstacle, exhausted })
    }

    /// Asks the rules what they would say to the actor's approval, without signing.
    async fn obstacle(&self, view: &ModelView) -> Result<(Option<Obstacle>, Vec<ExhaustedBudget>), RegistryError> {
        if let Err(denied) = self.authorize(Permission::Sign) {
            return Ok((Some(denied.into()), Vec::new()));
        }
        let facts = self.signing_facts(&view.model, Decision::Approved, Overrides::default()).await?;
        let tried = view.model.decide(Decision::Approved, self.actor(), "a look ahead", &facts, self.now());
        Ok((tried.err().map(Obstacle::from), facts.exhausted))
    }
}

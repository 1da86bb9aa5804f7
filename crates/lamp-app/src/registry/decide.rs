//! `lamp approve` and `lamp reject`: a person signs.

use lamp_core::access::Permission;
use lamp_core::registry::{Approval, Decision, ModelVersion, Overrides, SigningFacts};
use lamp_core::run::CodeOrigin;
use lamp_runner::git::{Commit, GitError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RegistryError;
use crate::app::App;

/// A decision to be signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decide {
    /// `delay@12`.
    pub model: String,
    /// Approve or reject.
    pub decision: Decision,
    /// Why.
    pub note: String,
    /// Approve although the gate failed; recorded.
    pub gate_override: bool,
    /// Approve although a dataset that it comes from has exhausted its error budget; recorded.
    #[serde(default)]
    pub budget_override: bool,
}

impl App {
    /// Signs a decision on a candidate: the approval, its audit event and the state move together, and
    /// the duty that asked for it ends.
    pub async fn decide(&self, request: Decide) -> Result<Approval, RegistryError> {
        self.authorize(Permission::Sign)?;
        let model = self.model_version(&request.model).await?;
        let overrides = Overrides { gate: request.gate_override, budget: request.budget_override };
        let facts = self.signing_facts(&model, request.decision, overrides).await?;
        let approval = model.decide(request.decision, self.actor(), &request.note, &facts, self.now())?;
        let action = match approval.decision {
            Decision::Approved => "model.approved",
            Decision::Rejected => "model.rejected",
        };
        let details = json!({
            "evidence": approval.evidence, "note": approval.note, "commit": model.commit,
            "gate_override": request.gate_override, "budget_override": request.budget_override,
            "exhausted_budgets": facts.exhausted,
        });
        let mut tx = self.ledger().begin().await?;
        tx.record_approval(&approval).await?;
        tx.audit(&self.entry(action, &model.id, details)).await?;
        self.finish_validation(&mut tx, &model, &approval).await?;
        tx.commit().await?;
        Ok(approval)
    }

    pub(super) async fn signing_facts(
        &self,
        model: &ModelVersion,
        decision: Decision,
        overrides: Overrides,
    ) -> Result<SigningFacts, RegistryError> {
        let run = self.ledger().find_run(model.run).await?;
        let commit = self.repo().resolve(&model.commit).await?;
        let mut on_a_branch = self.is_on_a_branch(&commit).await?;
        if !on_a_branch && self.fetch_what_was_pushed().await {
            on_a_branch = self.is_on_a_branch(&commit).await?;
        }
        let manifest = run.as_ref().and_then(|run| run.manifest.as_ref());
        // A refusal asks nothing of the data, and a contract that cannot be read must not stand in its way.
        let exhausted = match (decision, manifest) {
            (Decision::Approved, Some(manifest)) => self.exhausted_budgets(manifest).await?,
            (Decision::Approved, None) | (Decision::Rejected, _) => Vec::new(),
        };
        Ok(SigningFacts {
            exhausted,
            overrides,
            origin: run.as_ref().map_or(CodeOrigin::Wip, |run| run.origin),
            reachable_from_branch: on_a_branch,
            author: run.map_or_else(|| self.actor().clone(), |run| run.created_by),
            reviewer_is_not_author: self.workspace().reviewer_is_not_author(&model.project),
        })
    }

    /// Whether a branch reaches the commit, or has its tree.
    pub(crate) async fn is_on_a_branch(&self, commit: &Commit) -> Result<bool, GitError> {
        let is_reached = !self.repo().branches_reaching(commit).await?.is_empty();
        Ok(is_reached || self.repo().branch_with_tree(&commit.tree).await?.is_some())
    }
}

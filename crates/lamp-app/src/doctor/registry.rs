//! Facts of practices 2 and 7: what the registry says of models, and what git says of their commits.

use lamp_core::doctor::{CodeFacts, ModelFacts, RetrainingFacts};
use lamp_core::names::ModelName;
use lamp_core::registry::{Decision, ModelState, ModelVersion};
use lamp_core::route::{ModelRef, Role, Route};
use lamp_runner::git::GitError;

use super::DoctorError;
use crate::app::App;

impl App {
    pub(super) async fn code_facts(&self) -> Result<CodeFacts, DoctorError> {
        let versions = self.ledger().model_versions(None).await?;
        let routes = self.ledger().routes().await?;
        let mut facts = CodeFacts { models: self.declared_models(), versions: versions.len(), ..CodeFacts::default() };
        for version in &versions {
            match self.repo().resolve(&version.commit).await {
                Ok(_) => {}
                Err(GitError::NoCommit(_)) => {
                    facts.lost.push(version.id.clone());
                    continue;
                }
                Err(other) => return Err(other.into()),
            }
            if serves(&routes, &version.id) && !self.is_on_a_branch(version).await? {
                facts.off_branch.push(version.id.clone());
            }
        }
        Ok(facts)
    }

    fn declared_models(&self) -> Vec<ModelName> {
        self.workspace().projects.values().flat_map(|project| project.models.keys().cloned()).collect()
    }

    async fn is_on_a_branch(&self, version: &ModelVersion) -> Result<bool, DoctorError> {
        let commit = self.repo().resolve(&version.commit).await?;
        if !self.repo().branches_reaching(&commit).await?.is_empty() {
            return Ok(true);
        }
        Ok(self.repo().branch_with_tree(&commit.tree).await?.is_some())
    }

    pub(super) async fn retraining_facts(&self) -> Result<RetrainingFacts, DoctorError> {
        let routes = self.ledger().routes().await?;
        let mut facts = RetrainingFacts::default();
        for route in &routes {
            let primary = route.primary.iter().map(|id| self.model_facts(&id.model));
            facts.models.extend(primary);
            for id in [Role::Primary, Role::Shadow].into_iter().filter_map(|role| route.model(role)) {
                let decisions = self.ledger().approvals(id).await?;
                let is_signed =
                    decisions.iter().any(|approval| approval.decision == Decision::Approved && approval.by.is_person());
                if !is_signed {
                    facts.unsigned.push(id.clone());
                }
            }
        }
        let mut versions = self.ledger().model_versions(None).await?;
        versions.reverse();
        let waiting = versions.into_iter().filter(|version| version.state == ModelState::Candidate);
        facts.waiting = waiting.map(|version| version.id).collect();
        Ok(facts)
    }

    fn model_facts(&self, model: &ModelName) -> ModelFacts {
        let cadence = self.workspace().model(model).and_then(|(project, _)| project.cadence.get(model));
        ModelFacts {
            name: model.clone(),
            every: cadence.map(|cadence| cadence.every.to_string()),
            has_evidence: cadence.is_some_and(|cadence| cadence.evidence.is_some()),
        }
    }
}

fn serves(routes: &[Route], id: &ModelRef) -> bool {
    routes.iter().any(|route| [Role::Primary, Role::Shadow].into_iter().any(|role| route.model(role) == Some(id)))
}

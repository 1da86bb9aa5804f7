//! Facts of practices 2 and 7: what the registry says of models, and what git says of their commits.

use lamp_core::doctor::{CodeFacts, ModelFacts, RetrainingFacts};
use lamp_core::names::ModelName;
use lamp_core::registry::{Decision, ModelState};
use lamp_core::route::{ModelRef, Role, Route};
use lamp_runner::git::GitError;

use super::DoctorError;
use crate::app::App;

/// Most studies of a model that are looked through for the one that its cadence names.
const STUDIES_MAX: u32 = 200;

impl App {
    pub(super) async fn code_facts(&self) -> Result<CodeFacts, DoctorError> {
        let versions = self.ledger().model_versions(None).await?;
        let routes = self.ledger().routes().await?;
        let mut facts = CodeFacts { models: self.declared_models(), versions: versions.len(), ..CodeFacts::default() };
        for version in &versions {
            let commit = match self.repo().resolve(&version.commit).await {
                Ok(commit) => commit,
                Err(GitError::NoCommit(_)) => {
                    facts.lost.push(version.id.clone());
                    continue;
                }
                Err(other) => return Err(other.into()),
            };
            if serves(&routes, &version.id) && !self.is_on_a_branch(&commit).await? {
                facts.off_branch.push(version.id.clone());
            }
        }
        Ok(facts)
    }

    fn declared_models(&self) -> Vec<ModelName> {
        self.workspace().projects.values().flat_map(|project| project.models.keys().cloned()).collect()
    }

    pub(super) async fn retraining_facts(&self) -> Result<RetrainingFacts, DoctorError> {
        let routes = self.ledger().routes().await?;
        let mut facts = RetrainingFacts::default();
        for route in &routes {
            if let Some(id) = &route.primary {
                facts.models.push(self.model_facts(&id.model).await?);
            }
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

    async fn model_facts(&self, model: &ModelName) -> Result<ModelFacts, DoctorError> {
        let cadence = self.workspace().model(model).and_then(|(project, _)| project.cadence.get(model));
        let named = cadence.and_then(|cadence| cadence.evidence.as_ref());
        let studies = self.ledger().studies(Some(model), STUDIES_MAX).await?;
        Ok(ModelFacts {
            name: model.clone(),
            every: cadence.map(|cadence| cadence.every.in_words()),
            has_evidence: named.is_some_and(|named| studies.iter().any(|record| &record.study.evidence() == named)),
        })
    }
}

fn serves(routes: &[Route], id: &ModelRef) -> bool {
    routes.iter().any(|route| [Role::Primary, Role::Shadow].into_iter().any(|role| route.model(role) == Some(id)))
}

//! What is to be tested.

use std::collections::BTreeSet;

use lamp_core::config::did_you_mean;
use lamp_core::ml_test::TestName;
use lamp_core::names::{ModelName, ProjectName};

use super::{TestError, TestRequest};
use crate::app::App;

/// Models and own tests.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    pub models: Vec<ModelName>,
    pub tests: BTreeSet<TestName>,
    pub own: Vec<(ProjectName, String)>,
}

impl Chosen {
    pub(super) fn is_empty(&self) -> bool {
        (self.models.is_empty() || self.tests.is_empty()) && self.own.is_empty()
    }
}

impl App {
    /// Models that were named, or all; of those the ones that a change touches. Own tests are of no model, so they
    /// run when no model was named.
    pub(super) async fn choose_tests(&self, request: &TestRequest) -> Result<Chosen, TestError> {
        let projects = || self.workspace().projects.values();
        let all: Vec<ModelName> = projects().flat_map(|project| project.models.keys().cloned()).collect();
        let has_own = projects().any(|project| !project.tests.is_empty());
        if all.is_empty() && !has_own {
            return Err(TestError::Nothing);
        }
        if let Some(model) = request.models.iter().find(|model| !all.contains(model)) {
            let near = did_you_mean(model.as_str(), all.iter().map(ModelName::as_str)).map(str::to_owned);
            return Err(TestError::UnknownModel { model: model.clone(), near });
        }
        let only = request.only.clone();
        let wants_own = only.as_ref().map_or(request.models.is_empty(), |only| only.own);
        let tests = only.map_or_else(|| TestName::ALL.into_iter().collect(), |only| only.tests);
        let is_named = |model: &ModelName| request.models.is_empty() || request.models.contains(model);
        let mut models: Vec<ModelName> = all.into_iter().filter(is_named).collect();
        let mut own: Vec<(ProjectName, String)> = projects()
            .filter(|_| wants_own)
            .flat_map(|project| project.tests.keys().map(|name| (project.name.clone(), name.clone())))
            .collect();
        if let Some(base) = &request.affected_by {
            let affected = self.affected(base).await?;
            models.retain(|model| affected.models.contains_key(model));
            own.retain(|test| affected.tests.contains_key(test));
        }
        if tests.is_empty() {
            models.clear();
        }
        Ok(Chosen { models, tests, own })
    }
}

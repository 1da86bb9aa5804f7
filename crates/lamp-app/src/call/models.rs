//! Calls about models.

use lamp_core::names::ModelName;
use lamp_core::registry::{Approval, DecisionError, ModelVersion};
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::registry::RegistryError;
use crate::registry::decide::Decide;
use crate::registry::view::{Comparison, ModelView};

/// `lamp models ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListModels {
    /// Of this model only.
    pub model: Option<ModelName>,
}

impl Call for ListModels {
    const NAME: &'static str = "list-models";
    type Answer = Vec<ModelView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_models(self.model.as_ref()).await.map_err(failed)
    }
}

/// `lamp models show`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowModel {
    /// `delay@12`
    pub model: String,
}

impl Call for ShowModel {
    const NAME: &'static str = "show-model";
    type Answer = ModelView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_model(&self.model).await.map_err(failed)
    }
}

/// `lamp models compare`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompareModels {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
}

impl Call for CompareModels {
    const NAME: &'static str = "compare-models";
    type Answer = Comparison;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.compare_models(&self.a, &self.b).await.map_err(failed)
    }
}

/// `lamp approve` and `lamp reject`
impl Call for Decide {
    const NAME: &'static str = "decide";
    type Answer = Approval;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.decide(self).await.map_err(|error| {
            let is_verdict = matches!(
                error,
                RegistryError::Decision(DecisionError::GateFailed { .. } | DecisionError::BudgetExhausted { .. })
            );
            let failure = failed(error);
            if is_verdict { failure.into_verdict() } else { failure }
        })
    }
}

/// `lamp retire`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetireModel {
    /// `delay@12`
    pub model: String,
    /// Why.
    pub note: String,
}

impl Call for RetireModel {
    const NAME: &'static str = "retire";
    type Answer = ModelVersion;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.retire(&self.model, &self.note).await.map_err(failed)
    }
}

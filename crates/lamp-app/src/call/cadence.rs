//! Calls about cadences and their studies.

use lamp_core::names::ModelName;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::cadence::adopt::Advice;
use crate::cadence::view::{CadenceView, StudyView};

/// `lamp cadence ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListCadences {}

impl Call for ListCadences {
    const NAME: &'static str = "list-cadences";
    type Answer = Vec<CadenceView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_cadences().await.map_err(failed)
    }
}

/// `lamp cadence show`, of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowCadence {
    /// The model.
    pub model: ModelName,
}

impl Call for ShowCadence {
    const NAME: &'static str = "show-cadence";
    type Answer = CadenceView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_cadence(&self.model).await.map_err(failed)
    }
}

/// `lamp cadence studies`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListStudies {
    /// Of this model only.
    pub model: Option<ModelName>,
}

impl Call for ListStudies {
    const NAME: &'static str = "list-studies";
    type Answer = Vec<StudyView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_studies(self.model.as_ref()).await.map_err(failed)
    }
}

/// `lamp cadence show`, of a study.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowStudy {
    /// Its id, or the start of one.
    pub study: String,
}

impl Call for ShowStudy {
    const NAME: &'static str = "show-study";
    type Answer = StudyView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_study(&self.study).await.map_err(failed)
    }
}

/// `lamp cadence adopt`, before the sender's own lamp.toml is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindAdvice {
    /// The study's id, or the start of one.
    pub study: String,
}

impl Call for FindAdvice {
    const NAME: &'static str = "find-advice";
    type Answer = Advice;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.find_advice(&self.study).await.map_err(failed)
    }
}

/// `lamp cadence adopt`, once the sender's own lamp.toml is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordAdoption {
    /// What was written.
    pub advice: Advice,
    /// The file, relative to the root.
    pub file: String,
}

impl Call for RecordAdoption {
    const NAME: &'static str = "record-adoption";
    type Answer = ();

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.record_adoption(&self.advice, &self.file).await.map_err(failed)
    }
}

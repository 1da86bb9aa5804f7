//! Calls about labels.

use lamp_core::ids::PredictionId;
use lamp_core::label::LabelSource;
use lamp_core::names::ServiceName;
use lamp_ledger::LabelRecord;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::labels::ask::{LabelProgress, LabelTask};
use crate::labels::draw::{DrawLabels, Drawn};
use crate::labels::file::WrittenLabel;
use crate::labels::import::Imported;
use crate::labels::submit::{SubmitLabel, Submitted};

/// How far the labelling of each of the last days is, at the top of `lamp label`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabelDays {
    /// In this service only.
    pub service: Option<ServiceName>,
}

impl Call for LabelDays {
    const NAME: &'static str = "label-days";
    type Answer = Vec<LabelProgress>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.label_progress(self.service.as_ref()).await.map_err(failed)
    }
}

/// `lamp label next`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NextLabel {
    /// In this service only.
    pub service: Option<ServiceName>,
}

impl Call for NextLabel {
    const NAME: &'static str = "next-label";
    type Answer = Option<LabelTask>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.next_label(self.service.as_ref()).await.map_err(failed)
    }
}

/// One drawn prediction again, to correct what was said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowLabelTask {
    /// The prediction.
    pub prediction: PredictionId,
}

impl Call for ShowLabelTask {
    const NAME: &'static str = "show-label-task";
    type Answer = LabelTask;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.label_task_of(self.prediction).await.map_err(failed)
    }
}

/// `lamp label submit`
impl Call for SubmitLabel {
    const NAME: &'static str = "submit-label";
    type Answer = Submitted;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.submit_label(self).await.map_err(failed)
    }
}

/// `lamp label import`: the rows of a file, which is read where it lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportLabels {
    /// The rows, as written.
    pub rows: Vec<WrittenLabel>,
}

impl Call for ImportLabels {
    const NAME: &'static str = "import-labels";
    type Answer = Imported;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.import_labels(&self.rows, LabelSource::Import).await.map_err(failed)
    }
}

/// `lamp label ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListLabels {
    /// In this service only.
    pub service: Option<ServiceName>,
    /// Most labels to list.
    pub limit: u32,
}

impl Call for ListLabels {
    const NAME: &'static str = "list-labels";
    type Answer = Vec<LabelRecord>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_labels(self.service.as_ref(), self.limit).await.map_err(failed)
    }
}

/// `lamp label draw`
impl Call for DrawLabels {
    const NAME: &'static str = "draw-labels";
    type Answer = Drawn;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.draw_labels(self).await.map_err(failed)
    }
}

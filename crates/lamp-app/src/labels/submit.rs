//! `lamp label submit`: what a person saw.

use jiff::Timestamp;
use lamp_core::access::Permission;
use lamp_core::ids::PredictionId;
use lamp_core::label::{Basis, DrawnPrediction, Label, LabelSource, LabelValue, NOTE_MAX};
use lamp_ledger::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LabelingError;
use super::ask::LabelProgress;
use crate::app::App;

/// What somebody says of a drawn prediction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// The truth, as written: `yes`, a class, a number.
    Value(String),
    /// It cannot be told.
    CannotTell,
}

/// A label by hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubmitLabel {
    /// The prediction; it must have been drawn.
    pub prediction: PredictionId,
    /// What the truth turned out to be.
    pub answer: Answered,
    /// In a person's words.
    pub note: Option<String>,
    /// When the truth came to be, if that is known.
    pub event_at: Option<Timestamp>,
}

/// A label that was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submitted {
    /// The label.
    pub label: Label,
    /// The label that it corrects, if there was one.
    pub corrects: Option<Label>,
    /// How far the labelling of that day is now.
    pub progress: LabelProgress,
}

impl App {
    /// Takes a label by hand on a drawn prediction. A second one on the same prediction is a correction: both stay,
    /// and the last one counts.
    pub async fn submit_label(&self, request: SubmitLabel) -> Result<Submitted, LabelingError> {
        self.authorize(Permission::Watch)?;
        let id = request.prediction;
        let drawn = self.ledger().find_drawn(id).await?.ok_or(LabelingError::NotDrawn { id })?;
        let value = match &request.answer {
            Answered::CannotTell => LabelValue::CannotTell,
            Answered::Value(text) => self.label_spec(&drawn.logged.service).await?.parse(text)?,
        };
        let note = request.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
            return Err(LabelingError::LongNote);
        }
        let label = Label {
            prediction: id,
            source: LabelSource::Hand,
            value,
            note,
            event_at: request.event_at,
            by: self.actor().clone(),
            at: self.now(),
        };
        let mut tx = self.ledger().begin().await?;
        let submitted = self.save_hand_label(&mut tx, &drawn, label).await?;
        tx.commit().await?;
        Ok(submitted)
    }

    /// The effect, its audit event and what follows from it, within one transaction.
    async fn save_hand_label(
        &self,
        tx: &mut Tx,
        drawn: &DrawnPrediction,
        label: Label,
    ) -> Result<Submitted, LabelingError> {
        let corrects = tx.current_label(label.prediction, Basis::Drawn).await?;
        tx.record_label(&label).await?;
        let details = json!({
            "service": drawn.logged.service, "value": label.value, "note": label.note,
            "corrects": corrects.as_ref().map(|before| &before.value),
        });
        tx.audit(&self.entry("label.submitted", label.prediction, details)).await?;
        self.finish_labels(tx, &drawn.logged.service).await?;
        let of_days = tx.label_progress(&drawn.logged.service, drawn.logged.day).await?;
        let of_day = of_days.iter().find(|progress| progress.draw.day == drawn.logged.day);
        let not_drawn = LabelingError::NotDrawn { id: label.prediction };
        let progress = of_day.map(LabelProgress::from).ok_or(not_drawn)?;
        Ok(Submitted { label, corrects, progress })
    }
}

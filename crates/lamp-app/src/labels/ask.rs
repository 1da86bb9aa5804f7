//! `lamp label next`: one drawn prediction, blind. What the models said of it, which they were and how likely it was
//! to be drawn stays out of sight until it has a label.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use lamp_core::ids::PredictionId;
use lamp_core::label::{DrawnPrediction, LabelSpec};
use lamp_core::names::ServiceName;
use lamp_ledger::DrawProgress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LabelingError;
use crate::app::App;

/// Draws that a queue shows: the last four weeks.
pub const QUEUE_DAYS: i32 = 28;

/// A prediction to be labelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabelTask {
    /// Its id, to be handed back with the label.
    pub prediction: PredictionId,
    /// The service.
    pub service: ServiceName,
    /// The civil day on which it was answered.
    pub day: Date,
    /// When it was answered.
    pub served_at: Timestamp,
    /// Its place in the day's draw, from 1.
    pub rank: u32,
    /// What is asked, and what a label may be.
    pub spec: LabelSpec,
    /// The row as it came in, by input name.
    pub inputs: BTreeMap<String, Value>,
    /// How far the labelling of its day is.
    pub progress: LabelProgress,
}

/// How far the labelling of one day is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelProgress {
    /// The service.
    pub service: ServiceName,
    /// The civil day of the predictions.
    pub day: Date,
    /// Predictions drawn.
    pub drawn: u64,
    /// Predictions of that day.
    pub population: u64,
    /// With a label that tells the truth.
    pub labelled: u64,
    /// Of which nobody can tell.
    pub cannot_tell: u64,
    /// That nobody has looked at.
    pub waiting: u64,
}

impl LabelProgress {
    /// Looked at: labelled, or nobody can tell.
    pub fn done(&self) -> u64 {
        self.labelled + self.cannot_tell
    }
}

impl From<&DrawProgress> for LabelProgress {
    fn from(progress: &DrawProgress) -> Self {
        Self {
            service: progress.draw.service.clone(),
            day: progress.draw.day,
            drawn: u64::from(progress.draw.drawn),
            population: progress.draw.population,
            labelled: progress.labelled,
            cannot_tell: progress.cannot_tell,
            waiting: progress.waiting(),
        }
    }
}

impl App {
    /// The next prediction to label in one service, or in any: the newest day first, then in the order of the draw.
    /// None when every drawn prediction was looked at.
    pub async fn next_label(&self, service: Option<&ServiceName>) -> Result<Option<LabelTask>, LabelingError> {
        Ok(self.label_queue(service, 1).await?.into_iter().next())
    }

    /// The next `limit` predictions to label.
    pub async fn label_queue(
        &self,
        service: Option<&ServiceName>,
        limit: u32,
    ) -> Result<Vec<LabelTask>, LabelingError> {
        let mut waiting: Vec<DrawnPrediction> = Vec::new();
        for service in self.services_to_ask(service)? {
            waiting.extend(self.ledger().waiting_for_labels(&service, limit).await?);
        }
        waiting
            .sort_by(|a, b| (b.logged.day, &a.logged.service, a.rank).cmp(&(a.logged.day, &b.logged.service, b.rank)));
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut tasks = Vec::with_capacity(waiting.len());
        for drawn in waiting {
            tasks.push(self.label_task(drawn).await?);
        }
        Ok(tasks)
    }

    /// One drawn prediction as it is shown for labelling, also to correct the label that it has.
    pub async fn label_task_of(&self, prediction: PredictionId) -> Result<LabelTask, LabelingError> {
        let drawn = self.ledger().find_drawn(prediction).await?;
        self.label_task(drawn.ok_or(LabelingError::NotDrawn { id: prediction })?).await
    }

    /// How far the draws of the last four weeks are, newest day first; days on which nothing was predicted are left
    /// out.
    pub async fn label_progress(&self, service: Option<&ServiceName>) -> Result<Vec<LabelProgress>, LabelingError> {
        let today = self.date_of(self.now());
        let since = today.checked_sub(QUEUE_DAYS.days()).unwrap_or(today);
        let mut all = Vec::new();
        for service in self.services_to_ask(service)? {
            let progress = self.ledger().label_progress(&service, since).await?;
            all.extend(progress.iter().filter(|progress| progress.draw.drawn > 0).map(LabelProgress::from));
        }
        all.sort_by(|a, b| (b.day, &a.service).cmp(&(a.day, &b.service)));
        Ok(all)
    }

    fn services_to_ask(&self, service: Option<&ServiceName>) -> Result<Vec<ServiceName>, LabelingError> {
        match service {
            Some(service) if self.workspace().service(service).is_none() => {
                Err(LabelingError::UnknownService { service: service.clone() })
            }
            Some(service) => Ok(vec![service.clone()]),
            None => {
                Ok(self.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect())
            }
        }
    }

    async fn label_task(&self, drawn: DrawnPrediction) -> Result<LabelTask, LabelingError> {
        let logged = drawn.logged;
        let (id, service, day) = (logged.prediction, logged.service, logged.day);
        let mut found = self.logged_predictions(&service, day, &HashSet::from([id])).await?;
        let prediction = found.remove(&id).ok_or(LabelingError::UnknownPrediction { id })?;
        let progress = self.ledger().label_progress(&service, day).await?;
        let of_day = progress.iter().find(|progress| progress.draw.day == day);
        Ok(LabelTask {
            prediction: id,
            day,
            served_at: logged.served_at,
            rank: drawn.rank,
            spec: self.label_spec(&service).await?,
            inputs: prediction.inputs,
            progress: of_day.map(LabelProgress::from).ok_or(LabelingError::NotDrawn { id })?,
            service,
        })
    }
}

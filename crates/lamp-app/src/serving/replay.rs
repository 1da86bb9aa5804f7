//! `lamp replay PREDICTION`: an answered row asked again, of the same models at their own commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use lamp_core::access::Permission;
use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;
use lamp_core::prediction::{Answer, FallbackReason, Prediction};
use lamp_core::route::Role;
use lamp_model::{Batch, Model, answer_difference, check_answer};
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ServingError;
use crate::app::App;
use crate::training::mount::MountSpec;

/// How an answer of now compares with that of then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It says the same.
    Same,
    /// It says something else, or nothing any more.
    Differs,
    /// It had no valid answer then, and has one now: what went wrong is not in the row.
    AnswersNow,
    /// It has no valid answer now either.
    FailsAgain,
}

/// One of the two models, asked again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplayedModel {
    /// The place it had.
    pub role: Role,
    /// The commit whose code answered, then and now.
    pub commit: String,
    /// What the log has of it.
    pub then: Answer,
    /// What it says now.
    pub now: Option<BTreeMap<String, Value>>,
    /// Why it says nothing now.
    pub problem: Option<String>,
    /// The largest distance of a number from that of then.
    pub difference: Option<f64>,
    /// Up to which distance two answers are the same: that of the golden rows.
    pub tolerance: f64,
    /// How the two compare.
    pub verdict: Verdict,
}

/// A prediction, asked again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replayed {
    /// The prediction.
    pub prediction: PredictionId,
    /// The service.
    pub service: ServiceName,
    /// When it was answered.
    pub served_at: Timestamp,
    /// By whom.
    pub served_by: Role,
    /// Why not by the primary.
    pub reason: Option<FallbackReason>,
    /// The row.
    pub inputs: BTreeMap<String, Value>,
    /// The models that were asked then, the primary first.
    pub models: Vec<ReplayedModel>,
}

impl Replayed {
    /// Whether no model that had an answer then has another one now.
    pub fn is_the_same(&self) -> bool {
        self.models.iter().all(|model| model.verdict != Verdict::Differs)
    }
}

impl App {
    /// Asks the models of a logged prediction for its row again, each in the code and environment of its own commit.
    /// Nothing of it is logged.
    pub async fn replay(&self, id: PredictionId, say: Progress<'_>) -> Result<Replayed, ServingError> {
        self.authorize(Permission::Watch)?;
        let Prediction { service, served_at, served_by, reason, primary, shadow, inputs, inputs_hash, .. } =
            self.prediction(id).await?.prediction;
        if inputs_hash.is_some() {
            return Err(ServingError::RowNotKept { id, service });
        }
        let row = Value::Object(inputs.clone().into_iter().collect());
        let mut models = Vec::new();
        for (role, answer) in [(Role::Primary, primary), (Role::Shadow, shadow)] {
            let Some(then) = answer else { continue };
            say(&format!("asking {} again", then.model));
            models.push(self.replay_model(id, role, then, &row, say).await?);
        }
        Ok(Replayed { prediction: id, service, served_at, served_by, reason, inputs, models })
    }

    async fn replay_model(
        &self,
        id: PredictionId,
        role: Role,
        then: Answer,
        row: &Value,
        say: Progress<'_>,
    ) -> Result<ReplayedModel, ServingError> {
        let version = self.model_version(&then.model).await?;
        let commit = version.commit.clone();
        let spec = MountSpec { package: version.package, commit: version.commit, project: version.project };
        let tolerance = self.package(&spec.package).await?.golden.tolerance;
        let model = self.mount(&spec, say).await?;
        let batch = Batch::from_rows(model.signature(), std::slice::from_ref(row));
        let batch =
            batch.map_err(|why| ServingError::RowNotTaken { id, model: then.model.clone(), why: why.to_string() })?;
        let said = ask(&*model, Arc::new(batch)).await;
        let (now, problem, difference) = match said {
            Err(problem) => (None, Some(problem), None),
            Ok(outputs) => {
                let difference =
                    then.outputs.as_ref().map(|then| answer_difference(model.signature(), then, &outputs, 0));
                (Some(outputs.row(0)), None, difference)
            }
        };
        let verdict = match (&then.outputs, &now, &difference) {
            (Some(_), Some(_), Some(Ok(difference))) if *difference <= tolerance => Verdict::Same,
            (Some(_), _, _) => Verdict::Differs,
            (None, Some(_), _) => Verdict::AnswersNow,
            (None, None, _) => Verdict::FailsAgain,
        };
        let difference = difference.and_then(Result::ok);
        Ok(ReplayedModel { role, commit, then, now, problem, difference, tolerance, verdict })
    }
}

async fn ask(model: &dyn Model, batch: Arc<Batch>) -> Result<lamp_model::Outputs, String> {
    let rows = batch.rows();
    let outputs = model.predict(batch).await.map_err(|error| error.to_string())?;
    check_answer(model.signature(), rows, &outputs).map_err(|rejection| rejection.to_string())?;
    Ok(outputs)
}

//! `POST /predict/SERVICE`: rows in, predictions out, for people.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use lamp_model::Batch;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reply::{Incoming, Refusal, answered, handle};
use crate::gateway::Gateway;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    rows: Vec<Value>,
    #[serde(default)]
    deadline_ms: Option<u64>,
}

pub(super) async fn predict(State(gateway): State<Gateway>, Path(service): Path<String>, request: Request) -> Response {
    handle(gateway, &service, request, answer).await
}

async fn answer(incoming: Incoming) -> Result<Response, Refusal> {
    let body: Body = serde_json::from_slice(&incoming.body).map_err(|e| Refusal::Invalid(format!("body: {e}")))?;
    let batch = Batch::from_rows(&incoming.service.signature, &body.rows)?;
    let answer = incoming.ask(batch, body.deadline_ms).await?;
    let predictions: Vec<Value> = answer
        .ids
        .iter()
        .enumerate()
        .map(|(row, id)| {
            let mut prediction = Map::new();
            prediction.insert("prediction_id".to_owned(), json!(id));
            for column in answer.outputs().iter().flat_map(|outputs| &outputs.columns) {
                prediction.entry(column.name.clone()).or_insert_with(|| column.json(row));
            }
            Value::Object(prediction)
        })
        .collect();
    let body = json!({
        "service": incoming.service.name,
        "model": answer.model.to_string(),
        "served_by": answer.served_by,
        "fallback_reason": answer.reason,
        "request_id": incoming.id,
        "predictions": predictions,
    });
    Ok(answered(&answer, &body))
}

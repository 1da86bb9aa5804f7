//! `POST /predict/SERVICE`: rows in, predictions out, for people.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use lamp_model::Batch;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::Address;
use super::body;
use super::reply::{Incoming, handle};
use crate::answer::{Request, answer};
use crate::gateway::Gateway;
use crate::headers::say_who;
use crate::refusal::{Refusal, deadline};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    rows: Vec<Value>,
    #[serde(default)]
    deadline_ms: Option<u64>,
}

pub(super) async fn predict(State(gateway): State<Gateway>, address: Address, request: HttpRequest) -> Response {
    handle(gateway, &address.service, request, respond).await
}

async fn respond(incoming: Incoming) -> Result<Response, Refusal> {
    let Incoming { gateway, service, id, body, started, .. } = incoming;
    let Body { rows, deadline_ms } = body::json(&body)?;
    let batch = Batch::from_rows(&service.signature, &rows)?;
    let request = Request { id, batch: Arc::new(batch), started, deadline: deadline(&service, deadline_ms)? };
    let answer = answer(&gateway.0, &service, request).await?;
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
        "service": service.name,
        "model": answer.model.to_string(),
        "served_by": answer.served_by,
        "fallback_reason": answer.reason,
        "request_id": id,
        "predictions": predictions,
    });
    let mut response = Json(body).into_response();
    say_who(response.headers_mut(), &answer);
    Ok(response)
}

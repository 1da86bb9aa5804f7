//! `POST /v2/models/SERVICE/labels`: what the truth turned out to be, from programs.
//!
//! The gateway knows no ledger: labels wait beside the log, a file a request, until they are taken in.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use lamp_core::ids::{PredictionId, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::Address;
use super::body;
use super::reply::{Incoming, handle};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Labels of one request.
const LABELS_MAX: usize = 50_000;

/// Requests of one service whose labels may wait; more are refused.
const WAITING_MAX: usize = 1_000;

/// The ending of a file of labels that wait.
pub const EXTENSION: &str = "labels";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    labels: Vec<Label>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    prediction_id: String,
    value: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_at: Option<String>,
}

pub(super) async fn take(State(gateway): State<Gateway>, address: Address, request: Request) -> Response {
    handle(gateway, &address.service, request, respond).await
}

async fn respond(incoming: Incoming) -> Result<Response, Refusal> {
    let Incoming { gateway, service, id, body, .. } = incoming;
    let labels: Labels = body::json(&body)?;
    check(&labels)?;
    let count = labels.labels.len();
    let folder = gateway.0.log.folder(&service.name);
    let keeping = tokio::task::spawn_blocking(move || keep(&folder, id, &labels));
    match keeping.await.map_err(io::Error::other).and_then(|kept| kept) {
        Ok(true) => Ok((StatusCode::ACCEPTED, Json(json!({"accepted": count}))).into_response()),
        Ok(false) => Err(Refusal::NotKept("too many labels wait to be taken in: is `lamp up` running?".to_owned())),
        Err(error) => Err(Refusal::NotKept(format!("the labels cannot be kept: {error}"))),
    }
}

fn check(labels: &Labels) -> Result<(), Refusal> {
    let wrong = |at: usize, what: &str| Err(Refusal::Invalid(format!("labels[{at}].{what}")));
    if labels.labels.is_empty() {
        return Err(Refusal::Invalid("labels: there is no label".to_owned()));
    }
    if labels.labels.len() > LABELS_MAX {
        let problem = format!("labels: {} labels, more than the {LABELS_MAX} that are allowed", labels.labels.len());
        return Err(Refusal::Invalid(problem));
    }
    for (at, label) in labels.labels.iter().enumerate() {
        if PredictionId::parse(&label.prediction_id).is_none() {
            return wrong(at, "prediction_id: expected a UUID");
        }
        match &label.value {
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return wrong(at, "value: expected a text, a number or a truth");
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        if label.event_at.as_ref().is_some_and(|at| at.parse::<jiff::Timestamp>().is_err()) {
            return wrong(at, "event_at: expected an instant, 2013-04-01T10:00:00Z");
        }
    }
    Ok(())
}

/// Writes the labels and waits for the disk. The same request, sent again, is the same file. `false` when too many
/// wait already.
fn keep(folder: &Path, id: RequestId, labels: &Labels) -> io::Result<bool> {
    fs::create_dir_all(folder)?;
    let waiting = fs::read_dir(folder)?.flatten().filter(|entry| is_labels(&entry.path())).count();
    if waiting >= WAITING_MAX {
        return Ok(false);
    }
    let unfinished = folder.join(format!("{id}.{EXTENSION}.new"));
    let mut file = File::create(&unfinished)?;
    let written = file.write_all(&serde_json::to_vec(labels)?).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is left of it is no label.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    fs::rename(&unfinished, folder.join(format!("{id}.{EXTENSION}")))?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}

fn is_labels(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// The files of labels that wait in a service's folder of the log, by name.
pub fn waiting_labels(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| is_labels(path));
    paths.sort();
    Ok(paths)
}

//! `GET /openapi.json`: these addresses as machines read them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::reply::error;
use crate::gateway::Gateway;
use crate::oip;

const DESCRIPTION: &str = include_str!("../../openapi.json");

/// The description, with the names of the services and models that are served now.
pub(super) async fn describe(State(gateway): State<Gateway>) -> Response {
    let services = gateway.0.services();
    let names: Vec<String> = services.keys().map(ToString::to_string).collect();
    let versions: BTreeSet<String> = services.values().flat_map(|service| oip::versions(service)).collect();
    let Ok(mut description) = serde_json::from_str::<Value>(DESCRIPTION) else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "the description cannot be read");
    };
    description["info"]["version"] = json!(oip::VERSION);
    if !names.is_empty() {
        description["components"]["parameters"]["service"]["schema"]["enum"] = json!(names);
        description["components"]["parameters"]["version"]["schema"]["enum"] = json!(versions);
    }
    Json(description).into_response()
}

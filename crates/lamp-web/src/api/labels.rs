//! `POST /api/v1/labels`: outcomes, from programs.

use axum::Json;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use lamp_app::labels::file::JsonLabel;
use lamp_app::labels::import::Imported;
use lamp_core::error::Kind;
use lamp_core::label::LabelSource;
use serde::Deserialize;

use crate::failure::Failure;
use crate::site::{Routes, Site};

/// Longest body, in bytes: the labels of one import.
const BODY_MAX: usize = 8 * 1024 * 1024;

/// What a program sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcomes {
    /// In any order; a bad one has all of them refused, by its number from 1.
    labels: Vec<JsonLabel>,
}

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/labels", post(import).layer(DefaultBodyLimit::max(BODY_MAX)))
}

async fn import(site: Site, body: Result<Json<Outcomes>, JsonRejection>) -> Result<Json<Imported>, Failure> {
    let Json(outcomes) = body.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    let rows: Vec<_> = outcomes.labels.into_iter().zip(1..).map(|(label, number)| label.written(number)).collect();
    Ok(Json(site.app().import_labels(&rows, LabelSource::Api).await?))
}

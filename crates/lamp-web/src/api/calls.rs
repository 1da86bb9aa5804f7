//! `POST /api/v1/do/NAME`: every use case that a client's command asks for, by the request's own type.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use lamp_app::call::{self, CallError};
use lamp_core::error::{Classified as _, Kind};
use serde_json::json;

use crate::site::{Routes, Site};
use crate::switching::tell_gateway;

/// Longest request, in bytes: the list of the files of a version is the longest.
const REQUEST_MAX: usize = 64 << 20;

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/do/{name}", post(answer).layer(DefaultBodyLimit::max(REQUEST_MAX)))
}

/// Goes on to the end although the client may have left.
async fn answer(site: Site, Path(name): Path<String>, body: Bytes) -> Response {
    let task = tokio::spawn(async move {
        let answered = call::answer(site.app(), &name, &body).await?;
        if answered.changes_route {
            tell_gateway(site.settings()).await;
        }
        Ok(answered.body)
    });
    let cut_short = |_| Err(CallError::new(Kind::Internal, "the request was cut short at the server"));
    match task.await.unwrap_or_else(cut_short) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind().http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(json!({"error": error}))).into_response()
        }
    }
}

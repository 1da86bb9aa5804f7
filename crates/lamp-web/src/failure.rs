//! What went wrong, as a page or a JSON body says it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lamp_core::error::{Classified, Kind};
use serde_json::json;

use crate::show::text::prose;

/// A failed request: its kind gives the status, its hint the next thing to do.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn of(error: &dyn Classified) -> Self {
        Self { kind: error.kind(), message: error.to_string(), hint: error.hint() }
    }

    /// The message for a page, in parts that are code or not.
    pub(crate) fn message_prose(&self) -> Vec<(bool, String)> {
        prose(&self.message)
    }

    /// The hint for a page, in parts that are code or not.
    pub(crate) fn hint_prose(&self) -> Option<Vec<(bool, String)>> {
        self.hint.as_deref().map(prose)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// The JSON form: `{"error": {"kind", "message", "hint"}}`.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        let error = json!({"kind": self.kind.as_str(), "message": self.message, "hint": self.hint});
        (status, Json(json!({"error": error}))).into_response()
    }
}

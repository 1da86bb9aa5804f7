//! Names in addresses. What cannot be read is answered in the protocol's shape too.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::reply::error;

/// The names in the address of a request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Address {
    pub(super) service: String,
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read: Result<Path<Self>, PathRejection> = Path::from_request_parts(parts, state).await;
        read.map(|Path(address)| address).map_err(|_| error(StatusCode::NOT_FOUND, "the address is not UTF-8"))
    }
}

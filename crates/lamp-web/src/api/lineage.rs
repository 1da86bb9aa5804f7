//! `GET /api/v1/lineage?ref=REF`

use axum::Json;
use axum::extract::Query;
use axum::routing::get;
use lamp_app::why::Node;
use lamp_core::error::Kind;
use serde::Deserialize;

use crate::failure::Failure;
use crate::site::{Routes, Site};

/// What a query asks for.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "ref", default)]
    reference: String,
}

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/lineage", get(show))
}

async fn show(site: Site, Query(asked): Query<Asked>) -> Result<Json<Node>, Failure> {
    let reference = asked.reference.trim();
    if reference.is_empty() {
        let mut failure = Failure::new(Kind::Invalid, "the query names nothing");
        failure.hint = Some("GET /api/v1/lineage?ref=delay@1".to_owned());
        return Err(failure);
    }
    Ok(Json(site.app().why(reference).await?))
}

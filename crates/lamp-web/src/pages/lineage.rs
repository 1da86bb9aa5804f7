//! `/lineage?ref=REF` and `/lineage/REF`: what anything came from.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::{Chrome, answer, render};
use crate::failure::Failure;
use crate::show::text::{Piece, count};
use crate::show::tree::Card;
use crate::site::{Routes, Site};

/// Examples of each sort.
const EXAMPLES_MAX: usize = 8;

pub(crate) fn routes() -> Routes {
    Routes::new().route("/lineage", get(asked)).route("/lineage/{*reference}", get(named))
}

#[derive(Template)]
#[template(path = "lineage.html")]
struct LineagePage {
    chrome: Chrome,
    reference: String,
    root: Option<Card>,
    failure: Option<Failure>,
    models: Vec<Example>,
    datasets: Vec<Example>,
}

/// Something that could be asked for.
#[derive(Debug)]
struct Example {
    reference: String,
    about: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(rename = "ref", default)]
    reference: String,
}

async fn asked(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let reference = asked.map(|Query(asked)| asked.reference).unwrap_or_default();
    answer(&site, page(&site, reference.trim()).await)
}

async fn named(site: Site, Path(reference): Path<String>) -> Response {
    answer(&site, page(&site, reference.trim()).await)
}

async fn page(site: &Site, reference: &str) -> Result<Response, Failure> {
    let mut page = LineagePage {
        chrome: Chrome::new(site, "lineage"),
        reference: reference.to_owned(),
        root: None,
        failure: None,
        models: Vec::new(),
        datasets: Vec::new(),
    };
    if !reference.is_empty() {
        match site.app().why(reference).await {
            Ok(node) => page.root = Some(Card::root(&node)),
            Err(error) => page.failure = Some(Failure::of(&error)),
        }
    }
    if page.root.is_none() {
        (page.models, page.datasets) = examples(site).await?;
    }
    let status = page.failure.as_ref().map_or(StatusCode::OK, Failure::status);
    Ok(render(status, &page))
}

async fn examples(site: &Site) -> Result<(Vec<Example>, Vec<Example>), Failure> {
    let models = site.app().list_models(None).await?;
    let models = models.into_iter().take(EXAMPLES_MAX).map(|view| Example {
        reference: view.model.id.to_string(),
        about: format!("{}, {}", view.model.state, view.model.flavour),
    });
    let datasets = site.app().list_datasets().await?;
    let datasets = datasets.into_iter().filter_map(|line| {
        let latest = line.latest?;
        let rows = latest.rows.map(|rows| format!(", {} rows", count(rows))).unwrap_or_default();
        let reference = format!("{}@{}", latest.dataset, latest.version);
        Some(Example { reference, about: format!("{}{rows}", line.origin) })
    });
    Ok((models.collect(), datasets.take(EXAMPLES_MAX).collect()))
}

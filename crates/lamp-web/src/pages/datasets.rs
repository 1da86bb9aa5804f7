//! `/datasets` and `/datasets/NAME`.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use lamp_app::data::view::PARTITIONS_SHOWN;
use lamp_app::paging::PageNumber;
use lamp_core::dataset::SchemaColumn;
use lamp_core::names::DatasetName;
use serde::Deserialize;

use super::{Chrome, answer, query, render};
use crate::failure::Failure;
use crate::show::dataset::{BrokenShown, BudgetShown, DatasetLineShown, PartitionShown, VerdictShown, VersionShown};
use crate::show::page::Pager;
use crate::show::text::count;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/datasets", get(list)).route("/datasets/{*name}", get(show))
}

#[derive(Template)]
#[template(path = "datasets.html")]
struct ListPage {
    chrome: Chrome,
    datasets: Vec<DatasetLineShown>,
}

#[derive(Template)]
#[template(path = "dataset.html")]
struct DatasetPage {
    chrome: Chrome,
    name: String,
    origin: &'static str,
    contract: Option<String>,
    version: VersionShown,
    is_latest: bool,
    whole: Option<VerdictShown>,
    budget: Option<BudgetShown>,
    broken: Vec<BrokenShown>,
    partitions: Vec<PartitionShown>,
    partition_count: String,
    hidden_partitions: u64,
    schema: Vec<SchemaColumn>,
    versions: Vec<VersionShown>,
    pager: Pager,
}

impl DatasetPage {
    /// Whether any rule of the contract was looked at, on a partition shown or on the whole.
    fn was_checked(&self) -> bool {
        self.whole.is_some() || self.partitions.iter().any(|partition| partition.verdict.at.is_some())
    }
}

/// Which version, and which page of the versions.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    version: Option<u32>,
    page: Option<u32>,
}

async fn list(site: Site) -> Response {
    answer(&site, list_page(&site).await)
}

async fn list_page(site: &Site) -> Result<Response, Failure> {
    let cards = site.app().datasets_overview().await?;
    let datasets = cards.iter().map(|card| DatasetLineShown::new(card, site.time_zone())).collect();
    Ok(render(StatusCode::OK, &ListPage { chrome: Chrome::new(site, "datasets"), datasets }))
}

async fn show(site: Site, Path(name): Path<String>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    answer(&site, dataset_page(&site, &name, asked).await)
}

async fn dataset_page(
    site: &Site,
    name: &str,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let (dataset, asked) = (DatasetName::parse(name)?, query(asked)?);
    let page = PageNumber::new(asked.page.unwrap_or(1));
    let view = site.app().show_dataset(&dataset, asked.version, page).await?;
    let zone = site.time_zone();
    let has_contract = view.contract.is_some();
    let locked = view.versions.items.iter().any(|line| line.locked && line.version.version == view.version.version);
    let path = match asked.version {
        Some(version) => format!("/datasets/{dataset}?version={version}"),
        None => format!("/datasets/{dataset}"),
    };
    let hidden_partitions = view.partition_count.saturating_sub(PARTITIONS_SHOWN as u64);
    Ok(render(
        StatusCode::OK,
        &DatasetPage {
            chrome: Chrome::new(site, "datasets"),
            name: dataset.to_string(),
            origin: view.origin.as_str(),
            version: VersionShown::new(&view.version, locked, zone),
            is_latest: view.is_latest,
            whole: view.verdicts.as_ref().map(|verdicts| VerdictShown::new(Some(verdicts), has_contract, zone)),
            budget: view.budget.as_ref().map(BudgetShown::new),
            broken: BrokenShown::all(&view, zone),
            partitions: view.partitions.iter().map(|line| PartitionShown::new(line, has_contract, zone)).collect(),
            partition_count: count(view.partition_count),
            hidden_partitions,
            versions: view.versions.items.iter().map(|line| VersionShown::of_line(line, zone)).collect(),
            pager: Pager::of(&view.versions, &path),
            contract: view.contract,
            schema: view.schema,
        },
    ))
}

//! `/histograms/NAME`: every column over its reference.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use lamp_app::histograms::{ColumnOver, HistogramView};
use lamp_app::paging::{PAGE_SIZE, Page};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;

use super::{Chrome, answer, query, render};
use crate::failure::Failure;
use crate::looking::Asked;
use crate::show::histogram::ColumnShown;
use crate::show::page::Pager;
use crate::show::text::{count, counted};
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/histograms/{*name}", get(show))
}

#[derive(Template)]
#[template(path = "histograms.html")]
struct HistogramsPage {
    chrome: Chrome,
    name: String,
    version: u32,
    what: String,
    rows: String,
    reference: Option<String>,
    columns: Vec<ColumnShown>,
    gone: Vec<String>,
    /// Links to the partition before and the one after: address and name.
    earlier: Option<(String, String)>,
    later: Option<(String, String)>,
    asked: Asked,
    is_partitioned: bool,
    pager: Pager,
}

async fn show(site: Site, Path(name): Path<String>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    answer(&site, page(&site, &name, asked).await)
}

async fn page(site: &Site, name: &str, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Failure> {
    let (dataset, asked) = (DatasetName::parse(name)?, query(asked)?);
    let view = site.app().histograms(&asked.look(&dataset)?).await?;
    let version = view.version.version;
    let at = match &view.partitions[..] {
        [one] => one.to_string(),
        _ => "all".to_owned(),
    };
    let link = |key: &Option<PartitionKey>| {
        key.as_ref().map(|key| (asked.address(&dataset, version, &key.to_string()), key.to_string()))
    };
    let page = paged(&view, &asked);
    Ok(render(
        StatusCode::OK,
        &HistogramsPage {
            chrome: Chrome::new(site, "datasets"),
            name: dataset.to_string(),
            version,
            what: partitions_in_words(&view.partitions),
            rows: counted(view.rows, "row", "rows"),
            reference: reference_in_words(&view),
            columns: page.items.iter().map(|column| ColumnShown::of_look(column, site.time_zone())).collect(),
            gone: view.gone.clone(),
            earlier: link(&view.neighbours.0),
            later: link(&view.neighbours.1),
            is_partitioned: !view.partitions.is_empty(),
            pager: Pager::of(&page, &asked.address(&dataset, version, &at)),
            asked: Asked { at, ..asked },
        },
    ))
}

/// The columns of one page: what is noticed first, unless the order of the files is asked for.
fn paged(view: &HistogramView, asked: &Asked) -> Page<ColumnOver> {
    let mut columns: Vec<&ColumnOver> = view.columns.iter().collect();
    if asked.sort != "file" {
        columns.sort_by(|a, b| {
            let (a, b) = (ColumnShown::weight(a), ColumnShown::weight(b));
            b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
        });
    }
    let (number, size) = (asked.page.unwrap_or(1).max(1), PAGE_SIZE as usize);
    let skip = (number as usize - 1).saturating_mul(size);
    let items = columns.iter().skip(skip).take(size).map(|column| (*column).clone()).collect();
    Page { items, number, has_more: columns.len() > skip.saturating_add(size) }
}

fn partitions_in_words(partitions: &[PartitionKey]) -> String {
    match partitions {
        [] => "all of it".to_owned(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first} to {last} ({} partitions)", count(partitions.len() as u64)),
    }
}

fn reference_in_words(view: &HistogramView) -> Option<String> {
    let reference = view.reference.as_ref()?;
    let of_version = if reference.version == view.version.version {
        String::new()
    } else {
        format!("{}@{}, ", view.version.dataset, reference.version)
    };
    let partitions = partitions_in_words(&reference.partitions);
    Some(format!("{of_version}{partitions}, {}", counted(reference.rows, "row", "rows")))
}

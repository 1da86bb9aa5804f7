//! `/runs` and `/runs/ID`.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use lamp_app::paging::PageNumber;
use lamp_app::training::tail::LogTail;
use serde::Deserialize;

use super::{Chrome, answer, query, render};
use crate::failure::Failure;
use crate::show::model::RunFacts;
use crate::show::page::Pager;
use crate::show::run::{Curve, OutputRow, RunLineShown, curves, outputs};
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/runs", get(list)).route("/runs/{id}", get(show))
}

#[derive(Template)]
#[template(path = "runs.html")]
struct ListPage {
    chrome: Chrome,
    runs: Vec<RunLineShown>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    chrome: Chrome,
    line: RunLineShown,
    facts: RunFacts,
    failure: Option<String>,
    model: Option<String>,
    outputs: Vec<OutputRow>,
    curves: Vec<Curve>,
    log: Option<LogTail>,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    page: Option<u32>,
}

async fn list(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let made = async {
        let page = site.app().runs_page(PageNumber::new(query(asked)?.page.unwrap_or(1))).await?;
        let runs = page.items.iter().map(|run| RunLineShown::new(run, site.time_zone())).collect();
        let pager = Pager::of(&page, "/runs");
        Ok(render(StatusCode::OK, &ListPage { chrome: Chrome::new(&site, "models"), runs, pager }))
    };
    answer(&site, made.await)
}

async fn show(site: Site, Path(id): Path<String>) -> Response {
    answer(&site, run_page(&site, &id).await)
}

async fn run_page(site: &Site, id: &str) -> Result<Response, Failure> {
    let view = site.app().show_run(id).await?;
    let log = site.app().run_log_tail(&view.run).await?;
    Ok(render(
        StatusCode::OK,
        &RunPage {
            chrome: Chrome::new(site, "models"),
            line: RunLineShown::new(&view.run, site.time_zone()),
            facts: RunFacts::new(&view.run),
            failure: view.run.failure.clone(),
            model: view.model.as_ref().map(|model| model.id.to_string()),
            outputs: outputs(&view.run),
            curves: curves(&view.metrics),
            log,
        },
    ))
}

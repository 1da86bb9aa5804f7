//! `/models`, `/models/REF` and the decision on a candidate.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::paging::PageNumber;
use lamp_app::registry::RegistryError;
use lamp_core::error::{Classified as _, Kind};
use lamp_core::names::ModelName;
use lamp_core::registry::DecisionError;
use serde::Deserialize;

use super::{Chrome, answer, form, query, render};
use crate::deciding::{self, Asked as AskedDecision, DecidingError};
use crate::failure::Failure;
use crate::show::model::{ModelLineShown, ReportShown};
use crate::show::page::Pager;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/models", get(list))
        .route("/models/{reference}", get(show))
        .route("/models/{reference}/decide", post(decide))
}

#[derive(Template)]
#[template(path = "models.html")]
struct ListPage {
    chrome: Chrome,
    /// Of one model, or of all.
    series: Option<String>,
    declared: Vec<String>,
    waiting: Vec<ModelLineShown>,
    models: Vec<ModelLineShown>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "model.html")]
struct ReportPage {
    chrome: Chrome,
    shown: ReportShown,
    form: Option<DecideForm>,
    /// Whether the reader has just signed.
    done: bool,
    failure: Option<Failure>,
    typed: String,
}

/// What the form offers.
#[derive(Debug, Clone)]
struct DecideForm {
    token: String,
    /// What stands in the way of an approval.
    obstacle: Option<Failure>,
    /// Whether that is the gate, which can be overridden.
    is_gate: bool,
    /// Whether the error budget of a dataset is in the way too, or alone; that can be overridden as well.
    is_budget: bool,
    /// Whether not even a refusal can be signed.
    is_closed: bool,
}

#[derive(Debug, Default, Deserialize)]
struct AskedList {
    #[serde(default)]
    model: String,
    page: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
struct AskedReport {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SentDecision {
    #[serde(default)]
    token: String,
    #[serde(flatten)]
    asked: AskedDecision,
}

async fn list(site: Site, asked: Result<Query<AskedList>, QueryRejection>) -> Response {
    answer(&site, list_page(&site, asked).await)
}

async fn list_page(site: &Site, asked: Result<Query<AskedList>, QueryRejection>) -> Result<Response, Failure> {
    let asked = query(asked)?;
    let series = match asked.model.trim() {
        "" => None,
        name => Some(ModelName::parse(name)?),
    };
    let page = site.app().models_page(series.as_ref(), PageNumber::new(asked.page.unwrap_or(1))).await?;
    let waiting = site.app().waiting_models().await?;
    let zone = site.time_zone();
    let is_wanted = |line: &ModelLineShown| series.as_ref().is_none_or(|series| line.series == series.as_str());
    let path = series.as_ref().map_or_else(|| "/models".to_owned(), |series| format!("/models?model={series}"));
    let projects = site.app().workspace().projects.values();
    Ok(render(
        StatusCode::OK,
        &ListPage {
            chrome: Chrome::new(site, "models"),
            declared: projects.flat_map(|project| project.models.keys()).map(ToString::to_string).collect(),
            waiting: waiting.iter().map(|line| ModelLineShown::new(line, zone)).filter(is_wanted).collect(),
            models: page.items.iter().map(|line| ModelLineShown::new(line, zone)).collect(),
            pager: Pager::of(&page, &path),
            series: series.map(|series| series.to_string()),
        },
    ))
}

async fn show(
    site: Site,
    Path(reference): Path<String>,
    asked: Result<Query<AskedReport>, QueryRejection>,
) -> Response {
    let made = async {
        let page = report_page(&site, &reference).await?;
        let done = asked.is_ok_and(|Query(asked)| asked.done.is_some()) && !page.shown.decisions.is_empty();
        Ok(render(StatusCode::OK, &ReportPage { done, ..page }))
    };
    answer(&site, made.await)
}

async fn report_page(site: &Site, reference: &str) -> Result<ReportPage, Failure> {
    let report = site.app().model_report(reference).await?;
    let shown = ReportShown::new(&report, site.time_zone());
    let form = (shown.state == "candidate").then(|| DecideForm {
        token: site.token().as_str().to_owned(),
        is_gate: report.obstacle.as_ref().is_some_and(lamp_app::registry::signing::Obstacle::is_gate),
        is_budget: !report.exhausted.is_empty()
            && report.obstacle.as_ref().is_some_and(|obstacle| obstacle.is_gate() || obstacle.is_budget()),
        is_closed: report.obstacle.as_ref().is_some_and(lamp_app::registry::signing::Obstacle::stops_everything),
        obstacle: report.obstacle.as_ref().map(|obstacle| Failure {
            kind: Kind::Conflict,
            message: obstacle.to_string(),
            hint: obstacle.hint().filter(|_| !obstacle.is_gate() && !obstacle.is_budget()),
        }),
    });
    let chrome = Chrome::new(site, "models");
    Ok(ReportPage { chrome, shown, form, done: false, failure: None, typed: String::new() })
}

async fn decide(
    site: Site,
    Path(reference): Path<String>,
    sent: Result<Form<SentDecision>, FormRejection>,
) -> Response {
    answer(&site, decided(&site, &reference, sent).await)
}

async fn decided(
    site: &Site,
    reference: &str,
    sent: Result<Form<SentDecision>, FormRejection>,
) -> Result<Response, Failure> {
    let sent = form(sent)?;
    let typed = sent.asked.note.clone();
    let done = match site.token().check(&sent.token) {
        Ok(()) => deciding::decide(site, reference, sent.asked).await.map_err(|error| said_on_a_page(&error)),
        Err(refusal) => Err(Failure::of(&refusal)),
    };
    match done {
        Ok(approval) => Ok(Redirect::to(&format!("/models/{}?done=signed", approval.model)).into_response()),
        Err(failure) => {
            let Ok(page) = report_page(site, reference).await else { return Err(failure) };
            Ok(render(failure.status(), &ReportPage { failure: Some(failure), typed, ..page }))
        }
    }
}

/// The hints of the use case are options of a command; where a page asks for the same thing, it says so.
fn said_on_a_page(error: &DecidingError) -> Failure {
    let hint = match error {
        DecidingError::Registry(RegistryError::Decision(DecisionError::NoteMissing { .. })) => {
            Some("write down what you looked at and why".to_owned())
        }
        DecidingError::Registry(RegistryError::Decision(DecisionError::GateFailed { .. })) => {
            Some("reject it, or tick that you approve all the same; that is recorded".to_owned())
        }
        DecidingError::Registry(RegistryError::Decision(DecisionError::BudgetExhausted { dataset, .. })) => {
            Some(format!("see what broke {dataset}, or tick that you approve all the same; that is recorded"))
        }
        _ => error.hint(),
    };
    Failure { hint, ..Failure::of(error) }
}

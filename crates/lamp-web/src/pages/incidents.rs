//! `/incidents`, `/incidents/ID`, and what a person does about one.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::incidents::{IncidentError, IncidentView};
use lamp_app::paging::{PAGE_SIZE, Page};
use lamp_core::error::Classified as _;
use lamp_core::incident::IncidentRefusal;
use lamp_core::surprise::Decision;
use serde::Deserialize;

use super::{Chrome, answer, form, query, render};
use crate::failure::Failure;
use crate::show::incident::IncidentShown;
use crate::show::page::Pager;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/incidents", get(list))
        .route("/incidents/{id}", get(show))
        .route("/incidents/{id}/ack", post(acknowledge))
        .route("/incidents/{id}/resolve", post(resolve))
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct ListPage {
    chrome: Chrome,
    is_all: bool,
    incidents: Vec<IncidentShown>,
    pager: Pager,
    token: String,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    chrome: Chrome,
    incident: IncidentShown,
    token: String,
    failure: Option<Failure>,
    typed: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// `all` for those that are over as well.
    #[serde(default)]
    show: String,
    page: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    token: String,
    #[serde(default)]
    note: String,
    /// A [`Decision`], or nothing.
    #[serde(default, rename = "as")]
    decision: String,
    /// `list` to go back to the list.
    #[serde(default)]
    back: String,
}

async fn list(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    answer(&site, list_page(&site, asked).await)
}

async fn list_page(site: &Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Failure> {
    let asked = query(asked)?;
    let is_all = asked.show == "all";
    let found = site.app().incidents(is_all).await?;
    let (number, length) = (asked.page.unwrap_or(1).max(1), PAGE_SIZE as usize);
    let skip = (number as usize - 1).saturating_mul(length);
    let has_more = found.len() > skip.saturating_add(length);
    let (now, zone) = (site.app().now(), site.time_zone());
    let items = found.iter().skip(skip).take(length).map(|view| IncidentShown::new(view, now, zone)).collect();
    let page = Page { items, number, has_more };
    let path = if is_all { "/incidents?show=all" } else { "/incidents" };
    Ok(render(
        StatusCode::OK,
        &ListPage {
            chrome: Chrome::new(site, "incidents"),
            is_all,
            pager: Pager::of(&page, path),
            incidents: page.items,
            token: site.token().as_str().to_owned(),
        },
    ))
}

async fn show(site: Site, Path(id): Path<String>) -> Response {
    let made = async { Ok(render(StatusCode::OK, &incident_page(&site, &id).await?)) };
    answer(&site, made.await)
}

async fn incident_page(site: &Site, id: &str) -> Result<IncidentPage, Failure> {
    let view = site.app().show_incident(id).await?;
    Ok(IncidentPage {
        chrome: Chrome::new(site, "incidents"),
        incident: IncidentShown::new(&view, site.app().now(), site.time_zone()),
        token: site.token().as_str().to_owned(),
        failure: None,
        typed: String::new(),
    })
}

async fn acknowledge(site: Site, Path(id): Path<String>, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        let done = match site.token().check(&sent.token) {
            Ok(()) => site.app().ack_incident(&id).await.map_err(|error| Failure::of(&error)),
            Err(refusal) => Err(Failure::of(&refusal)),
        };
        said(&site, &id, done.map(drop), &sent).await
    };
    answer(&site, made.await)
}

async fn resolve(site: Site, Path(id): Path<String>, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        let done = match site.token().check(&sent.token) {
            Ok(()) => resolved(&site, &id, &sent).await,
            Err(refusal) => Err(Failure::of(&refusal)),
        };
        said(&site, &id, done.map(drop), &sent).await
    };
    answer(&site, made.await)
}

async fn resolved(site: &Site, id: &str, sent: &Sent) -> Result<IncidentView, Failure> {
    let decision = match sent.decision.as_str() {
        "" => None,
        word => Some(word.parse::<Decision>().map_err(|error| Failure::of(&error))?),
    };
    site.app().resolve_incident(id, &sent.note, decision).await.map_err(|error| said_on_a_page(&error))
}

/// Back to where the form was; or the page of the incident with what was wrong.
async fn said(site: &Site, id: &str, done: Result<(), Failure>, sent: &Sent) -> Result<Response, Failure> {
    match done {
        Ok(()) if sent.back == "list" => Ok(Redirect::to("/incidents").into_response()),
        Ok(()) if sent.back == "shift" => Ok(Redirect::to("/").into_response()),
        Ok(()) => Ok(Redirect::to(&format!("/incidents/{id}")).into_response()),
        Err(failure) => {
            let Ok(page) = incident_page(site, id).await else { return Err(failure) };
            let typed = sent.note.clone();
            Ok(render(failure.status(), &IncidentPage { failure: Some(failure), typed, ..page }))
        }
    }
}

/// The hints of the use case are options of a command; where a page asks for the same thing, it says so.
fn said_on_a_page(error: &IncidentError) -> Failure {
    let hint = match error {
        IncidentError::Refused(IncidentRefusal::NoteMissing { .. }) => {
            Some("write down what it was, and what was done".to_owned())
        }
        _ => error.hint(),
    };
    Failure { hint, ..Failure::of(error) }
}

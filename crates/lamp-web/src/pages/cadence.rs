//! `/cadence`, `/cadence/MODEL` and `/studies/ID`: how often models are trained, and the studies that say so.

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::cadence::adopt::AdoptStudy;
use lamp_core::names::ModelName;
use serde::Deserialize;

use super::{Chrome, answer, form, render};
use crate::failure::Failure;
use crate::show::study::{CadenceShown, StudyShown};
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/cadence", get(list))
        .route("/cadence/{model}", get(show))
        .route("/studies/{id}", get(study))
        .route("/studies/{id}/adopt", post(adopt))
}

#[derive(Template)]
#[template(path = "cadence.html")]
struct CadencePage {
    chrome: Chrome,
    /// Of one model, or of all.
    model: Option<String>,
    cadences: Vec<CadenceShown>,
    studies: Vec<StudyShown>,
    declared: Vec<String>,
}

#[derive(Template)]
#[template(path = "study.html")]
struct StudyPage {
    chrome: Chrome,
    study: StudyShown,
    token: String,
    /// What was written, if the reader has just adopted it.
    done: Option<String>,
    failure: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    token: String,
}

async fn list(site: Site) -> Response {
    answer(&site, cadence_page(&site, None).await)
}

async fn show(site: Site, Path(model): Path<String>) -> Response {
    let made = async { cadence_page(&site, Some(ModelName::parse(&model)?)).await };
    answer(&site, made.await)
}

async fn cadence_page(site: &Site, model: Option<ModelName>) -> Result<Response, Failure> {
    let zone = site.time_zone();
    let cadences = match &model {
        Some(model) => vec![site.app().show_cadence(model).await?],
        None => site.app().list_cadences().await?,
    };
    let studies = site.app().list_studies(model.as_ref()).await?;
    let projects = site.app().workspace().projects.values();
    Ok(render(
        StatusCode::OK,
        &CadencePage {
            chrome: Chrome::new(site, "models"),
            cadences: cadences.iter().map(|view| CadenceShown::new(view, zone)).collect(),
            studies: studies.iter().map(|view| StudyShown::new(view, zone)).collect(),
            declared: projects.flat_map(|project| project.models.keys()).map(ToString::to_string).collect(),
            model: model.map(|model| model.to_string()),
        },
    ))
}

async fn study(site: Site, Path(id): Path<String>) -> Response {
    let made = async { Ok(render(StatusCode::OK, &study_page(&site, &id).await?)) };
    answer(&site, made.await)
}

async fn study_page(site: &Site, id: &str) -> Result<StudyPage, Failure> {
    let view = site.app().show_study(id).await?;
    let study = StudyShown::new(&view, site.time_zone());
    let token = site.token().as_str().to_owned();
    Ok(StudyPage { chrome: Chrome::new(site, "models"), study, token, done: None, failure: None })
}

/// Writes the advice into the working tree's `lamp.toml`; a commit stays a person's own act.
async fn adopt(site: Site, Path(id): Path<String>, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        let done = match site.token().check(&sent.token) {
            Ok(()) => {
                let request = AdoptStudy { study: id.clone(), commit: false };
                site.app().adopt_study(&request).await.map_err(|error| Failure::of(&error))
            }
            Err(refusal) => Err(Failure::of(&refusal)),
        };
        match done {
            Ok(adopted) if !adopted.changed => Ok(Redirect::to(&format!("/studies/{id}")).into_response()),
            Ok(adopted) => {
                let page = study_page(&site, &id).await?;
                let done = format!("{} now says every {}", adopted.file, adopted.every);
                Ok(render(StatusCode::OK, &StudyPage { done: Some(done), ..page }))
            }
            Err(failure) => {
                let Ok(page) = study_page(&site, &id).await else { return Err(failure) };
                Ok(render(failure.status(), &StudyPage { failure: Some(failure), ..page }))
            }
        }
    };
    answer(&site, made.await)
}

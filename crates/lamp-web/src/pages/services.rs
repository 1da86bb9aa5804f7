//! `/services`, `/services/{name}` and the switch.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::serving::ServingError;
use lamp_core::error::{Classified as _, Kind};
use lamp_core::names::ServiceName;
use serde::Deserialize;

use super::{Chrome, answer, render};
use crate::failure::Failure;
use crate::show::history::Change;
use crate::show::lane::Registered;
use crate::show::service::ServiceShown;
use crate::site::{Routes, Site};
use crate::switching::{self, Requested};

/// Changes shown in a service's history.
const HISTORY_MAX: u32 = 20;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/services", get(list))
        .route("/services/{name}", get(show))
        .route("/services/{name}/switch", post(switch))
}

#[derive(Template)]
#[template(path = "services.html")]
struct ListPage {
    chrome: Chrome,
    services: Vec<ServiceShown>,
}

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    chrome: Chrome,
    shown: ServiceShown,
    project: String,
    log: &'static str,
    predict: String,
    token: String,
    /// What the switch would cost, in words.
    price: Vec<(&'static str, String)>,
    /// The change that the reader has just made.
    done: Option<u64>,
    /// What was wrong with the reader's form, and the reason that they typed.
    failure: Option<Failure>,
    typed: String,
}

impl ServicePage {
    fn is_new(&self, change: &Change) -> bool {
        self.done == Some(change.epoch)
    }
}

/// Where a switch leads back to: the epoch that it made.
#[derive(Debug, Default, Deserialize)]
struct Done {
    done: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct SwitchForm {
    #[serde(default)]
    token: String,
    #[serde(flatten)]
    requested: Requested,
}

async fn list(site: Site) -> Response {
    answer(&site, list_page(&site).await)
}

async fn list_page(site: &Site) -> Result<Response, Failure> {
    let views = site.app().list_services().await?;
    let services = views.iter().map(|view| ServiceShown::new(view, site.time_zone())).collect();
    Ok(render(StatusCode::OK, &ListPage { chrome: Chrome::new(site, "services"), services }))
}

async fn show(site: Site, Path(name): Path<String>, done: Result<Query<Done>, QueryRejection>) -> Response {
    let done = done.ok().and_then(|Query(done)| done.done);
    let made = async {
        let page = service_page(&site, &ServiceName::parse(&name)?).await?;
        let is_there = |epoch: &u64| page.shown.changes.iter().any(|change| change.epoch == *epoch);
        Ok(render(StatusCode::OK, &ServicePage { done: done.filter(is_there), ..page }))
    };
    answer(&site, made.await)
}

async fn service_page(site: &Site, service: &ServiceName) -> Result<ServicePage, Failure> {
    let view = site.app().show_service(service, HISTORY_MAX + 1).await?;
    let mut shown = ServiceShown::new(&view, site.time_zone());
    for lane in &mut shown.lanes {
        if let Some(model) = &lane.model {
            let version = site.app().model_version(&model.to_string()).await?;
            lane.registered = Some(Registered { state: version.state, flavour: version.flavour });
        }
    }
    let price = match shown.switch_to {
        Some(to) => site.app().price_of_switch(service, to).await?.in_words(),
        None => Vec::new(),
    };
    let declared = site.app().workspace().service(service);
    Ok(ServicePage {
        chrome: Chrome::new(site, "services"),
        shown,
        project: declared.map(|(project, _)| project.name.to_string()).unwrap_or_default(),
        log: declared.map(|(_, config)| config.log.as_str()).unwrap_or_default(),
        predict: format!("http://{}/predict/{service}", site.settings().predictions),
        token: site.token().as_str().to_owned(),
        price,
        done: None,
        failure: None,
        typed: String::new(),
    })
}

async fn switch(site: Site, Path(name): Path<String>, form: Result<Form<SwitchForm>, FormRejection>) -> Response {
    answer(&site, switched(&site, &name, form).await)
}

async fn switched(site: &Site, name: &str, form: Result<Form<SwitchForm>, FormRejection>) -> Result<Response, Failure> {
    let service = ServiceName::parse(name)?;
    let Form(form) = form.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    let typed = form.requested.why.clone();
    let done = match site.token().check(&form.token) {
        Ok(()) => switching::switch(site, &service, form.requested).await.map_err(|error| said_on_a_page(&error)),
        Err(refusal) => Err(Failure::of(&refusal)),
    };
    match done {
        Ok(route) => Ok(Redirect::to(&format!("/services/{service}?done={}", route.epoch)).into_response()),
        Err(failure) => {
            let page = service_page(site, &service).await?;
            Ok(render(failure.status(), &ServicePage { failure: Some(failure), typed, ..page }))
        }
    }
}

/// The hints of the use case are commands; where a page asks for the same thing, it says so.
fn said_on_a_page(error: &switching::SwitchError) -> Failure {
    let hint = match error {
        switching::SwitchError::Serving(ServingError::WhyMissing) => Some("write down what you saw".to_owned()),
        _ => error.hint(),
    };
    Failure { hint, ..Failure::of(error) }
}

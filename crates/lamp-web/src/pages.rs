//! The pages: one file a resource.

pub(crate) mod cadence;
pub(crate) mod datasets;
pub(crate) mod duties;
pub(crate) mod histograms;
pub(crate) mod incidents;
pub(crate) mod labels;
pub(crate) mod lineage;
pub(crate) mod login;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod rota;
pub(crate) mod runs;
pub(crate) mod services;
pub(crate) mod shift;

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lamp_core::error::Kind;

use crate::failure::Failure;
use crate::show::text::Instant;
use crate::site::Site;

/// What stands around every page.
#[derive(Debug, Clone)]
pub(crate) struct Chrome {
    pub(crate) style: String,
    pub(crate) module: String,
    pub(crate) icon: String,
    /// Which entry of the navigation is the present one.
    pub(crate) section: &'static str,
    pub(crate) workspace: String,
    pub(crate) actor: String,
    /// The token of the form to sign out with, for those who signed in here.
    pub(crate) sign_out: Option<String>,
    /// Where a clock was set, what it shows.
    pub(crate) injected_now: Option<Instant>,
}

impl Chrome {
    pub(crate) fn new(site: &Site, section: &'static str) -> Self {
        let (app, assets) = (site.app(), site.assets());
        Self {
            style: assets.style.url.clone(),
            module: assets.module.url.clone(),
            icon: assets.icon.url.clone(),
            section,
            workspace: site.house().workspace_name(),
            actor: app.actor().name.clone(),
            sign_out: site.visitor().session().map(|_| site.token().as_str().to_owned()),
            injected_now: app.clock().is_injected().then(|| Instant::new(app.now(), site.time_zone())),
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    chrome: Chrome,
    title: &'static str,
    failure: &'a Failure,
}

/// A page that says what went wrong and what to do.
pub(crate) fn failure_page(site: &Site, failure: &Failure) -> Response {
    let title = match failure.kind {
        Kind::Invalid => "That cannot be right",
        Kind::NotFound => "Not found",
        Kind::Conflict => "That is not possible now",
        Kind::Forbidden => "Not allowed",
        Kind::Unavailable => "Something did not answer",
        Kind::Internal => "A defect of ours",
    };
    render(failure.status(), &FailurePage { chrome: Chrome::new(site, ""), title, failure })
}

/// Writes a page.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be written\n").into_response()
        }
    }
}

/// What a query asks for, or why it cannot be read.
pub(crate) fn query<T>(asked: Result<Query<T>, QueryRejection>) -> Result<T, Failure> {
    asked.map(|Query(asked)| asked).map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))
}

/// What a form sends, or why it cannot be read.
pub(crate) fn form<T>(sent: Result<Form<T>, FormRejection>) -> Result<T, Failure> {
    sent.map(|Form(sent)| sent).map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))
}

/// The page, or the page that says why there is none.
pub(crate) fn answer(site: &Site, made: Result<Response, Failure>) -> Response {
    made.unwrap_or_else(|failure| failure_page(site, &failure))
}

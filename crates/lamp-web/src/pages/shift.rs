//! `/`: My shift.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::{Chrome, answer, render};
use crate::failure::Failure;
use crate::show::change::{ChangeShown, changes};
use crate::show::duty::{DutyShown, RotaShown};
use crate::show::incident::IncidentShown;
use crate::show::metric::GlanceShown;
use crate::show::service::ServiceShown;
use crate::site::{Routes, Site};

/// Open incidents on the page.
const INCIDENTS_SHOWN: usize = 5;
/// Missed duties on the page.
const MISSED_SHOWN: usize = 5;
/// Changes on the page, and events that are looked through for them.
const CHANGES_SHOWN: usize = 8;
const EVENTS_READ: u32 = 200;

pub(crate) fn routes() -> Routes {
    Routes::new().route("/", get(show))
}

#[derive(Template)]
#[template(path = "shift.html")]
struct ShiftPage {
    chrome: Chrome,
    token: String,
    rotas: Vec<RotaShown>,
    mine: Vec<DutyShown>,
    others: Vec<DutyShown>,
    missed: Vec<DutyShown>,
    more_missed: usize,
    incidents: Vec<IncidentShown>,
    more_incidents: usize,
    models: Vec<GlanceShown>,
    services: Vec<ServiceShown>,
    changes: Vec<ChangeShown>,
}

async fn show(site: Site) -> Response {
    answer(&site, page(&site).await)
}

async fn page(site: &Site) -> Result<Response, Failure> {
    let app = site.app();
    let shift = app.my_shift().await?;
    let (now, zone) = (shift.at, site.time_zone());
    let incidents = app.incidents(false).await?;
    let services = app.list_services().await?;
    let models = app.models_at_a_glance().await?;
    let events = app.latest_audit_events(EVENTS_READ).await?;
    let duty = |view| DutyShown::new(view, now, zone);
    Ok(render(
        StatusCode::OK,
        &ShiftPage {
            chrome: Chrome::new(site, "shift"),
            token: site.token().as_str().to_owned(),
            rotas: shift.rotas.iter().map(|view| RotaShown::new(view, zone)).collect(),
            mine: shift.mine.iter().map(duty).collect(),
            others: shift.others.iter().map(duty).collect(),
            missed: shift.missed.iter().take(MISSED_SHOWN).map(duty).collect(),
            more_missed: shift.missed.len().saturating_sub(MISSED_SHOWN),
            more_incidents: incidents.len().saturating_sub(INCIDENTS_SHOWN),
            incidents: incidents.iter().take(INCIDENTS_SHOWN).map(|view| IncidentShown::new(view, now, zone)).collect(),
            models: models.iter().map(|glance| GlanceShown::new(glance, now)).collect(),
            services: services.iter().map(|view| ServiceShown::new(view, zone)).collect(),
            changes: changes(&events, CHANGES_SHOWN, zone),
        },
    ))
}

//! `/api/v1/services`

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use lamp_app::serving::services::ServiceView;
use lamp_core::error::Kind;
use lamp_core::names::ServiceName;
use lamp_core::route::Route;
use serde::Serialize;

use crate::failure::Failure;
use crate::show::service::{Live, ServiceShown};
use crate::site::{Routes, Site};
use crate::switching::{self, Requested};

/// Changes in a service's history.
const HISTORY_MAX: u32 = 20;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/services", get(list))
        .route("/api/v1/services/{name}", get(show))
        .route("/api/v1/services/{name}/switch", post(switch))
}

/// Every declared service.
#[derive(Serialize)]
struct ServiceList {
    services: Vec<ServiceBody>,
}

/// A service as the use case sees it, and its numbers as the pages write them.
#[derive(Serialize)]
struct ServiceBody {
    #[serde(flatten)]
    view: ServiceView,
    shown: Live,
}

impl ServiceBody {
    fn new(view: ServiceView, zone: &TimeZone) -> Self {
        Self { shown: ServiceShown::new(&view, zone).live(), view }
    }
}

/// The route after a switch.
#[derive(Serialize)]
struct Switched {
    route: Route,
}

async fn list(site: Site) -> Result<Json<ServiceList>, Failure> {
    let views = site.app().list_services().await?;
    let services = views.into_iter().map(|view| ServiceBody::new(view, site.time_zone())).collect();
    Ok(Json(ServiceList { services }))
}

async fn show(site: Site, Path(name): Path<String>) -> Result<Json<ServiceBody>, Failure> {
    let view = site.app().show_service(&ServiceName::parse(&name)?, HISTORY_MAX).await?;
    Ok(Json(ServiceBody::new(view, site.time_zone())))
}

async fn switch(
    site: Site,
    Path(name): Path<String>,
    body: Result<Json<Requested>, JsonRejection>,
) -> Result<Json<Switched>, Failure> {
    let service = ServiceName::parse(&name)?;
    let Json(asked) = body.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    let route = switching::switch(&site, &service, asked).await?;
    Ok(Json(Switched { route }))
}

//! `/metrics`: what the labels say of the models, over time.

use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use lamp_app::metrics::view::MetricsRequest;
use lamp_core::estimate::Window;
use serde::Deserialize;

use super::{Chrome, answer, query, render};
use crate::failure::Failure;
use crate::show::metric::ServiceMetrics;
use crate::site::{Routes, Site};

/// The window that is shown unless another is asked for.
const WINDOW: &str = "28d";

pub(crate) fn routes() -> Routes {
    Routes::new().route("/metrics", get(show))
}

#[derive(Template)]
#[template(path = "metrics.html")]
struct MetricsPage {
    chrome: Chrome,
    /// A service or a model, or nothing for all.
    name: String,
    window: String,
    windows: Vec<String>,
    services: Vec<ServiceMetrics>,
}

impl MetricsPage {
    fn address(&self, window: &str) -> String {
        if self.name.is_empty() {
            format!("/metrics?window={window}")
        } else {
            format!("/metrics?name={}&window={window}", self.name)
        }
    }
}

/// What is looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    name: String,
    #[serde(default)]
    window: String,
}

impl Asked {
    pub(crate) fn request(&self) -> Result<MetricsRequest, Failure> {
        let name = Some(self.name.trim().to_owned()).filter(|name| !name.is_empty());
        let window = Window::parse(if self.window.is_empty() { WINDOW } else { &self.window })?;
        Ok(MetricsRequest { name, window, since: None, until: None })
    }
}

async fn show(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    answer(&site, page(&site, asked).await)
}

async fn page(site: &Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Failure> {
    let request = query(asked)?.request()?;
    let views = site.app().metrics(&request).await?;
    let (now, zone) = (site.app().now(), site.time_zone());
    Ok(render(
        StatusCode::OK,
        &MetricsPage {
            chrome: Chrome::new(site, "metrics"),
            name: request.name.unwrap_or_default(),
            window: request.window.to_string(),
            windows: Window::KEPT.iter().map(ToString::to_string).collect(),
            services: views.iter().map(|view| ServiceMetrics::new(view, now, zone)).collect(),
        },
    ))
}

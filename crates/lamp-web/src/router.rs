//! Every address that is answered, and the loop that answers.

use std::future::Future;
use std::io;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, middleware};
use lamp_app::App;
use lamp_core::error::Kind;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::peer::Peer;
use crate::settings::WebSettings;
use crate::site::{House, Site};
use crate::tls::TlsListener;
use crate::{api, assets, guard, pages};

/// Longest body of a request, in bytes: forms and API bodies are small.
const BODY_MAX: usize = 64 * 1024;

/// The pages and the API as a service.
pub fn router(app: App, settings: WebSettings) -> Router {
    let house = House::new(app, settings);
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .merge(pages::services::routes())
        .merge(pages::shift::routes())
        .merge(pages::duties::routes())
        .merge(pages::rota::routes())
        .merge(pages::labels::routes())
        .merge(pages::metrics::routes())
        .merge(pages::datasets::routes())
        .merge(pages::histograms::routes())
        .merge(pages::models::routes())
        .merge(pages::cadence::routes())
        .merge(pages::runs::routes())
        .merge(pages::incidents::routes())
        .merge(pages::lineage::routes())
        .merge(api::datasets::routes())
        .merge(api::duties::routes())
        .merge(api::incidents::routes())
        .merge(api::metrics::routes())
        .merge(api::models::routes())
        .merge(api::runs::routes())
        .merge(pages::login::routes())
        .merge(api::services::routes())
        .merge(api::labels::routes())
        .merge(api::lineage::routes())
        .merge(api::calls::routes())
        .merge(api::files::routes())
        .merge(api::login::routes())
        .merge(assets::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(house.clone(), guard::visitor::identify))
        .layer(from_fn_with_state(house.clone(), guard::admit))
        .layer(middleware::map_response(guard::headers::set))
        .with_state(house)
}

/// Answers on `listener` until `shutdown` is ready, then lets the requests under way finish.
pub async fn serve(
    app: App,
    settings: WebSettings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let tls = settings.tls.clone();
    let service = router(app, settings).into_make_service_with_connect_info::<Peer>();
    match tls {
        Some(tls) => axum::serve(TlsListener::new(listener, &tls)?, service).with_graceful_shutdown(shutdown).await,
        None => axum::serve(listener, service).with_graceful_shutdown(shutdown).await,
    }
}

async fn nothing_here(site: Result<Site, Failure>, request: Request) -> Response {
    let failure = Failure::new(Kind::NotFound, format!("there is no page `{}`", request.uri().path()));
    respond(site.as_ref(), request.uri(), failure)
}

async fn not_that_way(site: Result<Site, Failure>, method: Method, uri: Uri) -> Response {
    let failure = Failure::new(Kind::Invalid, format!("`{}` does not take {method}", uri.path()));
    let mut response = respond(site.as_ref(), &uri, failure);
    *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// As JSON below `/api`; as a page elsewhere, or in plain words where it is not known who asks.
fn respond(site: Result<&Site, &Failure>, uri: &Uri, failure: Failure) -> Response {
    match site {
        _ if api::is_api(uri.path()) => failure.into_response(),
        Ok(site) => pages::failure_page(site, &failure),
        Err(_) => (failure.status(), format!("{}\n", failure.message)).into_response(),
    }
}

//! What the owner of a gateway may ask it, on a Unix socket of its own: whoever can open the
//! socket is the owner.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde_json::json;
use tokio::net::UnixListener;

use crate::gateway::Gateway;
use crate::state::GatewayState;

/// Called by `POST /refresh`: looks for newer routes and plans at once, and returns when they are
/// in force. The error is a sentence for people.
pub type RefreshHook = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Clone)]
struct Admin {
    gateway: Gateway,
    refresh: RefreshHook,
}

impl Gateway {
    /// `GET /state`, `POST /refresh` and `POST /rotate`; each answers with the state afterwards.
    pub fn admin_router(&self, refresh: RefreshHook) -> Router {
        Router::new()
            .route("/state", get(state))
            .route("/refresh", post(refresh_now))
            .route("/rotate", post(rotate))
            .with_state(Admin { gateway: self.clone(), refresh })
    }

    /// Serves the admin routes on a Unix socket until `shutdown` completes.
    pub async fn serve_admin(
        &self,
        listener: UnixListener,
        refresh: RefreshHook,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.admin_router(refresh)).with_graceful_shutdown(shutdown).await
    }
}

async fn state(State(admin): State<Admin>) -> Json<GatewayState> {
    Json(admin.gateway.state())
}

async fn refresh_now(State(admin): State<Admin>) -> Response {
    match (admin.refresh)().await {
        Ok(()) => Json(admin.gateway.state()).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": why}))).into_response(),
    }
}

async fn rotate(State(admin): State<Admin>) -> Json<GatewayState> {
    admin.gateway.rotate().await;
    Json(admin.gateway.state())
}

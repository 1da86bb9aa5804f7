//! What the owner of a gateway may ask it, on a Unix socket of its own: whoever can open the
//! socket is the owner.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use lamp_core::actor::Actor;
use lamp_core::names::ServiceName;
use lamp_core::route::{Role, Route};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::UnixListener;

use crate::gateway::Gateway;
use crate::state::GatewayState;

/// Called by `POST /refresh`: looks for newer routes and plans at once, and returns when they are
/// in force. The error is a sentence for people.
pub type RefreshHook = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A switch at this replica alone, for the time when the ledger does not answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwitchOrder {
    /// The service.
    pub service: ServiceName,
    /// Who is to answer.
    pub to: Role,
    /// Why.
    pub why: String,
    /// Who says so.
    pub by: Actor,
}

/// What became of a [`SwitchOrder`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Switched {
    /// The route in force here.
    pub route: Route,
    /// Whether the switch outlives this process until the ledger can be told.
    pub is_kept: bool,
}

/// Called by `POST /switch`.
pub type SwitchHook = Arc<dyn Fn(SwitchOrder) -> BoxFuture<'static, Result<Switched, String>> + Send + Sync>;

/// What the owner does when it is asked.
#[derive(Clone)]
pub struct AdminHooks {
    /// Looks for newer routes.
    pub refresh: RefreshHook,
    /// Switches without the ledger.
    pub switch: SwitchHook,
}

impl std::fmt::Debug for AdminHooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminHooks").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Admin {
    gateway: Gateway,
    hooks: AdminHooks,
}

impl Gateway {
    /// `GET /state`, `POST /refresh` and `POST /rotate`, which answer with the state afterwards, and `POST /switch`.
    pub fn admin_router(&self, hooks: AdminHooks) -> Router {
        Router::new()
            .route("/state", get(state))
            .route("/refresh", post(refresh_now))
            .route("/rotate", post(rotate))
            .route("/switch", post(switch))
            .with_state(Admin { gateway: self.clone(), hooks })
    }

    /// Serves the admin routes on a Unix socket until `shutdown` completes.
    pub async fn serve_admin(
        &self,
        listener: UnixListener,
        hooks: AdminHooks,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.admin_router(hooks)).with_graceful_shutdown(shutdown).await
    }
}

async fn state(State(admin): State<Admin>) -> Json<GatewayState> {
    Json(admin.gateway.state())
}

async fn refresh_now(State(admin): State<Admin>) -> Response {
    match (admin.hooks.refresh)().await {
        Ok(()) => Json(admin.gateway.state()).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": why}))).into_response(),
    }
}

async fn switch(State(admin): State<Admin>, Json(order): Json<SwitchOrder>) -> Response {
    match (admin.hooks.switch)(order).await {
        Ok(switched) => Json(switched).into_response(),
        Err(why) => (StatusCode::CONFLICT, Json(json!({"error": why}))).into_response(),
    }
}

async fn rotate(State(admin): State<Admin>) -> Json<GatewayState> {
    admin.gateway.rotate().await;
    Json(admin.gateway.state())
}

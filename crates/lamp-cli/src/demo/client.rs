//! The passengers' app: asks for predictions over HTTP, as any client would.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lamp_app::App;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::gateway_process;

/// Pause between two looks at a gateway that is coming up.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One answered (or refused) request.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `x-served-by`.
    pub served_by: String,
    /// `x-fallback-reason`, where there is one.
    pub reason: Option<String>,
    /// Ids of the predictions.
    pub predictions: Vec<String>,
    /// Time to answer.
    pub latency: Duration,
}

/// A pooled client.
#[derive(Clone)]
pub struct Passengers {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Passengers {
    /// A client of the gateway at `address`.
    pub fn of(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    /// `POST /predict/SERVICE`.
    pub async fn predict(&self, service: &str, rows: &Value) -> Result<Reply, Failure> {
        let body = serde_json::json!({"rows": rows}).to_string();
        let failed = |what: String| Failure::operation(format!("a request failed: {what}"));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}/predict/{service}", self.address))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .map_err(|error| failed(error.to_string()))?;
        let started = Instant::now();
        let response = self.client.request(request).await.map_err(|error| failed(error.to_string()))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, served_by, reason) =
            (response.status().as_u16(), header("x-served-by").unwrap_or_default(), header("x-fallback-reason"));
        let bytes = response.into_body().collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
        let latency = started.elapsed();
        let body: Value = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        let ids = body["predictions"].as_array().into_iter().flatten();
        let predictions = ids.filter_map(|row| row["prediction_id"].as_str().map(str::to_owned)).collect();
        Ok(Reply { status, served_by, reason, predictions, latency })
    }

    async fn is_ready(&self) -> bool {
        let asked = self.client.get(match format!("http://{}/v2/health/ready", self.address).parse() {
            Ok(uri) => uri,
            Err(_) => return false,
        });
        asked.await.is_ok_and(|response| response.status().is_success())
    }
}

/// Fails when another program holds the predictions' address: its models would be asked about the
/// demo's flights. A gateway of this workspace, left by an earlier tour, may hold it.
pub async fn refuse_foreign_gateway(app: &App, address: SocketAddr) -> Result<(), Failure> {
    let Err(error) = TcpListener::bind(address).await else { return Ok(()) };
    if is_our_gateway_up(app).await {
        return Ok(());
    }
    let message = format!("cannot listen on {address}: {error}");
    Err(Failure::operation(message).with_hint("another gateway may be running; choose a port with --predictions"))
}

async fn is_our_gateway_up(app: &App) -> bool {
    gateway_process::state(&app.layout().admin_socket()).await.is_ok()
}

/// Waits until this workspace's own gateway is up and says that it is ready. The socket comes first:
/// whoever else might answer at the address does not have it.
pub async fn wait_until_ready(app: &App, address: SocketAddr, limit: Duration) -> Result<(), Failure> {
    let client = Passengers::of(address);
    let started = Instant::now();
    while !(is_our_gateway_up(app).await && client.is_ready().await) {
        if started.elapsed() > limit {
            let message = format!("the gateway on {address} did not get ready within {} s", limit.as_secs());
            return Err(Failure::operation(message).with_hint("lamp serve shows its log"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

//! The passengers' app: asks for predictions over HTTP, as any client would.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::failure::Failure;

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

/// Waits until the gateway says that it is ready.
pub async fn wait_until_ready(address: SocketAddr, limit: Duration) -> Result<(), Failure> {
    let client = Passengers::of(address);
    let started = Instant::now();
    while !client.is_ready().await {
        if started.elapsed() > limit {
            let message = format!("the gateway on {address} did not get ready within {} s", limit.as_secs());
            return Err(Failure::operation(message).with_hint("lamp serve shows its log"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

//! gRPC's own health protocol: of the server (no name), of the inference service, and of each of
//! our services by its name.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::INFERENCE;
use crate::gateway::Gateway;
use crate::oip;
use crate::refusal::find_service;

/// How often a watched health is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Watched(pub(super) Gateway);

impl Watched {
    /// `None` for a name that nothing here has.
    fn find(&self, name: &str) -> Option<ServingStatus> {
        let is_serving = if name.is_empty() || name == INFERENCE {
            oip::is_ready(&self.0)
        } else {
            find_service(&self.0, name).ok()?.is_ready()
        };
        Some(if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// The next status that is not `last`; `None` when the gateway stops.
    async fn next(&self, name: &str, last: Option<ServingStatus>) -> Option<ServingStatus> {
        loop {
            let now = self.find(name).unwrap_or(ServingStatus::ServiceUnknown);
            if Some(now) != last {
                return Some(now);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.0.0.stopping.cancelled() => return None,
            }
        }
    }
}

fn said(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Watched {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let name = &request.get_ref().service;
        let unknown = || Status::not_found("no service of this name is served here");
        self.find(name).map(|status| Response::new(said(status))).ok_or_else(unknown)
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.into_inner().service;
        let start = (self.clone(), name, None);
        let changes = stream::unfold(start, async |(watched, name, last)| {
            let now = watched.next(&name, last).await?;
            Some((Ok(said(now)), (watched, name, Some(now))))
        });
        Ok(Response::new(changes.boxed()))
    }
}

//! Calls about services, and why anything is what it is.

use std::time::Duration;

use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;
use lamp_core::route::{Role, Route};
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::serving::deploy::Deploy;
use crate::serving::price::Price;
use crate::serving::replay::Replayed;
use crate::serving::switch::Switch;
use crate::why::Node;

/// Longest that somebody is kept waiting for replicas.
const OBEY_WAIT_MAX: Duration = Duration::from_secs(30);

/// `lamp deploy`
impl Call for Deploy {
    const NAME: &'static str = "deploy";
    const CHANGES_ROUTE: bool = true;
    type Answer = Route;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.deploy(self).await.map_err(failed)
    }
}

/// `lamp rollback`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollBack {
    /// The service.
    pub service: ServiceName,
    /// The place.
    pub role: Role,
    /// Why.
    pub why: String,
}

impl Call for RollBack {
    const NAME: &'static str = "roll-back";
    const CHANGES_ROUTE: bool = true;
    type Answer = Route;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.rollback(&self.service, self.role, &self.why).await.map_err(failed)
    }
}

/// `lamp switch`
impl Call for Switch {
    const NAME: &'static str = "switch";
    const CHANGES_ROUTE: bool = true;
    type Answer = Route;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.switch(self).await.map_err(failed)
    }
}

/// Whether the replicas follow a route; waits for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhoObeys {
    /// The route.
    pub route: Route,
    /// How long to wait, in milliseconds; half a minute at most.
    pub wait_ms: u64,
}

/// How many replicas follow a route.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Obedience {
    /// At the route's epoch.
    pub acknowledged: usize,
    /// Alive, and not there yet.
    pub waiting: usize,
}

impl Obedience {
    /// Whether no replica is heard of at all.
    pub fn is_nobody(&self) -> bool {
        self.acknowledged == 0 && self.waiting == 0
    }
}

impl Call for WhoObeys {
    const NAME: &'static str = "who-obeys";
    type Answer = Obedience;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let limit = Duration::from_millis(self.wait_ms).min(OBEY_WAIT_MAX);
        let obeyed = app.wait_until_obeyed(&self.route, limit).await.map_err(failed)?;
        Ok(Obedience { acknowledged: obeyed.acknowledged.len(), waiting: obeyed.waiting.len() })
    }
}

/// `lamp switch`, before it switches
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PriceOfSwitch {
    /// The service.
    pub service: ServiceName,
    /// Who is to answer.
    pub to: Role,
}

impl Call for PriceOfSwitch {
    const NAME: &'static str = "price-of-switch";
    type Answer = Price;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.price_of_switch(&self.service, self.to).await.map_err(failed)
    }
}

/// `lamp replay`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplayPrediction {
    /// Its id.
    pub prediction: PredictionId,
}

impl Call for ReplayPrediction {
    const NAME: &'static str = "replay-prediction";
    type Answer = Replayed;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        Box::pin(app.replay(self.prediction, say)).await.map_err(failed)
    }
}

/// `lamp why`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Why {
    /// What to ask about.
    pub reference: String,
}

impl Call for Why {
    const NAME: &'static str = "why";
    type Answer = Node;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.why(&self.reference).await.map_err(failed)
    }
}

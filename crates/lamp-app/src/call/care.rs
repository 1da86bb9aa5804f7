//! Calls about the care for the store.

use std::sync::Arc;

use lamp_runner::Progress;
use lamp_store::NoProgress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::data::gc::Collection;
use crate::data::remotes::{Between, Moved};
use crate::data::repack::RepackReport;

/// `lamp data gc`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectGarbage {
    /// Only say what it would do.
    pub dry_run: bool,
}

impl Call for CollectGarbage {
    const NAME: &'static str = "collect-garbage";
    type Answer = Collection;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.collect_garbage(self.dry_run).await.map_err(failed)
    }
}

/// `lamp data repack`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepackStore {}

impl Call for RepackStore {
    const NAME: &'static str = "repack-store";
    type Answer = RepackReport;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.repack(say).await.map_err(failed)
    }
}

/// `lamp data push`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PushData {
    /// What, and where to.
    #[serde(flatten)]
    pub between: Between,
}

impl Call for PushData {
    const NAME: &'static str = "push-data";
    type Answer = Moved;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.push_data(&self.between, Arc::new(NoProgress)).await.map_err(failed)
    }
}

/// `lamp data pull`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PullData {
    /// What, and where from.
    #[serde(flatten)]
    pub between: Between,
}

impl Call for PullData {
    const NAME: &'static str = "pull-data";
    type Answer = Moved;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.pull_data(&self.between, Arc::new(NoProgress)).await.map_err(failed)
    }
}

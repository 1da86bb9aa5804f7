//! The call about metrics.

use lamp_runner::Progress;

use super::{Call, CallError, failed};
use crate::app::App;
use crate::metrics::view::{MetricsRequest, MetricsView};

/// `lamp metrics`
impl Call for MetricsRequest {
    const NAME: &'static str = "metrics";
    type Answer = Vec<MetricsView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.metrics(&self).await.map_err(failed)
    }
}

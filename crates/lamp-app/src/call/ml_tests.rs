//! The call about ML tests.

use lamp_core::ml_test::TestReport;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;

/// `lamp test`, once it has run in the sender's clone: keeps the reports. Without any, it says whether they would be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeepTestReports {
    /// One report a model or own test, as the sender says.
    pub reports: Vec<TestReport>,
}

impl Call for KeepTestReports {
    const NAME: &'static str = "keep-test-reports";
    type Answer = ();

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.keep_test_reports(&self.reports).await.map_err(failed)
    }
}

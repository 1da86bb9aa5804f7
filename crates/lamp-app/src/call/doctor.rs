//! The call about the nine practices.

use lamp_core::doctor::Facts;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;

/// `lamp doctor`: what the ledger and the clone of whoever answers say. Whoever asks looks at their own clone
/// themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoctorFacts {}

impl Call for DoctorFacts {
    const NAME: &'static str = "doctor-facts";
    type Answer = Facts;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.doctor_facts().await.map_err(failed)
    }
}

//! `lamp duty waive`: a person says why a duty need not be done.

use lamp_core::access::Permission;
use lamp_core::duty::DutyAct;

use super::DutyError;
use super::list::DutyView;
use crate::app::App;

impl App {
    /// Waives an open duty, with a reason.
    pub async fn waive_duty(&self, text: &str, why: &str) -> Result<DutyView, DutyError> {
        self.authorize(Permission::Watch)?;
        let duty = self.find_duty(text).await?;
        let ending = duty.decide(DutyAct::Waive { why }, self.actor(), self.now())?;
        let mut tx = self.ledger().begin().await?;
        self.end_duty(&mut tx, &duty, ending).await?;
        tx.commit().await?;
        let waived = self.find_duty(&duty.id.to_string()).await?;
        self.duty_view(waived).await
    }
}

//! Duties that end because something else was done: a decision on a candidate, enough labels.

use lamp_core::duty::{DutyAct, DutyKind};
use lamp_core::registry::{Approval, ModelVersion};
use lamp_ledger::{LedgerError, Tx};

use crate::app::App;

impl App {
    /// A decision on a candidate is the end of the duty that asked for it. Late, the duty stays missed; the
    /// decision counts all the same.
    pub(crate) async fn finish_validation(
        &self,
        tx: &mut Tx,
        model: &ModelVersion,
        approval: &Approval,
    ) -> Result<(), LedgerError> {
        let found = tx.find_duty_of(&model.project, DutyKind::Validate, &model.id.to_string()).await?;
        let Some(duty) = found else { return Ok(()) };
        match duty.decide(DutyAct::Finish { evidence: approval.evidence }, self.actor(), self.now()) {
            Ok(ending) => self.end_duty(tx, &duty, ending).await,
            Err(_) => Ok(()),
        }
    }
}

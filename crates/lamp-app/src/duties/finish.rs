//! Duties that end because something else was done: a decision on a candidate, enough labels.

use lamp_core::digest::Digest;
use lamp_core::duty::{Duty, DutyAct, DutyKind};
use lamp_core::label::Label;
use lamp_core::names::{ProjectName, ServiceName};
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

    /// A label by hand may be the last one that an open labels duty asks for. Where fewer predictions were drawn,
    /// it is done when nothing more waits.
    pub(crate) async fn finish_labels(&self, tx: &mut Tx, service: &ServiceName) -> Result<(), LedgerError> {
        let Some((project, _)) = self.workspace().service(service) else { return Ok(()) };
        let now = self.now();
        for duty in tx.open_duties_of(&project.name, DutyKind::Labels).await? {
            if now < duty.opens_at || !duty.is_open_at(now) {
                continue;
            }
            let mut given = Vec::new();
            let mut waits = false;
            for service in project.services.keys() {
                given.extend(tx.hand_labels(service, duty.opens_at, duty.due_at).await?);
                waits |= !tx.waiting_for_labels(service, 1).await?.is_empty();
            }
            let is_enough = given.len() >= usize::try_from(duty.pieces).unwrap_or(usize::MAX) || !waits;
            if !is_enough {
                continue;
            }
            let act = DutyAct::Finish { evidence: evidence_of(&given) };
            if let Ok(ending) = duty.decide(act, self.actor(), now) {
                self.end_duty(tx, &duty, ending).await?;
            }
        }
        Ok(())
    }

    /// How many labels that count were given by hand in the period of a labels duty.
    pub(crate) async fn labels_given(&self, duty: &Duty) -> Result<u32, LedgerError> {
        let mut given = 0;
        for service in self.services_of(&duty.project) {
            given += self.ledger().hand_labels(service, duty.opens_at, duty.due_at).await?.len();
        }
        Ok(u32::try_from(given).unwrap_or(u32::MAX))
    }

    pub(crate) fn services_of(&self, project: &ProjectName) -> impl Iterator<Item = &ServiceName> {
        self.workspace().project(project).into_iter().flat_map(|project| project.services.keys())
    }
}

/// Digest of the labels that were given: what the duty's end binds.
fn evidence_of(labels: &[Label]) -> Digest {
    // Every field of a label has a JSON form.
    Digest::of(&serde_json::to_vec(labels).unwrap_or_default())
}

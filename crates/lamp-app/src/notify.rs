//! Telling the team: an outbox, and its delivery.
//!
//! What is told is written in the same transaction as what it tells of, so neither can be without the other. It is
//! delivered by the scheduler, in a loop of its own: at least once, with an id by which the other side can tell a
//! repetition. An address that does not answer holds up nothing but its own notifications.

pub mod deliver;

use lamp_core::ids::{IncidentId, NotificationId};
use lamp_core::incident::Incident;
use lamp_core::notification::Notification;
use lamp_ledger::{LedgerError, Tx};

use crate::app::App;

/// Most notifications that are listed.
pub const NOTIFICATIONS_LISTED_MAX: u32 = 1_000;

impl App {
    /// The last `limit` notifications, newest first.
    pub async fn notifications(&self, limit: u32) -> Result<Vec<Notification>, LedgerError> {
        self.ledger().notifications(limit.min(NOTIFICATIONS_LISTED_MAX)).await
    }

    /// Opens an incident and tells the team of it, unless one of the same cause and subject is open. Gives back the
    /// id of the open one.
    pub(crate) async fn open_incident(&self, tx: &mut Tx, incident: &Incident) -> Result<IncidentId, LedgerError> {
        let open = tx.open_incident(incident).await?;
        if open == incident.id {
            self.tell(tx, |id| Some(Notification::of_incident(id, incident, self.now()))).await?;
        }
        Ok(open)
    }

    /// Writes into the outbox what the team is to be told, if it wants to be told.
    pub(crate) async fn tell(
        &self,
        tx: &mut Tx,
        make: impl FnOnce(NotificationId) -> Option<Notification>,
    ) -> Result<(), LedgerError> {
        if self.workspace().root.notify.is_none() {
            return Ok(());
        }
        let Some(notification) = make(NotificationId::new(self.now(), &*self.ids())) else { return Ok(()) };
        if !tx.add_notification(&notification).await? {
            tracing::warn!(kind = notification.kind, subject = notification.subject, "the outbox is full; not told");
        }
        Ok(())
    }
}

//! `lamp audit`: the chain of who did what.

use lamp_core::audit::AuditEvent;
use lamp_ledger::{AuditReport, LedgerError};

use crate::app::App;

impl App {
    /// Checks every link of the chain.
    pub async fn verify_audit(&self) -> Result<AuditReport, LedgerError> {
        self.ledger().verify_audit().await
    }

    /// The last events, newest first.
    pub async fn latest_audit_events(&self, limit: u32) -> Result<Vec<AuditEvent>, LedgerError> {
        self.ledger().latest_audit_events(limit).await
    }

    /// Events after `seq`, oldest first.
    pub async fn audit_events(&self, after_seq: u64, limit: u32) -> Result<Vec<AuditEvent>, LedgerError> {
        self.ledger().audit_events(after_seq, limit).await
    }
}

//! Calls about what was recorded: the audit log, and what the team was told.

use lamp_core::audit::AuditEvent;
use lamp_core::notification::Notification;
use lamp_ledger::AuditReport;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;

/// `lamp audit ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListEvents {
    /// Events after this number.
    pub after: u64,
    /// Most events to list.
    pub limit: u32,
}

impl Call for ListEvents {
    const NAME: &'static str = "list-events";
    type Answer = Vec<AuditEvent>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.audit_events(self.after, self.limit).await.map_err(failed)
    }
}

/// `lamp audit verify`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifyAudit {}

impl Call for VerifyAudit {
    const NAME: &'static str = "verify-audit";
    type Answer = AuditReport;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.verify_audit().await.map_err(failed)
    }
}

/// `lamp notify`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListNotifications {
    /// Most notifications to list.
    pub limit: u32,
}

impl Call for ListNotifications {
    const NAME: &'static str = "list-notifications";
    type Answer = Vec<Notification>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.notifications(self.limit).await.map_err(failed)
    }
}

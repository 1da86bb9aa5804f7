//! `lamp label ls`: every label that was ever given, newest first.

use lamp_core::names::ServiceName;
use lamp_ledger::LabelRecord;

use super::LabelingError;
use crate::app::App;

impl App {
    /// The last `limit` labels of one service or of all, superseded ones too.
    pub async fn list_labels(
        &self,
        service: Option<&ServiceName>,
        limit: u32,
    ) -> Result<Vec<LabelRecord>, LabelingError> {
        Ok(self.ledger().labels(service, limit).await?)
    }
}

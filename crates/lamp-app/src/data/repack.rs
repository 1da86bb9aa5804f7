//! `lamp data repack`: the same versions in fewer bytes.

use lamp_core::access::Permission;
use lamp_core::human;
use lamp_runner::Progress;
use lamp_store::{Repacked, Stats};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DataError;
use crate::app::App;

/// Bytes that are written anew between two signs of life.
const STEP: u64 = 256 << 20;

/// Most bytes that are written anew unasked, in a day.
const UNASKED_MAX: u64 = 1 << 30;

/// What a repack did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepackReport {
    /// Packs that were written anew, and their bytes before and after.
    pub repacked: Repacked,
    /// What the store consists of now.
    pub store: Stats,
}

impl App {
    /// Writes what came into the store since the last repack anew, smaller. `say` is told how far it is.
    pub async fn repack(&self, say: Progress<'_>) -> Result<RepackReport, DataError> {
        self.authorize(Permission::Work)?;
        let all = self.store().stats().await?.new_bytes;
        let mut repacked = Repacked::default();
        loop {
            say(&format!("repacking: {} of {}", human::bytes(repacked.bytes_before), human::bytes(all)));
            let step = self.store().repack_some(STEP).await?.ok_or(DataError::StoreBusy)?;
            // Damaged packs stay as they are, and would be tried again for ever.
            if step.packs == 0 {
                break;
            }
            repacked.packs += step.packs;
            repacked.bytes_before += step.bytes_before;
            repacked.bytes_after += step.bytes_after;
        }
        self.record_repack(&repacked).await?;
        Ok(RepackReport { repacked, store: self.store().stats().await? })
    }

    /// The same unasked: at most once a day, a part at a time, and only when it is worth it.
    pub(crate) async fn repack_when_due(&self) -> Result<Option<Repacked>, DataError> {
        self.authorize(Permission::Work)?;
        let Some(repacked) = self.store().repack_if_due(UNASKED_MAX).await? else { return Ok(None) };
        self.record_repack(&repacked).await?;
        Ok(Some(repacked))
    }

    async fn record_repack(&self, repacked: &Repacked) -> Result<(), DataError> {
        if repacked.packs == 0 {
            return Ok(());
        }
        let mut tx = self.ledger().begin().await?;
        tx.audit(&self.entry("store.repacked", self.store().location(), json!(repacked))).await?;
        Ok(tx.commit().await?)
    }
}

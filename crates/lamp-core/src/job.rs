//! Jobs: follow-up work, saved in the same transaction as the effect that asks for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::names::ServiceName;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum JobKind {
    /// Turn closed segments of a service's prediction log into a dataset version.
    CompactPredictions {
        /// The service.
        service: ServiceName,
    },
}

/// A queued job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// Not before.
    pub due_at: Timestamp,
    /// Times it was claimed.
    pub attempts: u32,
    /// A second job with the same key is not queued while the first waits.
    pub key: String,
}

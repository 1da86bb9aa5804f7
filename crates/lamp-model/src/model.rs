//! The port behind which every flavour of model stands.

use std::sync::Arc;

use futures::future::BoxFuture;
use lamp_core::error::{Classified, Kind};
use lamp_core::package::Signature;
use lamp_core::prediction::FallbackReason;
use serde::{Deserialize, Serialize};

use crate::outputs::Outputs;
use crate::signature::{Batch, Rejection};

/// A prediction under way. Dropping it gives the answer up; the model may still finish the work.
pub type Predicting<'a> = BoxFuture<'a, Result<Outputs, PredictError>>;

/// A model that can be asked.
pub trait Model: Send + Sync {
    /// Inputs and outputs.
    fn signature(&self) -> &Arc<Signature>;

    /// Asks for the outputs of a validated batch. What comes back is as the model said it: the
    /// caller checks it with [`check_answer`](crate::signature::check_answer).
    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_>;

    /// How the model is doing, from memory; never blocks.
    fn health(&self) -> Health;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The queue in front of the model is full.
    #[error("the model's queue is full ({queued} requests wait)")]
    Overload {
        /// How many requests wait.
        queued: usize,
    },
    /// The model took longer than its hard limit.
    #[error("the model did not answer within {limit_ms} ms")]
    Timeout {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The process, session or server behind the model is gone.
    #[error("the model is gone: {why}")]
    Gone {
        /// What is known of its end.
        why: String,
    },
    /// The model itself raised an error.
    #[error("the model failed: {message}")]
    Failed {
        /// The model's own words.
        message: String,
    },
    /// The answer cannot be read as the signature's outputs.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl PredictError {
    /// The word under which this failure is counted.
    pub const fn reason(&self) -> FallbackReason {
        match self {
            Self::Overload { .. } => FallbackReason::Overload,
            Self::Timeout { .. } => FallbackReason::Timeout,
            Self::Gone { .. } | Self::Failed { .. } => FallbackReason::Error,
            Self::Rejected(rejection) => rejection.reason,
        }
    }
}

impl Classified for PredictError {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }
}

/// How a model is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// In one word.
    pub state: HealthState,
    /// What happened last, where it is not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Worker processes, where the model has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerState>,
}

impl Health {
    /// A model in process that answers.
    pub const fn ready() -> Self {
        Self { state: HealthState::Ready, detail: None, workers: Vec::new() }
    }

    /// A model that cannot answer now.
    pub fn down(detail: impl Into<String>) -> Self {
        Self { state: HealthState::Down, detail: Some(detail.into()), workers: Vec::new() }
    }

    /// Whether it can answer now.
    pub fn is_ready(&self) -> bool {
        match self.state {
            HealthState::Ready | HealthState::Degraded => true,
            HealthState::Starting | HealthState::Down => false,
        }
    }
}

/// A model's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// It answers.
    Ready,
    /// It answers, but with fewer workers than it should have, or after a recent failure.
    Degraded,
    /// It is being started.
    Starting,
    /// It does not answer.
    Down,
}

/// One worker process of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Process id, while it lives.
    pub pid: Option<u32>,
    /// Whether it takes requests.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: u64,
}

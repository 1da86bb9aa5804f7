//! One answered row, as the log keeps it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{PredictionId, RequestId};
use crate::names::ServiceName;
use crate::route::Role;

/// Why the answer is not the primary's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FallbackReason {
    /// The primary did not answer before the deadline.
    Timeout,
    /// The primary failed, or is gone.
    Error,
    /// Wrong shape or missing output.
    Shape,
    /// Wrong element type.
    Dtype,
    /// Not a finite number.
    Nonfinite,
    /// Outside the declared range or classes.
    Range,
    /// The breaker is open.
    Breaker,
    /// The primary's queue is full.
    Overload,
    /// A person switched the service.
    Switched,
}

impl FallbackReason {
    /// The word in `x-fallback-reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Shape => "shape",
            Self::Dtype => "dtype",
            Self::Nonfinite => "nonfinite",
            Self::Range => "range",
            Self::Breaker => "breaker",
            Self::Overload => "overload",
            Self::Switched => "switched",
        }
    }
}

/// What one of the two models said of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// `name@version`.
    pub model: String,
    /// `ok`, or a reason word as in [`FallbackReason`]. `late` is a valid answer after the deadline less
    /// its margin, or one that was not in before a row that had to be logged was written; `timeout` is
    /// no answer by twice the deadline.
    pub status: String,
    /// Outputs by name; absent when there was no valid answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<BTreeMap<String, Value>>,
    /// Microseconds from the request's start.
    pub latency_us: u64,
}

/// One answered row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Its id.
    pub id: PredictionId,
    /// The request it came in.
    pub request: RequestId,
    /// Its place in the request, from 0.
    pub row: u32,
    /// When it was answered.
    pub served_at: Timestamp,
    /// The service.
    pub service: ServiceName,
    /// The route's epoch.
    pub epoch: u64,
    /// Who answered.
    pub served_by: Role,
    /// Why not the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FallbackReason>,
    /// The primary's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Answer>,
    /// The shadow's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Answer>,
    /// The row as it came in, by input name, or what the service's log keeps of it.
    pub inputs: BTreeMap<String, Value>,
    /// Where not all of the row is kept: BLAKE3 of the whole row as JSON without spaces, its inputs by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs_hash: Option<String>,
}

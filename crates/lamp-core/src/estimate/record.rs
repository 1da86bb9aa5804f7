//! An estimate as the ledger keeps it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Estimate, Window};
use crate::label::Basis;
use crate::names::ServiceName;
use crate::route::Role;

/// Whose answers are scored, on which rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// `name@version`: its answers, also to rows that the other model answered. None: the answers that were given,
    /// whoever gave them.
    pub model: Option<String>,
    /// Only rows that this place answered; none: all rows.
    pub served_by: Option<Role>,
    /// The labels it rests on.
    pub basis: Basis,
}

/// A metric as it was known on a day. A later record of the same day supersedes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimateRecord {
    /// The service.
    pub service: ServiceName,
    /// Whose answers.
    #[serde(flatten)]
    pub subject: Subject,
    /// How far back it looks.
    pub window: Window,
    /// The last civil day of the window: the day on which it was computed.
    pub day: Date,
    /// The number of the last label that it knew of.
    pub label_seq: u64,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// The estimate.
    pub estimate: Estimate,
}

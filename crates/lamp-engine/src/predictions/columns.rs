//! Names of the columns of a prediction log.

pub(super) const PREDICTION_ID: &str = "prediction_id";
pub(super) const REQUEST_ID: &str = "request_id";
pub(super) const ROW: &str = "row";
pub(super) const SERVED_AT: &str = "served_at";
pub(super) const SERVICE: &str = "service";
pub(super) const ROUTE_EPOCH: &str = "route_epoch";
pub(super) const SERVED_BY: &str = "served_by";
pub(super) const REASON: &str = "reason";
/// Only in logs with a row that is not kept whole.
pub(super) const INPUTS_HASH: &str = "inputs_hash";
/// JSON list of the names of this row's absent columns; null when it has them all.
pub(super) const ABSENT: &str = "absent";

/// The columns of an answer, after `primary_` or `shadow_`.
pub(super) const MODEL: &str = "model";
pub(super) const STATUS: &str = "status";
pub(super) const LATENCY_US: &str = "latency_us";

/// Prefixes of the columns that come from JSON.
pub(super) const INPUT: &str = "input";
pub(super) const PRIMARY: &str = "primary";
pub(super) const SHADOW: &str = "shadow";

/// Set to `true` in the metadata of columns whose values are JSON text.
pub(super) const JSON_METADATA: &str = "lamplighter.json";

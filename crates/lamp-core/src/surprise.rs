//! Is this partition as usual? The check that needs no thresholds.
//!
//! Every partition is a few numbers a column ([`Summary`]), read off its stored profile. A [`Watcher`] goes through them
//! in order. Before it takes one in, it says how surprising that one is:
//!
//! 1. Each feature (share of nulls, mean, quantiles, heaviest value, …) is *expected*: as its level, as its latest
//!    values, or as the same weekday, whichever was closest so far. The score is the error in sigmas, which are the
//!    median absolute deviation of the errors there were, never less than an effect that anybody would care for.
//! 2. A score counts in terms of what that feature's scores usually are (what 95 of 100 past ones stay below), and a
//!    column by its largest: so a restless column is no louder than a still one.
//! 3. The evidence of a partition is put together of the few columns that are furthest off. How likely so much is, the
//!    past partitions tell: its conformal rank among theirs, and beyond them an exponential tail.
//! 4. It is surprising if it is less likely than the budget: the pages a week that somebody said they would accept.
//! 5. Which columns to look at: each has a p-value by its own past, and those are named that stay below a false
//!    discovery rate of a tenth (Benjamini and Hochberg, 1995).
//!
//! Every number is compared with what was said at the time, before the partition was known: so nothing is hidden by
//! being part of its own yardstick. The idea of judging partitions by summaries of their columns, and columns together,
//! is that of GATE (Shankar and others, "Automatic and precise data validation for machine learning", 2023); conformal
//! ranks are Vovk's.
#![allow(clippy::cast_precision_loss, reason = "counts of rows and partitions stay below 2^53")]

mod column;
mod decision;
mod evidence;
mod judgement;
mod robust;
mod series;
mod siblings;
mod summary;
mod values;
mod watcher;

use jiff::civil::Date;

pub use decision::{Decision, DecisionRecord, NotADecision};
pub use judgement::{ColumnJudgement, FeatureJudgement, Judgement, Outcome, SchemaChange};
pub use series::Expectation;
pub use summary::{ColumnSummary, Feature, Summary};
pub use watcher::{Judged, Outlook, Watcher};

use crate::partition::PartitionKey;
use crate::profile::ColumnKind;

/// The name under which the number of rows is judged. No column is called so.
pub const ROWS: &str = "(rows)";

/// Partitions that must have been judged before how likely a judgement is can be told.
const CALIBRATION_MIN: usize = 14;

/// Partitions that a verdict needs.
pub const HISTORY_MIN: usize = series::FORECAST_MIN + CALIBRATION_MIN;

/// Partitions whose evidence is remembered.
const EVIDENCE_KEPT: usize = 120;

/// Pages a week that are accepted unless told.
pub const PAGES_PER_WEEK_DEFAULT: f64 = 0.5;

/// More than this share of usual partitions is never called surprising.
const ALPHA_MAX: f64 = 0.25;

/// The share of usual partitions of one dataset that may be called surprising, so that `datasets` of them, each with a
/// partition every `days` days, come to `pages_per_week`.
pub fn alpha(pages_per_week: f64, datasets: usize, days: f64) -> f64 {
    let partitions_per_week = 7.0 / days * datasets.max(1) as f64;
    (pages_per_week / partitions_per_week).min(ALPHA_MAX)
}

fn rows_column(rows: u64) -> ColumnSummary {
    ColumnSummary {
        name: ROWS.to_owned(),
        kind: ColumnKind::Int,
        rows,
        measured: vec![(Feature::Rows, rows as f64)],
        values: Vec::new(),
    }
}

/// What repeats: the weekday of a day, the month of a month.
fn season_of(key: &PartitionKey) -> i8 {
    let is_day = key.end() == key.start().tomorrow().unwrap_or(Date::MAX);
    if is_day { key.start().weekday().to_monday_zero_offset() } else { key.start().month() }
}

#[cfg(test)]
mod tests;

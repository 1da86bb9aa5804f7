//! Is a model still as good as the report that a person signed?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Estimate, Outcome};
use crate::metric::{Goal, natural_goal};

/// How much worse than its report a share or an AUC may be before that matters.
const SHARE_MARGIN: f64 = 0.05;
/// The same for a log-loss, in nats.
const LOSS_MARGIN: f64 = 0.05;
/// The same for errors, as a part of the reported error.
const ERROR_MARGIN: f64 = 0.1;

/// What the labels say of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As good as its report, but for a margin.
    Ok,
    /// Worse than its report.
    Worse,
    /// The interval holds both.
    CannotTellYet,
}

impl Verdict {
    /// The word that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Worse => "worse",
            Self::CannotTellYet => "can't tell yet",
        }
    }
}

/// What the held-out report says of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its value on the held-out rows.
    pub value: f64,
    /// Number of held-out rows.
    pub rows: u64,
    /// How much worse a model may be before that matters.
    pub margin: f64,
}

/// A verdict with what it would take to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// While it cannot be told: about how many more labels it takes; none where no number will do.
    pub labels_needed: Option<u64>,
    /// While it cannot be told: why.
    pub why: Option<String>,
}

/// How much worse than its report a model may be in `metric` before that matters: 0.05 for shares, AUC and log-loss, a
/// tenth of the reported error for errors, and of the reported RMSE for a bias. None for other metrics.
pub fn margin(metric: &str, report: &BTreeMap<String, f64>) -> Option<f64> {
    match metric {
        "accuracy" | "roc_auc" => Some(SHARE_MARGIN),
        "log_loss" => Some(LOSS_MARGIN),
        "mae" | "rmse" => report.get(metric).map(|error| error * ERROR_MARGIN),
        "bias" => report.get("rmse").map(|error| error * ERROR_MARGIN),
        _ => None,
    }
}

/// Holds an estimate against the report. The report has an error of its own, that of its number of rows; the two are
/// put together by their squares (Zou & Donner, 2008, "Construction of confidence limits about effect measures"),
/// taking a held-out row to vary as much as a labelled one. *OK* is a test of non-inferiority: the bad end of the
/// interval is within the margin.
pub fn judge(estimate: &Estimate, report: &Report) -> Judged {
    let (interval, n) = match &estimate.outcome {
        Outcome::Measured(interval) => (*interval, estimate.effective),
        Outcome::NotEnough { why, labels_needed } => {
            return Judged { verdict: Verdict::CannotTellYet, labels_needed: *labels_needed, why: Some(why.clone()) };
        }
    };
    let rows = rows_of(report);
    let widened = (1.0 + n / rows).sqrt();
    let (down, up) = ((interval.value - interval.lower) * widened, (interval.upper - interval.value) * widened);
    // Positive: better than the report.
    let (advantage, bad, good) = match natural_goal(&estimate.metric) {
        Some(Goal::Max) => (interval.value - report.value, down, up),
        Some(Goal::Min) => (report.value - interval.value, up, down),
        // Best at the reported value: any distance from it is bad.
        None => (-(interval.value - report.value).abs(), down.max(up), down.max(up)),
    };
    let tolerated = if natural_goal(&estimate.metric).is_some() { 0.0 } else { report.margin };
    if advantage + good < -tolerated {
        return Judged { verdict: Verdict::Worse, labels_needed: None, why: None };
    }
    if advantage - bad >= -report.margin {
        return Judged { verdict: Verdict::Ok, labels_needed: None, why: None };
    }
    let error = (bad / widened) * (n / rows).sqrt();
    if error >= report.margin {
        let why = format!("its report rests on {} held-out rows: no number of labels will tell", report.rows);
        return Judged { verdict: Verdict::CannotTellYet, labels_needed: None, why: Some(why) };
    }
    // An interval's width shrinks with the root of the number of labels; the report's own error stays.
    let as_good = (bad / widened).powi(2) / (report.margin.powi(2) - error.powi(2));
    let (factor, when) = if as_good > 1.0 {
        (Some(as_good), "if it is as good as its report")
    } else {
        let to_ok = ratio(bad, report.margin + advantage);
        let to_worse = ratio(good, -advantage - tolerated);
        let first = [to_ok, to_worse].into_iter().flatten().map(|ratio| ratio * ratio).min_by(f64::total_cmp);
        (first, "if it goes on as it did")
    };
    Judged {
        verdict: Verdict::CannotTellYet,
        labels_needed: factor.map(|factor| more(estimate.labels, factor)),
        why: Some(format!("{:.4} to {:.4} holds both; the number of labels is {when}", interval.lower, interval.upper)),
    }
}

/// How many times too wide an end is; none when it can never be narrow enough.
fn ratio(width: f64, wanted: f64) -> Option<f64> {
    (wanted > 0.0).then(|| width / wanted)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn rows_of(report: &Report) -> f64 {
    report.rows.max(1) as f64
}

/// How many labels are missing until there are `factor` times as many; at least one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an order of magnitude of labels, not negative"
)]
fn more(labels: u64, factor: f64) -> u64 {
    ((labels as f64) * (factor - 1.0)).ceil().max(1.0) as u64
}

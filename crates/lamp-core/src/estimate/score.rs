//! From rows with a truth and what a model said to estimates.

use super::auc::auc;
use super::mean::mean;
use super::share::{Hit, share};
use super::{
    AUC_CLASS_MIN, Estimate, Interval, LOSS_CLASS_MIN, MEAN_LABELS_MIN, Outcome, SHARE_LABELS_MIN, SQUARES_LABELS_MIN,
    effective,
};
use crate::metric::{most_probable, surprise};
use crate::package::Task;

/// From this probability on, a row is called positive.
const THRESHOLD: f64 = 0.5;

/// What a model said of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Binary: P(positive), in [0, 1].
    Probability(f64),
    /// Multiclass: one probability a class, in the order of the model's classes; never empty.
    Classes(Vec<f64>),
    /// Regression: the number.
    Number(f64),
}

/// What the truth turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// Binary: whether the row is positive.
    Positive(bool),
    /// Multiclass: the place of the class among the model's; none for a class that the model does not know.
    Class(Option<usize>),
    /// Regression: the number.
    Number(f64),
}

/// A row to score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// What it counts for: one over its inclusion probability; positive and finite.
    pub weight: f64,
    /// What the model said.
    pub said: Said,
    /// The truth; none when somebody looked and could not tell.
    pub truth: Option<Truth>,
}

/// The metrics that are estimated from labels, by name, the first being the one to look at first.
pub const fn metrics_of(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary => &["accuracy", "roc_auc", "log_loss"],
        Task::Multiclass => &["accuracy", "log_loss"],
        Task::Regression => &["mae", "rmse", "bias"],
    }
}

/// Estimates every metric of a task, in the order of [`metrics_of`]. Rows whose truth or answer is not of the task
/// are left out.
pub fn estimates(task: Task, rows: &[Scored]) -> Vec<Estimate> {
    metrics_of(task).iter().map(|metric| estimate(task, metric, rows)).collect()
}

fn estimate(task: Task, metric: &str, rows: &[Scored]) -> Estimate {
    let told = rows.iter().filter(|row| row.truth.is_some());
    Estimate {
        metric: metric.to_owned(),
        outcome: outcome(task, metric, rows),
        labels: told.clone().count() as u64,
        cannot_tell: rows.iter().filter(|row| row.truth.is_none()).count() as u64,
        effective: effective(told.map(|row| row.weight)),
    }
}

fn outcome(task: Task, metric: &str, rows: &[Scored]) -> Outcome {
    match (task, metric) {
        (Task::Binary | Task::Multiclass, "accuracy") => {
            let hits: Vec<Hit> =
                rows.iter().map(|row| (row.weight, row.truth.as_ref().map(|t| is_hit(&row.said, t)))).collect();
            let told = hits.iter().filter(|(_, hit)| hit.is_some()).count() as u64;
            at_least(SHARE_LABELS_MIN, told, || share(&hits))
        }
        (Task::Binary, "roc_auc") => auc_outcome(rows),
        (Task::Binary, "log_loss") => loss_outcome(rows, &binary_classes(rows)),
        (Task::Multiclass, "log_loss") => at_least_mean(MEAN_LABELS_MIN, &losses(rows)),
        (Task::Regression, "mae") => at_least_mean(MEAN_LABELS_MIN, &errors(rows, f64::abs)),
        (Task::Regression, "bias") => at_least_mean(MEAN_LABELS_MIN, &errors(rows, |error| error)),
        (Task::Regression, "rmse") => root(at_least_mean(SQUARES_LABELS_MIN, &errors(rows, |error| error * error))),
        (Task::Binary | Task::Multiclass | Task::Regression, _) => not_enough("it is not estimated from labels", None),
    }
}

fn not_enough(why: impl Into<String>, labels_needed: Option<u64>) -> Outcome {
    Outcome::NotEnough { why: why.into(), labels_needed }
}

fn at_least(least: u64, labels: u64, measure: impl FnOnce() -> Option<Interval>) -> Outcome {
    if labels < least {
        return not_enough(format!("{labels} of {least} labels"), Some(least - labels));
    }
    measure().map_or_else(|| not_enough("all labels say the same", None), Outcome::Measured)
}

fn at_least_mean(least: u64, rows: &[(f64, f64)]) -> Outcome {
    at_least(least, rows.len() as u64, || mean(rows))
}

fn is_hit(said: &Said, truth: &Truth) -> bool {
    match (said, truth) {
        (Said::Probability(p), Truth::Positive(is_positive)) => (*p >= THRESHOLD) == *is_positive,
        (Said::Classes(said), Truth::Class(class)) => *class == Some(most_probable(said)),
        (Said::Probability(_) | Said::Classes(_) | Said::Number(_), _) => false,
    }
}

/// Score and truth of the binary rows whose truth is known.
fn binary(rows: &[Scored]) -> Vec<(f64, f64, bool)> {
    let known = rows.iter().filter_map(|row| match (&row.said, &row.truth) {
        (Said::Probability(p), Some(Truth::Positive(is_positive))) => Some((row.weight, *p, *is_positive)),
        _ => None,
    });
    known.collect()
}

/// Labels of each class: positive, negative.
fn binary_classes(rows: &[Scored]) -> [u64; 2] {
    let rows = binary(rows);
    [true, false].map(|class| rows.iter().filter(|row| row.2 == class).count() as u64)
}

/// What is missing until both classes have `least` labels, if anything is.
fn missing_class([positives, negatives]: [u64; 2], least: u64) -> Option<Outcome> {
    let (fewer, name) = if positives <= negatives { (positives, "positives") } else { (negatives, "negatives") };
    if fewer >= least {
        return None;
    }
    let labels = positives + negatives;
    // At the rate so far; nothing can be said of a class that was never seen.
    let needed = (fewer > 0).then(|| ((least - fewer) * labels).div_ceil(fewer));
    Some(not_enough(format!("{fewer} of {least} {name}"), needed))
}

fn auc_outcome(rows: &[Scored]) -> Outcome {
    let missing = missing_class(binary_classes(rows), AUC_CLASS_MIN);
    missing.unwrap_or_else(|| at_least(0, rows.len() as u64, || auc(&binary(rows))))
}

fn loss_outcome(rows: &[Scored], classes: &[u64; 2]) -> Outcome {
    let losses = losses(rows);
    if (losses.len() as u64) < MEAN_LABELS_MIN {
        return at_least_mean(MEAN_LABELS_MIN, &losses);
    }
    missing_class(*classes, LOSS_CLASS_MIN).unwrap_or_else(|| at_least_mean(MEAN_LABELS_MIN, &losses))
}

fn losses(rows: &[Scored]) -> Vec<(f64, f64)> {
    let loss = |row: &Scored| match (&row.said, row.truth.as_ref()?) {
        (Said::Probability(p), Truth::Positive(true)) => Some((row.weight, surprise(*p))),
        (Said::Probability(p), Truth::Positive(false)) => Some((row.weight, surprise(1.0 - p))),
        (Said::Classes(said), Truth::Class(class)) => {
            let probability = class.and_then(|class| said.get(class)).copied().unwrap_or(0.0);
            Some((row.weight, surprise(probability)))
        }
        (Said::Probability(_) | Said::Classes(_) | Said::Number(_), _) => None,
    };
    rows.iter().filter_map(loss).collect()
}

fn errors(rows: &[Scored], of: fn(f64) -> f64) -> Vec<(f64, f64)> {
    let error = |row: &Scored| match (&row.said, &row.truth) {
        (Said::Number(said), Some(Truth::Number(truth))) => Some((row.weight, of(said - truth))),
        _ => None,
    };
    rows.iter().filter_map(error).collect()
}

/// From the mean of squares to its root; the root is monotone, so the ends go with it.
fn root(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Measured(Interval { value, lower, upper }) => {
            let root = |value: f64| value.max(0.0).sqrt();
            Outcome::Measured(Interval { value: root(value), lower: root(lower), upper: root(upper) })
        }
        Outcome::NotEnough { why, labels_needed } => Outcome::NotEnough { why, labels_needed },
    }
}

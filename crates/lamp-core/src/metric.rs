//! Metrics that Lamplighter computes itself, and the gate that judges by them.

mod binary;
mod multiclass;
mod regression;
mod reweighted;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::error::{Classified, Kind};
use crate::package::Task;
use crate::registry::GateVerdict;

pub(crate) use binary::surprise;
pub(crate) use multiclass::most_probable;
pub use reweighted::Reweighted;

/// The truth, one entry a row. Rows whose target is null are left out before.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Binary: whether the row is positive.
    Binary(Vec<bool>),
    /// Multiclass: the index of the row's class in the model's classes; none for a class that the model does not know.
    Classes(Vec<Option<usize>>),
    /// Regression: the number.
    Numbers(Vec<f64>),
}

/// What a model said, one entry a row, in the same order as the targets.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictions {
    /// Binary: P(positive), in [0, 1].
    Probabilities(Vec<f64>),
    /// Multiclass: one probability a class, in the order of the model's classes.
    ClassProbabilities(Vec<Vec<f64>>),
    /// Regression: the number.
    Numbers(Vec<f64>),
}

/// Why there are no metrics, or no verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// Nothing to score.
    #[error("there is no row to score")]
    Empty,
    /// Lengths differ.
    #[error("there are {targets} targets and {predictions} predictions")]
    Lengths {
        /// Number of targets.
        targets: usize,
        /// Number of predictions.
        predictions: usize,
    },
    /// The shapes do not belong to the task.
    #[error("a {task} task is not scored from such targets and predictions")]
    Mismatch {
        /// The task.
        task: Task,
    },
    /// A value that no metric takes.
    #[error("row {row}: {why}")]
    Value {
        /// The row, from 0.
        row: usize,
        /// What is wrong.
        why: String,
    },
    /// The gate's metric has no value on this data.
    #[error("the gate's metric `{metric}` is undefined on this data")]
    Undefined {
        /// The metric.
        metric: String,
    },
}

impl Classified for MetricError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("widen the validation range in lamp.toml, or add data for it".to_owned()),
            Self::Undefined { .. } => {
                Some("the held-out rows may all be of one class: widen the validation range in lamp.toml".to_owned())
            }
            Self::Lengths { .. } | Self::Mismatch { .. } | Self::Value { .. } => None,
        }
    }
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Larger is better.
    Max,
    /// Smaller is better.
    Min,
}

/// What a candidate must reach on the held-out data. At least one bound is set; bounds are inclusive.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The metric, one of [`names`] of the model's task.
    pub metric: String,
    /// Which direction is better.
    pub goal: Goal,
    /// Smallest value that passes.
    pub min: Option<f64>,
    /// Largest value that passes.
    pub max: Option<f64>,
}

/// The metrics of a task, by name.
pub const fn names(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary => &["accuracy", "brier", "f1", "log_loss", "precision", "recall", "roc_auc"],
        Task::Multiclass => &["accuracy", "log_loss", "macro_f1"],
        Task::Regression => &["bias", "mae", "r2", "rmse"],
    }
}

/// Which direction is better for a metric; none for `bias`, which is best at zero, and for unknown names.
pub fn natural_goal(metric: &str) -> Option<Goal> {
    match metric {
        "accuracy" | "f1" | "macro_f1" | "precision" | "r2" | "recall" | "roc_auc" => Some(Goal::Max),
        "brier" | "log_loss" | "mae" | "rmse" => Some(Goal::Min),
        _ => None,
    }
}

/// Scores predictions. A metric that is undefined on this data (ROC AUC with one class) is absent.
///
/// Binary (a row is called positive from P = 0.5): `accuracy`, `brier`, `f1`, `log_loss`, `precision`, `recall`,
/// `roc_auc`. Multiclass (a row is called the first class with the largest probability): `accuracy`, `log_loss`,
/// `macro_f1`. Regression: `bias`, `mae`, `r2`, `rmse`. Formulas and sources stand with the code of each task.
pub fn score(task: Task, targets: &Targets, predictions: &Predictions) -> Result<BTreeMap<String, f64>, MetricError> {
    check_all(task, targets, predictions)?;
    let metrics = match (targets, predictions) {
        (Targets::Binary(truth), Predictions::Probabilities(said)) => binary::all(truth, said),
        (Targets::Classes(truth), Predictions::ClassProbabilities(said)) => multiclass::all(truth, said),
        (Targets::Numbers(truth), Predictions::Numbers(said)) => regression::all(truth, said),
        (Targets::Binary(_) | Targets::Classes(_) | Targets::Numbers(_), _) => {
            return Err(MetricError::Mismatch { task });
        }
    };
    let defined = metrics.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(defined.filter(|(_, value)| value.is_finite()).collect())
}

/// The loss of a task: a cost a row whose mean is a metric. What a study of ages adds up.
pub const fn loss(task: Task) -> &'static str {
    match task {
        Task::Binary | Task::Multiclass => "log_loss",
        Task::Regression => "mae",
    }
}

/// The loss of each row: the surprise at the truth, or the absolute error. Its mean is the metric that [`loss`] names.
pub fn row_losses(task: Task, targets: &Targets, predictions: &Predictions) -> Result<Vec<f64>, MetricError> {
    check_all(task, targets, predictions)?;
    match (targets, predictions) {
        (Targets::Binary(truth), Predictions::Probabilities(said)) => {
            Ok(truth.iter().zip(said).map(|(truth, p)| surprise(if *truth { *p } else { 1.0 - p })).collect())
        }
        (Targets::Classes(truth), Predictions::ClassProbabilities(said)) => {
            Ok(truth.iter().zip(said).map(|(truth, said)| surprise(truth.map_or(0.0, |class| said[class]))).collect())
        }
        (Targets::Numbers(truth), Predictions::Numbers(said)) => {
            Ok(truth.iter().zip(said).map(|(truth, said)| (said - truth).abs()).collect())
        }
        (Targets::Binary(_) | Targets::Classes(_) | Targets::Numbers(_), _) => Err(MetricError::Mismatch { task }),
    }
}

/// What a model decides of a row, as far as its task has decisions: positive or not, or the most probable class.
pub fn decisions(predictions: &Predictions) -> Option<Vec<usize>> {
    match predictions {
        Predictions::Probabilities(said) => Some(said.iter().map(|p| usize::from(*p >= binary::THRESHOLD)).collect()),
        Predictions::ClassProbabilities(said) => Some(said.iter().map(|row| most_probable(row)).collect()),
        Predictions::Numbers(_) => None,
    }
}

/// Metrics as they are computed: a name, and a value where it is defined.
type Named = Vec<(&'static str, Option<f64>)>;

/// Whether targets and predictions belong to the task, to each other, and to the values that metrics take.
fn check_all(task: Task, targets: &Targets, predictions: &Predictions) -> Result<(), MetricError> {
    match (task, targets, predictions) {
        (Task::Binary, Targets::Binary(truth), Predictions::Probabilities(said)) => {
            check_lengths(truth.len(), said.len())?;
            check_values(said, "probability", is_probability)
        }
        (Task::Multiclass, Targets::Classes(truth), Predictions::ClassProbabilities(said)) => {
            check_lengths(truth.len(), said.len())?;
            check_classes(truth, said)
        }
        (Task::Regression, Targets::Numbers(truth), Predictions::Numbers(said)) => {
            check_lengths(truth.len(), said.len())?;
            check_values(truth, "target", f64::is_finite)?;
            check_values(said, "prediction", f64::is_finite)
        }
        (Task::Binary | Task::Multiclass | Task::Regression, _, _) => Err(MetricError::Mismatch { task }),
    }
}

fn check_lengths(targets: usize, predictions: usize) -> Result<(), MetricError> {
    if targets != predictions {
        return Err(MetricError::Lengths { targets, predictions });
    }
    if targets == 0 {
        return Err(MetricError::Empty);
    }
    Ok(())
}

fn is_probability(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn check_values(values: &[f64], what: &str, fits: fn(f64) -> bool) -> Result<(), MetricError> {
    match values.iter().position(|value| !fits(*value)) {
        None => Ok(()),
        Some(row) => Err(MetricError::Value { row, why: format!("{} is not a {what}", values[row]) }),
    }
}

fn check_classes(truth: &[Option<usize>], said: &[Vec<f64>]) -> Result<(), MetricError> {
    let classes = said[0].len();
    for (row, (truth, said)) in truth.iter().zip(said).enumerate() {
        let error = |why: String| Err(MetricError::Value { row, why });
        if said.len() != classes || said.is_empty() {
            return error(format!("it has {} probabilities, the first row has {classes}", said.len()));
        }
        if let Some(bad) = said.iter().find(|value| !is_probability(**value)) {
            return error(format!("{bad} is not a probability"));
        }
        if let Some(index) = truth
            && *index >= classes
        {
            return error(format!("class {index} of {classes} is not there"));
        }
    }
    Ok(())
}

/// How many, exact up to 2⁵³.
fn count<T>(items: impl Iterator<Item = T>) -> f64 {
    items.fold(0.0, |sum, _| sum + 1.0)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// A ratio; undefined when nothing is divided into.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

impl Goal {
    /// The word in `lamp.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
        }
    }

    /// `larger` or `smaller`: what is better.
    pub const fn comparative(self) -> &'static str {
        match self {
            Self::Max => "larger",
            Self::Min => "smaller",
        }
    }
}

impl Gate {
    /// Judges metrics that [`score`] computed.
    pub fn judge(&self, metrics: &BTreeMap<String, f64>) -> Result<GateVerdict, MetricError> {
        let undefined = || MetricError::Undefined { metric: self.metric.clone() };
        let value = *metrics.get(&self.metric).ok_or_else(undefined)?;
        let passed = self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max);
        Ok(GateVerdict { metric: self.metric.clone(), value, bound: self.bound(), passed })
    }

    /// The bounds as a person reads them: `>= 0.65`, or `>= -1 and <= 1`.
    pub fn bound(&self) -> String {
        let min = self.min.map(|min| format!(">= {min}"));
        let max = self.max.map(|max| format!("<= {max}"));
        min.into_iter().chain(max).collect::<Vec<_>>().join(" and ")
    }
}

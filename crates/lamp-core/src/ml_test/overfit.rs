//! A tiny batch must be learned by heart. Lamplighter scores the package itself, on the targets that it made
//! itself: code that fits the wrong labels learns those by heart, and fails here.

use std::collections::BTreeMap;

use super::{Judgement, Outcome};
use crate::metric::{Predictions, Targets, score};
use crate::package::Task;
use crate::table::Table;

/// By how much the best that can be attained must beat a constant answer for the test to say anything.
const ROOM_MIN: f64 = 0.05;

/// Best attainable values from here on are told as if they were 1.
const NEARLY_ONE: f64 = 0.999;

/// Slack for rounding.
const ROUNDING: f64 = 1e-9;

/// The metrics that a tiny batch may be judged by, each best at 1: the first is the task's own.
pub const fn metrics(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary => &["roc_auc", "accuracy"],
        Task::Multiclass => &["accuracy"],
        Task::Regression => &["r2"],
    }
}

/// What the metric must reach unless `lamp.toml` says otherwise.
pub const fn min_default(task: Task) -> f64 {
    match task {
        Task::Binary | Task::Multiclass => 0.95,
        Task::Regression => 0.9,
    }
}

/// For each row the number of its group: rows with the same inputs are in one.
pub fn groups(inputs: &Table, rows: usize) -> Vec<usize> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut group_of = |row: usize| {
        let texts: Vec<String> = inputs.columns.iter().map(|column| column.values.json(row).to_string()).collect();
        let next = known.len();
        *known.entry(texts.join("\u{1f}")).or_insert(next)
    };
    (0..rows).map(&mut group_of).collect()
}

/// Judges what the package says of the rows that it was trained on. `groups` are those of [`groups`]: rows that no
/// model can tell apart lower what is asked for, in proportion.
pub fn judge(task: Task, targets: &Targets, said: &Predictions, groups: &[usize], metric: &str, min: f64) -> Judgement {
    let rows = groups.len();
    if rows == 0 {
        return Judgement::new(Outcome::Failed, "there is no row to learn");
    }
    let one = vec![0; rows];
    let (Some(chance), Some(best)) = (
        value(task, targets, &answers(targets, said, &one), metric),
        value(task, targets, &answers(targets, said, groups), metric),
    ) else {
        return Judgement::new(
            Outcome::Failed,
            format!("all {rows} rows have the same target: there is nothing to learn"),
        );
    };
    if min <= chance {
        let reason = format!("a constant answer reaches {metric} {chance:.3}, and no more than {min} is asked for");
        return Judgement::new(Outcome::Uninformative, reason);
    }
    if best - chance < ROOM_MIN {
        let reason = format!(
            "rows with the same inputs have different targets: no model can reach more than {metric} {best:.3}"
        );
        return Judgement::new(Outcome::Uninformative, reason);
    }
    let needed = chance + (min - chance) * (best - chance) / (1.0 - chance);
    let room = if best < NEARLY_ONE { format!(" (rows with the same inputs allow {best:.3})") } else { String::new() };
    match score(task, targets, said) {
        Err(error) => Judgement::new(Outcome::Failed, error.to_string()),
        Ok(metrics) => match metrics.get(metric) {
            None => Judgement::new(Outcome::Failed, format!("{metric} is undefined on these answers")),
            Some(value) => {
                let outcome = if *value >= needed - ROUNDING { Outcome::Passed } else { Outcome::Failed };
                let reason = format!(
                    "{metric} {value:.3} on the {rows} rows that it was trained on, at least {needed:.3} is asked for{room}"
                );
                Judgement::new(outcome, reason).measuring(*value)
            }
        },
    }
}

fn value(task: Task, targets: &Targets, said: &Predictions, metric: &str) -> Option<f64> {
    score(task, targets, said).ok()?.get(metric).copied()
}

/// The best answers of a model that sees the groups alone: the mean of each (the share of positives, the shares of
/// the classes). Ranking by the share of positives has the largest AUC there is (Neyman & Pearson, 1933).
fn answers(targets: &Targets, said: &Predictions, groups: &[usize]) -> Predictions {
    match targets {
        Targets::Binary(truth) => {
            Predictions::Probabilities(group_means(groups, &|row| f64::from(u8::from(truth[row]))))
        }
        Targets::Numbers(truth) => Predictions::Numbers(group_means(groups, &|row| truth[row])),
        Targets::Classes(truth) => {
            let classes = match said {
                Predictions::ClassProbabilities(rows) => rows.first().map_or(0, Vec::len),
                Predictions::Probabilities(_) | Predictions::Numbers(_) => 0,
            };
            let shares: Vec<Vec<f64>> = (0..classes)
                .map(|class| group_means(groups, &|row| f64::from(u8::from(truth[row] == Some(class)))))
                .collect();
            let row = |row: usize| shares.iter().map(|class| class[row]).collect();
            Predictions::ClassProbabilities((0..groups.len()).map(row).collect())
        }
    }
}

fn group_means(groups: &[usize], value: &dyn Fn(usize) -> f64) -> Vec<f64> {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        let sum = sums.entry(*group).or_default();
        sum.0 += value(row);
        sum.1 += 1.0;
    }
    groups.iter().map(|group| sums[group].0 / sums[group].1).collect()
}

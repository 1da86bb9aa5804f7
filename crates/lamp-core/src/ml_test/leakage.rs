//! How well one input alone tells the target: too well is a leak, a column that is only known afterwards, or the
//! target itself under another name.
//!
//! The measure is out of fold, as in a predictive power score (Wetschoreck, 2020): rows are split in two halves, the
//! target's mean in each group of equal or near values is learned on one and used on the other. So words that are
//! all different tell nothing, a column that tells by being empty is found, and so is a relation that is not monotone.

use std::collections::BTreeMap;

use super::association::{correlation, mid_ranks};
use crate::metric::{Predictions, Targets, score};
use crate::package::Task;
use crate::table::Values;

/// Groups that the numbers of a column are put into.
const GROUPS: usize = 32;
/// Rows that are needed to say anything.
pub const ROWS_MIN: usize = 100;

/// What a score is called, and up to which value an input is no leak unless `lamp.toml` says otherwise.
pub const fn measure(task: Task) -> (&'static str, f64) {
    match task {
        Task::Binary => ("roc_auc", 0.9),
        Task::Multiclass => ("share of the errors that it removes", 0.9),
        Task::Regression => ("r2", 0.95),
    }
}

/// The score of one input: binary the AUC, at least 0.5; multiclass the share of a constant answer's errors that it
/// removes, from 0; regression R², from 0. None when there are fewer than [`ROWS_MIN`] rows, or the target does not
/// vary.
pub fn score_of(values: &Values, targets: &Targets) -> Option<f64> {
    let rows = values.len();
    if rows < ROWS_MIN {
        return None;
    }
    let numbers = numbers_of(values);
    let groups = match &numbers {
        Some(numbers) => groups_of_numbers(numbers),
        None => groups_of_words(values),
    };
    match targets {
        Targets::Binary(truth) => {
            let truth: Vec<f64> = truth.iter().map(|truth| f64::from(u8::from(*truth))).collect();
            let said = Predictions::Probabilities(out_of_fold(&groups, &truth));
            let by_group = *score(Task::Binary, targets, &said).ok()?.get("roc_auc")?;
            let by_rank = numbers.and_then(|numbers| auc_of(&numbers, &truth)).unwrap_or(0.5);
            Some(by_group.max(by_rank).max(1.0 - by_rank).max(0.5))
        }
        Targets::Numbers(truth) => {
            let said = Predictions::Numbers(out_of_fold(&groups, truth));
            let by_group = *score(Task::Regression, targets, &said).ok()?.get("r2")?;
            let by_rank = numbers.and_then(|numbers| squared_correlation(&numbers, truth)).unwrap_or(0.0);
            Some(by_group.max(by_rank).max(0.0))
        }
        Targets::Classes(truth) => errors_removed(&groups, truth),
    }
}

/// The column's numbers; none for words.
fn numbers_of(values: &Values) -> Option<Vec<Option<f64>>> {
    match values {
        Values::Int(_) | Values::Float(_) | Values::Bool(_) => Some(
            (0..values.len())
                .map(|row| {
                    let value = values.json(row);
                    value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag))))
                })
                .collect(),
        ),
        Values::Text(_) | Values::Instant(_) => None,
    }
}

/// Group 0 is of missing values; the others hold about as many rows each, equal values together.
fn groups_of_numbers(numbers: &[Option<f64>]) -> Vec<usize> {
    let known: Vec<f64> = numbers.iter().flatten().copied().collect();
    let mut ranks = mid_ranks(&known).into_iter();
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks of a sample, from 1"
    )]
    let mut group_of = |number: &Option<f64>| match number {
        Some(_) => 1 + ((ranks.next().unwrap_or(1.0) - 1.0) * GROUPS as f64 / known.len() as f64) as usize,
        None => 0,
    };
    numbers.iter().map(&mut group_of).collect()
}

fn groups_of_words(values: &Values) -> Vec<usize> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut group_of = |row: usize| {
        let next = known.len();
        *known.entry(values.json(row).to_string()).or_insert(next)
    };
    (0..values.len()).map(&mut group_of).collect()
}

/// For each row the mean of its group in the other half of the rows, drawn a little towards that half's mean.
fn out_of_fold(groups: &[usize], truth: &[f64]) -> Vec<f64> {
    let mut sums: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    let mut all = [(0.0, 0.0); 2];
    for (row, (group, truth)) in groups.iter().zip(truth).enumerate() {
        let sum = sums.entry((row % 2, *group)).or_default();
        *sum = (sum.0 + truth, sum.1 + 1.0);
        all[row % 2] = (all[row % 2].0 + truth, all[row % 2].1 + 1.0);
    }
    let said = |(row, group): (usize, &usize)| {
        let other = 1 - row % 2;
        let mean = all[other].0 / all[other].1;
        let (sum, count) = sums.get(&(other, *group)).copied().unwrap_or_default();
        (sum + mean) / (count + 1.0)
    };
    groups.iter().enumerate().map(said).collect()
}

/// AUC of the numbers themselves, where at least half of them are there.
fn auc_of(numbers: &[Option<f64>], truth: &[f64]) -> Option<f64> {
    let (known, truth) = known_rows(numbers, truth)?;
    let positives: f64 = truth.iter().sum();
    #[allow(clippy::cast_precision_loss, reason = "rows of a sample are few")]
    let negatives = truth.len() as f64 - positives;
    let ranks: f64 = mid_ranks(&known).iter().zip(&truth).map(|(rank, truth)| rank * truth).sum();
    let pairs = positives * negatives;
    (pairs > 0.0).then(|| (ranks - positives * (positives + 1.0) / 2.0) / pairs)
}

/// The larger of Pearson's and Spearman's, squared.
fn squared_correlation(numbers: &[Option<f64>], truth: &[f64]) -> Option<f64> {
    let (known, truth) = known_rows(numbers, truth)?;
    let straight = correlation(&known, &truth)?;
    let by_rank = correlation(&mid_ranks(&known), &mid_ranks(&truth))?;
    Some((straight * straight).max(by_rank * by_rank))
}

fn known_rows(numbers: &[Option<f64>], truth: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let known: Vec<(f64, f64)> =
        numbers.iter().zip(truth).filter_map(|(number, truth)| Some(((*number)?, *truth))).collect();
    (2 * known.len() >= numbers.len()).then(|| known.into_iter().unzip())
}

fn errors_removed(groups: &[usize], truth: &[Option<usize>]) -> Option<f64> {
    let mut counts: BTreeMap<(usize, usize), BTreeMap<Option<usize>, usize>> = BTreeMap::new();
    let mut all: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for (row, (group, truth)) in groups.iter().zip(truth).enumerate() {
        *counts.entry((row % 2, *group)).or_default().entry(*truth).or_default() += 1;
        *all.entry(*truth).or_default() += 1;
    }
    let most =
        |counts: &BTreeMap<Option<usize>, usize>| counts.iter().max_by_key(|(_, n)| **n).map(|(class, _)| *class);
    let usual = most(&all)?;
    let said = |(row, group): (usize, &usize)| counts.get(&(1 - row % 2, *group)).and_then(most).unwrap_or(usual);
    let wrong = groups.iter().enumerate().map(said).zip(truth).filter(|(said, truth)| said != *truth).count();
    let wrong_usually = truth.iter().filter(|truth| **truth != usual).count();
    #[allow(clippy::cast_precision_loss, reason = "rows of a sample are few")]
    (wrong_usually > 0).then(|| (1.0 - wrong as f64 / wrong_usually as f64).max(0.0))
}

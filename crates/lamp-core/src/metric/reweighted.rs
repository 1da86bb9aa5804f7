//! One metric, prepared to be computed many times with other weights on the rows: what resampling asks for.

use super::binary::{Confusion, THRESHOLD, surprise};
use super::multiclass::most_probable;
use super::{MetricError, Predictions, Targets, check_all, ratio};
use crate::package::Task;

/// A metric of some predictions that waits for weights. With a weight of 1 on every row it gives what
/// [`super::score`] gives; with whole weights, what `score` gives when each row is there so many times.
#[derive(Debug, Clone)]
pub struct Reweighted {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    /// The weighted mean of a value a row.
    Mean(Vec<f64>),
    /// The root of the weighted mean of a value a row.
    RootMean(Vec<f64>),
    /// A share of a two-by-two table of (is positive, was called positive).
    Table(Vec<(bool, bool)>, fn(&Confusion) -> Option<f64>),
    /// ROC AUC: the rows by rising probability, in groups of ties.
    Ranking { ties: Vec<Vec<usize>>, truth: Vec<bool> },
    /// The mean F1 over classes of (true class, called class).
    MacroF1 { pairs: Vec<(Option<usize>, usize)>, classes: usize },
    /// One minus unexplained over all variance of (truth, squared error).
    R2(Vec<(f64, f64)>),
}

impl Reweighted {
    /// Prepares `metric`, one of [`super::names`] of the task; none for another name.
    pub fn new(
        task: Task,
        metric: &str,
        targets: &Targets,
        predictions: &Predictions,
    ) -> Result<Option<Self>, MetricError> {
        check_all(task, targets, predictions)?;
        let form = match (targets, predictions) {
            (Targets::Binary(truth), Predictions::Probabilities(said)) => binary_form(metric, truth, said),
            (Targets::Classes(truth), Predictions::ClassProbabilities(said)) => multiclass_form(metric, truth, said),
            (Targets::Numbers(truth), Predictions::Numbers(said)) => regression_form(metric, truth, said),
            (Targets::Binary(_) | Targets::Classes(_) | Targets::Numbers(_), _) => None,
        };
        Ok(form.map(|form| Self { form }))
    }

    /// The metric under weights, one a row, none below zero. None where it is undefined.
    pub fn value(&self, weights: &[f64]) -> Option<f64> {
        let value = match &self.form {
            Form::Mean(values) => weighted_mean(values.iter().copied(), weights),
            Form::RootMean(values) => weighted_mean(values.iter().copied(), weights).map(f64::sqrt),
            Form::Table(pairs, share) => {
                share(&Confusion::weighted(pairs.iter().copied().zip(weights.iter().copied())))
            }
            Form::Ranking { ties, truth } => roc_auc(ties, truth, weights),
            Form::MacroF1 { pairs, classes } => macro_f1(pairs, *classes, weights),
            Form::R2(rows) => r2(rows, weights),
        };
        value.filter(|value| value.is_finite())
    }
}

fn binary_form(metric: &str, truth: &[bool], said: &[f64]) -> Option<Form> {
    let rows = || truth.iter().copied().zip(said.iter().copied());
    let table = || rows().map(|(truth, p)| (truth, p >= THRESHOLD)).collect();
    Some(match metric {
        "accuracy" => Form::Mean(rows().map(|(truth, p)| f64::from(truth == (p >= THRESHOLD))).collect()),
        "brier" => Form::Mean(rows().map(|(truth, p)| (p - f64::from(truth)).powi(2)).collect()),
        "log_loss" => Form::Mean(rows().map(|(truth, p)| surprise(if truth { p } else { 1.0 - p })).collect()),
        "f1" => Form::Table(table(), Confusion::f1),
        "precision" => Form::Table(table(), Confusion::precision),
        "recall" => Form::Table(table(), Confusion::recall),
        "roc_auc" => {
            let mut order: Vec<usize> = (0..said.len()).collect();
            order.sort_by(|a, b| said[*a].total_cmp(&said[*b]));
            // `==`, so that 0 and -0 are one tie.
            #[expect(clippy::float_cmp, reason = "a tie is an exact tie")]
            let ties = order.chunk_by(|a, b| said[*a] == said[*b]).map(<[usize]>::to_vec).collect();
            Form::Ranking { ties, truth: truth.to_vec() }
        }
        _ => return None,
    })
}

fn multiclass_form(metric: &str, truth: &[Option<usize>], said: &[Vec<f64>]) -> Option<Form> {
    let rows = || truth.iter().copied().zip(said);
    Some(match metric {
        "accuracy" => Form::Mean(rows().map(|(t, said)| f64::from(t == Some(most_probable(said)))).collect()),
        "log_loss" => Form::Mean(rows().map(|(t, said)| surprise(t.map_or(0.0, |class| said[class]))).collect()),
        "macro_f1" => {
            let pairs = rows().map(|(truth, said)| (truth, most_probable(said))).collect();
            Form::MacroF1 { pairs, classes: said.first().map_or(0, Vec::len) }
        }
        _ => return None,
    })
}

fn regression_form(metric: &str, truth: &[f64], said: &[f64]) -> Option<Form> {
    let errors = || truth.iter().zip(said).map(|(truth, said)| said - truth);
    let squares = || errors().map(|error| error * error);
    Some(match metric {
        "bias" => Form::Mean(errors().collect()),
        "mae" => Form::Mean(errors().map(f64::abs).collect()),
        "rmse" => Form::RootMean(squares().collect()),
        "r2" => Form::R2(truth.iter().copied().zip(squares()).collect()),
        _ => return None,
    })
}

fn weighted_mean(values: impl Iterator<Item = f64>, weights: &[f64]) -> Option<f64> {
    let (sum, weight) = values.zip(weights).fold((0.0, 0.0), |(sum, all), (value, w)| (sum + w * value, all + w));
    ratio(sum, weight)
}

/// As `binary::roc_auc`, with weighted ranks: each positive beats the weight of the negatives below it, and half of
/// those it is tied with.
fn roc_auc(ties: &[Vec<usize>], truth: &[bool], weights: &[f64]) -> Option<f64> {
    let (mut below, mut positives, mut wins) = (0.0, 0.0, 0.0);
    for tie in ties {
        let (mut up, mut down) = (0.0, 0.0);
        for row in tie {
            if truth[*row] {
                up += weights[*row];
            } else {
                down += weights[*row];
            }
        }
        wins += up * (below + down / 2.0);
        below += down;
        positives += up;
    }
    ratio(wins, positives * below)
}

/// As `multiclass::macro_f1`.
fn macro_f1(pairs: &[(Option<usize>, usize)], classes: usize, weights: &[f64]) -> Option<f64> {
    let (mut hits, mut sizes, mut unknown) = (vec![0.0; classes], vec![0.0; classes], 0.0);
    for ((truth, called), weight) in pairs.iter().zip(weights) {
        sizes[*called] += weight;
        match truth {
            Some(class) => {
                sizes[*class] += weight;
                if class == called {
                    hits[*class] += weight;
                }
            }
            None => unknown += weight,
        }
    }
    // `sizes` is 2·TP + FP + FN.
    let mut scores: Vec<f64> =
        hits.iter().zip(&sizes).filter_map(|(hits, size): (&f64, _)| ratio(2.0 * hits, *size)).collect();
    if unknown > 0.0 {
        scores.push(0.0);
    }
    ratio(scores.iter().sum(), super::count(scores.iter()))
}

/// As `regression::r2`.
fn r2(rows: &[(f64, f64)], weights: &[f64]) -> Option<f64> {
    let center = weighted_mean(rows.iter().map(|(truth, _)| *truth), weights)?;
    let mut counted = rows.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|((truth, _), _)| *truth);
    let first = counted.next()?;
    let varies = counted.any(|truth| truth.total_cmp(&first).is_ne());
    let unexplained = weighted_mean(rows.iter().map(|(_, squared)| *squared), weights)?;
    let variance = weighted_mean(rows.iter().map(|(truth, _)| (truth - center).powi(2)), weights)?;
    if varies { ratio(unexplained, variance).map(|share| 1.0 - share) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::{names, score};

    /// Asserts that weights count rows: the weighted metric is the plain one of rows that are there so many times.
    fn check(task: Task, targets: &Targets, predictions: &Predictions, weights: &[u8]) -> Result<(), TestCaseError> {
        let again: Vec<usize> =
            weights.iter().enumerate().flat_map(|(row, times)| vec![row; usize::from(*times)]).collect();
        let plain = if again.is_empty() {
            std::collections::BTreeMap::new()
        } else {
            score(task, &pick_targets(targets, &again), &pick(predictions, &again)).expect("metrics")
        };
        let weights: Vec<f64> = weights.iter().copied().map(f64::from).collect();
        for name in names(task) {
            let found =
                Reweighted::new(task, name, targets, predictions).expect("fits").expect("known").value(&weights);
            match (found, plain.get(*name)) {
                (None, None) => {}
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{name}: {a}, not {b}"),
                other => prop_assert!(false, "{name}: {other:?}"),
            }
        }
        Ok(())
    }

    fn pick_targets(targets: &Targets, rows: &[usize]) -> Targets {
        match targets {
            Targets::Binary(all) => Targets::Binary(rows.iter().map(|row| all[*row]).collect()),
            Targets::Classes(all) => Targets::Classes(rows.iter().map(|row| all[*row]).collect()),
            Targets::Numbers(all) => Targets::Numbers(rows.iter().map(|row| all[*row]).collect()),
        }
    }

    fn pick(predictions: &Predictions, rows: &[usize]) -> Predictions {
        match predictions {
            Predictions::Probabilities(all) => Predictions::Probabilities(rows.iter().map(|row| all[*row]).collect()),
            Predictions::ClassProbabilities(all) => {
                Predictions::ClassProbabilities(rows.iter().map(|row| all[*row].clone()).collect())
            }
            Predictions::Numbers(all) => Predictions::Numbers(rows.iter().map(|row| all[*row]).collect()),
        }
    }

    proptest! {
        #[test]
        fn weights_count_rows_of_binary_predictions(
            rows in prop::collection::vec((any::<bool>(), 0_u8..=8, 0_u8..4), 1..30)
        ) {
            let truth = rows.iter().map(|row| row.0).collect();
            let said = rows.iter().map(|row| f64::from(row.1) / 8.0).collect();
            let weights: Vec<u8> = rows.iter().map(|row| row.2).collect();
            check(Task::Binary, &Targets::Binary(truth), &Predictions::Probabilities(said), &weights)?;
        }

        #[test]
        fn weights_count_rows_of_several_classes(
            rows in prop::collection::vec((prop::option::of(0_usize..3), 0_u8..=4, 0_u8..=4, 0_u8..4), 1..30)
        ) {
            let truth = rows.iter().map(|row| row.0).collect();
            let said = rows.iter().map(|row| {
                let (a, b) = (f64::from(row.1) / 8.0, f64::from(row.2) / 8.0);
                vec![a, b, 1.0 - a - b]
            });
            let (said, weights) = (said.collect(), rows.iter().map(|row| row.3).collect::<Vec<u8>>());
            check(Task::Multiclass, &Targets::Classes(truth), &Predictions::ClassProbabilities(said), &weights)?;
        }

        #[test]
        fn weights_count_rows_of_numbers(
            rows in prop::collection::vec((-9_i8..9, -9_i8..9, 0_u8..4), 1..30)
        ) {
            let truth = rows.iter().map(|row| f64::from(row.0)).collect();
            let said = rows.iter().map(|row| f64::from(row.1)).collect();
            let weights: Vec<u8> = rows.iter().map(|row| row.2).collect();
            check(Task::Regression, &Targets::Numbers(truth), &Predictions::Numbers(said), &weights)?;
        }
    }

    #[test]
    fn a_name_that_the_task_does_not_have_is_none() {
        let (targets, said) = (Targets::Numbers(vec![1.0]), Predictions::Numbers(vec![1.0]));
        assert!(Reweighted::new(Task::Regression, "roc_auc", &targets, &said).expect("fits").is_none());
        assert!(Reweighted::new(Task::Binary, "roc_auc", &targets, &said).is_err());
    }
}

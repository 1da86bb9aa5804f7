//! Metrics of K probabilities a row against the true class.

use super::binary::{Confusion, surprise};
use super::{Named, mean};

pub(super) fn all(truth: &[Option<usize>], said: &[Vec<f64>]) -> Named {
    let called: Vec<usize> = said.iter().map(|row| most_probable(row)).collect();
    let hits = truth.iter().zip(&called).map(|(truth, called)| f64::from(*truth == Some(*called)));
    let surprises = truth.iter().zip(said).map(|(truth, said)| surprise(truth.map_or(0.0, |class| said[class])));
    vec![
        ("accuracy", Some(mean(hits))),
        ("log_loss", Some(mean(surprises))),
        ("macro_f1", macro_f1(truth, &called, said[0].len())),
    ]
}

/// The first class with the largest probability.
pub(crate) fn most_probable(row: &[f64]) -> usize {
    let mut best = 0;
    for (class, probability) in row.iter().enumerate() {
        if *probability > row[best] {
            best = class;
        }
    }
    best
}

/// The plain mean of the F1 of each class that occurs or is called (Sokolova & Lapalme, 2009, "A systematic analysis
/// of performance measures for classification tasks"). Classes that the model does not know count together as one,
/// with F1 = 0.
fn macro_f1(truth: &[Option<usize>], called: &[usize], classes: usize) -> Option<f64> {
    let f1_of = |class: usize| {
        let pairs = truth.iter().zip(called).map(|(truth, called)| (*truth == Some(class), *called == class));
        Confusion::of(pairs).f1()
    };
    let unknown = truth.iter().any(Option::is_none).then_some(0.0);
    let scores: Vec<f64> = (0..classes).filter_map(f1_of).chain(unknown).collect();
    (!scores.is_empty()).then(|| mean(scores.into_iter()))
}

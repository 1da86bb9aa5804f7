use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::names::DatasetName;
use crate::table::Values;

/// Rows that are late by turns, in `days` partitions, on two streets. `sure` says how sure a model is of the truth.
struct Rows {
    truth: Vec<bool>,
    day: Vec<usize>,
    inputs: Table,
}

impl Rows {
    fn new(days: usize, rows_a_day: usize) -> Self {
        let rows = days * rows_a_day;
        let mut inputs = Table::default();
        let street = |row: usize| Some(if row.is_multiple_of(3) { "elm" } else { "oak" }.to_owned());
        inputs.push("street", Values::Text((0..rows).map(street).collect()));
        inputs.push("row", Values::Int((0..rows).map(|row| i64::try_from(row).ok()).collect()));
        inputs.push("weight", Values::Float(vec![Some(1.0); rows]));
        Self {
            truth: (0..rows).map(|row| row % 2 == 0).collect(),
            day: (0..rows).map(|row| row / rows_a_day).collect(),
            inputs,
        }
    }

    fn said(&self, sure: impl Fn(usize) -> f64) -> Predictions {
        let said = |(row, late): (usize, &bool)| if *late { sure(row) } else { 1.0 - sure(row) };
        Predictions::Probabilities(self.truth.iter().enumerate().map(said).collect())
    }

    fn compare(&self, candidate: &Predictions, serving: &Predictions, seen: Option<Contamination>) -> BesideServing {
        let targets = Targets::Binary(self.truth.clone());
        let answers = |predictions| Answers { targets: &targets, predictions, classes: &[] };
        let exam = Exam {
            task: Task::Binary,
            gate: Some("roc_auc"),
            candidate: answers(candidate),
            serving: answers(serving),
            inputs: &self.inputs,
            partition_of_row: &self.day,
        };
        exam.compare(b"a run", seen).expect("compared")
    }
}

fn check(beside: &BesideServing, expected: &Expect) {
    let mut text = format!("{} ({:?} × {})\n", beside.standing, beside.unit, beside.units);
    for of in &beside.differences {
        let interval = of.interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:+.3} … {high:+.3}"));
        writeln!(text, "{} {:.3} {:.3} {:+.3} [{interval}]", of.metric, of.candidate, of.serving, of.difference)
            .expect("a line");
    }
    writeln!(text, "decided differently {:?}", beside.decided_differently).expect("a line");
    for slice in &beside.slices {
        let value = slice.value.as_deref().unwrap_or("null");
        writeln!(text, "{}={value} {} {:?}", slice.column, slice.rows, slice.difference()).expect("a line");
    }
    expected.assert_eq(&text);
}

/// Wrong on every eleventh row, or so, of each day.
fn mostly(every: usize) -> impl Fn(usize) -> f64 {
    move |row| if (row * 7) % every == 0 { 0.3 } else { 0.8 }
}

#[test]
fn a_clear_gain_is_better_and_the_other_way_round_worse() {
    let rows = Rows::new(20, 30);
    let (good, poor) = (rows.said(mostly(11)), rows.said(mostly(3)));
    check(
        &rows.compare(&good, &poor, None),
        &expect![[r#"
        better (Partition × 20)
        roc_auc 0.992 0.889 +0.103 [+0.102 … +0.104]
        log_loss 0.313 0.550 -0.237 [-0.244 … -0.232]
        decided differently Some(0.3616666666666667)
        street=oak 400 Some(-0.008099999999999996)
        street=elm 200 Some(0.991)
    "#]],
    );
    assert_eq!(rows.compare(&poor, &good, None).standing, Standing::Worse);
    assert_eq!(rows.compare(&good, &good.clone(), None).standing, Standing::CannotTell, "no difference");
}

#[test]
fn few_rows_give_no_verdict() {
    let rows = Rows::new(1, 40);
    let beside = rows.compare(&rows.said(|_| 0.9), &rows.said(|_| 0.2), None);
    assert_eq!((beside.standing, beside.unit), (Standing::CannotTell, ResampledUnit::Row));
    assert!(beside.differences[0].interval.is_some(), "though they have an interval");
    assert!(beside.slices.iter().all(|slice| !slice.sufficient && slice.difference().is_none()), "{beside:?}");
}

#[test]
fn a_gain_on_one_day_alone_is_no_gain() {
    // 600 rows in 20 days; the candidate is better on the rows of the first day, and equal elsewhere. Row by row that
    // looks certain; day by day it is one witness.
    let mut rows = Rows::new(20, 30);
    let (good, poor) =
        (rows.said(|row| if row < 30 { 0.8 } else { 0.6 }), rows.said(|row| if row < 30 { 0.3 } else { 0.6 }));
    assert_eq!(rows.compare(&good, &poor, None).standing, Standing::CannotTell);
    rows.day.clear();
    assert_eq!(rows.compare(&good, &poor, None).standing, Standing::Better);
}

#[test]
fn losing_to_a_model_that_knows_the_answers_means_nothing() {
    let rows = Rows::new(20, 30);
    let (good, poor) = (rows.said(mostly(11)), rows.said(mostly(3)));
    let seen = || Some(Contamination { partitions: 3, of: 20 });
    assert_eq!(rows.compare(&poor, &good, seen()).standing, Standing::CannotTell);
    assert_eq!(rows.compare(&good, &poor, seen()).standing, Standing::Better, "in spite of it");
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let rows = Rows::new(12, 10);
    let (a, b) = (rows.said(mostly(5)), rows.said(mostly(4)));
    assert_eq!(rows.compare(&a, &b, None), rows.compare(&a, &b, None));
}

#[test]
fn classes_are_compared_by_name() {
    let targets = (Targets::Classes(vec![Some(0), Some(1)]), Targets::Classes(vec![Some(1), Some(0)]));
    let said = |rows: [[f64; 2]; 2]| Predictions::ClassProbabilities(rows.map(|row| row.to_vec()).to_vec());
    let (candidate, serving) = (said([[0.9, 0.1], [0.2, 0.8]]), said([[0.1, 0.9], [0.3, 0.7]]));
    let names = |names: [&str; 2]| names.map(str::to_owned);
    let (ours, theirs) = (names(["elm", "oak"]), names(["oak", "elm"]));
    let exam = Exam {
        task: Task::Multiclass,
        gate: None,
        candidate: Answers { targets: &targets.0, predictions: &candidate, classes: &ours },
        serving: Answers { targets: &targets.1, predictions: &serving, classes: &theirs },
        inputs: &Table::default(),
        partition_of_row: &[],
    };
    // Elm and oak; elm and elm.
    assert_eq!(exam.compare(b"", None).expect("compared").decided_differently, Some(0.5));
}

#[test]
fn what_the_serving_model_was_trained_on_is_told() {
    let input = |dataset: &str, partitions: &[&str]| PinnedInput {
        dataset: DatasetName::parse(dataset).expect("a name"),
        version: 1,
        digest: crate::digest::Digest::of(b""),
        slice: dataset.to_owned(),
        partitions: partitions.iter().map(|key| PartitionKey::parse(key).expect("a partition")).collect(),
        files: 1,
    };
    let valid = input("trips", &["2013-03-30", "2013-03-31", "2013-04-01"]);
    let seen = |trained: &PinnedInput| contamination(trained, &valid).map(|seen| (seen.partitions, seen.of));
    assert_eq!(seen(&input("trips", &["2013-03-28", "2013-03-29"])), None);
    assert_eq!(seen(&input("trips", &["2013-03-29", "2013-03-30"])), Some((1, 3)));
    assert_eq!(seen(&input("trips", &["2013-03"])), Some((2, 3)), "a month holds its days");
    assert_eq!(seen(&input("weather", &["2013-03-30"])), None);
    assert_eq!(seen(&input("trips", &[])), Some((0, 0)), "all of it");
}

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::association::{judge_permuted, judge_repeat, judge_signal, measure};
use super::integrity::{self, Finding};
use super::sampling::{Choices, Labels, planted_order, sample_rows, tiny_rows};
use super::*;
use crate::metric::{Predictions, Targets};
use crate::package::{Datatype, Field, Signature, Task};
use crate::profile::{ColumnBuilder, ColumnKind, Profile};
use crate::table::{Table, Values};

fn shown(judgement: &Judgement) -> String {
    let details: Vec<String> = judgement.details.iter().map(|detail| format!("\n  {detail}")).collect();
    format!("{}: {}{}\n", judgement.outcome, judgement.reason, details.concat())
}

fn check_overfit(truth: &[u8], said: &[f64], groups: &[usize], min: f64, expected: &Expect) {
    let targets = Targets::Binary(truth.iter().map(|truth| *truth == 1).collect());
    let said = Predictions::Probabilities(said.to_vec());
    expected.assert_eq(&shown(&overfit::judge(Task::Binary, &targets, &said, groups, "roc_auc", min)));
}

#[test]
fn a_tiny_batch_is_learned_or_not() {
    let apart = [0, 1, 2, 3];
    check_overfit(
        &[1, 1, 0, 0],
        &[0.9, 0.8, 0.2, 0.1],
        &apart,
        0.95,
        &expect![[r"
        passed: roc_auc 1.000 on the 4 rows that it was trained on, at least 0.950 is asked for
    "]],
    );
    // Labels that were shuffled are learned by heart too, and are the wrong ones.
    check_overfit(
        &[1, 1, 0, 0],
        &[0.9, 0.1, 0.9, 0.1],
        &apart,
        0.95,
        &expect![[r"
        failed: roc_auc 0.500 on the 4 rows that it was trained on, at least 0.950 is asked for
    "]],
    );
    check_overfit(
        &[1, 1, 1, 1],
        &[0.9, 0.9, 0.9, 0.9],
        &apart,
        0.95,
        &expect!["failed: all 4 rows have the same target: there is nothing to learn\n"],
    );
    check_overfit(&[], &[], &[], 0.95, &expect!["failed: there is no row to learn\n"]);
}

#[test]
fn what_no_model_can_tell_apart_is_not_asked_for() {
    // Two groups, three of four in each alike: the best AUC is that of the shares 3/4 and 1/4.
    let (truth, groups) = ([1, 1, 1, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1, 1, 1]);
    let shares = [0.75, 0.75, 0.75, 0.75, 0.25, 0.25, 0.25, 0.25];
    check_overfit(
        &truth,
        &shares,
        &groups,
        0.95,
        &expect![[r"
        passed: roc_auc 0.750 on the 8 rows that it was trained on, at least 0.725 is asked for (rows with the same inputs allow 0.750)
    "]],
    );
    // The same inputs everywhere: nothing can be learned, and nothing is said.
    check_overfit(
        &[1, 0, 1, 0],
        &[0.5; 4],
        &[0; 4],
        0.95,
        &expect![[r"
        uninformative: rows with the same inputs have different targets: no model can reach more than roc_auc 0.500
    "]],
    );
    // A bound that a constant reaches.
    check_overfit(
        &[1, 0, 1, 0],
        &[0.5; 4],
        &[0, 1, 2, 3],
        0.5,
        &expect!["uninformative: a constant answer reaches roc_auc 0.500, and no more than 0.5 is asked for\n"],
    );
}

#[test]
fn classes_and_numbers_are_learned_by_heart_too() {
    let classes = Targets::Classes(vec![Some(0), Some(1), Some(2), Some(0)]);
    let one_hot = |class: usize| (0..3).map(|at| f64::from(u8::from(at == class))).collect::<Vec<f64>>();
    let said = Predictions::ClassProbabilities([0, 1, 2, 1].map(one_hot).to_vec());
    let judged = overfit::judge(Task::Multiclass, &classes, &said, &[0, 1, 2, 3], "accuracy", 0.95);
    assert_eq!((judged.outcome, judged.measured), (Outcome::Failed, Some(0.75)));
    let numbers = Targets::Numbers(vec![1.0, 2.0, 3.0]);
    let exact = Predictions::Numbers(vec![1.0, 2.0, 3.0]);
    let judged = overfit::judge(Task::Regression, &numbers, &exact, &[0, 1, 2], "r2", 0.9);
    assert_eq!((judged.outcome, judged.measured), (Outcome::Passed, Some(1.0)));
    let mean = Predictions::Numbers(vec![2.0; 3]);
    let judged = overfit::judge(Task::Regression, &numbers, &mean, &[0, 1, 2], "r2", 0.9);
    assert_eq!((judged.outcome, judged.measured), (Outcome::Failed, Some(0.0)));
}

fn labels(of: &[usize]) -> Labels {
    Labels::Classes { of: of.to_vec(), count: of.iter().max().map_or(0, |max| max + 1) }
}

#[test]
fn targets_are_read_as_the_task_says() {
    let words = Values::Text(["b", "a", "b"].map(|word| Some(word.to_owned())).to_vec());
    assert_eq!(Labels::read(Task::Multiclass, &words), Ok(Labels::Classes { of: vec![1, 0, 1], count: 2 }));
    let numbers = Values::Int(vec![Some(3), Some(1), Some(2)]);
    let error = Labels::read(Task::Binary, &numbers).expect_err("three values");
    assert_eq!(error, "a binary target has two values, this one 3");
    assert_eq!(Labels::read(Task::Regression, &numbers), Ok(Labels::Numbers(vec![3.0, 1.0, 2.0])));
    assert!(Labels::read(Task::Regression, &words).is_err());
    assert!(Labels::Numbers(vec![1.0, 1.0]).is_constant() && !Labels::Numbers(vec![1.0, 2.0]).is_constant());
}

#[test]
fn a_tiny_batch_has_as_many_of_each_class_as_there_are() {
    let of: Vec<usize> = (0..1_000).map(|row| usize::from(row % 50 == 0)).collect();
    let chosen = tiny_rows(&labels(&of), 32, 1);
    let positives = chosen.iter().filter(|row| of[**row] == 1).count();
    assert_eq!((chosen.len(), positives), (32, 16));
    assert_eq!(chosen, tiny_rows(&labels(&of), 32, 1), "the same seed chooses the same rows");
    assert_ne!(chosen, tiny_rows(&labels(&of), 32, 2));
    let rare: Vec<usize> = (0..100).map(|row| usize::from(row == 7)).collect();
    assert_eq!(tiny_rows(&labels(&rare), 32, 1).iter().filter(|row| rare[**row] == 1).count(), 1);
    let numbers = Labels::Numbers((0..100).map(f64::from).rev().collect());
    assert_eq!(tiny_rows(&numbers, 3, 1), [0, 50, 99], "from the smallest to the largest");
    assert_eq!(tiny_rows(&numbers, 1, 1).len(), 1);
    assert_eq!(tiny_rows(&labels(&[]), 32, 1), Vec::<usize>::new());
}

#[test]
fn a_sample_keeps_rare_classes() {
    let of: Vec<usize> = (0..10_000).map(|row| usize::from(row % 1_000 == 0)).collect();
    let chosen = sample_rows(&labels(&of), 1_000, 1);
    assert_eq!(chosen.iter().filter(|row| of[**row] == 1).count(), 10, "all ten, where twenty are asked for");
    assert!((990..=1_010).contains(&chosen.len()), "{}", chosen.len());
    assert_eq!(sample_rows(&labels(&[0, 1, 0]), 100, 1), [0, 1, 2]);
}

/// Rows with one number, one word and nothing.
fn inputs(rows: usize) -> Table {
    let mut table = Table::default();
    let mut choices = Choices::of(5);
    let order = choices.permutation(rows);
    let numbers = order.iter().map(|row| i64::try_from(*row).ok()).collect();
    table.push("number", Values::Int(numbers));
    table.push("word", Values::Text((0..rows).map(|row| Some(["a", "b", "c"][row % 3].to_owned())).collect()));
    table.push("nothing", Values::Float(vec![None; rows]));
    table
}

fn numbers_of(table: &Table, name: &str) -> Vec<f64> {
    let values = table.find(name).expect("a column");
    (0..values.len()).map(|row| values.json(row).as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn planted_labels_follow_the_inputs_and_are_the_same_labels() {
    let table = inputs(600);
    let of: Vec<usize> = (0..600).map(|row| usize::from(row % 4 == 0)).collect();
    let order = planted_order(&table, &labels(&of), 3).expect("an order");
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..600).collect::<Vec<_>>(), "each label goes to one row");
    let truth = Targets::Binary(order.iter().map(|row| of[*row] == 1).collect());
    let top = |values: Vec<f64>| values.iter().map(|value| value / 600.0).collect();
    let by_number = Predictions::Probabilities(top(numbers_of(&table, "number")));
    assert!(measure(&truth, &by_number).expect("an association").z > 8.0);
    let mut flat = Table::default();
    flat.push("same", Values::Int(vec![Some(1); 600]));
    flat.push("name", Values::Text((0..600).map(|row| Some(format!("row {row}"))).collect()));
    assert_eq!(planted_order(&flat, &labels(&of), 3), None, "nothing to follow");
}

#[test]
fn answers_that_follow_labels_are_told_from_those_that_do_not() {
    let truth: Vec<bool> = (0..400).map(|row| row % 4 == 0).collect();
    let noise: Vec<f64> =
        Choices::of(1).permutation(400).iter().map(|row| f64::from(u32::try_from(*row).unwrap_or(0)) / 400.0).collect();
    let good: Vec<f64> =
        truth.iter().zip(&noise).map(|(truth, noise)| if *truth { 0.4 + noise / 2.0 } else { noise / 2.0 }).collect();
    let targets = Targets::Binary(truth);
    let judge = |said: &[f64]| {
        let said = Predictions::Probabilities(said.to_vec());
        let outcome = |judgement: Judgement| judgement.outcome;
        (outcome(judge_signal(&targets, &said, 400, "")), outcome(judge_permuted(&targets, &said, 400, "")))
    };
    assert_eq!(judge(&good), (Outcome::Passed, Outcome::Failed));
    assert_eq!(judge(&noise), (Outcome::Failed, Outcome::Passed));
    assert_eq!(judge(&[0.5; 400]), (Outcome::Uninformative, Outcome::Passed));
    let few = Targets::Binary(vec![true, false]);
    let said = Predictions::Probabilities(vec![0.9, 0.1]);
    assert_eq!(judge_signal(&few, &said, 2, "").outcome, Outcome::Uninformative);
    assert_eq!(judge_permuted(&few, &said, 2, "").outcome, Outcome::Uninformative);
}

#[test]
fn two_trainings_agree_within_the_tolerance() {
    assert_eq!(judge_repeat(0.0, 1e-6, 10).outcome, Outcome::Passed);
    assert_eq!(judge_repeat(1e-7, 1e-6, 10).outcome, Outcome::Passed);
    assert_eq!(judge_repeat(1e-3, 1e-6, 10).outcome, Outcome::Failed);
}

#[test]
fn a_column_that_is_the_target_is_found_however_it_is_written() {
    let rows = 400;
    let truth: Vec<bool> = (0..rows).map(|row| (row * 7) % 10 < 3).collect();
    let number = |value: f64| Some(value);
    let targets = Targets::Binary(truth.clone());
    let at = |row: usize| f64::from(u32::try_from(row * 37 % 400).unwrap_or(0));
    let same = Values::Bool(truth.iter().map(|truth| Some(*truth)).collect());
    let negated = Values::Float(truth.iter().map(|truth| number(-f64::from(u8::from(*truth)))).collect());
    let words = Values::Text(truth.iter().map(|truth| Some(if *truth { "yes" } else { "no" }.to_owned())).collect());
    // Only a round that came back late has a reason for it.
    let by_absence = Values::Float(truth.iter().enumerate().map(|(row, truth)| truth.then(|| at(row))).collect());
    let in_the_middle = Values::Float(
        (0..rows).map(|row| number(if truth[row] { 200.0 + at(row) / 400.0 } else { at(row) })).collect(),
    );
    for (values, name) in
        [(same, "same"), (negated, "negated"), (words, "words"), (by_absence, "absence"), (in_the_middle, "middle")]
    {
        let score = leakage::score_of(&values, &targets).expect("a score");
        assert!(score > 0.9, "{name}: {score}");
    }
    let unrelated = Values::Float((0..rows).map(|row| number(at(row))).collect());
    let all_different = Values::Text((0..rows).map(|row| Some(format!("id {row}"))).collect());
    for (values, name) in [(unrelated, "unrelated"), (all_different, "names")] {
        let score = leakage::score_of(&values, &targets).expect("a score");
        assert!(score < 0.65, "{name}: {score}");
    }
    assert_eq!(leakage::score_of(&Values::Int(vec![Some(1); 10]), &Targets::Binary(vec![true; 10])), None, "too few");
}

#[test]
fn numbers_and_classes_leak_too() {
    let rows = 300;
    let at = |row: usize| f64::from(u32::try_from(row * 37 % 300).unwrap_or(0));
    let numbers: Vec<f64> = (0..rows).map(|row| at(row).powi(2)).collect();
    let targets = Targets::Numbers(numbers.clone());
    let same = Values::Float(numbers.iter().map(|number| Some(number / 2.0 + 1.0)).collect());
    assert!(leakage::score_of(&same, &targets).expect("a score") > 0.999);
    let other = Values::Float((0..rows).map(|row| Some(at(row * 11 + 5))).collect());
    assert!(leakage::score_of(&other, &targets).expect("a score") < 0.3);
    let classes = Targets::Classes((0..rows).map(|row| Some(row % 3)).collect());
    let words = Values::Text((0..rows).map(|row| Some(["x", "y", "z"][row % 3].to_owned())).collect());
    assert!(leakage::score_of(&words, &classes).expect("a score") > 0.99);
    assert!(leakage::score_of(&other, &classes).expect("a score") < 0.3);
}

/// A profile of columns of floats, `None` for null.
fn profile(columns: &[(&str, &[Option<f64>])]) -> Profile {
    let column = |(name, values): &(&str, &[Option<f64>])| {
        let mut builder = ColumnBuilder::new(name, "Float64", ColumnKind::Float);
        builder.nulls(values.iter().filter(|value| value.is_none()).count() as u64);
        builder.floats(&values.iter().flatten().copied().collect::<Vec<_>>());
        builder.finish()
    };
    let rows = columns.first().map_or(0, |(_, values)| values.len() as u64);
    Profile::new(rows, columns.iter().map(column).collect())
}

fn field(name: &str, min: Option<f64>) -> Field {
    Field {
        name: name.to_owned(),
        datatype: Datatype::Fp64,
        shape: Vec::new(),
        nullable: true,
        min,
        max: None,
        classes: None,
        source: None,
    }
}

fn told(found: &[Finding]) -> String {
    found.iter().flat_map(|finding| ["`", &finding.column, "` ", &finding.what, "\n"]).collect()
}

#[test]
fn inputs_that_turned_null_or_never_vary_are_named() {
    let many: Vec<Option<f64>> = (0..40).map(|row| Some(f64::from(row))).collect();
    let half: Vec<Option<f64>> = (0..40).map(|row| (row % 2 == 0).then_some(f64::from(row))).collect();
    let (nothing, same, nan) = (vec![None; 40], vec![Some(7.0); 40], vec![Some(f64::NAN); 40]);
    let before = profile(&[
        ("good", &many),
        ("gone", &many),
        ("half", &many),
        ("never", &nothing),
        ("same", &same),
        ("nan", &many),
    ]);
    let after = profile(&[
        ("good", &many),
        ("gone", &nothing),
        ("half", &half),
        ("never", &nothing),
        ("same", &same),
        ("nan", &nan),
    ]);
    let names = ["good", "gone", "half", "never", "same", "nan"].map(str::to_owned);
    let expected = expect![[r"
        `gone` turned null: every row of validation, 0.0 % of training
        `half` is null in 50.0 % of validation, 0.0 % of training
        `never` is null in every row
        `nan` turned null: every row of validation, 0.0 % of training
    "]];
    expected.assert_eq(&told(&integrity::nulls(&names, &before, &after, 0.25)));
    assert_eq!(told(&integrity::constants(&names, &before)), "`same` has one value in all of training: 7\n");
}

#[test]
fn inputs_out_of_range_and_of_another_kind_are_named() {
    let many: Vec<Option<f64>> = (0..40).map(|row| Some(f64::from(row) - 1.0)).collect();
    let moved: Vec<Option<f64>> = (0..40).map(|row| Some(f64::from(row) + 1_000.0)).collect();
    let before = profile(&[("low", &many), ("unit", &many), ("good", &many)]);
    let after = profile(&[("low", &many), ("unit", &moved), ("good", &many)]);
    let mut inputs = vec![field("low", Some(0.0)), field("unit", None), field("good", None)];
    let signature = Signature { inputs: inputs.clone(), outputs: Vec::new() };
    let expected = expect![[r"
        `low` is -1 in training, below its declared 0
        `unit` has its middle at 1019 in validation; training has -1 to 38
    "]];
    expected.assert_eq(&told(&integrity::ranges(&signature, &before, &after)));
    inputs[0].datatype = Datatype::Bytes;
    inputs.push(field("absent", None));
    let signature = Signature { inputs, outputs: Vec::new() };
    let expected = expect![[r"
        `low` is declared BYTES, and the training data has number there
        `absent` is an input, and no column of the training data
    "]];
    expected.assert_eq(&told(&integrity::columns(&signature, &before, &after)));
    let target = ["good".to_owned()];
    let expected = expect!["`good` is an input, and the target is made from it\n"];
    expected.assert_eq(&told(&integrity::target_inputs(&signature, &target)));
}

#[test]
fn an_excepted_column_is_told_and_does_not_fail() {
    let scores = BTreeMap::from([("a".to_owned(), 0.99), ("b".to_owned(), 0.95), ("c".to_owned(), 0.5)]);
    let found = integrity::leaks(&scores, "roc_auc", 0.9);
    let excepted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let judge =
        |names: &[&str]| shown(&integrity::judge(FeatureCheck::Leakage, "3 inputs", found.clone(), &excepted(names)));
    let expected = expect![[r"
        failed: `a` alone tells the target: roc_auc 0.990, at most 0.9 is believed (and 1 more)
          `a` alone tells the target: roc_auc 0.990, at most 0.9 is believed
          `b` alone tells the target: roc_auc 0.950, at most 0.9 is believed
        failed: `b` alone tells the target: roc_auc 0.950, at most 0.9 is believed; 1 excepted in lamp.toml
          `b` alone tells the target: roc_auc 0.950, at most 0.9 is believed
          excepted: `a` alone tells the target: roc_auc 0.990, at most 0.9 is believed
        passed: no input tells the target alone: 3 inputs; 2 excepted in lamp.toml
          excepted: `a` alone tells the target: roc_auc 0.990, at most 0.9 is believed
          excepted: `b` alone tells the target: roc_auc 0.950, at most 0.9 is believed
    "]];
    expected.assert_eq(&[judge(&[]), judge(&["a"]), judge(&["a", "b"])].concat());
}

/// The standard deviations that a great many random orders give, one by one.
fn z_by_trial(truth: &[f64], said: &[f64]) -> f64 {
    let sum = |order: &[usize]| order.iter().zip(said).map(|(row, said)| truth[*row] * said).sum::<f64>();
    let mut choices = Choices::of(9);
    let tries: Vec<f64> = (0..4_000).map(|_| sum(&choices.permutation(truth.len()))).collect();
    let mean = tries.iter().sum::<f64>() / 4_000.0;
    let spread = (tries.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 4_000.0).sqrt();
    (sum(&(0..truth.len()).collect::<Vec<_>>()) - mean) / spread
}

#[test]
fn the_closed_form_is_what_random_orders_give() {
    // Distinct answers 1..n are their own ranks.
    let said: Vec<f64> = (1..=30).map(f64::from).collect();
    let truth: Vec<f64> = (0..30).map(|row| f64::from(u8::from(row % 3 == 0 || row > 20))).collect();
    let targets = Targets::Binary(truth.iter().map(|truth| *truth > 0.5).collect());
    let probabilities = Predictions::Probabilities(said.iter().map(|rank| rank / 30.0).collect());
    let exact = measure(&targets, &probabilities).expect("an association").z;
    assert!((exact - z_by_trial(&truth, &said)).abs() < 0.1, "{exact}");
    // A binary target as two classes gives the same, but for ranks: so ranks are given as probabilities.
    let classes = Targets::Classes(truth.iter().map(|truth| Some(usize::from(*truth > 0.5))).collect());
    let pairs = said.iter().map(|rank| vec![1.0 - rank / 30.0, rank / 30.0]).collect();
    let as_classes = measure(&classes, &Predictions::ClassProbabilities(pairs)).expect("an association").z;
    assert!((exact - as_classes).abs() < 1e-9, "{exact} and {as_classes}");
}

proptest! {
    #[test]
    fn chance_is_where_random_orders_are(seed in any::<u64>()) {
        let truth: Vec<bool> = (0..200).map(|row| row % 3 == 0).collect();
        let said = Choices::of(seed).permutation(200).iter().map(|row| f64::from(u32::try_from(*row).unwrap_or(0)) / 200.0).collect();
        let found = measure(&Targets::Binary(truth), &Predictions::Probabilities(said)).expect("an association");
        prop_assert!(found.z.abs() < 5.0, "{}", found.z);
    }

    #[test]
    fn rows_are_chosen_once_and_in_order(of in prop::collection::vec(0_usize..4, 0..300), count in 1_usize..80, seed in any::<u64>()) {
        for chosen in [tiny_rows(&labels(&of), count, seed), sample_rows(&labels(&of), count, seed)] {
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(chosen.iter().all(|row| *row < of.len()));
            prop_assert!(chosen.is_empty() == of.is_empty());
        }
        prop_assert!(tiny_rows(&labels(&of), count, seed).len() <= count);
    }
}

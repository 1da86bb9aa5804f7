use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn check(task: Task, targets: &Targets, predictions: &Predictions, expected: &Expect) {
    let shown = match score(task, targets, predictions) {
        Ok(metrics) => metrics.iter().map(|(name, value)| format!("{name} {value:.6}\n")).collect::<Vec<_>>().concat(),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&shown);
}

fn binary(truth: &[u8], said: &[f64]) -> (Targets, Predictions) {
    (Targets::Binary(truth.iter().map(|t| *t == 1).collect()), Predictions::Probabilities(said.to_vec()))
}

fn check_binary(truth: &[u8], said: &[f64], expected: &Expect) {
    let (targets, predictions) = binary(truth, said);
    check(Task::Binary, &targets, &predictions, expected);
}

#[test]
fn binary_metrics_by_hand() {
    // Called: + - + -. Pairs (positive above negative): 0.9 beats both, 0.4 beats 0.2 only: 3 of 4.
    // Brier: (0.01 + 0.36 + 0.36 + 0.04) / 4. Log loss: -(ln 0.9 + ln 0.4 + ln 0.4 + ln 0.8) / 4.
    check_binary(
        &[1, 1, 0, 0],
        &[0.9, 0.4, 0.6, 0.2],
        &expect![[r#"
            accuracy 0.500000
            brier 0.192500
            f1 0.500000
            log_loss 0.540271
            precision 0.500000
            recall 0.500000
            roc_auc 0.750000
        "#]],
    );
}

#[test]
fn ties_count_half() {
    // 4 pairs: (0.5, 0.5) is half a win, (0.5, 0.1) one, (0.5, 0.5) half, (0.5, 0.1) one.
    let (targets, predictions) = binary(&[1, 1, 0, 0], &[0.5, 0.5, 0.5, 0.1]);
    let metrics = score(Task::Binary, &targets, &predictions).expect("metrics");
    assert!((metrics["roc_auc"] - 0.75).abs() < 1e-12);
}

#[test]
fn what_is_undefined_is_absent() {
    // One class and nothing called positive: no AUC, no precision; recall and F1 are a plain zero.
    check_binary(
        &[1, 1],
        &[0.2, 0.3],
        &expect![[r"
            accuracy 0.000000
            brier 0.565000
            f1 0.000000
            log_loss 1.406705
            recall 0.000000
        "]],
    );
    // Nothing positive and nothing called so.
    check_binary(
        &[0, 0],
        &[0.2, 0.3],
        &expect![[r"
            accuracy 1.000000
            brier 0.065000
            log_loss 0.289909
        "]],
    );
}

#[test]
fn a_certain_error_is_finite() {
    let (targets, predictions) = binary(&[1, 0], &[0.0, 0.0]);
    let metrics = score(Task::Binary, &targets, &predictions).expect("metrics");
    assert!((metrics["log_loss"] - 1e-15_f64.ln().abs() / 2.0).abs() < 1e-9);
}

#[test]
fn multiclass_metrics_by_hand() {
    // Called 0, 1, 1, 2 (a tie goes to the first class). F1: class 0 = 2/3 (one hit, one missed), class 1 = 2/3
    // (one hit, one too many), class 2 = 1; mean 7/9. Log loss: -(ln 0.7 + ln 0.6 + ln 0.4 + ln 0.8) / 4.
    let said = vec![vec![0.7, 0.2, 0.1], vec![0.2, 0.6, 0.2], vec![0.4, 0.5, 0.1], vec![0.1, 0.1, 0.8]];
    check(
        Task::Multiclass,
        &Targets::Classes(vec![Some(0), Some(1), Some(0), Some(2)]),
        &Predictions::ClassProbabilities(said),
        &expect![[r#"
            accuracy 0.750000
            log_loss 0.501734
            macro_f1 0.777778
        "#]],
    );
}

#[test]
fn a_class_that_the_model_does_not_know_counts_as_wrong() {
    // Row 2 is of an unknown class and was called 0. F1: class 0 = 2/3, unknown = 0; class 1 neither occurs nor is
    // called.
    check(
        Task::Multiclass,
        &Targets::Classes(vec![Some(0), None]),
        &Predictions::ClassProbabilities(vec![vec![1.0, 0.0], vec![0.5, 0.5]]),
        &expect![[r"
            accuracy 0.500000
            log_loss 17.269388
            macro_f1 0.333333
        "]],
    );
}

#[test]
fn regression_metrics_by_hand() {
    // Errors 1, 1, -2: bias 0, MAE 4/3, RMSE sqrt(2); variance of the truth 8/3, so R2 = 1 - 2 / (8/3).
    check(
        Task::Regression,
        &Targets::Numbers(vec![1.0, 3.0, 5.0]),
        &Predictions::Numbers(vec![2.0, 4.0, 3.0]),
        &expect![[r"
            bias 0.000000
            mae 1.333333
            r2 0.250000
            rmse 1.414214
        "]],
    );
    // A truth that does not vary has no R2, even where its mean is not exact.
    check(
        Task::Regression,
        &Targets::Numbers(vec![0.1, 0.1, 0.1]),
        &Predictions::Numbers(vec![0.1, 0.1, 0.4]),
        &expect![[r"
            bias 0.100000
            mae 0.100000
            rmse 0.173205
        "]],
    );
}

#[test]
fn what_cannot_be_scored_is_refused() {
    check_binary(&[], &[], &expect!["there is no row to score\n"]);
    check_binary(&[1], &[0.1, 0.2], &expect!["there are 1 targets and 2 predictions\n"]);
    check_binary(&[1, 0], &[0.1, 1.5], &expect!["row 1: 1.5 is not a probability\n"]);
    check_binary(&[1], &[f64::NAN], &expect!["row 0: NaN is not a probability\n"]);
    check(
        Task::Regression,
        &Targets::Numbers(vec![1.0]),
        &Predictions::Numbers(vec![f64::INFINITY]),
        &expect!["row 0: inf is not a prediction\n"],
    );
    check(
        Task::Multiclass,
        &Targets::Classes(vec![Some(0), Some(0)]),
        &Predictions::ClassProbabilities(vec![vec![0.5, 0.5], vec![1.0]]),
        &expect!["row 1: it has 1 probabilities, the first row has 2\n"],
    );
    check(
        Task::Multiclass,
        &Targets::Classes(vec![Some(2)]),
        &Predictions::ClassProbabilities(vec![vec![0.5, 0.5]]),
        &expect!["row 0: class 2 of 2 is not there\n"],
    );
    check(
        Task::Binary,
        &Targets::Numbers(vec![1.0]),
        &Predictions::Probabilities(vec![0.5]),
        &expect!["a binary task is not scored from such targets and predictions\n"],
    );
}

#[test]
fn every_metric_that_is_computed_is_known_and_has_a_direction() {
    let (targets, predictions) = binary(&[1, 0], &[0.9, 0.1]);
    let binary = score(Task::Binary, &targets, &predictions).expect("metrics");
    let truth = Targets::Classes(vec![Some(0), Some(1)]);
    let said = Predictions::ClassProbabilities(vec![vec![0.9, 0.1], vec![0.1, 0.9]]);
    let multiclass = score(Task::Multiclass, &truth, &said).expect("metrics");
    let (truth, said) = (Targets::Numbers(vec![1.0, 2.0]), Predictions::Numbers(vec![1.0, 2.0]));
    let regression = score(Task::Regression, &truth, &said).expect("metrics");
    for (task, metrics) in [(Task::Binary, binary), (Task::Multiclass, multiclass), (Task::Regression, regression)] {
        assert_eq!(metrics.keys().map(String::as_str).collect::<Vec<_>>(), names(task));
        assert!(names(task).iter().all(|name| natural_goal(name).is_some() || *name == "bias"));
    }
}

fn judged(gate: &Gate, value: f64) -> String {
    let metrics = BTreeMap::from([(gate.metric.clone(), value)]);
    let verdict = gate.judge(&metrics).expect("a verdict");
    format!("{} {}", verdict.bound, verdict.passed)
}

#[test]
fn a_gate_takes_its_bounds_in() {
    let gate = Gate { metric: "roc_auc".to_owned(), goal: Goal::Max, min: Some(0.65), max: None };
    assert_eq!(judged(&gate, 0.65), ">= 0.65 true");
    assert_eq!(judged(&gate, 0.649), ">= 0.65 false");
    let gate = Gate { metric: "bias".to_owned(), goal: Goal::Min, min: Some(-1.0), max: Some(1.0) };
    assert_eq!(judged(&gate, 1.0), ">= -1 and <= 1 true");
    assert_eq!(judged(&gate, -1.5), ">= -1 and <= 1 false");
    let error = gate.judge(&BTreeMap::new()).expect_err("there is no metric");
    assert_eq!(error.to_string(), "the gate's metric `bias` is undefined on this data");
}

/// Rows on a coarse grid, so that ties are common.
fn rows() -> impl Strategy<Value = (Vec<bool>, Vec<f64>)> {
    let row = (any::<bool>(), (0_u32..=20).prop_map(|step| f64::from(step) / 20.0));
    prop::collection::vec(row, 2..60).prop_map(|rows| rows.into_iter().unzip())
}

fn auc(truth: &[bool], said: &[f64]) -> Option<f64> {
    let (targets, predictions) = (Targets::Binary(truth.to_vec()), Predictions::Probabilities(said.to_vec()));
    score(Task::Binary, &targets, &predictions).expect("metrics").get("roc_auc").copied()
}

/// Counts every pair of a positive and a negative row.
fn auc_by_pairs(truth: &[bool], said: &[f64]) -> Option<f64> {
    let of = |class: bool| truth.iter().zip(said).filter(move |(t, _)| **t == class).map(|(_, p)| *p);
    let (mut wins, mut pairs) = (0.0, 0.0);
    for positive in of(true) {
        for negative in of(false) {
            pairs += 1.0;
            wins += if positive > negative {
                1.0
            } else if positive < negative {
                0.0
            } else {
                0.5
            };
        }
    }
    (pairs > 0.0).then(|| wins / pairs)
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (None, None) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn auc_is_the_share_of_pairs_in_order((truth, said) in rows()) {
        prop_assert!(close(auc(&truth, &said), auc_by_pairs(&truth, &said)));
    }

    #[test]
    fn auc_sees_only_the_order((truth, said) in rows()) {
        let bent: Vec<f64> = said.iter().map(|p| p.powi(3)).collect();
        prop_assert!(close(auc(&truth, &said), auc(&truth, &bent)));
        let turned: Vec<f64> = said.iter().map(|p| 1.0 - p).collect();
        prop_assert!(close(auc(&truth, &said).map(|auc| 1.0 - auc), auc(&truth, &turned)));
    }

    #[test]
    fn metrics_do_not_depend_on_the_order_of_rows((truth, said) in rows()) {
        let (back_truth, back_said) = (truth.iter().rev().copied().collect(), said.iter().rev().copied().collect());
        let forth = score(Task::Binary, &Targets::Binary(truth), &Predictions::Probabilities(said)).expect("metrics");
        let back = score(Task::Binary, &Targets::Binary(back_truth), &Predictions::Probabilities(back_said));
        let back = back.expect("metrics");
        prop_assert_eq!(forth.len(), back.len());
        for (name, value) in forth {
            prop_assert!((value - back[&name]).abs() < 1e-9, "{}", name);
        }
    }
}

//! Tables, properties, and coverage: how often an interval holds the truth, over simulated labels of fixed seeds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::auc::auc;
use super::mean::mean;
use super::quantile::{Z, student};
use super::share::{share, wilson};
use super::*;
use crate::metric::{Predictions, Targets, score, surprise};
use crate::package::Task;

/// A value of a simulation.
type Draw = fn(&mut Simulation) -> f64;

/// A small generator for simulations (Steele, Lea & Flood, 2014, "Fast splittable pseudorandom number generators").
struct Simulation(u64);

impl Simulation {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Box & Muller (1958).
    fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform().max(f64::MIN_POSITIVE), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().max(f64::MIN_POSITIVE).ln()
    }
}

/// The share of `rounds` in which the interval holds the truth; rounds without an interval do not count.
fn coverage(rounds: u32, truth: f64, mut interval: impl FnMut() -> Option<Interval>) -> (f64, u32) {
    let (mut held, mut measured) = (0, 0);
    for _ in 0..rounds {
        if let Some(interval) = interval() {
            measured += 1;
            held += u32::from(interval.lower <= truth && truth <= interval.upper);
        }
    }
    (f64::from(held) / f64::from(measured.max(1)), measured)
}

/// What is demanded of a coverage: 94 %, but for twice the standard error of the simulation.
fn demanded(rounds: u32) -> f64 {
    0.94 - 2.0 * (0.94 * 0.06 / f64::from(rounds)).sqrt()
}

/// The weights of a sample of `n`: equal, as of days of 600 to 1,000 predictions, or as of days of 100 to 2,000.
fn weights(kind: &str, n: u32) -> Vec<f64> {
    let days = match kind {
        "equal" => [100.0; 7],
        "like weekdays" => [60.0, 84.0, 91.0, 90.0, 92.0, 100.0, 72.0],
        _ => [10.0, 200.0, 35.0, 150.0, 12.0, 80.0, 20.0],
    };
    (0..n).map(|row| days[(row % 7) as usize]).collect()
}

#[test]
fn a_share_is_covered_at_ten_labels_and_near_one() {
    const ROUNDS: u32 = 4_000;
    let mut simulation = Simulation(7);
    for kind in ["equal", "like weekdays", "wild"] {
        for n in [10, 30, 100] {
            let weights = weights(kind, n);
            for truth in [0.5, 0.9, 0.99] {
                let (held, measured) = coverage(ROUNDS, truth, || {
                    let rows: Vec<_> = weights.iter().map(|weight| (*weight, Some(simulation.is(truth)))).collect();
                    share(&rows)
                });
                assert_eq!(measured, ROUNDS);
                assert!(held >= demanded(ROUNDS), "{kind} weights, n = {n}, share = {truth}: {held}");
            }
        }
    }
}

/// Worst for a share: whether a row can be told depends on whether it is a hit.
#[test]
fn a_share_is_covered_when_nobody_can_tell_the_hard_rows() {
    const ROUNDS: u32 = 4_000;
    let mut simulation = Simulation(8);
    for n in [10, 30, 100] {
        let (held, _) = coverage(ROUNDS, 0.9, || {
            let rows: Vec<_> = (0..n)
                .map(|_| {
                    let is_hit = simulation.is(0.9);
                    let can_be_told = is_hit || simulation.is(0.5);
                    (1.0, can_be_told.then_some(is_hit))
                })
                .collect();
            share(&rows)
        });
        assert!(held >= demanded(ROUNDS), "n = {n}: {held}");
    }
}

/// Why there is a correction for continuity, and Hall's transformation: without them, a good model's intervals are
/// too narrow at ten labels.
#[test]
fn the_textbook_intervals_would_not_do() {
    const ROUNDS: u32 = 4_000;
    let mut simulation = Simulation(23);
    let (wilson_held, _) = coverage(ROUNDS, 0.99, || {
        let (n, z2) = (10.0, Z * Z);
        let p = f64::from((0..10).map(|_| u32::from(simulation.is(0.99))).sum::<u32>()) / n;
        let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Some(Interval { value: p, lower: center - half, upper: center + half })
    });
    assert!(wilson_held < 0.92, "{wilson_held}");
    let (student_held, _) = coverage(ROUNDS, 1.0, || {
        let squares: Vec<f64> = (0..10).map(|_| simulation.normal().powi(2)).collect();
        let value = squares.iter().sum::<f64>() / 10.0;
        let variance = squares.iter().map(|square| (square - value).powi(2)).sum::<f64>() / 9.0;
        let half = student(9.0) * (variance / 10.0).sqrt();
        Some(Interval { value, lower: value - half, upper: value + half })
    });
    assert!(student_held < 0.88, "{student_held}");
}

#[test]
fn an_auc_is_covered_from_five_of_each_class_on() {
    const ROUNDS: u32 = 2_000;
    let mut simulation = Simulation(13);
    // Normal scores, `distance` apart: the AUC is Φ(distance / √2).
    for (distance, truth) in [(0.0, 0.5), (0.741_614, 0.7), (2.326_174, 0.95)] {
        for (positives, negatives) in [(5, 5), (10, 10), (10, 90)] {
            let (held, measured) = coverage(ROUNDS, truth, || {
                let rows: Vec<_> = (0..positives + negatives)
                    .map(|row| {
                        let is_positive = row < positives;
                        let shift = if is_positive { distance } else { 0.0 };
                        (1.0, simulation.normal() + shift, is_positive)
                    })
                    .collect();
                auc(&rows)
            });
            assert_eq!(measured, ROUNDS);
            assert!(held >= demanded(ROUNDS), "AUC = {truth}, {positives} and {negatives}: {held}");
        }
    }
}

/// A calibrated model whose log odds are normal: its log-loss, and the labels of one row.
fn calibrated(simulation: &mut Simulation, center: f64, spread: f64) -> Scored {
    let probability = 1.0 / (1.0 + (-(center + spread * simulation.normal())).exp());
    let is_positive = simulation.is(probability);
    Scored { weight: 1.0, said: Said::Probability(probability), truth: Some(Truth::Positive(is_positive)) }
}

#[test]
fn a_log_loss_is_covered_where_it_is_told_at_all() {
    const ROUNDS: u32 = 2_000;
    for (name, center, spread) in
        [("half", 0.0, 1.0), ("half, sharp", 0.0, 2.5), ("quarter", -1.2, 0.8), ("tenth", -2.4, 1.0)]
    {
        let mut simulation = Simulation(17);
        let truth = (0..400_000)
            .map(|_| match calibrated(&mut simulation, center, spread) {
                Scored { said: Said::Probability(p), truth: Some(Truth::Positive(true)), .. } => surprise(p),
                Scored { said: Said::Probability(p), .. } => surprise(1.0 - p),
                Scored { .. } => f64::NAN,
            })
            .sum::<f64>()
            / 400_000.0;
        for n in [10, 30, 100] {
            let (held, measured) = coverage(ROUNDS, truth, || {
                let rows: Vec<_> = (0..n).map(|_| calibrated(&mut simulation, center, spread)).collect();
                let estimates = estimates(Task::Binary, &rows);
                let loss = estimates.iter().find(|estimate| estimate.metric == "log_loss").expect("a log-loss");
                loss.interval()
            });
            assert!(measured > 50, "{name}, n = {n}: told {measured} times");
            assert!(held >= demanded(measured), "{name}, n = {n}: {held} of {measured}");
        }
    }
}

/// Squares have long tails: at thirty labels, the fewest from which an RMSE is told, 93 %.
#[test]
fn errors_are_covered() {
    const ROUNDS: u32 = 2_000;
    let mut simulation = Simulation(19);
    let cases: [(&str, f64, u32, Draw); 6] = [
        ("bias of normal errors", 0.0, 10, |s| s.normal()),
        ("bias of skewed errors", 1.0, 10, |s| s.exponential()),
        ("absolute normal errors", 0.797_884_56, 10, |s| s.normal().abs()),
        ("absolute normal errors", 0.797_884_56, 100, |s| s.normal().abs()),
        ("squared normal errors", 1.0, 30, |s| s.normal().powi(2)),
        ("squared normal errors", 1.0, 100, |s| s.normal().powi(2)),
    ];
    for (name, truth, n, draw) in cases {
        let (held, measured) = coverage(ROUNDS, truth, || {
            let rows: Vec<_> = (0..n).map(|_| (1.0, draw(&mut simulation))).collect();
            mean(&rows)
        });
        assert_eq!(measured, ROUNDS);
        assert!(held >= demanded(ROUNDS) - 0.005, "{name}, n = {n}: {held}");
    }
}

/// Newcombe (1998), table I, method 4.
#[test]
fn shares_are_those_of_the_paper() {
    for (hits, n, lower, upper) in [
        (81.0, 263.0, 0.2535, 0.3682),
        (15.0, 148.0, 0.0598, 0.1644),
        (0.0, 20.0, 0.0, 0.2005),
        (1.0, 29.0, 0.0018, 0.1963),
    ] {
        let (found_lower, found_upper) = wilson(hits / n, n);
        assert!(
            (found_lower - lower).abs() < 1e-4 && (found_upper - upper).abs() < 1e-4,
            "{hits} of {n}: {found_lower} {found_upper}"
        );
    }
}

#[test]
fn a_share_of_no_errors_is_not_certain() {
    let all_right = vec![(1.0, Some(true)); 10];
    let interval = share(&all_right).expect("ten labels");
    assert!(interval.value >= 1.0 && interval.upper >= 1.0 && interval.lower < 0.7, "{interval:?}");
    let one_unknown: Vec<_> = (0..10).map(|row| (1.0, (row > 0).then_some(true))).collect();
    let wider = share(&one_unknown).expect("nine labels");
    assert!(wider.lower < interval.lower && wider.value >= 1.0, "what nobody can tell widens: {wider:?}");
    assert_eq!(share(&[(1.0, None), (1.0, None)]), None);
}

fn row(weight: f64, probability: f64, truth: Option<bool>) -> Scored {
    Scored { weight, said: Said::Probability(probability), truth: truth.map(Truth::Positive) }
}

/// A busy day on which the model is bad and a quiet one on which it is good, ten labels of each.
#[test]
fn weights_put_right_what_equal_shares_of_unequal_days_distort() {
    let quiet = (0..10).map(|_| row(1.0, 0.9, Some(true)));
    let busy = (0..10).map(|at| row(10.0, 0.9, Some(at < 5)));
    let rows: Vec<_> = quiet.chain(busy).collect();
    let estimate = &estimates(Task::Binary, &rows)[0];
    let interval = estimate.interval().expect("twenty labels");
    assert!((interval.value - (10.0 + 50.0) / 110.0).abs() < 1e-12, "{interval:?}");
    assert_eq!(estimate.labels, 20);
    assert!(estimate.effective < 12.0, "the quiet day's labels say little: {}", estimate.effective);
}

fn told(estimate: &Estimate) -> String {
    match &estimate.outcome {
        Outcome::Measured(interval) => format!("{} {:.3}", estimate.metric, interval.value),
        Outcome::NotEnough { why, labels_needed } => {
            let needed = labels_needed.map_or_else(String::new, |needed| format!(", {needed} more"));
            format!("{}: {why}{needed}", estimate.metric)
        }
    }
}

#[test]
fn too_few_labels_are_said_to_be_too_few() {
    let rows = |positives: u32, negatives: u32| -> Vec<Scored> {
        let positives = (0..positives).map(|at| row(1.0, 0.5 + 0.01 * f64::from(at), Some(true)));
        positives.chain((0..negatives).map(|at| row(1.0, 0.4 + 0.01 * f64::from(at), Some(false)))).collect()
    };
    let all = |rows: &[Scored]| estimates(Task::Binary, rows).iter().map(told).collect::<Vec<_>>();
    assert_eq!(
        all(&rows(2, 2)),
        ["accuracy: 4 of 5 labels, 1 more", "roc_auc: 2 of 5 positives, 6 more", "log_loss: 4 of 10 labels, 6 more",]
    );
    assert_eq!(all(&rows(0, 20))[1..], ["roc_auc: 0 of 5 positives", "log_loss: 0 of 3 positives"]);
    let enough = all(&rows(6, 6));
    assert!(enough.iter().all(|text| !text.contains(" of ")), "{enough:?}");
    let alike = vec![Scored { weight: 1.0, said: Said::Number(2.0), truth: Some(Truth::Number(1.0)) }; 12];
    assert_eq!(
        estimates(Task::Regression, &alike).iter().map(told).collect::<Vec<_>>(),
        ["mae: all labels say the same", "rmse: 12 of 30 labels, 18 more", "bias: all labels say the same"]
    );
    assert!(estimates(Task::Multiclass, &[]).iter().all(|estimate| estimate.interval().is_none()));
}

#[test]
fn classes_are_scored_by_the_most_probable() {
    let row = |said: [f64; 3], class| Scored {
        weight: 1.0,
        said: Said::Classes(said.to_vec()),
        truth: Some(Truth::Class(class)),
    };
    let rows: Vec<_> = (0..12)
        .map(|at| match at % 3 {
            0 => row([0.7, 0.2, 0.1], Some(0)),
            1 => row([0.1, 0.3, 0.6], Some(1)),
            // A class that the model does not know is a miss of the greatest surprise.
            _ => row([0.2, 0.5, 0.3], None),
        })
        .collect();
    let estimates = estimates(Task::Multiclass, &rows);
    let value = |at: usize| estimates[at].interval().expect("twelve labels").value;
    assert!((value(0) - 1.0 / 3.0).abs() < 1e-12);
    assert!((value(1) - (surprise(0.7) + surprise(0.3) + surprise(0.0)) / 3.0).abs() < 1e-9);
}

fn measured(metric: &str, value: f64, lower: f64, upper: f64, labels: u64) -> Estimate {
    Estimate {
        metric: metric.to_owned(),
        outcome: Outcome::Measured(Interval { value, lower, upper }),
        labels,
        cannot_tell: 0,
        #[expect(clippy::cast_precision_loss, reason = "a few labels")]
        effective: labels as f64,
    }
}

#[test]
fn a_verdict_is_given_when_the_interval_allows_it() {
    let report = |value, margin| Report { value, rows: 30_000, margin };
    let said = |estimate: &Estimate, report: &Report| {
        let judged = judge(estimate, report);
        (judged.verdict, judged.labels_needed)
    };
    let accuracy = |value, lower, upper, labels| measured("accuracy", value, lower, upper, labels);
    let ok = said(&accuracy(0.78, 0.74, 0.82, 400), &report(0.78, 0.05));
    assert_eq!(ok, (Verdict::Ok, None));
    let worse = said(&accuracy(0.60, 0.50, 0.70, 100), &report(0.78, 0.05));
    assert_eq!(worse, (Verdict::Worse, None));
    let (verdict, needed) = said(&accuracy(0.78, 0.45, 0.95, 10), &report(0.78, 0.05));
    assert_eq!(verdict, Verdict::CannotTellYet);
    assert!(needed.is_some_and(|needed| (300..600).contains(&needed)), "a width of 0.33 to 0.05: {needed:?}");
    // Of a loss, less is better; a bias is best where it was.
    assert_eq!(said(&measured("log_loss", 0.7, 0.62, 0.8, 100), &report(0.5, 0.05)).0, Verdict::Worse);
    assert_eq!(said(&measured("log_loss", 0.4, 0.3, 0.5, 100), &report(0.5, 0.05)).0, Verdict::Ok);
    assert_eq!(said(&measured("bias", 2.0, 1.5, 2.5, 100), &report(0.0, 0.5)).0, Verdict::Worse);
    assert_eq!(said(&measured("bias", -2.0, -2.5, -1.5, 100), &report(0.0, 0.5)).0, Verdict::Worse);
    assert_eq!(said(&measured("bias", 0.0, -0.2, 0.2, 100), &report(0.0, 0.5)).0, Verdict::Ok);
    assert_eq!(said(&measured("bias", 0.4, 0.0, 0.8, 100), &report(0.0, 0.5)).0, Verdict::CannotTellYet);
}

/// Neither as good as its report nor worse by the margin: the narrower interval decides, whichever way it goes on.
#[test]
fn between_good_and_bad_the_number_is_of_what_was_seen() {
    let report = Report { value: 0.7121, rows: 30_000, margin: 0.05 };
    let judged = judge(&measured("roc_auc", 0.6876, 0.6507, 0.7218, 1_202), &report);
    assert_eq!(judged.verdict, Verdict::CannotTellYet);
    assert!(judged.labels_needed.is_some_and(|needed| (1_000..2_000).contains(&needed)), "{judged:?}");
    assert!(judged.why.is_some_and(|why| why.contains("if it goes on as it did")));
}

#[test]
fn a_report_on_a_few_rows_can_never_tell() {
    let judged = judge(&measured("accuracy", 0.9, 0.55, 0.99, 10), &Report { value: 0.75, rows: 4, margin: 0.05 });
    assert_eq!((judged.verdict, judged.labels_needed), (Verdict::CannotTellYet, None));
    assert!(judged.why.is_some_and(|why| why.contains("4 held-out rows")));
}

#[test]
fn margins_of_errors_are_parts_of_them() {
    let report = BTreeMap::from([("rmse".to_owned(), 10.0), ("mae".to_owned(), 8.0)]);
    let shown = ["accuracy", "mae", "rmse", "bias", "r2"].map(|metric| margin(metric, &report));
    assert_eq!(shown, [Some(0.05), Some(0.8), Some(1.0), Some(1.0), None]);
}

fn any_row() -> impl Strategy<Value = Scored> {
    (0.1_f64..1_000.0, 0.0_f64..=1.0, proptest::option::weighted(0.9, any::<bool>()))
        .prop_map(|(weight, probability, truth)| row(weight, probability, truth))
}

proptest! {
    #[test]
    fn every_interval_holds_its_value(rows in proptest::collection::vec(any_row(), 0..60)) {
        for estimate in estimates(Task::Binary, &rows) {
            #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
            let labels = estimate.labels as f64;
            prop_assert!(estimate.effective <= labels + 1e-6);
            if let Some(Interval { value, lower, upper }) = estimate.interval() {
                prop_assert!(value.is_finite() && lower.is_finite() && upper.is_finite(), "{estimate:?}");
                prop_assert!(lower <= value + 1e-9 && value <= upper + 1e-9, "{estimate:?}");
                let is_share = estimate.metric != "log_loss";
                prop_assert!(!is_share || (lower >= 0.0 && upper <= 1.0), "{estimate:?}");
            }
        }
    }

    /// With equal weights, labels and the held-out report are scored alike.
    #[test]
    fn equal_weights_give_the_metrics_of_the_report(rows in proptest::collection::vec((0_u8..20, any::<bool>()), 30..80)) {
        let said: Vec<f64> = rows.iter().map(|(said, _)| f64::from(*said) / 20.0).collect();
        let truth: Vec<bool> = rows.iter().map(|(_, truth)| *truth).collect();
        let scored: Vec<_> = said.iter().zip(&truth).map(|(said, truth)| row(3.0, *said, Some(*truth))).collect();
        let report = score(Task::Binary, &Targets::Binary(truth), &Predictions::Probabilities(said)).expect("scored");
        for estimate in estimates(Task::Binary, &scored) {
            if let Some(interval) = estimate.interval() {
                prop_assert!((interval.value - report[&estimate.metric]).abs() < 1e-9, "{}", estimate.metric);
            }
        }
    }

    #[test]
    fn more_labels_of_the_same_kind_narrow_a_share(hits in 0_u32..=20, n in 5_u32..=20) {
        let p = f64::from(hits.min(n)) / f64::from(n);
        let width = |n: f64| { let (lower, upper) = wilson(p, n); upper - lower };
        prop_assert!(width(f64::from(n) * 2.0) < width(f64::from(n)));
    }
}

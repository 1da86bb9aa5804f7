use super::*;
use crate::profile::{ColumnBuilder, QUANTILE_RANK_ERROR};

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
}

fn floats(values: &[f64]) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Float64", ColumnKind::Float);
    builder.floats(values);
    builder.finish()
}

const A: [f64; 8] = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
const B: [f64; 10] = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0, 2.0, 8.0];

#[test]
fn measures_of_numbers_are_those_of_scipy() {
    let (a, b) = (Steps::of_sample(&A), Steps::of_sample(&B));
    let ks = kolmogorov_smirnov(&a, &b).expect("values");
    close("ks_2samp", ks.statistic, 0.375);
    close("special.kolmogorov", ks.p_value.expect("a p-value"), 0.457_550_176_681_895_24);
    let moved = wasserstein(&a, &b).expect("values");
    close("wasserstein_distance", moved.statistic, 1.325);
    close("in deviations of the reference", moved.effect, 1.325 / 3.301_514_803_843_835_6);
    for (a, b, expected) in [
        (vec![(0.0, 3), (1.0, 1), (3.0, 4)], vec![(5.0, 2), (6.0, 2), (8.0, 4)], 5.125),
        (vec![(0.5, 9), (2.5, 1)], vec![(0.5, 1), (10.0, 9)], 8.35),
    ] {
        let steps = |values: Vec<(f64, u64)>| Steps { total: values.iter().map(|(_, n)| n).sum(), values, error: 0.0 };
        close("weighted", wasserstein(&steps(a), &steps(b)).expect("values").statistic, expected);
    }
}

#[test]
fn measures_of_classes_are_those_of_scipy() {
    let (a, b) = ([30, 14, 34, 45, 57, 20], [26, 7, 48, 80, 60, 30]);
    let chi = chi_squared(&a, &b).expect("rows");
    close("chi2_contingency", chi.statistic, 11.263_057_447_864_222);
    close("its p-value", chi.p_value.expect("a p-value"), 0.046_406_705_309_761_11);
    close("contingency.association", chi.effect, 0.158_030_123_204_576_74);
    close("jensenshannon", jensen_shannon(&a, &b).expect("rows").effect, 0.134_991_682_416_450_82);
    close("with half a row more", population_stability(&a, &b).expect("rows").effect, 0.099_464_300_353_128_45);

    let (a, b) = ([10, 0, 5], [8, 0, 9]);
    let chi = chi_squared(&a, &b).expect("rows");
    close("without the empty class", chi.statistic, 1.244_942_421_413_009_6);
    close("its p-value", chi.p_value.expect("a p-value"), 0.264_520_650_428_821_95);
    close("jensenshannon", jensen_shannon(&a, &b).expect("rows").effect, 0.168_725_863_692_873_98);
    close("nothing in common", jensen_shannon(&[1, 0], &[0, 1]).expect("rows").effect, 1.0);
}

#[test]
fn the_same_is_no_drift_and_nothing_is_not_measured() {
    let same = Steps::of_sample(&A);
    let ks = kolmogorov_smirnov(&same, &same).expect("values");
    assert_eq!((ks.statistic, ks.p_value), (0.0, Some(1.0)));
    assert_eq!(wasserstein(&same, &same).map(|drift| drift.effect), Some(0.0));
    let nothing = Steps::of_sample(&[f64::NAN]);
    assert_eq!((kolmogorov_smirnov(&same, &nothing), wasserstein(&nothing, &same)), (None, None));
    let constant = Steps::of_sample(&[1.0, 1.0]);
    assert_eq!(wasserstein(&same, &constant).map(|drift| drift.effect), Some(f64::INFINITY));
    for measure in [chi_squared, population_stability, jensen_shannon] {
        assert_eq!(measure(&[3, 0, 4], &[3, 0, 4]).map(|drift| drift.effect), Some(0.0));
        assert_eq!(measure(&[1, 2], &[0, 0]), None);
    }
    assert_eq!(chi_squared(&[4], &[9]).and_then(|drift| drift.p_value), Some(1.0), "one class cannot differ");
}

#[test]
fn an_effect_does_not_grow_with_the_rows() {
    let shifted =
        |rows: u32, by: f64| -> Vec<f64> { (0..rows).map(|at| f64::from(at) / f64::from(rows) + by).collect() };
    for rows in [1_000, 60_000] {
        let (today, before) = (floats(&shifted(rows, 0.1)), floats(&shifted(rows, 0.0)));
        let [a, b] = [&today, &before].map(|column| Steps::of_column(column).expect("numbers"));
        assert!(a.error() + b.error() <= 2.0 * QUANTILE_RANK_ERROR);
        let ks = kolmogorov_smirnov(&a, &b).expect("values");
        assert!((ks.effect - 0.1).abs() <= a.error() + b.error() + 0.002, "{rows}: {ks:?}");
        let moved = wasserstein(&a, &b).expect("values");
        assert!((moved.statistic - 0.1).abs() < 0.005, "{rows}: {moved:?}");
        let (today, before) = classes(&today, &before).expect("one type");
        let chi = chi_squared(&today, &before).expect("rows");
        assert!((chi.effect - 0.258).abs() < 0.02, "{rows}: {chi:?}");
        assert!((jensen_shannon(&today, &before).expect("rows").effect - 0.25).abs() < 0.02, "{rows}");
    }
}

#[test]
fn columns_of_types_that_do_not_go_together_have_no_classes() {
    let mut text = ColumnBuilder::new("x", "Utf8", ColumnKind::Text);
    text.texts([("a", 2), ("b", 1)]);
    let text = text.finish();
    assert_eq!(classes(&text, &floats(&A)), None);
    assert!(Steps::of_column(&text).is_none());
    assert_eq!(classes(&text, &text), Some((vec![2, 1, 0, 0], vec![2, 1, 0, 0])));
}

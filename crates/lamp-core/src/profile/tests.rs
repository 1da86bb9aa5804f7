#![allow(clippy::cast_precision_loss, reason = "counts of tests are small")]

use super::*;

mod accuracy;

/// A repeatable stream of numbers from 0 to 1 (SplitMix64).
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 11
    };
    (0..count).map(|_| next() as f64 / (1_u64 << 53) as f64).collect()
}

fn floats(values: &[f64]) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Float64", ColumnKind::Float);
    values.chunks(777).for_each(|chunk| builder.floats(chunk));
    builder.finish()
}

fn ints(values: &[i64]) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Int64", ColumnKind::Int);
    values.chunks(777).for_each(|chunk| builder.ints(chunk));
    builder.finish()
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Utf8", ColumnKind::Text);
    values.into_iter().for_each(|value| builder.text(value));
    builder.finish()
}

fn table(column: ColumnProfile) -> Profile {
    Profile::new(column.count, vec![column])
}

fn merged(parts: Vec<ColumnProfile>) -> ColumnProfile {
    let whole = parts.into_iter().map(table).reduce(|left, right| left.merge(&right).expect("equal types"));
    whole.expect("some parts").columns.remove(0)
}

#[test]
fn few_numbers_are_counted_exactly() {
    let column = floats(&[2.0, 4.0, 4.0, -0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0]);
    assert_eq!((column.count, column.nulls, column.nan(), column.zeros()), (9, 0, 1, 2));
    assert_eq!((column.min.clone(), column.max.clone()), (Some(Scalar::Float(-1.0)), Some(Scalar::Float(4.0))));
    assert_eq!(column.mean(), Some(1.5));
    // Deviations of 0.5, 2.5, 2.5, -1.5, -1.5, -2.5: their squares add up to 23.5.
    assert!((column.std().expect("a spread") - (23.5_f64 / 5.0).sqrt()).abs() < 1e-12);
    assert_eq!(column.distinct(), Distinct { estimate: 4, exact: true });
    assert_eq!(column.median(), Some(0.0));
    assert_eq!((column.quantile(0.0), column.quantile(1.0)), (Some(-1.0), Some(4.0)));
    assert_eq!(column.top.first(1), [(Scalar::Float(0.0), 2)]);
    let numbers = column.numbers.as_ref().expect("numbers");
    assert_eq!((numbers.positive_infinite, numbers.negative_infinite, numbers.negatives), (1, 1, 1));
}

#[test]
fn an_empty_column_has_no_numbers() {
    let column = floats(&[]);
    assert_eq!((column.mean(), column.std(), column.median(), column.min.clone()), (None, None, None, None));
    assert_eq!(column.distinct(), Distinct { estimate: 0, exact: true });
    assert!(column.histogram(10).bins.is_empty());
    assert!(column.null_share() == 0.0, "{}", column.null_share());
    assert_eq!(floats(&[3.0]).std(), None, "one value has no spread");
}

#[test]
fn extreme_integers_stay_exact() {
    let column = ints(&[i64::MIN, -1, 0, i64::MAX]);
    assert_eq!((column.min.clone(), column.max.clone()), (Some(Scalar::Int(i64::MIN)), Some(Scalar::Int(i64::MAX))));
    let histogram = column.histogram(4);
    assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), 4);
    let huge = floats(&[f64::MAX, f64::MAX, f64::MIN]);
    assert_eq!(huge.histogram(3).bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [1, 0, 2]);
    assert!(huge.mean().expect("a mean").is_finite());
}

#[test]
fn histograms_are_hand_countable_when_exact() {
    let column = floats(&[0.0, 1.0, 1.0, 2.5, 9.0, 10.0]);
    let histogram = column.histogram(5);
    assert!(histogram.exact && histogram.ranges);
    assert_eq!(histogram.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [3, 1, 0, 0, 2]);
    assert_eq!(
        (histogram.bins[1].from.clone(), histogram.bins[1].to.clone()),
        (Scalar::Float(2.0), Scalar::Float(4.0))
    );
    let months = ints(&[1, 1, 2, 3, 3, 3]).histogram(10);
    let bars: Vec<_> = months.bins.iter().map(|bin| (bin.label.as_str(), bin.count)).collect();
    assert_eq!(bars, [("1", 2), ("2", 1), ("3", 3)], "one bar an integer");
    assert_eq!(histogram.bins[1].label, "2 – 4");
    let carriers = texts(["UA", "AA", "UA", "B6"]).histogram(2);
    assert_eq!(
        (carriers.bins[0].from.clone(), carriers.bins[0].count, carriers.others),
        (Scalar::Text("UA".into()), 2, 1)
    );
}

#[test]
fn instants_have_bars_of_time() {
    let mut builder = ColumnBuilder::new("at", "Timestamp(us, UTC)", ColumnKind::Instant);
    builder.instants(&[0, 1_000_000, 10_000_000]);
    builder.nulls(1);
    let histogram = builder.finish().histogram(2);
    assert_eq!(histogram.bins[0].to, Scalar::Instant(5_000_000));
    assert_eq!(histogram.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(histogram.bins[1].to.to_string(), "1970-01-01T00:00:10Z");
}

#[test]
fn text_has_lengths_in_characters() {
    let column = texts(["", "é", "Zürich", "Oslo", "Oslo"]);
    let text = column.text.as_ref().expect("text");
    assert_eq!((text.empty, text.min_length, text.max_length, text.mean_length()), (1, 0, 6, Some(3.0)));
    assert_eq!(
        (column.min.clone(), column.max.clone()),
        (Some(Scalar::Text(String::new())), Some(Scalar::Text("é".into())))
    );
    assert_eq!(column.top.find_count(&Scalar::Text("Oslo".into())), Some(2));
    assert_eq!(column.top.find_count(&Scalar::Text("Rome".into())), Some(0));
}

#[test]
fn sketches_keep_their_stated_errors() {
    let values: Vec<f64> = noise(1, 50_000).into_iter().map(|x| (x * 12.0).exp()).collect();
    let column = floats(&values);
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let distinct = column.distinct();
    assert!(!distinct.exact);
    assert!((distinct.estimate as f64 / 50_000.0 - 1.0).abs() < DISTINCT_RELATIVE_ERROR, "{distinct:?}");
    for p in [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0] {
        let value = column.quantile(p).expect("a quantile");
        let rank = sorted.partition_point(|x| *x < value) as f64 / 50_000.0;
        assert!((rank - p).abs() <= QUANTILE_RANK_ERROR, "the value for {p} has rank {rank}");
    }
    let histogram = column.histogram(20);
    assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), 50_000, "no value is lost between bars");
    for bin in &histogram.bins {
        let (from, to) = (bin.from.as_f64().expect("a number"), bin.to.as_f64().expect("a number"));
        let truth = sorted.iter().filter(|x| **x >= from && **x < to).count() as f64;
        assert!((truth - bin.count as f64).abs() <= 2.0 * QUANTILE_RANK_ERROR * 50_000.0, "{bin:?} holds {truth}");
    }
}

#[test]
fn heavy_values_survive_a_flood_of_single_ones() {
    let flood: Vec<String> =
        (0..20_000).map(|i| if i % 4 == 0 { "heavy".to_owned() } else { format!("v{i}") }).collect();
    let column = texts(flood.iter().map(String::as_str));
    let (value, count) = &column.top.entries[0];
    assert_eq!(*value, Scalar::Text("heavy".into()));
    assert!(*count <= 5_000 && count + column.top.error >= 5_000, "{count} within {}", column.top.error);
    assert!(!column.top.exact);
}

#[test]
fn parts_merge_into_the_whole() {
    let values: Vec<f64> = noise(7, 30_000).into_iter().map(|x| x * x * 1_000.0).collect();
    let whole = floats(&values);
    let parts = merged(values.chunks(4_321).map(floats).collect());
    assert_eq!(
        (parts.count, &parts.min, &parts.max, parts.zeros()),
        (whole.count, &whole.min, &whole.max, whole.zeros())
    );
    let relative = |a: Option<f64>, b: Option<f64>| (a.expect("a number") / b.expect("a number") - 1.0).abs();
    assert!(relative(parts.mean(), whole.mean()) < 1e-12);
    assert!(relative(parts.std(), whole.std()) < 1e-12);
    assert!((parts.distinct().estimate as f64 / 30_000.0 - 1.0).abs() < DISTINCT_RELATIVE_ERROR);
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    for p in [0.05, 0.5, 0.95] {
        let rank = sorted.partition_point(|x| *x < parts.quantile(p).expect("a quantile")) as f64 / 30_000.0;
        assert!((rank - p).abs() <= QUANTILE_RANK_ERROR, "the merged value for {p} has rank {rank}");
    }
}

#[test]
fn exact_parts_become_a_sketch_when_their_union_is_too_large() {
    let parts: Vec<ColumnProfile> =
        (0..5).map(|part| ints(&(0..6_000).map(|i| part * 600 + i % 600).collect::<Vec<_>>())).collect();
    assert!(parts.iter().all(|part| part.top.exact));
    let whole = merged(parts);
    assert!(!whole.top.exact);
    assert!(
        (whole.distinct().estimate as f64 / 3_000.0 - 1.0).abs() < DISTINCT_RELATIVE_ERROR,
        "{:?}",
        whole.distinct()
    );
    let median = whole.median().expect("a median");
    assert!((median - 1_500.0).abs() <= 3_000.0 * QUANTILE_RANK_ERROR, "{median}");
    assert_eq!(whole.count, 30_000);
}

#[test]
fn merging_small_parts_stays_exact() {
    let whole = merged(vec![texts(["a", "b"]), texts(["b", "b", "c"]), texts([])]);
    assert_eq!(whole, texts(["a", "b", "b", "b", "c"]));
}

#[test]
fn columns_are_united_by_name_and_widened() {
    let left = Profile::new(2, vec![ints(&[1, 2])]);
    let mut right_column = floats(&[2.0, 2.5, 2.5]);
    let right = Profile::new(3, vec![right_column.clone()]);
    let whole = left.merge(&right).expect("integers beside floats");
    let column = whole.find("x").expect("the column");
    assert_eq!(
        (column.kind, column.data_type.as_str(), column.min.clone()),
        (ColumnKind::Float, "Float64", Some(Scalar::Float(1.0)))
    );
    assert_eq!(column.top.entries, [(Scalar::Float(2.0), 2), (Scalar::Float(2.5), 2), (Scalar::Float(1.0), 1)]);

    right_column.name = "y".to_owned();
    let apart = left.merge(&Profile::new(3, vec![right_column])).expect("different columns");
    let (x, y) = (apart.find("x").expect("x"), apart.find("y").expect("y"));
    assert_eq!((x.count, x.nulls, x.absent), (5, 3, 3));
    assert_eq!((y.count, y.nulls, y.absent), (5, 2, 2));

    let words = Profile::new(1, vec![texts(["one"])]);
    let error = left.merge(&words).expect_err("integers beside text");
    assert_eq!(error.to_string(), "column `x` is Int64 in one part and Utf8 in another");
}

#[test]
fn the_stored_form_gives_back_the_same_profile() {
    let many: Vec<f64> = noise(3, 5_000).into_iter().map(|x| (x * 4_096.0).round() / 4_096.0).collect();
    for column in [floats(&many), floats(&[]), ints(&[i64::MIN, 3]), texts(["é", "b"])] {
        let profile = table(column);
        assert_eq!(Profile::from_json(&profile.to_json()).expect("our own form"), profile);
    }
    assert_eq!(table(floats(&many)).to_json(), table(floats(&many)).to_json(), "the same data gives the same bytes");
    for (format, hint) in [(9, "use a newer build of lamp"), (1, "profile the version again")] {
        let error = Profile::from_json(&format!(r#"{{"format":{format},"rows":0,"columns":[]}}"#));
        let hint_given = error.expect_err("another format").hint().unwrap_or_default();
        assert!(hint_given.starts_with(hint), "{hint_given}");
    }
    assert!(Profile::from_json("{}").is_err());
}

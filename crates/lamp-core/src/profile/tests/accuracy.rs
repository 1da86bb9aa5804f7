//! Summaries held against exact answers, for data of every shape, read whole and in parts.

use proptest::prelude::*;

use super::*;

/// Values of a shape: enough to be sketched.
const VALUES: usize = 60_000;

fn shapes() -> Vec<(&'static str, Vec<f64>)> {
    let uniform = noise(11, VALUES);
    let of = |value: fn(f64) -> f64| uniform.iter().map(|u| value(*u)).collect::<Vec<_>>();
    let count = |value: fn(usize) -> f64| (0..VALUES).map(value).collect::<Vec<_>>();
    vec![
        ("shuffled", of(|u| u)),
        ("sorted", count(|at| at as f64)),
        ("reversed", count(|at| (VALUES - at) as f64)),
        ("a sawtooth", count(|at| (at % 10_007) as f64)),
        ("constant", count(|_| 7.5)),
        ("two values", count(|at| (at % 2) as f64)),
        ("a heavy tail", of(|u| (1.0 - u).powf(-3.0))),
        ("half zeros", of(|u| if u < 0.5 { 0.0 } else { u })),
        ("nearly all of one value", of(|u| if u < 0.97 { -4.0 } else { u })),
        ("a few far out", of(|u| if u < 0.999 { u } else { u * 1e300 })),
        ("tiny", of(|u| u * 1e-310)),
        ("both signs", of(|u| (u - 0.5) * 1e9)),
        ("growing", count(|at| (at as f64).powi(3))),
    ]
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// How far the rank of `value` is from `p`: a value that occurs more than once has all the ranks of its run.
fn rank_distance(sorted: &[f64], value: f64, p: f64) -> f64 {
    let rank = |at: usize| at as f64 / sorted.len() as f64;
    let (low, high) = (sorted.partition_point(|x| *x < value), sorted.partition_point(|x| *x <= value));
    (rank(low) - p).max(p - rank(high)).max(0.0)
}

fn check_numbers(what: &str, column: &ColumnProfile, values: &[f64]) {
    let sorted = sorted(values);
    let count = values.len() as f64;
    assert_eq!(column.count, values.len() as u64, "{what}");
    let [min, max] = [&column.min, &column.max].map(|end| end.as_ref().and_then(Scalar::as_f64));
    assert_eq!((min, max), (sorted.first().copied(), sorted.last().copied()), "{what}");
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    let spread = (values.iter().map(|value| (value - mean).powi(2) / (count - 1.0)).sum::<f64>()).sqrt();
    let scale = mean.abs().max(spread);
    assert!((column.mean().expect("a mean") - mean).abs() <= 1e-9 * scale, "{what}: {:?}, not {mean}", column.mean());
    if spread.is_finite() {
        assert!((column.std().expect("a spread") - spread).abs() <= 1e-9 * scale, "{what}: {:?}", column.std());
    }
    for p in [0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0] {
        let value = column.quantile(p).expect("a quantile");
        assert!(sorted.binary_search_by(|x| x.total_cmp(&value)).is_ok(), "{what}: {value} does not occur");
        let distance = rank_distance(&sorted, value, p);
        let near_the_end = p.min(1.0 - p) <= 0.01;
        let allowed = if near_the_end { QUANTILE_RANK_ERROR / 5.0 } else { QUANTILE_RANK_ERROR };
        assert!(distance <= allowed, "{what}: the value for {p} is {distance} off");
    }
    let mut different = sorted.clone();
    different.dedup();
    let (low, high) = column.distinct_range();
    // Two standard errors are kept by 95 of 100 columns; three by all but a few in a thousand.
    let slack = (high - low) / 4;
    let found = different.len() as u64;
    assert!((low.saturating_sub(slack)..=high + slack).contains(&found), "{what}: {found} in {low}..{high}");
    check_top(what, column, values.iter().map(|value| Scalar::Float(*value)).collect());
    let histogram = column.histogram(20);
    assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), column.count, "{what}");
}

/// No count is too high, and none falls short by more than is said, listed or not.
fn check_top(what: &str, column: &ColumnProfile, mut values: Vec<Scalar>) {
    values.sort_by(Scalar::order);
    for run in values.chunk_by(|a, b| a.order(b).is_eq()) {
        let listed = column.top.entries.iter().find(|(value, _)| value.order(&run[0]).is_eq());
        let (count, listed) = (run.len() as u64, listed.map_or(0, |(_, count)| *count));
        let is_kept = listed <= count && count - listed <= column.top.error;
        assert!(is_kept, "{what}: {} {count} times, listed {listed} ± {}", run[0], column.top.error);
    }
}

#[test]
fn every_shape_is_summed_up_within_the_stated_errors() {
    for (what, values) in shapes() {
        let whole = floats(&values);
        check_numbers(what, &whole, &values);
        let proven = whole.numbers.as_ref().expect("numbers").quantiles.rank_error();
        assert!(proven <= QUANTILE_RANK_ERROR, "{what}: proven to be within {proven}");
        check_numbers(&format!("{what}, in parts"), &merged(values.chunks(7_001).map(floats).collect()), &values);
        let absorbed = values.chunks(20_011).map(builder).reduce(|mut whole, part| {
            whole.absorb(part);
            whole
        });
        check_numbers(&format!("{what}, absorbed"), &absorbed.expect("some parts").finish(), &values);
    }
}

fn builder(values: &[f64]) -> ColumnBuilder {
    let mut builder = ColumnBuilder::new("x", "Float64", ColumnKind::Float);
    builder.floats(values);
    builder
}

#[test]
fn a_year_of_days_keeps_its_quantiles() {
    let values: Vec<f64> = noise(5, 365 * 3_000).into_iter().map(|u| -(1.0 - u).ln()).collect();
    let year = merged(values.chunks(3_000).map(floats).collect());
    let sorted = sorted(&values);
    for p in [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99] {
        let distance = rank_distance(&sorted, year.quantile(p).expect("a quantile"), p);
        assert!(distance <= QUANTILE_RANK_ERROR, "the value for {p} is {distance} off");
    }
}

#[test]
fn hundreds_of_days_merged_as_a_tree_keep_what_is_proven() {
    for days in [30, 365, 730] {
        let values: Vec<f64> = noise(6, days * 1_500).into_iter().map(|u| -(1.0 - u).ln()).collect();
        let mut merging = Merging::default();
        for day in values.chunks(1_500) {
            merging.push(floats(day)).expect("one type");
        }
        let all = merging.finish().expect("one type").expect("days");
        assert_eq!(all.count, values.len() as u64);
        let proven = all.numbers.as_ref().expect("numbers").quantiles.rank_error();
        assert!(proven <= 0.013, "{days} days: proven to be within {proven}");
        let ordered = sorted(&values);
        for p in [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99] {
            let distance = rank_distance(&ordered, all.quantile(p).expect("a quantile"), p);
            assert!(distance <= proven, "{days} days: the value for {p} is {distance} off, {proven} is proven");
        }
    }
}

#[test]
fn parts_are_merged_in_their_order() {
    for count in 1..20 {
        let part = |at: u32| {
            let mut builder = ColumnBuilder::new(&format!("c{at}"), "Float64", ColumnKind::Float);
            builder.floats(&[f64::from(at)]);
            Profile::new(1, vec![builder.finish()])
        };
        let mut merging = Merging::default();
        (0..count).for_each(|at| merging.push(part(at)).expect("one type"));
        let all = merging.finish().expect("one type").expect("parts");
        let names: Vec<&str> = all.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>());
    }
    assert_eq!(Merging::<Profile>::default().finish(), Ok(None));
}

#[test]
fn large_integers_and_times_are_not_rounded() {
    let base = (1_i64 << 62) + 1;
    let values: Vec<i64> = (0..30_000).map(|at| base + at * 3).collect();
    let column = ints(&values);
    let end = |end: &Option<Scalar>| end.clone().expect("an end");
    assert_eq!((end(&column.min), end(&column.max)), (Scalar::Int(base), Scalar::Int(base + 29_999 * 3)));
    assert!((column.distinct().estimate as f64 / 30_000.0 - 1.0).abs() < DISTINCT_RELATIVE_ERROR);
    let mut times = ColumnBuilder::new("at", "Timestamp(us, UTC)", ColumnKind::Instant);
    let day = 86_400_000_000;
    times.instants(&(0..20_000).map(|at| at * day).collect::<Vec<_>>());
    let times = times.finish();
    let median = times.median().expect("a median") / day as f64;
    assert!((median - 10_000.0).abs() <= 20_000.0 * QUANTILE_RANK_ERROR && median.fract() == 0.0, "{median}");
    assert_eq!(times.max, Some(Scalar::Instant(19_999 * day)));
}

#[test]
fn many_texts_are_summed_up_within_the_stated_errors() {
    let words: Vec<String> = (0..50_000)
        .map(|at| match at % 10 {
            0 => "häufig".to_owned(),
            1 => String::new(),
            2 => "長い".repeat(60),
            _ => format!("wört {}", at * 7_919 % 50_000),
        })
        .collect();
    let whole = texts(words.iter().map(String::as_str));
    let parts = merged(words.chunks(9_001).map(|part| texts(part.iter().map(String::as_str))).collect());
    for (what, column) in [("whole", whole), ("in parts", parts)] {
        let text = column.text.as_ref().expect("text");
        assert_eq!((text.empty, text.min_length, text.max_length, text.count), (5_000, 0, 120, 50_000), "{what}");
        let length = words.iter().map(|word| word.chars().count() as u64).sum::<u64>();
        assert_eq!((text.total_length, column.min.clone()), (length, Some(Scalar::Text(String::new()))), "{what}");
        let last = column.max.as_ref().expect("a last one").to_string();
        assert!(last.len() <= TOP_TEXT_MAX && last.starts_with("長い"), "{what}: {last}");
        let distinct = column.distinct().estimate as f64 / 35_003.0;
        assert!((distinct - 1.0).abs() < DISTINCT_RELATIVE_ERROR, "{what}: {distinct}");
        check_top(what, &column, words.iter().map(|word| Scalar::Text(word.clone())).collect());
        let heaviest: Vec<_> = column.top.first(2).iter().map(|(value, _)| value.to_string()).collect();
        assert!(heaviest.contains(&"häufig".to_owned()) && heaviest.contains(&String::new()), "{what}: {heaviest:?}");
    }
}

#[test]
fn a_count_of_a_text_is_as_good_as_the_text_so_often() {
    let one_by_one = texts((0..900).map(|at| ["a", "b", "b"][at % 3]));
    let mut counted = ColumnBuilder::new("x", "Utf8", ColumnKind::Text);
    counted.texts([("a", 300), ("b", 599), ("b", 1)]);
    assert_eq!(counted.finish(), one_by_one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However values are cut into parts and in whatever order these are put together, counts are the same, the
    /// distinct sketch is the same, and no quantile is further off than is proven.
    #[test]
    fn merging_is_associative_up_to_the_proven_error(
        seed in 0_u64..1_000,
        rows in 2_000_usize..9_000,
        grain in prop::sample::select(vec![1.0_f64, 100.0, 1_500.0, 1e12]),
        cuts in prop::collection::vec(1_usize..4_000, 1..6),
    ) {
        let values: Vec<f64> = noise(seed, rows).into_iter().map(|u| (u * u * grain).round()).collect();
        let mut parts = Vec::new();
        let mut rest = &values[..];
        for cut in cuts {
            let (part, later) = rest.split_at(cut.min(rest.len()));
            parts.push(part);
            rest = later;
        }
        parts.push(rest);
        let parts: Vec<ColumnProfile> = parts.into_iter().map(roomless).collect();
        let from_left = merged(parts.clone());
        let from_right = parts.into_iter().rev().reduce(|right, left| merged(vec![left, right])).expect("some parts");
        prop_assert_eq!(from_left.distinct(), from_right.distinct());
        prop_assert_eq!(from_left.top.exact, from_right.top.exact);
        let sorted = sorted(&values);
        for column in [&from_left, &from_right] {
            prop_assert_eq!(column.count, values.len() as u64);
            let proven = column.numbers.as_ref().expect("numbers").quantiles.rank_error();
            for p in [0.0, 0.01, 0.2, 0.5, 0.8, 0.99, 1.0] {
                let distance = rank_distance(&sorted, column.quantile(p).expect("a quantile"), p);
                prop_assert!(distance <= proven + 1e-12, "{} off, proven {}", distance, proven);
            }
            check_top("in parts", column, values.iter().map(|value| Scalar::Float(*value)).collect());
        }
    }

    /// What was written is read back the same, and what is no profile is refused without a panic.
    #[test]
    fn a_sketch_is_stored_whole(seed in 0_u64..1_000, rows in 0_usize..9_000, cut in 1_usize..200) {
        let profile = table(roomless(&noise(seed, rows)));
        let text = profile.to_json();
        prop_assert_eq!(Profile::from_json(&text).expect("our own form"), profile);
        let broken = text.replacen("\"quantiles\":\"", &format!("\"quantiles\":\"{}", "A".repeat(cut)), 1);
        let _ = Profile::from_json(&broken);
    }
}

/// A column that is sketched as soon as it may be.
fn roomless(values: &[f64]) -> ColumnProfile {
    let mut builder = ColumnBuilder::with_room("x", "Float64", ColumnKind::Float, 0);
    values.chunks(300).for_each(|chunk| builder.floats(chunk));
    builder.finish()
}

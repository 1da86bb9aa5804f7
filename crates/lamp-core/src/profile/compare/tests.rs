use super::*;
use crate::profile::ColumnBuilder;

fn ints(values: &[Option<i64>]) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Int64", ColumnKind::Int);
    for value in values {
        match value {
            Some(value) => builder.ints(&[*value]),
            None => builder.nulls(1),
        }
    }
    builder.finish()
}

fn range(from: i64, to: i64) -> ColumnProfile {
    ints(&(from..to).map(Some).collect::<Vec<_>>())
}

fn texts(values: &[&str]) -> ColumnProfile {
    let mut builder = ColumnBuilder::new("x", "Utf8", ColumnKind::Text);
    for value in values {
        builder.text(value);
    }
    builder.finish()
}

#[test]
fn a_distance_is_the_share_that_has_moved() {
    let same = |count: i64, value: i64| vec![Some(value); usize::try_from(count).expect("a count")];
    for (what, today, reference, expected) in [
        ("the same", range(0, 100), range(0, 100), 0.0),
        ("the same shares of more rows", range(0, 100), ints(&[range_of(0, 100), range_of(0, 100)].concat()), 0.0),
        ("all above what was", range(200, 300), range(0, 100), 0.89),
        ("half of it null", ints(&[same(50, 7), vec![None; 50]].concat()), ints(&same(100, 7)), 0.5),
        ("a constant that is another", ints(&same(10, 8)), ints(&same(10, 7)), 1.0),
        ("a constant that is less", ints(&same(10, 6)), ints(&same(10, 7)), 1.0),
        ("nothing but nulls, as before", ints(&[None, None]), ints(&[None]), 0.0),
        ("no rows", ints(&[]), ints(&[None]), 0.5),
        ("the same words", texts(&["a", "b"]), texts(&["b", "a"]), 0.0),
        ("a new word", texts(&["a", "b", "c", "d"]), texts(&["a", "b"]), 0.5),
        ("other words", texts(&["a"]), texts(&["b"]), 1.0),
        ("another type", texts(&["1"]), ints(&[Some(1)]), 1.0),
    ] {
        let found = distance(&today, &reference);
        assert!((found - expected).abs() < 1e-9, "{what}: {found}, not {expected}");
    }
}

fn range_of(from: i64, to: i64) -> Vec<Option<i64>> {
    (from..to).map(Some).collect()
}

#[test]
fn a_shift_shows_in_a_sketched_column_as_well() {
    let far = distance(&range(5_000, 25_000), &range(0, 20_000));
    assert!((far - 0.25).abs() < 0.03, "a quarter of the values is new: {far}");
    assert!(distance(&range(0, 20_000), &range(0, 20_000)) < 0.02);
}

#[test]
fn both_are_drawn_over_the_same_bars() {
    let said = |paired: &PairedHistogram| {
        let bars = paired.bins.iter().map(|bin| format!("{}: {} of {}", bin.label, bin.today, bin.reference));
        bars.collect::<Vec<_>>().join("; ")
    };
    let few = side_by_side(&ints(&[Some(1), Some(2), Some(2), None]), Some(&ints(&[Some(2), Some(4)])), 10);
    assert_eq!(said(&few), "1: 1 of 0; 2: 2 of 1; 3: 0 of 0; 4: 0 of 1");
    assert_eq!((few.rows_today, few.rows_reference, few.others_today), (4, 2, 0));

    // One value far out does not press the others into one bar.
    let mut with_outlier = range_of(0, 200);
    with_outlier.push(Some(1_000_000));
    let paired = side_by_side(&ints(&with_outlier), Some(&range(0, 200)), 4);
    let counts: Vec<_> = paired.bins.iter().map(|bin| (bin.today, bin.reference)).collect();
    assert_eq!(counts.iter().map(|(today, _)| today).sum::<u64>(), 201, "{}", said(&paired));
    assert_eq!(counts.iter().map(|(_, reference)| reference).sum::<u64>(), 200, "{}", said(&paired));
    assert!(counts.iter().all(|(today, reference)| *today > 30 && *reference > 30), "{}", said(&paired));
    assert!(paired.bins[3].label.ends_with("1000000"), "{}", said(&paired));

    // Whole numbers are never cut apart: no comb.
    let minutes = side_by_side(&range(0, 60), Some(&range(0, 60)), 24);
    assert_eq!(minutes.bins.iter().map(|bin| bin.today).collect::<Vec<_>>(), [3; 20], "{}", said(&minutes));
    assert_eq!((minutes.bins[0].label.as_str(), minutes.bins[19].label.as_str()), ("0 – 2", "57 – 59"));

    let days = side_by_side(&range(3, 32), None, 24);
    assert_eq!(days.bins[14].label, "31", "as far as there are values: {}", said(&days));

    let words = side_by_side(&texts(&["a", "a", "b", "c"]), Some(&texts(&["b", "b"])), 2);
    assert_eq!(said(&words), "b: 1 of 2; a: 2 of 0");
    assert_eq!((words.others_today, words.others_reference), (1, 0));

    let alone = side_by_side(&texts(&["a"]), None, 3);
    assert_eq!((said(&alone).as_str(), alone.rows_reference), ("a: 1 of 0", 0));
    let times = |from: i64| {
        let mut builder = ColumnBuilder::new("at", "Timestamp(us, UTC)", ColumnKind::Instant);
        builder.instants(&(from..from + 10).collect::<Vec<_>>());
        builder.finish()
    };
    let of_times = side_by_side(&times(1_000_000), Some(&times(0)), 5);
    assert_eq!((of_times.rows_reference, of_times.bins[0].today), (0, 2), "over their own range");
    let of_another_type = side_by_side(&texts(&["a"]), Some(&ints(&[Some(1)])), 3);
    assert_eq!(of_another_type, alone);
    assert_eq!(side_by_side(&ints(&[None]), Some(&ints(&[])), 3).bins, []);
}

#[test]
fn the_parts_of_a_history_are_one_column() {
    let [a, b] = [range(0, 10), range(10, 20)];
    let whole = merged([&a, &b]).expect("one type").expect("some parts");
    assert_eq!((whole.count, whole.max), (20, Some(Scalar::Int(19))));
    assert_eq!(merged([]), Ok(None));
    assert!(merged([&a, &texts(&["x"])]).is_err());
}

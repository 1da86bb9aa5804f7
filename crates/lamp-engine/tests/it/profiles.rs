//! Inspecting and profiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, NullArray, StringArray, StringViewArray, TimestampNanosecondArray,
    UInt64Array,
};
use datafusion::arrow::datatypes::{Int8Type, Int64Type};
use expect_test::expect;
use lamp_core::error::{Classified, Kind};
use lamp_core::profile::{ColumnKind, Scalar};
use lamp_engine::DataFile;

use crate::files::{Folder, array, engine};

#[tokio::test]
async fn a_parquet_file_is_inspected_from_its_footer() {
    let folder = Folder::new();
    let file = folder.parquet(
        "trips.parquet",
        vec![
            ("delay", array(Float64Array::from(vec![Some(1.0), None, Some(3.0)]))),
            ("at", array(TimestampNanosecondArray::from(vec![1, 2, 3]).with_timezone("UTC"))),
        ],
    );
    let facts = engine(1).inspect(&file).await.expect("facts");
    assert_eq!(facts.rows, Some(3));
    let types: Vec<_> = facts.schema.iter().map(|c| format!("{}: {}", c.name, c.data_type)).collect();
    assert_eq!(types, ["delay: Float64", "at: Timestamp(ns, UTC)"]);
}

#[tokio::test]
async fn a_stored_file_is_read_by_its_original_name() {
    let folder = Folder::new();
    folder.text("9f86d081", "carrier,delay\nUA,1.5\nAA,\n");
    let file = DataFile { path: folder.path("9f86d081"), name: "2013-01-01.csv".to_owned() };
    let facts = engine(1).inspect(&file).await.expect("facts");
    assert_eq!(facts.rows, Some(2));
    assert_eq!(facts.schema[1].data_type, "Float64");
}

#[tokio::test]
async fn numbers_of_a_profile_are_those_counted_by_hand() {
    let folder = Folder::new();
    let file = folder.parquet(
        "trips.parquet",
        vec![
            ("delay", array(Float64Array::from(vec![Some(-2.0), Some(0.0), None, Some(f64::NAN), Some(5.0)]))),
            ("seats", array(Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), Some(0), None, Some(0)]))),
            ("carrier", array(StringArray::from(vec![Some("UA"), Some("AA"), Some("UA"), None, Some("")]))),
            ("late", array(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(true)]))),
            ("nothing", array(NullArray::new(5))),
            ("day", array(Date32Array::from(vec![Some(0), Some(1), None, Some(15_706), Some(1)]))),
        ],
    );
    let profile = engine(2).profile(&[file], None).await.expect("a profile");
    assert_eq!(profile.rows, 5);
    let find = |name: &str| profile.find(name).expect("the column");

    let delay = find("delay");
    assert_eq!((delay.count, delay.nulls, delay.nan(), delay.zeros()), (5, 1, 1, 1));
    assert_eq!(
        (delay.min.clone(), delay.max.clone(), delay.mean()),
        (Some(Scalar::Float(-2.0)), Some(Scalar::Float(5.0)), Some(1.0))
    );
    assert!((delay.std().expect("a spread") - 13.0_f64.sqrt()).abs() < 1e-12, "squares 9 + 1 + 16 over 2");
    assert_eq!(delay.histogram(7).bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [1, 0, 1, 0, 0, 0, 1]);

    let seats = find("seats");
    assert_eq!((seats.min.clone(), seats.max.clone()), (Some(Scalar::Int(i64::MIN)), Some(Scalar::Int(i64::MAX))));
    assert_eq!(seats.distinct().estimate, 3);

    let carrier = find("carrier");
    assert_eq!(carrier.top.first(1), [(Scalar::Text("UA".to_owned()), 2)]);
    assert_eq!(carrier.text.as_ref().map(|text| (text.empty, text.min_length, text.max_length)), Some((1, 0, 2)));

    assert_eq!(find("late").top.entries, [(Scalar::Bool(true), 3), (Scalar::Bool(false), 1)]);
    let nothing = find("nothing");
    assert_eq!((nothing.kind, nothing.nulls, nothing.null_share()), (ColumnKind::Null, 5, 1.0));
    let day = find("day");
    assert_eq!((day.kind, day.max.clone()), (ColumnKind::Date, Some(Scalar::Instant(15_706 * 86_400_000_000))));
}

#[tokio::test]
async fn every_type_of_column_is_profiled() {
    let folder = Folder::new();
    let dictionary: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1)]), None, Some(vec![])]);
    let decimal = Decimal128Array::from(vec![150, 250, 350]).with_precision_and_scale(10, 2).expect("a decimal type");
    let columns = vec![
        ("int8", array(Int8Array::from(vec![1, 2, 3]))),
        ("uint64", array(UInt64Array::from(vec![1, 2, u64::MAX]))),
        ("float32", array(Float32Array::from(vec![0.5, 0.25, 0.0]))),
        ("decimal", array(decimal)),
        ("large", array(LargeStringArray::from(vec!["x", "y", "z"]))),
        ("view", array(StringViewArray::from(vec!["x", "y", "a longer text than twelve bytes"]))),
        ("dictionary", array(dictionary)),
        ("list", array(list)),
        ("at", array(TimestampNanosecondArray::from(vec![1_500, 2_500, 3_500]))),
    ];
    let profile = engine(1).profile(&[folder.parquet("t.parquet", columns)], None).await.expect("a profile");
    let shown: Vec<String> = profile
        .columns
        .iter()
        .map(|c| {
            let show = |value: &Option<Scalar>| value.as_ref().map(ToString::to_string).unwrap_or_default();
            format!(
                "{}: {} {} {}..{} {}",
                c.name,
                c.data_type,
                c.kind.as_str(),
                show(&c.min),
                show(&c.max),
                c.non_null()
            )
        })
        .collect();
    expect![[r#"
        int8: Int8 integer 1..3 3
        uint64: UInt64 number 1..18446744073709552000 3
        float32: Float32 number 0..0.5 3
        decimal: Decimal128(10, 2) number 1.5..3.5 3
        large: LargeUtf8 text x..z 3
        view: Utf8View text a longer text than twelve bytes..y 3
        dictionary: Utf8 text a..b 3
        list: List(Int64) list .. 2
        at: Timestamp(ns) timestamp 1970-01-01T00:00:00.000001Z..1970-01-01T00:00:00.000003Z 3"#]]
    .assert_eq(&shown.join("\n"));
}

#[tokio::test]
async fn files_without_rows_have_columns_without_numbers() {
    let folder = Folder::new();
    let empty = folder.parquet("empty.parquet", vec![("delay", array(Float64Array::from(Vec::<f64>::new())))]);
    let header = folder.text("header.csv", "delay,carrier\n");
    let one = folder.text("one.csv", "delay,carrier\n4,UA\n");
    let engine = engine(2);
    for file in [&empty, &header] {
        let profile = engine.profile(std::slice::from_ref(file), None).await.expect("a profile");
        assert_eq!((profile.rows, profile.columns[0].count, profile.columns[0].mean()), (0, 0, None), "{}", file.name);
    }
    let profile = engine.profile(&[one], None).await.expect("a profile");
    assert_eq!((profile.rows, profile.columns[0].mean(), profile.columns[0].std()), (1, Some(4.0), None));
    assert_eq!(engine.profile(&[], None).await.expect_err("no file").to_string(), "there is no file to read");
}

#[tokio::test]
async fn the_number_of_threads_changes_nothing() {
    let folder = Folder::new();
    let rows = 300_000;
    let text: String = (0..rows).fold("n,word\n".to_owned(), format_row);
    let half = text.len() / 2 + text[text.len() / 2..].find('\n').expect("a line's end") + 1;
    let files = [folder.text("a.csv", &text[..half]), folder.text("b.csv", &format!("n,word\n{}", &text[half..]))];
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let progress: lamp_engine::ProgressFn = Arc::new(move |p: lamp_engine::Progress| {
        counter.fetch_max(p.rows, Ordering::Relaxed);
        assert_eq!(p.total_rows, 300_000);
    });
    let alone = engine(1).profile(&files, Some(progress)).await.expect("a profile");
    let together = engine(4).profile(&files, None).await.expect("a profile");
    assert_eq!(alone.to_json(), together.to_json());
    assert_eq!((alone.rows, seen.load(Ordering::Relaxed)), (rows, rows));
    let n = alone.find("n").expect("the column");
    assert!((n.median().expect("a median") - 150_000.0).abs() < 3_000.0);
}

fn format_row(mut text: String, i: u64) -> String {
    use std::fmt::Write as _;
    let _ = writeln!(text, "{},w{}", i * 7_919 % 300_000, i % 5);
    text
}

#[tokio::test]
async fn partitions_merge_into_the_profile_of_all() {
    let folder = Folder::new();
    let part = |name: &str, from: i64| {
        folder.parquet(name, vec![("n", array((from..from + 900).map(Some).collect::<Int64Array>()))])
    };
    let files = [part("1.parquet", 0), part("2.parquet", 900), part("3.parquet", 1_800)];
    let engine = engine(2);
    let whole = engine.profile(&files, None).await.expect("a profile");
    let mut merged = engine.profile(&files[..1], None).await.expect("a profile");
    for file in &files[1..] {
        merged = merged
            .merge(&engine.profile(std::slice::from_ref(file), None).await.expect("a profile"))
            .expect("equal types");
    }
    let (whole, merged) = (&whole.columns[0], &merged.columns[0]);
    assert_eq!((merged.count, &merged.min, &merged.max), (whole.count, &whole.min, &whole.max));
    assert!((merged.median().expect("a median") - 1_350.0).abs() <= 27.0, "{:?}", merged.median());
    let distinct = f64::from(u32::try_from(merged.distinct().estimate).expect("some thousands"));
    assert!((distinct / 2_700.0 - 1.0).abs() < lamp_core::profile::DISTINCT_RELATIVE_ERROR, "{distinct}");
}

#[tokio::test]
async fn files_of_different_schemas_are_one_table() {
    let folder = Folder::new();
    let files = [
        folder.parquet(
            "1.parquet",
            vec![("n", array(Int32Array::from(vec![1, 2]))), ("only_here", array(StringArray::from(vec!["x", "y"])))],
        ),
        folder.parquet("2.parquet", vec![("n", array(Float64Array::from(vec![2.5])))]),
        folder.text("3.csv", "late,n\ntrue,7\n"),
    ];
    let engine = engine(2);
    let profile = engine.profile(&files, None).await.expect("a profile");
    let n = profile.find("n").expect("the column");
    assert_eq!((n.data_type.as_str(), n.count, n.nulls, n.mean()), ("Float64", 4, 0, Some(3.125)));
    let only_here = profile.find("only_here").expect("the column");
    assert_eq!((only_here.count, only_here.nulls, only_here.absent), (4, 2, 2));
    assert_eq!(profile.find("late").map(|c| (c.count, c.absent)), Some((4, 3)));

    let words = folder.text("4.csv", "n\nmany\n");
    let error = engine.profile(&[files[1].clone(), words], None).await.expect_err("numbers beside words");
    assert_eq!(error.to_string(), "column `n` is Float64 in `2.parquet` and Utf8 in `4.csv`");
    assert_eq!(error.hint().as_deref(), Some("write `n` with one type in every file"));
}

#[tokio::test]
async fn damaged_files_are_named() {
    let folder = Folder::new();
    let good = folder.parquet("good.parquet", vec![("n", array(Int64Array::from(vec![1, 2, 3])))]);
    let bytes = std::fs::read(&good.path).expect("its bytes");
    std::fs::write(folder.path("cut.parquet"), &bytes[..bytes.len() / 2]).expect("a cut file");
    let mut flipped = bytes.clone();
    flipped[20..40].fill(0xff);
    std::fs::write(folder.path("flipped.parquet"), &flipped).expect("a damaged file");
    let ragged = folder.text("ragged.csv", "a,b\n1,2\n3\n");
    let zip = folder.text("data.zip", "PK");
    let gone = DataFile::at(folder.path("gone.parquet"));
    let engine = engine(1);
    for (file, start, kind) in [
        (DataFile::at(folder.path("cut.parquet")), "`cut.parquet` is damaged or not Parquet: ", Kind::Invalid),
        (DataFile::at(folder.path("flipped.parquet")), "`flipped.parquet` is damaged or not Parquet: ", Kind::Invalid),
        (ragged, "`ragged.csv` is damaged or not CSV: ", Kind::Invalid),
        (zip, "`data.zip` is neither Parquet nor CSV", Kind::Invalid),
        (gone, "cannot read `gone.parquet`: ", Kind::NotFound),
    ] {
        let error = engine.profile(&[file], None).await.expect_err("a damaged file");
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    let error = engine.profile(&[folder.text("twice.csv", "a,a\n1,2\n")], None).await.expect_err("a column twice");
    assert_eq!(error.to_string(), "`twice.csv` is damaged or not CSV: the column `a` is there twice");
}

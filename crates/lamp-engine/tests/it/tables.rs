//! Evaluation tables.

use datafusion::arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use lamp_core::error::Classified;
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_engine::DataFile;

use crate::files::{Folder, array, engine};

fn columns(wanted: &[(&str, Datatype)]) -> Vec<(String, Datatype)> {
    wanted.iter().map(|(name, datatype)| ((*name).to_owned(), *datatype)).collect()
}

fn trips(folder: &Folder) -> Vec<DataFile> {
    vec![
        folder.parquet(
            "1.parquet",
            vec![
                ("Carrier", array(StringArray::from(vec!["UA", "AA", "B6"]))),
                ("distance", array(Int64Array::from(vec![Some(100), None, Some(300)]))),
                ("arr_delay", array(Float64Array::from(vec![Some(20.0), Some(3.0), None]))),
                ("at", array(TimestampMicrosecondArray::from(vec![0, 1, 2]).with_timezone("UTC"))),
            ],
        ),
        folder.parquet(
            "2.parquet",
            vec![
                ("arr_delay", array(Float64Array::from(vec![15.0, f64::NAN]))),
                ("Carrier", array(StringArray::from(vec!["DL", "US"]))),
                ("distance", array(Int64Array::from(vec![400, 500]))),
                ("at", array(TimestampMicrosecondArray::from(vec![3, 4]).with_timezone("UTC"))),
            ],
        ),
    ]
}

#[tokio::test]
async fn rows_come_in_file_order_without_those_whose_target_is_null() {
    let folder = Folder::new();
    let wanted = columns(&[("distance", Datatype::Fp32), ("Carrier", Datatype::Bytes)]);
    for threads in [1, 4] {
        let table =
            engine(threads).read_table(&trips(&folder), &wanted, Some("arr_delay >= 15")).await.expect("a table");
        assert_eq!(table.inputs.columns[0].values, Values::Float(vec![Some(100.0), None, Some(400.0)]));
        let carriers = ["UA", "AA", "DL"].map(|carrier| Some(carrier.to_owned()));
        assert_eq!(table.inputs.columns[1].values, Values::Text(carriers.to_vec()));
        // NaN would be larger than 15 in SQL; no label is made up from it.
        assert_eq!(table.target, Some(Values::Bool(vec![Some(true), Some(false), Some(true)])));
        assert_eq!(table.null_targets, 2);
    }
}

#[tokio::test]
async fn a_target_may_be_any_expression_over_any_column() {
    let folder = Folder::new();
    let files = trips(&folder);
    let engine = engine(2);
    let wanted = columns(&[("distance", Datatype::Int64)]);
    let target =
        async |sql: &str| engine.read_table(&files, &wanted, Some(sql)).await.map(|t| (t.target, t.null_targets));
    assert_eq!(
        target("arr_delay").await.expect("a table"),
        (Some(Values::Float(vec![Some(20.0), Some(3.0), Some(15.0)])), 2)
    );
    let (carriers, _) =
        target("CASE WHEN Carrier IN ('UA', 'AA') THEN 'old' ELSE lower(Carrier) END").await.expect("a table");
    let expected = ["old", "old", "b6", "dl", "us"].map(|word| Some(word.to_owned()));
    assert_eq!(carriers, Some(Values::Text(expected.to_vec())));
    assert_eq!(target("1").await.expect("a table").0, Some(Values::Int(vec![Some(1); 5])));
    for (sql, part) in [
        ("arr_delay >=", "cannot run `arr_delay >=`: "),
        ("ARR_DELAY > 1", "ARR_DELAY"),
        ("arr_delay > 1; DROP TABLE x", "there is more after the expression"),
        ("sum(arr_delay) > 1", "cannot run `sum(arr_delay) > 1`: "),
        ("arr_delay > (SELECT 1)", "cannot run `arr_delay > (SELECT 1)`: "),
    ] {
        let error = target(sql).await.expect_err("not an expression over rows");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn columns_are_cast_to_the_signature_or_refused() {
    let folder = Folder::new();
    let file = folder.text("t.csv", "n,half,word,at,empty\n5,1.5,7,2013-01-01T05:00:00,\n6,2,x,2013-01-02T05:00:00,\n");
    let files = [file];
    let engine = engine(1);
    let read = async |name: &str, datatype| engine.read_table(&files, &columns(&[(name, datatype)]), None).await;
    let values = async |name: &str, datatype| read(name, datatype).await.map(|mut t| t.inputs.columns.remove(0).values);
    assert_eq!(values("n", Datatype::Fp64).await.expect("floats"), Values::Float(vec![Some(5.0), Some(6.0)]));
    assert_eq!(
        values("n", Datatype::Bytes).await.expect("text"),
        Values::Text(vec![Some("5".into()), Some("6".into())])
    );
    assert_eq!(
        values("at", Datatype::Bytes).await.expect("text"),
        Values::Text(vec![Some("2013-01-01T05:00:00".into()), Some("2013-01-02T05:00:00".into())])
    );
    assert_eq!(values("empty", Datatype::Fp64).await.expect("nulls"), Values::Float(vec![None, None]));
    for (name, datatype, message) in [
        ("half", Datatype::Int64, "column `half` of `t.csv` does not fit INT64: 1.5 is not a whole number"),
        (
            "word",
            Datatype::Fp64,
            "column `word` of `t.csv` does not fit FP64: Cast error: Cannot cast string 'x' to value of Float64 type",
        ),
        ("wind", Datatype::Fp64, "there is no column `wind`; there are n, half, word, at, empty"),
    ] {
        let error = read(name, datatype).await.expect_err("does not fit");
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_table_without_rows_keeps_its_columns() {
    let folder = Folder::new();
    let file = folder.parquet("e.parquet", vec![("x", array(Float64Array::from(Vec::<f64>::new())))]);
    let table =
        engine(1).read_table(&[file], &columns(&[("x", Datatype::Fp64)]), Some("x > 1")).await.expect("a table");
    assert_eq!(table.inputs.columns[0].values, Values::Float(vec![]));
    assert_eq!((table.target.map(|t| t.len()), table.null_targets), (Some(0), 0));
}

//! Samples: some rows, as files like the ones that they come from.

use datafusion::arrow::array::{Float64Array, Int64Array, StringArray};
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_engine::DataFile;

use crate::files::{Folder, array, engine};

fn parquet(folder: &Folder) -> Vec<DataFile> {
    let first = vec![
        ("name", array(StringArray::from(vec!["a", "b", "c", "d", "e"]))),
        ("delay", array(Int64Array::from(vec![Some(1), None, Some(30), Some(4), Some(50)]))),
    ];
    // Here delays are fractions, and there is no name.
    let second = vec![("delay", array(Float64Array::from(vec![6.5, 70.0])))];
    vec![folder.parquet("1.parquet", first), folder.parquet("2.parquet", second)]
}

#[tokio::test]
async fn rows_are_drawn_by_the_place_of_their_target() {
    let (folder, out) = (Folder::new(), Folder::new());
    let (engine, files) = (engine(2), parquet(&folder));
    let scan = engine.scan_targets(&files, "delay >= 15", 1_000).await.expect("a scan");
    let truths = [false, true, false, true, false, true].map(Some).to_vec();
    assert_eq!((&scan.values, scan.null_targets, scan.is_complete), (&Values::Bool(truths), 1, true));
    assert_eq!(engine.columns_of(&files, "delay >= 15 OR delay < 0").await.expect("columns"), ["delay"]);

    let sample = engine.take_rows(&files, &scan, &[1, 3, 4]).await.expect("rows");
    assert_eq!(sample.rows(), 3);
    let written = sample.write(&out.path("")).await.expect("files");
    assert_eq!(written.iter().map(|file| (file.source, file.rows)).collect::<Vec<_>>(), [(0, 2), (1, 1)]);
    assert_eq!(written[1].file.name, "2.parquet", "they keep the names");
    let read: Vec<DataFile> = written.into_iter().map(|file| file.file).collect();
    let wanted = [("name".to_owned(), Datatype::Bytes), ("delay".to_owned(), Datatype::Fp64)];
    let table = engine.read_table(&read, &wanted, None).await.expect("a table").inputs;
    let names = ["c", "e"].map(|name| Some(name.to_owned())).into_iter().chain([None]).collect();
    assert_eq!(table.columns[0].values, Values::Text(names));
    assert_eq!(table.columns[1].values, Values::Float(vec![Some(30.0), Some(50.0), Some(6.5)]));
}

#[tokio::test]
async fn a_scan_ends_where_it_is_told_to() {
    let folder = Folder::new();
    let scan = engine(1).scan_targets(&parquet(&folder), "delay", 2).await.expect("a scan");
    assert!(!scan.is_complete);
    assert_eq!(scan.values.len(), 1, "one of the first two rows has a target");
}

#[tokio::test]
async fn values_are_handed_about_between_files_and_the_rest_stays() {
    let (folder, out) = (Folder::new(), Folder::new());
    let (engine, files) = (engine(2), parquet(&folder));
    let scan = engine.scan_targets(&files, "delay", 1_000).await.expect("a scan");
    let sample = engine.take_rows(&files, &scan, &[0, 1, 4]).await.expect("rows");
    let turned = sample.rearranged(&["delay".to_owned()], &[2, 0, 1]).expect("turned");
    let written = turned.write(&out.path("")).await.expect("files");
    let read: Vec<DataFile> = written.into_iter().map(|file| file.file).collect();
    let wanted = [("name".to_owned(), Datatype::Bytes), ("delay".to_owned(), Datatype::Fp64)];
    let table = engine.read_table(&read, &wanted, None).await.expect("a table").inputs;
    assert_eq!(table.columns[1].values, Values::Float(vec![Some(6.5), Some(1.0), Some(30.0)]));
    let names = ["a", "c"].map(|name| Some(name.to_owned())).into_iter().chain([None]).collect();
    assert_eq!(table.columns[0].values, Values::Text(names));
}

#[tokio::test]
async fn csv_stays_as_it_was_written() {
    let (folder, out) = (Folder::new(), Folder::new());
    let text = "at,zip,note,late\n2013-03-01T12:00:00Z,01234,\"one, two\",1\n2013-03-01T13:00:00+01:00,00042,,0\n";
    let files = [folder.text("1.csv", text), folder.text("2.tsv", "at\tlate\n2013-03-02\t1\n")];
    let engine = engine(1);
    let scan = engine.scan_targets(&files[..1], "late", 1_000).await.expect("a scan");
    let sample = engine.take_rows(&files[..1], &scan, &[0, 1]).await.expect("rows");
    let turned = sample.rearranged(&["late".to_owned()], &[1, 0]).expect("turned");
    let written = turned.write(&out.path("")).await.expect("files");
    let found = std::fs::read_to_string(&written[0].file.path).expect("text");
    // Leading zeros, offsets and commas are as they were; only the labels changed places.
    assert_eq!(found, text.replace("two\",1", "two\",0").replace("00042,,0", "00042,,1"));

    let scan = engine.scan_targets(&files[1..], "late", 1_000).await.expect("a scan");
    let sample = engine.take_rows(&files[1..], &scan, &[0]).await.expect("rows");
    let written = sample.write(&out.path("")).await.expect("files");
    assert_eq!(std::fs::read_to_string(&written[0].file.path).expect("text"), "at\tlate\n2013-03-02\t1\n");
    assert_eq!(written[0].file.path.extension().and_then(|e| e.to_str()), Some("tsv"));
    let nothing = engine.take_rows(&files[1..], &scan, &[]).await.expect("rows");
    assert_eq!(nothing.rows(), 0);
}

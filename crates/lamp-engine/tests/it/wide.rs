//! Tables of three thousand columns.

use std::process::Command;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use lamp_engine::DataFile;

use crate::files::{Folder, engine};

const COLUMNS: usize = 3_000;
/// More than a stored profile lists, so that every column is sketched.
const ROWS: usize = 1_100;
/// What a profile may take of memory, in bytes.
const PEAK_MAX: u64 = 300_000_000;
/// Names the file for the process that only profiles.
const FILE: &str = "LAMP_TEST_WIDE_FILE";

/// A number that no other cell of the column has.
fn cell(column: usize, row: usize) -> u32 {
    u32::try_from(row * 7_919 % ROWS * 4 + column % 4).expect("a small number")
}

fn wide_parquet(folder: &Folder) -> DataFile {
    let column = |at: usize| -> (String, ArrayRef) {
        let cells = (0..ROWS).map(|row| cell(at, row));
        let array: ArrayRef = if at.is_multiple_of(3) {
            Arc::new(cells.map(|cell| Some(format!("text {cell}"))).collect::<StringArray>())
        } else {
            Arc::new(cells.map(|cell| Some(f64::from(cell))).collect::<Float64Array>())
        };
        (format!("c{at}"), array)
    };
    let batch = RecordBatch::try_from_iter((0..COLUMNS).map(column)).expect("columns of equal length");
    let file = std::fs::File::create(folder.path("wide.parquet")).expect("a new file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("a batch");
    writer.close().expect("a footer");
    DataFile::at(folder.path("wide.parquet"))
}

/// The peak of memory is a process's own, so the profile is made by one that does nothing else.
#[test]
fn a_wide_table_takes_bounded_memory() {
    let folder = Folder::new();
    let file = wide_parquet(&folder);
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "wide::profile_of_a_wide_table", "--ignored", "--nocapture"])
        .env(FILE, &file.path)
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let peak = said.lines().find_map(|line| line.strip_prefix("peak ")).expect("a peak");
    let peak: u64 = peak.trim_end_matches("kB").trim().parse().expect("kilobytes");
    assert!(peak * 1_024 <= PEAK_MAX, "{peak} kB");
}

/// What the test above starts.
#[tokio::test]
#[ignore = "started by another test, in a process of its own"]
async fn profile_of_a_wide_table() {
    let file = DataFile::at(std::env::var_os(FILE).expect("a file"));
    let profile = engine(2).profile(&[file], None).await.expect("a profile");
    assert_eq!((profile.rows, profile.columns.len()), (ROWS as u64, COLUMNS));
    let names: Vec<_> = profile.columns.iter().take(2).map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["c0", "c1"]);
    for column in &profile.columns {
        let distinct = column.distinct().estimate;
        assert!((1_030..1_170).contains(&distinct), "{}: {distinct}", column.name);
        assert_eq!((column.nulls, column.count), (0, ROWS as u64), "{}", column.name);
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    println!("\npeak {}", peak.trim());
}

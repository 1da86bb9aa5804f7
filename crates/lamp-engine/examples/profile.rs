//! How long a profile takes, beside a scan that only decodes the same file.
//!
//! ```text
//! cargo run --release -p lamp-engine --example profile -- FILE…            # profile the files as one table
//! cargo run --release -p lamp-engine --example profile -- --decode FILE…   # decode Parquet and drop it
//! ```
//!
//! Prints wall time, processor time and peak memory of the process, so run the two apart. `--columns` prints what
//! was found, a line a column.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use lamp_core::profile::{ColumnProfile, Profile};
use lamp_engine::{DataFile, Engine, EngineSettings};

/// Rows of a decoded batch.
const BATCH_ROWS: usize = 8_192;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, files): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|argument| argument.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|found| found == flag);
    let started = Instant::now();
    let (rows, columns) = if has("--decode") {
        decode(&files)?
    } else {
        let profile = profile(&files)?;
        if has("--columns") {
            profile.columns.iter().for_each(|column| println!("{}", line(column)));
        }
        (profile.rows, profile.columns.len())
    };
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim);
    let cpu = processor_seconds();
    println!("{rows} rows x {columns} columns: {seconds:.2} s, {cpu:.2} s of processors, peak memory {peak}");
    Ok(())
}

fn profile(files: &[String]) -> Outcome<Profile> {
    let files: Vec<DataFile> = files.iter().map(DataFile::at).collect();
    let engine = Engine::new(EngineSettings::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(engine.profile(&files, None))?)
}

fn line(column: &ColumnProfile) -> String {
    let distinct = column.distinct();
    let sign = if distinct.exact { "" } else { "~" };
    let top: Vec<_> = column.top.first(2).iter().map(|(value, count)| format!("{value} × {count}")).collect();
    format!(
        "{}: {} nulls, {sign}{} distinct, median {:?}, top {} ± {}",
        column.name,
        column.nulls,
        distinct.estimate,
        column.median(),
        top.join(", "),
        column.top.error
    )
}

/// Decodes every row group on as many threads as the machine has. Returns rows and columns.
fn decode(files: &[String]) -> Outcome<(u64, usize)> {
    let mut work = Vec::new();
    let mut columns = 0;
    for path in files {
        let metadata = ArrowReaderMetadata::load(&File::open(path)?, ArrowReaderOptions::default())?;
        columns = columns.max(metadata.schema().fields().len());
        work.extend((0..metadata.metadata().num_row_groups()).map(|group| (path.as_str(), metadata.clone(), group)));
    }
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism()?.get();
    let rows = std::thread::scope(|scope| {
        let run = || -> Outcome<u64> {
            let mut rows = 0;
            while let Some((path, metadata, group)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                rows += decode_group(Path::new(path), metadata, *group)?;
            }
            Ok(rows)
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().map_err(|_| "a decoding thread ended")?).sum::<Outcome<u64>>()
    })?;
    Ok((rows, columns))
}

fn decode_group(path: &Path, metadata: &ArrowReaderMetadata, group: usize) -> Outcome<u64> {
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(File::open(path)?, metadata.clone())
        .with_row_groups(vec![group])
        .with_batch_size(BATCH_ROWS)
        .build()?;
    let mut rows = 0;
    for batch in reader {
        rows += batch?.num_rows() as u64;
    }
    Ok(rows)
}

/// Seconds that all threads spent on a processor; 0 where `/proc` does not say.
fn processor_seconds() -> f64 {
    /// Clock ticks a second that Linux reports in, on every architecture that it is built for today.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, in brackets, may hold spaces; user and system time are the 12th and 13th after it.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

//! How long it takes only to decode Parquet files: the floor that a profile of them is measured against.
//!
//! ```text
//! cargo run --release -p lamp-engine --example decode -- FILE…
//! ```
//!
//! Every column of every row group is decoded, on as many threads as the machine has, and dropped. Prints rows and
//! columns. `cargo xtask bench profile` measures it beside `lamp profile`.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

/// Rows of a decoded batch.
const BATCH_ROWS: usize = 8_192;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        return Err("decode FILE…".into());
    }
    let (rows, columns) = decode(&files)?;
    println!("{rows} rows x {columns} columns");
    Ok(())
}

/// Decodes every row group. Returns rows and columns.
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

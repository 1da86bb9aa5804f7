//! Prediction logs as Parquet, and back.
//!
//! One row a prediction. The columns that every log has come first; then `primary.OUTPUT`,
//! `shadow.OUTPUT` and `input.NAME`, typed from the JSON values that were met: booleans, integers,
//! floats or text; whatever mixes sorts or nests is JSON text, and its column says so in its
//! metadata. `absent` lists the columns of others that a row does not have (rather than having
//! them null), so that a row read back is the row that was written.

mod columns;
mod decode;
mod encode;
mod pick;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{Array, AsArray};
use lamp_core::ids::PredictionId;
use lamp_core::prediction::Prediction;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::{Source, blocking, parquet};

/// Predictions that a merge holds in memory at most: a busy day.
const MERGE_MAX: usize = 10_000_000;

impl Engine {
    /// Writes predictions as one Parquet file, in the order given; the file appears whole or not
    /// at all. Returns the number of rows.
    pub async fn write_predictions(&self, predictions: &[Prediction], out: &Path) -> Result<u64, EngineError> {
        let (predictions, out) = (predictions.to_vec(), out.to_owned());
        blocking(move || write(&predictions, &out)).await
    }

    /// Reads prediction logs back, in file order.
    pub async fn read_predictions(&self, files: &[DataFile]) -> Result<Vec<Prediction>, EngineError> {
        let files = files.to_vec();
        blocking(move || read(&files)).await
    }

    /// Finds one prediction. Only its column of ids is read from each file, and then one row.
    pub async fn find_prediction(
        &self,
        files: &[DataFile],
        id: PredictionId,
    ) -> Result<Option<Prediction>, EngineError> {
        let files = files.to_vec();
        blocking(move || {
            for file in &files {
                if let Some(row) = find_row(file, id)? {
                    let batch = parquet::row(file, row)?.next().transpose()?;
                    let found = batch.map(|batch| decode::predictions(file, &batch)).transpose()?;
                    return Ok(found.and_then(|rows| rows.into_iter().next()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Writes the rows of an existing log and new ones as one file, ordered by time and id. A
    /// prediction that is there twice is kept once, as it was first. `out` may be the existing
    /// file. Returns the number of rows.
    pub async fn merge_predictions(
        &self,
        existing: Option<&DataFile>,
        new: &[Prediction],
        out: &Path,
    ) -> Result<u64, EngineError> {
        let (existing, new, out) = (existing.cloned(), new.to_vec(), out.to_owned());
        blocking(move || {
            let mut all =
                existing.as_ref().map(|file| read(std::slice::from_ref(file))).transpose()?.unwrap_or_default();
            all.extend(new);
            let mut seen = HashSet::with_capacity(all.len());
            all.retain(|prediction| seen.insert(prediction.id));
            all.sort_by_key(|prediction| (prediction.served_at, prediction.id));
            write(&all, &out)
        })
        .await
    }
}

fn read(files: &[DataFile]) -> Result<Vec<Prediction>, EngineError> {
    let mut predictions = Vec::new();
    for file in files {
        // Each file by itself: columns that only another file has would become columns of this one.
        let source = Source::open(std::slice::from_ref(file))?;
        let all: Vec<usize> = (0..source.schema().fields().len()).collect();
        for piece in source.pieces() {
            source.read(&piece, &all, |batch| {
                predictions.extend(decode::predictions(file, &batch.rows)?);
                Ok(true)
            })?;
            if predictions.len() > MERGE_MAX {
                return Err(EngineError::Memory(format!("more than {MERGE_MAX} predictions at once")));
            }
        }
    }
    Ok(predictions)
}

/// The row of a prediction within its file.
fn find_row(file: &DataFile, id: PredictionId) -> Result<Option<usize>, EngineError> {
    let source = Source::open(std::slice::from_ref(file))?;
    let column = source.column(columns::PREDICTION_ID).map_err(|_| decode::not_a_log(file, "it has no ids"))?;
    let id = id.to_string();
    let (mut row, mut found) = (0, None);
    for piece in source.pieces() {
        source.read(&piece, &[column], |batch| {
            let ids = batch.rows.column(0);
            let ids = ids.as_string_opt::<i32>().ok_or_else(|| decode::not_a_log(file, "its ids are not text"))?;
            found = ids.iter().position(|candidate| candidate == Some(id.as_str())).map(|place| row + place);
            row += ids.len();
            Ok(found.is_none())
        })?;
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

/// Writes beside `out` and renames: a crash leaves either the old file or the new one.
fn write(predictions: &[Prediction], out: &Path) -> Result<u64, EngineError> {
    let batch = encode::batch(predictions)?;
    let unfinished = beside(out);
    let failed = |source| EngineError::Write { file: out.display().to_string(), source };
    let written =
        write_file(&batch, &unfinished).and_then(|()| fs::rename(&unfinished, out)).and_then(|()| sync_folder(out));
    if written.is_err() {
        // Best effort: the error that matters is the one above.
        let _ = fs::remove_file(&unfinished);
    }
    written.map_err(failed)?;
    Ok(predictions.len() as u64)
}

fn write_file(batch: &datafusion::arrow::array::RecordBatch, path: &Path) -> io::Result<()> {
    use datafusion::parquet::arrow::ArrowWriter;
    let file = File::create(path)?;
    let handle = file.try_clone()?;
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(encode::properties())).map_err(io::Error::other)?;
    // One row group at a time: the writer recurses once for each group that a batch fills.
    for from in (0..batch.num_rows()).step_by(encode::GROUP_ROWS) {
        let rows = encode::GROUP_ROWS.min(batch.num_rows() - from);
        writer.write(&batch.slice(from, rows)).map_err(io::Error::other)?;
    }
    writer.close().map_err(io::Error::other)?;
    handle.sync_all()
}

/// A name of our own beside `out`: two merges at once must not write into each other's file.
fn beside(out: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    out.with_file_name(format!(".{name}.{}-{number}.unfinished", std::process::id()))
}

fn sync_folder(out: &Path) -> io::Result<()> {
    match out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

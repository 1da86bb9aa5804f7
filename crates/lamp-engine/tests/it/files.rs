//! Making files to read.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use lamp_engine::{DataFile, Engine, EngineSettings};
use tempfile::TempDir;

pub struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A Parquet file with two rows a row group.
    pub fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> DataFile {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
        let batch = batch.expect("columns of equal length");
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
        let file = std::fs::File::create(self.path(name)).expect("a new file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        // The writer recurses once for each group that a batch fills.
        for from in (0..batch.num_rows()).step_by(2) {
            writer.write(&batch.slice(from, 2.min(batch.num_rows() - from))).expect("a batch");
        }
        writer.close().expect("a footer");
        DataFile::at(self.path(name))
    }

    pub fn text(&self, name: &str, text: &str) -> DataFile {
        std::fs::write(self.path(name), text).expect("a new file");
        DataFile::at(self.path(name))
    }
}

pub fn engine(threads: usize) -> Engine {
    Engine::new(EngineSettings { memory_bytes: 64 << 20, threads, ..EngineSettings::default() })
}

pub fn array<A: datafusion::arrow::array::Array + 'static>(array: A) -> ArrayRef {
    Arc::new(array)
}

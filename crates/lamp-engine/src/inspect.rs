//! What a file is, without reading more than needed.

use lamp_core::dataset::SchemaColumn;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::Source;
use crate::types;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Number of rows, where known.
    pub rows: Option<u64>,
    /// Columns in file order.
    pub schema: Vec<SchemaColumn>,
}

impl Engine {
    /// Schema and row count: from the footer of a Parquet file, from one pass over a CSV.
    pub async fn inspect(&self, file: &DataFile) -> Result<FileFacts, EngineError> {
        let source = Source::open_async(std::slice::from_ref(file)).await?;
        let column = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| SchemaColumn {
            name: field.name().clone(),
            data_type: types::name(field.data_type()),
            nullable: field.is_nullable(),
        };
        Ok(FileFacts { rows: Some(source.rows()), schema: source.file_schema().fields().iter().map(column).collect() })
    }
}

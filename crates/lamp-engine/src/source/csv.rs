//! CSV files with a header line. Types are read off the whole file, so that no value met later
//! fails to parse; that pass counts the rows too.

use std::io::BufReader;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Batches, corrupt, open_file};
use crate::error::EngineError;
use crate::files::{DataFile, FileFormat};

fn delimiter(file: &DataFile) -> u8 {
    if FileFormat::find(&file.name) == Some(FileFormat::Tsv) { b'\t' } else { b',' }
}

pub(super) fn inspect(file: &DataFile) -> Result<(SchemaRef, Vec<u64>), EngineError> {
    let format = Format::default().with_header(true).with_delimiter(delimiter(file));
    let (schema, rows) =
        format.infer_schema(BufReader::new(open_file(file)?), None).map_err(|e| corrupt(file, &plain(&e)))?;
    let schema = with_zones(file, Arc::new(schema))?;
    Ok((schema, vec![rows as u64]))
}

/// Rows in which a column of instants is looked at for offsets.
const OFFSET_ROWS: usize = 1_024;

/// Times that are written with an offset are instants; their type says UTC, into which they are
/// converted when read. Inference alone does not tell them from times without a zone.
fn with_zones(file: &DataFile, schema: SchemaRef) -> Result<SchemaRef, EngineError> {
    let is_time = |index: &usize| matches!(schema.field(*index).data_type(), DataType::Timestamp(..));
    let times: Vec<usize> = (0..schema.fields().len()).filter(is_time).collect();
    if times.is_empty() {
        return Ok(schema);
    }
    let Some(first) = texts(file, &schema, &times, OFFSET_ROWS)?.next().transpose()? else {
        return Ok(schema);
    };
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    for (place, index) in times.iter().enumerate() {
        let texts = first.column(place).as_string::<i32>();
        let all_have_offsets = texts.null_count() < texts.len() && texts.iter().flatten().all(has_offset);
        if let (true, DataType::Timestamp(unit, None)) = (all_have_offsets, schema.field(*index).data_type()) {
            fields[*index].set_data_type(DataType::Timestamp(*unit, Some("UTC".into())));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Whether a time ends in `Z` or an offset such as `-04:00`.
fn has_offset(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

/// The cells as they are written.
pub(super) fn texts(
    file: &DataFile,
    schema: &SchemaRef,
    columns: &[usize],
    batch_rows: usize,
) -> Result<Batches, EngineError> {
    let as_text = |field: &Arc<Field>| field.as_ref().clone().with_data_type(DataType::Utf8);
    let schema = Schema::new(schema.fields().iter().map(as_text).collect::<Vec<_>>());
    batches(file, &Arc::new(schema), columns, batch_rows)
}

pub(super) fn batches(
    file: &DataFile,
    schema: &SchemaRef,
    columns: &[usize],
    batch_rows: usize,
) -> Result<Batches, EngineError> {
    if columns.is_empty() {
        return without_columns(file, schema, batch_rows);
    }
    let reader = ReaderBuilder::new(Arc::clone(schema))
        .with_header(true)
        .with_delimiter(delimiter(file))
        .with_projection(columns.to_vec())
        .with_batch_size(batch_rows)
        .build(BufReader::new(open_file(file)?))
        .map_err(|e| corrupt(file, &plain(&e)))?;
    let file = file.clone();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| corrupt(&file, &plain(&e))))))
}

/// The reader wants at least one column; the first is read and dropped by the caller's projection.
fn without_columns(file: &DataFile, schema: &SchemaRef, batch_rows: usize) -> Result<Batches, EngineError> {
    if schema.fields().is_empty() {
        return Ok(Box::new(std::iter::empty()));
    }
    batches(file, schema, &[0], batch_rows)
}

/// The reader's message without the row's data, which may be long and private.
fn plain(error: &datafusion::arrow::error::ArrowError) -> String {
    let text = error.to_string();
    text.split(" Row data:").next().unwrap_or(&text).trim_end_matches('.').to_owned()
}

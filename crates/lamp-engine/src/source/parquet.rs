//! Parquet files.

use std::ops::Range;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::{Batches, corrupt, open_file};
use crate::error::EngineError;
use crate::files::DataFile;

/// Schema and rows of each row group, from the footer alone.
pub(super) fn inspect(file: &DataFile) -> Result<(SchemaRef, Vec<u64>), EngineError> {
    let handle = open_file(file)?;
    let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::default()).map_err(|e| corrupt(file, &e))?;
    let groups = metadata
        .metadata()
        .row_groups()
        .iter()
        .map(|group| u64::try_from(group.num_rows()).map_err(|_| corrupt(file, "a row group has fewer than no rows")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((metadata.schema().clone(), groups))
}

pub(super) fn batches(
    file: &DataFile,
    groups: &Range<usize>,
    columns: &[usize],
    batch_rows: usize,
) -> Result<Batches, EngineError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open_file(file)?).map_err(|e| corrupt(file, &e))?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
    let reader = builder
        .with_projection(mask)
        .with_row_groups(groups.clone().collect())
        .with_batch_size(batch_rows)
        .build()
        .map_err(|e| corrupt(file, &e))?;
    let file = file.clone();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| corrupt(&file, &e)))))
}

/// The row at `offset` of the whole file, with all its columns.
pub(crate) fn row(file: &DataFile, offset: usize) -> Result<Batches, EngineError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open_file(file)?).map_err(|e| corrupt(file, &e))?;
    let reader = builder.with_offset(offset).with_limit(1).build().map_err(|e| corrupt(file, &e))?;
    let file = file.clone();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| corrupt(&file, &e)))))
}

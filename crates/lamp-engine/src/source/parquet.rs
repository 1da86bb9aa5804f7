//! Parquet files.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::{Batches, corrupt, open_file};
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;

use crate::error::EngineError;
use crate::files::DataFile;

/// The footer of a file. Clones share it.
pub(super) type Footer = ArrowReaderMetadata;

pub(super) fn footer(file: &DataFile) -> Result<Footer, EngineError> {
    ArrowReaderMetadata::load(&open_file(file)?, ArrowReaderOptions::default()).map_err(|e| corrupt(file, &e))
}

/// Rows of each row group.
pub(super) fn groups(file: &DataFile, footer: &Footer) -> Result<Vec<u64>, EngineError> {
    let rows = |rows: i64| u64::try_from(rows).map_err(|_| corrupt(file, "a row group has fewer than no rows"));
    footer.metadata().row_groups().iter().map(|group| rows(group.num_rows())).collect()
}

/// The footer by which texts come as the dictionaries in which these row groups keep them; a column of which one page
/// is written out comes as text.
pub(super) fn coded(file: &DataFile, footer: &Footer, groups: &Range<usize>) -> Result<Footer, EngineError> {
    let metadata = footer.metadata();
    let descriptor = metadata.file_metadata().schema_descr();
    let mut fields: Vec<FieldRef> = footer.schema().fields().to_vec();
    let mut has_codes = false;
    for leaf in 0..descriptor.num_columns() {
        let field = &mut fields[descriptor.get_column_root_idx(leaf)];
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if is_text && groups.clone().all(|group| is_dictionary(metadata.row_group(group).column(leaf))) {
            let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            *field = Arc::new(field.as_ref().clone().with_data_type(codes));
            has_codes = true;
        }
    }
    if !has_codes {
        return Ok(footer.clone());
    }
    let options = ArrowReaderOptions::default().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata), options).map_err(|e| corrupt(file, &e))
}

fn is_dictionary(column: &ColumnChunkMetaData) -> bool {
    let has_only_codes = column.page_encoding_stats_mask().is_some_and(|encodings| {
        encodings.is_only(Encoding::RLE_DICTIONARY) || encodings.is_only(Encoding::PLAIN_DICTIONARY)
    });
    has_only_codes && column.dictionary_page_offset().is_some()
}

pub(super) fn batches(
    file: &DataFile,
    footer: Footer,
    groups: &Range<usize>,
    columns: &[usize],
    batch_rows: usize,
) -> Result<Batches, EngineError> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open_file(file)?, footer);
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

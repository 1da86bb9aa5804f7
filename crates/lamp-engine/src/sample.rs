//! Samples: some rows of a table, written as files like its own. For code that is to be tried on little data, which
//! must not be able to tell that from the real thing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array, new_null_array};
use datafusion::arrow::compute::{concat, concat_batches, take, take_record_batch};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::parquet::arrow::ArrowWriter;
use lamp_core::table::Values;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::{DataFile, FileFormat};
use crate::source::{Source, blocking, cast_strictly};
use crate::table::{Plan, TargetArrays};
use crate::values;

/// The targets of a table's rows, and where each row is.
#[derive(Debug, Clone)]
pub struct TargetScan {
    /// The targets that are known, in file order.
    pub values: Values,
    /// Rows without one that were passed over.
    pub null_targets: u64,
    /// Whether all rows were looked at: not when there are more than was asked for.
    pub is_complete: bool,
    /// File and row within it, one a value.
    places: Vec<(usize, u64)>,
}

/// Some rows, file by file, each with all the columns that its file has.
#[derive(Debug, Clone)]
pub struct RowSample {
    parts: Vec<Part>,
    /// The united schema of all files that were drawn from.
    schema: SchemaRef,
}

#[derive(Debug, Clone)]
struct Part {
    source: usize,
    file: DataFile,
    format: FileFormat,
    /// As in the file; of CSV, the text of each cell.
    rows: RecordBatch,
}

/// A file of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// The place of the file that its rows come from among those that were drawn from.
    pub source: usize,
    /// Where it is, under the name of that file.
    pub file: DataFile,
    /// Its rows.
    pub rows: u64,
}

impl Engine {
    /// The columns that an expression over the files' rows is made from, in order of name.
    pub async fn columns_of(&self, files: &[DataFile], sql: &str) -> Result<Vec<String>, EngineError> {
        let source = Source::open_async(files).await?;
        let plan = self.plan(&source, &[], Some(sql))?;
        let mut names: Vec<String> =
            plan.projection().iter().map(|index| source.schema().field(*index).name().clone()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Evaluates `target_sql` on the first `rows_max` rows, in file order. NaN counts as null, as in
    /// [`Engine::read_table`].
    pub async fn scan_targets(
        &self,
        files: &[DataFile],
        target_sql: &str,
        rows_max: u64,
    ) -> Result<TargetScan, EngineError> {
        let source = Source::open_async(files).await?;
        let plan = self.plan(&source, &[], Some(target_sql))?;
        blocking(move || scan(&source, &plan, rows_max)).await
    }

    /// Reads rows of a scan of the same files: `rows` are places in its values, in ascending order.
    pub async fn take_rows(
        &self,
        files: &[DataFile],
        scan: &TargetScan,
        rows: &[usize],
    ) -> Result<RowSample, EngineError> {
        let source = Source::open_async(files).await?;
        let places: Vec<(usize, u64)> = rows.iter().filter_map(|row| scan.places.get(*row).copied()).collect();
        blocking(move || take_places(&source, &places)).await
    }
}

fn scan(source: &Source, plan: &Plan, rows_max: u64) -> Result<TargetScan, EngineError> {
    let mut found = TargetArrays::default();
    let mut places = Vec::new();
    let mut offsets = vec![0_u64; source.file_count()];
    let mut seen = 0;
    for piece in source.pieces() {
        if seen >= rows_max {
            break;
        }
        source.read(&piece, plan.projection(), |batch| {
            let start = offsets[batch.index];
            let left = usize::try_from(rows_max.saturating_sub(seen)).unwrap_or(usize::MAX);
            let rows = batch.rows.num_rows().min(left);
            let kept = found.add(&batch.rows.slice(0, rows), plan)?;
            let is_kept = |row: &usize| kept.as_ref().is_none_or(|kept| kept.value(*row));
            places.extend((0..rows).filter(is_kept).map(|row| (batch.index, start + row as u64)));
            offsets[batch.index] += rows as u64;
            seen += rows as u64;
            Ok(seen < rows_max)
        })?;
    }
    let is_complete = seen >= source.rows();
    let values = found.values(plan)?;
    Ok(TargetScan { values, null_targets: found.null_targets, is_complete, places })
}

fn take_places(source: &Source, places: &[(usize, u64)]) -> Result<RowSample, EngineError> {
    let mut parts = Vec::new();
    for of_file in places.chunk_by(|a, b| a.0 == b.0) {
        let index = of_file[0].0;
        let wanted: Vec<u64> = of_file.iter().map(|(_, row)| *row).collect();
        let mut taken: Vec<RecordBatch> = Vec::new();
        let (mut start, mut next) = (0_u64, 0);
        source.read_raw(index, |batch| {
            let end = start + batch.num_rows() as u64;
            let inside = wanted[next..].iter().take_while(|row| **row < end);
            let inside: UInt64Array = inside.map(|row| row - start).collect();
            next += inside.len();
            if !inside.is_empty() {
                taken.push(take_record_batch(&batch, &inside).map_err(internal)?);
            }
            start = end;
            Ok(next < wanted.len())
        })?;
        let Some(first) = taken.first() else { continue };
        let rows = concat_batches(&first.schema(), &taken).map_err(internal)?;
        let (file, format) = source.file(index);
        parts.push(Part { source: index, file: file.clone(), format, rows });
    }
    Ok(RowSample { parts, schema: Arc::clone(source.schema()) })
}

impl RowSample {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows.num_rows()).sum()
    }

    /// The same rows, in which row `i` has the values of row `order[i]` in `columns`; the rest stays.
    pub fn rearranged(&self, columns: &[String], order: &[usize]) -> Result<Self, EngineError> {
        let order: UInt64Array = order.iter().map(|row| *row as u64).collect();
        let mut parts = self.parts.clone();
        for name in columns {
            let column = take(&self.whole_column(name)?, &order, None).map_err(internal)?;
            let mut start = 0;
            for part in &mut parts {
                let length = part.rows.num_rows();
                let values = column.slice(start, length);
                part.rows = with_column(&part.rows, name, as_in_file(&values, part.format)?)?;
                start += length;
            }
        }
        Ok(Self { parts, schema: Arc::clone(&self.schema) })
    }

    /// A column of all parts, one after the other, in the type that holds them all.
    fn whole_column(&self, name: &str) -> Result<ArrayRef, EngineError> {
        let united = self.schema.field_with_name(name).map_err(internal)?.data_type().clone();
        let all_text = self.parts.iter().all(|part| is_text(part.format));
        // Text that is only handed about is not read as anything else.
        let data_type = if all_text { DataType::Utf8 } else { united };
        let array_of = |part: &Part| match part.rows.column_by_name(name) {
            None => Ok(new_null_array(&data_type, part.rows.num_rows())),
            Some(array) if *array.data_type() == data_type => Ok(Arc::clone(array)),
            Some(array) => cast_strictly(array, &data_type).map_err(EngineError::Internal),
        };
        let arrays = self.parts.iter().map(array_of).collect::<Result<Vec<_>, _>>()?;
        let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        concat(&arrays).map_err(internal)
    }

    /// Writes the rows below `dir`, which must exist: a file for each that rows come from, in the same format.
    pub async fn write(&self, dir: &Path) -> Result<Vec<SampleFile>, EngineError> {
        let (parts, dir) = (self.parts.clone(), dir.to_owned());
        blocking(move || parts.iter().map(|part| write_part(part, &dir)).collect()).await
    }
}

const fn is_text(format: FileFormat) -> bool {
    match format {
        FileFormat::Csv | FileFormat::Tsv => true,
        FileFormat::Parquet => false,
    }
}

fn as_in_file(values: &ArrayRef, format: FileFormat) -> Result<ArrayRef, EngineError> {
    if is_text(format) && *values.data_type() != DataType::Utf8 {
        return cast_strictly(values, &DataType::Utf8).map_err(EngineError::Internal);
    }
    Ok(Arc::clone(values))
}

/// The batch with a column in place of the one of that name, or behind the others.
fn with_column(batch: &RecordBatch, name: &str, values: ArrayRef) -> Result<RecordBatch, EngineError> {
    let schema = batch.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut arrays = batch.columns().to_vec();
    let field = Field::new(name, values.data_type().clone(), true);
    if let Ok(index) = schema.index_of(name) {
        fields[index] = field.with_metadata(fields[index].metadata().clone());
        arrays[index] = values;
    } else {
        fields.push(field);
        arrays.push(values);
    }
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new(Arc::new(schema), arrays).map_err(internal)
}

fn write_part(part: &Part, dir: &Path) -> Result<SampleFile, EngineError> {
    let extension = part.file.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let path = dir.join(format!("{:05}.{extension}", part.source));
    let name = path.display().to_string();
    let file = File::create(&path).map_err(|source| EngineError::Write { file: name.clone(), source })?;
    let failed = |error: &dyn std::fmt::Display| EngineError::Write {
        file: name.clone(),
        source: std::io::Error::other(error.to_string()),
    };
    match part.format {
        FileFormat::Parquet => {
            let mut writer = ArrowWriter::try_new(file, part.rows.schema(), None).map_err(|e| failed(&e))?;
            writer.write(&part.rows).map_err(|e| failed(&e))?;
            writer.close().map_err(|e| failed(&e))?;
        }
        FileFormat::Csv | FileFormat::Tsv => {
            let delimiter = if part.format == FileFormat::Tsv { b'\t' } else { b',' };
            let mut writer = WriterBuilder::new().with_header(true).with_delimiter(delimiter).build(file);
            writer.write(&part.rows).map_err(|e| failed(&e))?;
        }
    }
    let file = DataFile { path, name: part.file.name.clone() };
    Ok(SampleFile { source: part.source, file, rows: part.rows.num_rows() as u64 })
}

fn internal(error: impl std::fmt::Display) -> EngineError {
    EngineError::Internal(error.to_string())
}

impl TargetArrays {
    /// All targets, as values.
    fn values(&self, plan: &Plan) -> Result<Values, EngineError> {
        if self.target.is_empty() {
            return plan.no_targets();
        }
        values::of_all(&self.target).map_err(EngineError::Internal)
    }
}

//! Profiles: one pass over all columns of all files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use futures::{StreamExt, TryStreamExt, stream};
use lamp_core::profile::{ColumnBuilder, ColumnKind, Profile};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::{Batch, Piece, Source, blocking, cast_strictly, corrupt};
use crate::types;

/// How far a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows in all.
    pub total_rows: u64,
    /// Files in all.
    pub files: usize,
}

/// Called after each batch, from the threads that read.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

impl Engine {
    /// Profiles the files as one table, in one pass. The result depends on the files and their
    /// order, not on the number of threads.
    pub async fn profile(&self, files: &[DataFile], progress: Option<ProgressFn>) -> Result<Profile, EngineError> {
        let source = Source::open_async(files).await?;
        let rows_read = Arc::new(AtomicU64::new(0));
        let report = move |source: &Source, rows: u64| {
            let rows = rows_read.fetch_add(rows, Ordering::Relaxed) + rows;
            if let Some(progress) = &progress {
                progress(Progress { rows, total_rows: source.rows(), files: source.file_count() });
            }
        };
        let report = Arc::new(report);
        let parts = stream::iter(source.pieces()).map(|piece| {
            let (source, report) = (Arc::clone(&source), Arc::clone(&report));
            blocking(move || profile_piece(&source, &piece, |rows| report(&source, rows)))
        });
        // Pieces finish in any order and are merged in theirs.
        let merged = parts
            .buffered(self.settings.threads)
            .try_fold(None, async |whole: Option<Profile>, part| match whole {
                None => Ok(Some(part)),
                Some(whole) => whole.merge(&part).map(Some).map_err(EngineError::from),
            })
            .await?;
        Ok(merged.unwrap_or_else(|| without_rows(&source)))
    }
}

fn builders(source: &Source) -> Vec<ColumnBuilder> {
    let builder = |field: &Arc<datafusion::arrow::datatypes::Field>| {
        ColumnBuilder::new(field.name(), &types::name(field.data_type()), types::kind(field.data_type()))
    };
    source.schema().fields().iter().map(builder).collect()
}

fn without_rows(source: &Source) -> Profile {
    Profile::new(0, builders(source).into_iter().map(ColumnBuilder::finish).collect())
}

fn profile_piece(source: &Source, piece: &Piece, report: impl Fn(u64)) -> Result<Profile, EngineError> {
    let mut columns = builders(source);
    let projection: Vec<usize> = (0..columns.len()).collect();
    let mut rows = 0;
    source.read(piece, &projection, |batch| {
        add(&mut columns, &batch)?;
        rows += batch.rows.num_rows() as u64;
        report(batch.rows.num_rows() as u64);
        Ok(true)
    })?;
    Ok(Profile::new(rows, columns.into_iter().map(ColumnBuilder::finish).collect()))
}

fn add(columns: &mut [ColumnBuilder], batch: &Batch<'_>) -> Result<(), EngineError> {
    for (index, builder) in columns.iter_mut().enumerate() {
        let array = batch.rows.column(index);
        if batch.lacks(index) {
            builder.absent(array.len() as u64);
            continue;
        }
        add_array(builder, array).map_err(|reason| {
            corrupt(batch.file, &format!("column `{}`: {reason}", batch.rows.schema_ref().field(index).name()))
        })?;
    }
    Ok(())
}

/// Feeds one array. Whatever has no path of its own is first cast to the type that has.
fn add_array(builder: &mut ColumnBuilder, array: &ArrayRef) -> Result<(), String> {
    let nulls = array.logical_null_count() as u64;
    let present = array.len() as u64 - nulls;
    builder.nulls(nulls);
    match types::kind(array.data_type()) {
        ColumnKind::Null => {}
        ColumnKind::Bool => {
            let trues = array.as_boolean().true_count() as u64;
            builder.bools(trues, present - trues);
        }
        ColumnKind::Int => {
            let array = cast(array, &DataType::Int64)?;
            with_values(array.as_primitive::<Int64Type>(), |values| builder.ints(values));
        }
        ColumnKind::Float => {
            let array = cast(array, &DataType::Float64)?;
            with_values(array.as_primitive::<Float64Type>(), |values| builder.floats(values));
        }
        ColumnKind::Date | ColumnKind::Instant => {
            let array = cast(array, &in_microseconds(array.data_type()))?;
            with_values(array.as_primitive::<TimestampMicrosecondType>(), |values| builder.instants(values));
        }
        ColumnKind::Text | ColumnKind::Time => {
            let array = cast(array, &DataType::Utf8)?;
            array.as_string::<i32>().iter().flatten().for_each(|value| builder.text(value));
        }
        ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => builder.opaque(present),
    }
    Ok(())
}

fn cast(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == data_type { Ok(Arc::clone(array)) } else { cast_strictly(array, data_type) }
}

fn in_microseconds(data_type: &DataType) -> DataType {
    let zone = match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    DataType::Timestamp(TimeUnit::Microsecond, zone)
}

/// Gives the values that are not null as one slice: the array's own when it has no nulls.
fn with_values<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, feed: impl FnOnce(&[T::Native])) {
    let has_nulls = array.nulls().is_some_and(|nulls: &NullBuffer| nulls.null_count() > 0);
    if has_nulls {
        let values: Vec<T::Native> = array.iter().flatten().collect();
        feed(&values);
    } else {
        feed(array.values());
    }
}

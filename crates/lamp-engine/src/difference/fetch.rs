//! Reading some rows again, by their places, and comparing them value by value.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::row::{RowConverter, SortField};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lamp_core::difference::{Cell, ChangedCell, ChangedRow, RowDifference, SampleRow};
use lamp_core::table::Values;

use super::scan::{Place, cast, internal};
use super::{Columns, Side};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::source::{Piece, blocking, corrupt};
use crate::values;

impl Engine {
    /// The compared columns of the rows at `places`, in that order.
    pub(super) async fn fetch(
        &self,
        side: &Side,
        columns: &Arc<Columns>,
        places: &[Place],
    ) -> Result<RecordBatch, EngineError> {
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        let sorted = Arc::new(sorted);
        let is_needed = |piece: &Piece| {
            side.source.stretches(piece).any(|(file, rows)| {
                let from = sorted.partition_point(|place| *place < Place { file, row: rows.start });
                sorted.get(from).is_some_and(|place| place.file == file && place.row < rows.end)
            })
        };
        let pieces: Vec<Piece> = side.source.pieces().into_iter().filter(is_needed).collect();
        let parts = stream::iter(pieces).map(|piece| {
            let (side, columns, wanted) = (side.clone(), Arc::clone(columns), Arc::clone(&sorted));
            blocking(move || rows_of(&side, &columns, &piece, &wanted))
        });
        let parts: Vec<Vec<RecordBatch>> = parts.buffered(self.settings.threads).try_collect().await?;
        let parts: Vec<RecordBatch> = parts.into_iter().flatten().collect();
        let rows = concat_batches(&schema(columns), &parts).map_err(internal)?;
        // Pieces are in the order of files and rows.
        let order: UInt64Array =
            places.iter().map(|place| sorted.partition_point(|other| other < place) as u64).collect();
        take_record_batch(&rows, &order).map_err(internal)
    }
}

fn schema(columns: &Columns) -> Arc<Schema> {
    let fields = columns.names.iter().zip(&columns.types);
    Arc::new(Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type.clone(), true)).collect::<Vec<_>>()))
}

fn rows_of(side: &Side, columns: &Columns, piece: &Piece, wanted: &[Place]) -> Result<Vec<RecordBatch>, EngineError> {
    let schema = schema(columns);
    let mut taken = Vec::new();
    side.source.read(piece, &side.projection, |batch| {
        let place = |row| Place { file: batch.index, row };
        let end = batch.start + batch.rows.num_rows() as u64;
        let from = wanted.partition_point(|other| *other < place(batch.start));
        let until = wanted.partition_point(|other| *other < place(end));
        if from < until {
            let rows: UInt64Array = wanted[from..until].iter().map(|place| place.row - batch.start).collect();
            let arrays = cast(columns, batch.rows.columns()).map_err(|reason| corrupt(batch.file, &reason))?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.rows.num_rows()));
            let whole = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options).map_err(internal)?;
            taken.push(take_record_batch(&whole, &rows).map_err(internal)?);
        }
        Ok(true)
    })?;
    Ok(taken)
}

/// Every row, for people.
pub(super) fn samples(rows: &RecordBatch) -> Result<Vec<SampleRow>, EngineError> {
    let columns = in_words(rows)?;
    let row = |at| SampleRow { cells: cells(&columns, at) };
    Ok((0..rows.num_rows()).map(row).collect())
}

/// A batch's columns as values, with their names.
fn in_words(rows: &RecordBatch) -> Result<Vec<(String, Values)>, EngineError> {
    let named = rows.schema_ref().fields().iter().zip(rows.columns());
    named.map(|(field, array)| Ok((field.name().clone(), values::of(array).map_err(internal)?))).collect()
}

fn cells(columns: &[(String, Values)], at: usize) -> Vec<Cell> {
    columns.iter().map(|(column, values)| Cell { column: column.clone(), value: values.json(at) }).collect()
}

/// Counts in which columns rows differ that are side by side, and puts the first `shown` of them into words.
pub(super) fn compare(
    before: &RecordBatch,
    after: &RecordBatch,
    columns: &Columns,
    shown: usize,
    into: &mut RowDifference,
) -> Result<(), EngineError> {
    let others = columns.keys..columns.names.len();
    let mut differing = Vec::with_capacity(others.len());
    for at in others.clone() {
        differing.push(differ(before.column(at), after.column(at))?);
    }
    let counts =
        others.clone().zip(&differing).map(|(at, differ)| (at, differ.iter().filter(|differs| **differs).count()));
    let counted = counts.filter(|(_, count)| *count > 0).map(|(at, count)| (columns.names[at].clone(), count as u64));
    into.columns = counted.collect();
    into.columns.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    into.looked_at = after.num_rows() as u64;
    let shown = shown.min(after.num_rows());
    let (old, new) = (in_words(&before.slice(0, shown))?, in_words(&after.slice(0, shown))?);
    for row in 0..shown {
        let changed = others.clone().zip(&differing).filter(|(_, differ)| differ[row]).map(|(at, _)| ChangedCell {
            column: columns.names[at].clone(),
            before: old[at].1.json(row),
            after: new[at].1.json(row),
        });
        let cells_of_key = cells(&new[..columns.keys], row);
        into.some_changed.push(ChangedRow { key: cells_of_key, cells: changed.collect() });
    }
    Ok(())
}

/// For each row, whether the two values differ; null is the same as null.
fn differ(before: &ArrayRef, after: &ArrayRef) -> Result<Vec<bool>, EngineError> {
    let converter = RowConverter::new(vec![SortField::new(after.data_type().clone())]).map_err(internal)?;
    let rows = |array: &ArrayRef| converter.convert_columns(std::slice::from_ref(array)).map_err(internal);
    let (before, after) = (rows(before)?, rows(after)?);
    Ok(before.iter().zip(after.iter()).map(|(before, after)| before != after).collect())
}

//! Profiles: one pass over all columns of all files.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, FieldRef, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use futures::{StreamExt, TryStreamExt, stream};
use lamp_core::profile::{ColumnBuilder, ColumnKind, ColumnProfile, Profile, room_for};
use tokio::sync::Semaphore;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::{Batch, Piece, Source, Texts, blocking, cast_strictly, corrupt};
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

/// Rows of a piece of work.
const PIECE_ROWS: u64 = 512 * 1_024;
/// Columns of a piece of work at most, so that a wide table is built a stripe at a time.
const STRIPE_COLUMNS_MAX: usize = 32;
/// Pieces of work that a table of few rows is cut into, so that all threads have some.
const WORK_PIECES: usize = 16;
/// Finished pieces that wait for an earlier one, beside those being read, for each thread.
const WAITING_MAX: usize = 2;

impl Engine {
    /// Profiles the files as one table, in one pass. The result depends on the files and their
    /// order, not on the number of threads.
    ///
    /// The table is cut into stripes of columns, and those into pieces of rows. The builders of one stripe are held
    /// for each thread and once more for what is done, so memory grows neither with the rows nor with the columns of
    /// Parquet files. Of text files, whose columns cannot be read apart, all columns are built at once, with less
    /// room for each.
    pub async fn profile(&self, files: &[DataFile], progress: Option<ProgressFn>) -> Result<Profile, EngineError> {
        let source = Source::open_async(files).await?;
        let report = Arc::new(Report { progress, cells: AtomicU64::new(0), columns: source.schema().fields().len() });
        let running = Arc::new(Semaphore::new(self.settings.threads));
        let parts = stream::iter(work(&source)).map(|(stripe, piece)| {
            let (source, report, running) = (Arc::clone(&source), Arc::clone(&report), Arc::clone(&running));
            async move {
                let _turn = running.acquire_owned().await.map_err(|e| EngineError::Internal(e.to_string()))?;
                blocking(move || read_piece(&source, stripe, &piece, &report)).await
            }
        });
        // Pieces finish in any order and are put together in theirs.
        let whole = parts
            .buffered(self.settings.threads * WAITING_MAX)
            .try_fold(Whole::default(), async |mut whole: Whole, part| {
                whole.take(part);
                Ok(whole)
            })
            .await?;
        Ok(whole.finish(&source))
    }
}

/// What there is to do, in order: for each stripe of columns all pieces of rows.
fn work(source: &Source) -> Vec<(Range<usize>, Piece)> {
    let columns = source.schema().fields().len();
    let pieces = source.pieces_of(PIECE_ROWS);
    let width = if source.is_columnar() {
        (columns * pieces.len()).div_ceil(WORK_PIECES).clamp(1, STRIPE_COLUMNS_MAX)
    } else {
        columns.max(1)
    };
    let stripes = (0..columns.max(1)).step_by(width).map(|from| from..(from + width).min(columns));
    stripes.flat_map(|stripe| pieces.iter().map(move |piece| (stripe.clone(), piece.clone()))).collect()
}

/// Tells how far it is.
struct Report {
    progress: Option<ProgressFn>,
    cells: AtomicU64,
    columns: usize,
}

impl Report {
    /// Says that so many rows of so many columns were read: part of a row, when there are others.
    fn read(&self, source: &Source, rows: u64, columns: usize) {
        let cells = rows * columns.max(1) as u64;
        let cells = self.cells.fetch_add(cells, Ordering::Relaxed) + cells;
        if let Some(progress) = &self.progress {
            let rows = cells / self.columns.max(1) as u64;
            progress(Progress { rows, total_rows: source.rows(), files: source.file_count() });
        }
    }
}

/// A piece of a stripe that was read.
struct Part {
    stripe: Range<usize>,
    rows: u64,
    columns: Vec<ColumnBuilder>,
}

/// What was put together so far.
#[derive(Default)]
struct Whole {
    finished: Vec<ColumnProfile>,
    open: Option<Part>,
}

impl Whole {
    fn take(&mut self, part: Part) {
        match &mut self.open {
            Some(open) if open.stripe == part.stripe => {
                open.rows += part.rows;
                for (column, more) in open.columns.iter_mut().zip(part.columns) {
                    column.absorb(more);
                }
            }
            _ => {
                self.close();
                self.open = Some(part);
            }
        }
    }

    /// Finishes the columns of the stripe in hand. Returns its rows.
    fn close(&mut self) -> Option<u64> {
        let part = self.open.take()?;
        self.finished.extend(part.columns.into_iter().map(ColumnBuilder::finish));
        Some(part.rows)
    }

    fn finish(mut self, source: &Source) -> Profile {
        if let Some(rows) = self.close() {
            return Profile::new(rows, self.finished);
        }
        let all = builders(source, 0..source.schema().fields().len());
        Profile::new(0, all.into_iter().map(ColumnBuilder::finish).collect())
    }
}

fn builders(source: &Source, stripe: Range<usize>) -> Vec<ColumnBuilder> {
    let room = room_for(stripe.len());
    let builder = |field: &FieldRef| {
        ColumnBuilder::with_room(field.name(), &types::name(field.data_type()), types::kind(field.data_type()), room)
    };
    source.schema().fields()[stripe].iter().map(builder).collect()
}

fn read_piece(source: &Source, stripe: Range<usize>, piece: &Piece, report: &Report) -> Result<Part, EngineError> {
    let mut columns = builders(source, stripe.clone());
    let projection: Vec<usize> = stripe.clone().collect();
    let mut rows = 0;
    source.read_as(Texts::Coded, piece, &projection, |batch| {
        add(&mut columns, &batch)?;
        rows += batch.rows.num_rows() as u64;
        report.read(source, batch.rows.num_rows() as u64, columns.len());
        Ok(true)
    })?;
    Ok(Part { stripe, rows, columns })
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
            let floats = match array.data_type() {
                DataType::Decimal128(precision, scale) if *precision <= DECIMAL_DIGITS_MAX => {
                    Arc::new(floats_of(array.as_primitive::<Decimal128Type>(), *scale))
                }
                _ => cast(array, &DataType::Float64)?,
            };
            with_values(floats.as_primitive::<Float64Type>(), |values| builder.floats(values));
        }
        ColumnKind::Date | ColumnKind::Instant => {
            let array = cast(array, &in_microseconds(array.data_type()))?;
            with_values(array.as_primitive::<TimestampMicrosecondType>(), |values| builder.instants(values));
        }
        ColumnKind::Text | ColumnKind::Time => match array.data_type() {
            DataType::Utf8View => builder.texts(array.as_string_view().iter().flatten().map(once)),
            DataType::Dictionary(codes, _) if **codes == DataType::Int32 => {
                let array = array.as_dictionary::<Int32Type>();
                let texts = cast(array.values(), &DataType::Utf8)?;
                add_coded(builder, array.keys(), texts.as_string::<i32>());
            }
            DataType::LargeUtf8 => builder.texts(array.as_string::<i64>().iter().flatten().map(once)),
            _ => {
                let array = cast(array, &DataType::Utf8)?;
                builder.texts(array.as_string::<i32>().iter().flatten().map(once));
            }
        },
        ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => builder.opaque(present),
    }
    Ok(())
}

/// Feeds each text of a dictionary once, with how often its code occurs; of a dictionary that is longer than the batch,
/// each row's text.
fn add_coded(builder: &mut ColumnBuilder, codes: &PrimitiveArray<Int32Type>, texts: &StringArray) {
    let text_of = |code: usize| (code < texts.len() && texts.is_valid(code)).then(|| texts.value(code));
    if texts.len() > codes.len() {
        let codes = codes.iter().flatten().filter_map(|code| usize::try_from(code).ok());
        return builder.texts(codes.filter_map(text_of).map(once));
    }
    let mut counts = vec![0_u64; texts.len()];
    let mut count = |code: i32| {
        if let Some(count) = usize::try_from(code).ok().and_then(|code| counts.get_mut(code)) {
            *count += 1;
        }
    };
    if codes.null_count() == 0 {
        codes.values().iter().for_each(|code| count(*code));
    } else {
        codes.iter().flatten().for_each(count);
    }
    let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    builder.texts(seen.filter_map(|(code, count)| text_of(code).map(|text| (text, *count))));
}

const fn once(value: &str) -> (&str, u64) {
    (value, 1)
}

/// Decimals of so many digits fit 64 bits, and are floats after one division.
const DECIMAL_DIGITS_MAX: u8 = 18;

/// The same numbers that a cast gives, without its steps for digits that these decimals do not have.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the digits fit 64 bits")]
fn floats_of(decimals: &PrimitiveArray<Decimal128Type>, scale: i8) -> PrimitiveArray<Float64Type> {
    let unit = 10_f64.powi(i32::from(scale));
    decimals.unary(|digits| digits as i64 as f64 / unit)
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
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => feed(array.values()),
        Some(nulls) => {
            let mut values = Vec::with_capacity(array.len() - nulls.null_count());
            nulls.valid_slices().for_each(|(from, to)| values.extend_from_slice(&array.values()[from..to]));
            feed(&values);
        }
    }
}

//! One pass over rows: their keys and contents as hashes.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use lamp_core::digest::Digest;

use super::{Columns, Side};
use crate::error::EngineError;
use crate::source::{Piece, cast_strictly, corrupt};

/// Bits of a place that are the row in its file; the others are the file and, first, the side.
const ROW_BITS: u32 = 40;
const AFTER: u64 = 1 << 63;

/// A row of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Hash of its key.
    pub(crate) key: u128,
    /// Hash of its other values.
    pub(crate) row: u64,
    side_and_place: u64,
}

/// Where a row is: its file, and the row in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) row: u64,
}

impl Entry {
    pub(crate) fn is_after(&self) -> bool {
        self.side_and_place & AFTER != 0
    }

    pub(crate) fn place(&self) -> Place {
        let place = self.side_and_place & !AFTER;
        let row = place & ((1 << ROW_BITS) - 1);
        Place { file: usize::try_from(place >> ROW_BITS).unwrap_or(usize::MAX), row }
    }
}

/// The rows of a piece whose keys are wanted.
pub(crate) fn read_piece(
    is_after: bool,
    side: &Side,
    columns: &Columns,
    piece: &Piece,
    is_wanted: impl Fn(u64) -> bool,
) -> Result<Vec<Entry>, EngineError> {
    let keys = Hasher::new(columns, 0..columns.keys)?;
    let others = Hasher::new(columns, columns.keys..columns.names.len())?;
    let mut entries = Vec::new();
    side.source.read(piece, &side.projection, |batch| {
        let arrays = cast(columns, batch.rows.columns()).map_err(|reason| corrupt(batch.file, &reason))?;
        let (of_keys, of_others) = (keys.rows(&arrays)?, others.rows(&arrays)?);
        for at in 0..batch.rows.num_rows() {
            let key = hash(of_keys.as_ref(), at);
            if is_wanted(low(key)) {
                let place = (batch.index as u64) << ROW_BITS | (batch.start + at as u64);
                let side_and_place = place | if is_after { AFTER } else { 0 };
                entries.push(Entry { key, row: low(hash(of_others.as_ref(), at)), side_and_place });
            }
        }
        Ok(true)
    })?;
    Ok(entries)
}

/// Arrays in the types in which both sides are compared.
pub(crate) fn cast(columns: &Columns, arrays: &[ArrayRef]) -> Result<Vec<ArrayRef>, String> {
    let to = |(array, data_type): (&ArrayRef, &_)| {
        if array.data_type() == data_type { Ok(Arc::clone(array)) } else { cast_strictly(array, data_type) }
    };
    arrays.iter().zip(&columns.types).map(to).collect()
}

/// Turns some columns of rows into comparable bytes.
struct Hasher {
    columns: std::ops::Range<usize>,
    converter: Option<RowConverter>,
}

impl Hasher {
    fn new(columns: &Columns, range: std::ops::Range<usize>) -> Result<Self, EngineError> {
        let fields: Vec<_> = columns.types[range.clone()].iter().cloned().map(SortField::new).collect();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(fields).map_err(internal)?) };
        Ok(Self { columns: range, converter })
    }

    fn rows(&self, arrays: &[ArrayRef]) -> Result<Option<Rows>, EngineError> {
        let converted =
            self.converter.as_ref().map(|converter| converter.convert_columns(&arrays[self.columns.clone()]));
        converted.transpose().map_err(internal)
    }
}

/// BLAKE3 of a row's bytes, cut to 128 bits.
fn hash(rows: Option<&Rows>, at: usize) -> u128 {
    let Some(rows) = rows else { return 0 };
    let digest = Digest::of(rows.row(at).as_ref());
    digest.as_bytes().first_chunk().map_or(0, |first| u128::from_le_bytes(*first))
}

#[allow(clippy::cast_possible_truncation, reason = "part of a hash")]
const fn low(hash: u128) -> u64 {
    hash as u64
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn internal(error: impl ToString) -> EngineError {
    EngineError::Internal(error.to_string())
}

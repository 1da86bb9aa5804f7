//! Rows of two sets of files, told apart by a key.
//!
//! A row is known by the hash of its key, the hash of its other values and its place: 32 bytes. All rows of both sides
//! are sorted so, in as many passes over the files as fit the memory, each with its share of the keys. Then the rows
//! that differ are read once more, as far as they are looked at.

mod fetch;
mod scan;

use std::collections::BinaryHeap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lamp_core::difference::RowDifference;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::{Source, blocking};
use crate::types;
use scan::{Entry, Place, read_piece};

/// Rows shown of each sort.
const SHOWN: usize = 5;
/// Values of changed rows that are compared column by column: beyond that, part of the rows.
const CELLS_MAX: usize = 2 << 20;
/// Passes over the files at most.
const PASSES_MAX: u64 = 64;

/// One side: its files as a table, and where the compared columns are in it.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    source: Arc<Source>,
    projection: Vec<usize>,
}

/// The columns that are compared, those of the key first, in types that hold the values of both sides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    names: Vec<String>,
    types: Vec<DataType>,
    /// How many of them are the key.
    keys: usize,
    not_compared: Vec<String>,
}

impl Engine {
    /// How the rows of `after` differ from those of `before`, told apart by the columns of `key`; by whole rows if
    /// there are none. Columns that one side lacks are left out.
    pub async fn row_difference(
        &self,
        before: &[DataFile],
        after: &[DataFile],
        key: &[String],
    ) -> Result<RowDifference, EngineError> {
        let (before, after) = (open(before).await?, open(after).await?);
        let columns = Arc::new(columns(before.as_deref(), after.as_deref(), key)?);
        let sides = [before, after].map(|source| source.map(|source| side(source, &columns))).map(Option::transpose);
        let [before, after] = sides;
        let sides = [before?, after?];
        let rows: u64 = sides.iter().flatten().map(|side| side.source.rows()).sum();
        let passes = self.passes(rows)?;
        let mut found = Found::new(columns.names.len());
        for pass in 0..passes {
            let entries = self.scan(&sides, &columns, pass, passes).await?;
            found.settle(&entries);
        }
        let mut difference = found.counted;
        difference.key = key.to_vec();
        difference.not_compared.clone_from(&columns.not_compared);
        let [before, after] = &sides;
        let added = found.some_added.into_sorted_vec();
        let removed = found.some_removed.into_sorted_vec();
        if let Some(side) = after {
            difference.some_added = fetch::samples(&self.fetch(side, &columns, &added).await?)?;
        }
        if let Some(side) = before {
            difference.some_removed = fetch::samples(&self.fetch(side, &columns, &removed).await?)?;
        }
        if let (Some(before), Some(after)) = (before, after) {
            let mut pairs = found.pairs;
            pairs.sort_unstable_by_key(|(_, after)| *after);
            let (old, new): (Vec<Place>, Vec<Place>) = pairs.into_iter().unzip();
            let old = self.fetch(before, &columns, &old).await?;
            let new = self.fetch(after, &columns, &new).await?;
            fetch::compare(&old, &new, &columns, SHOWN, &mut difference)?;
        }
        Ok(difference)
    }

    /// Passes over so many rows, each within half of the memory: a list that grows is there twice for a moment.
    fn passes(&self, rows: u64) -> Result<u64, EngineError> {
        let rows_a_pass = (self.settings.memory_bytes / (2 * size_of::<Entry>())).max(1) as u64;
        let passes = rows.div_ceil(rows_a_pass).max(1);
        if passes > PASSES_MAX {
            let most = rows_a_pass * PASSES_MAX;
            return Err(EngineError::Memory(format!(
                "{rows} rows differ in their files, more than the {most} that fit"
            )));
        }
        Ok(passes)
    }

    /// The rows of both sides whose keys belong to a pass, sorted.
    async fn scan(
        &self,
        sides: &[Option<Side>; 2],
        columns: &Arc<Columns>,
        pass: u64,
        passes: u64,
    ) -> Result<Vec<Entry>, EngineError> {
        let of_side = |at: usize| {
            let side = sides[at].clone();
            let pieces = side.as_ref().map(|side| side.source.pieces()).unwrap_or_default();
            pieces.into_iter().filter_map(move |piece| side.clone().map(|side| (at, side, piece)))
        };
        let work = stream::iter(of_side(0).chain(of_side(1)).collect::<Vec<_>>()).map(|(at, side, piece)| {
            let columns = Arc::clone(columns);
            blocking(move || read_piece(at == 1, &side, &columns, &piece, |key| key % passes == pass))
        });
        let entries = work.buffer_unordered(self.settings.threads).try_fold(Vec::new(), async |mut all, more| {
            all.extend(more);
            Ok(all)
        });
        let mut entries: Vec<Entry> = entries.await?;
        blocking(move || {
            entries.sort_unstable();
            Ok(entries)
        })
        .await
    }
}

async fn open(files: &[DataFile]) -> Result<Option<Arc<Source>>, EngineError> {
    if files.is_empty() { Ok(None) } else { Source::open_async(files).await.map(Some) }
}

/// Which columns to compare.
fn columns(before: Option<&Source>, after: Option<&Source>, key: &[String]) -> Result<Columns, EngineError> {
    let sources: Vec<&Source> = [before, after].into_iter().flatten().collect();
    for source in &sources {
        for name in key {
            source.column(name)?;
        }
    }
    let mut columns = Columns { keys: key.len(), ..Columns::default() };
    let Some(first) = sources.first() else { return Ok(columns) };
    let others = first.schema().fields().iter().map(|field| field.name()).filter(|name| !key.contains(name));
    for name in key.iter().chain(others) {
        let types = sources.iter().map(|source| source.column(name).map(|at| source.schema().field(at).data_type()));
        let types: Result<Vec<_>, _> = types.collect();
        let united = types.ok().and_then(|types| match types[..] {
            [one] => Some(one.clone()),
            [one, other] => types::unite(one, other),
            _ => None,
        });
        match united.filter(is_comparable) {
            Some(data_type) => {
                columns.names.push(name.clone());
                columns.types.push(data_type);
            }
            None if key.contains(name) => return Err(key_conflict(name, &sources)),
            None => columns.not_compared.push(name.clone()),
        }
    }
    if let [_, after] = sources[..] {
        let only_there = after.schema().fields().iter().filter(|field| first.column(field.name()).is_err());
        columns.not_compared.extend(only_there.map(|field| field.name().clone()));
    }
    if key.is_empty() {
        columns.keys = columns.names.len();
    }
    Ok(columns)
}

/// Whether rows can be compared by a column of that type.
fn is_comparable(data_type: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

fn key_conflict(column: &str, sources: &[&Source]) -> EngineError {
    let of = |source: Option<&&Source>| {
        let Some(source) = source else { return (String::new(), String::new()) };
        let data_type = source.column(column).map(|at| types::name(source.schema().field(at).data_type()));
        (data_type.unwrap_or_default(), source.file(0).0.name.clone())
    };
    let ((left, left_file), (right, right_file)) = (of(sources.first()), of(sources.last()));
    EngineError::TypeConflict { column: column.to_owned(), left, left_file, right, right_file }
}

fn side(source: Arc<Source>, columns: &Columns) -> Result<Side, EngineError> {
    let projection = columns.names.iter().map(|name| source.column(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Side { source, projection })
}

/// What differs, as far as it was counted.
struct Found {
    counted: RowDifference,
    /// The first places of rows that came or went.
    some_added: BinaryHeap<Place>,
    some_removed: BinaryHeap<Place>,
    /// Changed rows, before and after: all, or the first in the order of the hashes of their keys, which is as good
    /// as drawn by lot.
    pairs: Vec<(Place, Place)>,
    pairs_max: usize,
}

impl Found {
    fn new(columns: usize) -> Self {
        Self {
            counted: RowDifference::default(),
            some_added: BinaryHeap::new(),
            some_removed: BinaryHeap::new(),
            pairs: Vec::new(),
            pairs_max: CELLS_MAX / columns.max(1),
        }
    }

    /// Takes the sorted rows of some keys in.
    fn settle(&mut self, entries: &[Entry]) {
        for of_key in entries.chunk_by(|a, b| a.key == b.key) {
            let (mut before, mut after): (Vec<Entry>, Vec<Entry>) = of_key.iter().partition(|entry| !entry.is_after());
            self.counted.shared_keys += u64::from(before.len().max(after.len()) > 1);
            self.counted.same += set_off(&mut before, &mut after);
            let both = before.len().min(after.len());
            self.counted.changed += both as u64;
            self.counted.added += (after.len() - both) as u64;
            self.counted.removed += (before.len() - both) as u64;
            let room = self.pairs_max.saturating_sub(self.pairs.len()).min(both);
            let pairs = before.iter().zip(&after).take(room).map(|(before, after)| (before.place(), after.place()));
            self.pairs.extend(pairs);
            after[both..].iter().for_each(|entry| keep_first(&mut self.some_added, entry.place()));
            before[both..].iter().for_each(|entry| keep_first(&mut self.some_removed, entry.place()));
        }
    }
}

/// Takes equal rows out of both, and says how many of each. Both are sorted.
fn set_off(before: &mut Vec<Entry>, after: &mut Vec<Entry>) -> u64 {
    let mut same = 0;
    let mut left = Vec::new();
    let mut rest = std::mem::take(after).into_iter().peekable();
    let mut kept = Vec::new();
    for entry in before.drain(..) {
        while let Some(smaller) = rest.next_if(|other| other.row < entry.row) {
            kept.push(smaller);
        }
        match rest.next_if(|other| other.row == entry.row) {
            Some(_) => same += 1,
            None => left.push(entry),
        }
    }
    kept.extend(rest);
    (*before, *after) = (left, kept);
    same
}

/// Keeps the first few places.
fn keep_first(places: &mut BinaryHeap<Place>, place: Place) {
    places.push(place);
    if places.len() > SHOWN {
        places.pop();
    }
}

//! Several files read as one table: opened once, cut into pieces, read in file order.

mod csv;
pub(crate) mod parquet;

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use lamp_core::profile::ColumnKind;

use crate::error::EngineError;
use crate::files::{DataFile, FileFormat};
use crate::types;

/// Cells that a batch holds at most, so that wide tables are read in short batches.
const BATCH_CELLS: usize = 1 << 20;
const BATCH_ROWS_MAX: usize = 8_192;
const BATCH_ROWS_MIN: usize = 128;
/// Row groups and files are put together until they hold this many rows: one piece of work.
const PIECE_ROWS: u64 = 128 * 1_024;
/// Columns of row groups whose places in their files are remembered: some hundred megabytes. Beyond that a footer
/// is read again whenever its file is.
const CHUNKS_REMEMBERED: usize = 1 << 18;

/// One file, known by its schema and its row groups.
#[derive(Debug)]
struct Opened {
    file: DataFile,
    format: FileFormat,
    schema: SchemaRef,
    /// Rows of each row group; a CSV is one group.
    groups: Vec<u64>,
    /// What the footer says, if it is remembered.
    footer: Option<parquet::Footer>,
}

/// Consecutive row groups of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    file: usize,
    groups: Range<usize>,
}

/// A stretch of the table that one thread reads. The cut depends on the files alone, never on the
/// number of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    sections: Vec<Section>,
}

/// How texts are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// In the type of the schema.
    Plain,
    /// As dictionaries where the file keeps them so, whatever the schema says.
    Coded,
}

/// Several files as one table.
#[derive(Debug)]
pub(crate) struct Source {
    files: Vec<Opened>,
    schema: SchemaRef,
}

impl Source {
    /// Opens the files: footers of Parquet, one pass over CSV. Blocks.
    pub(crate) fn open(files: &[DataFile]) -> Result<Self, EngineError> {
        if files.is_empty() {
            return Err(EngineError::NoFiles);
        }
        let mut opened = Vec::with_capacity(files.len());
        let mut chunks = 0;
        for file in files {
            let mut file = Opened::open(file)?;
            chunks += file.groups.len() * file.schema.fields().len();
            file.footer = file.footer.filter(|_| chunks <= CHUNKS_REMEMBERED);
            opened.push(file);
        }
        let schema = unite(&opened)?;
        Ok(Self { files: opened, schema })
    }

    /// Opens without blocking the caller's thread.
    pub(crate) async fn open_async(files: &[DataFile]) -> Result<Arc<Self>, EngineError> {
        let files = files.to_vec();
        blocking(move || Self::open(&files).map(Arc::new)).await
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The schema of the first file as written there, with its own nullability.
    pub(crate) fn file_schema(&self) -> &SchemaRef {
        &self.files[0].schema
    }

    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().flat_map(|file| &file.groups).sum()
    }

    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// A file by its place, with its format.
    pub(crate) fn file(&self, index: usize) -> (&DataFile, FileFormat) {
        (&self.files[index].file, self.files[index].format)
    }

    /// Reads one file batch by batch, in its own schema; of text, the text of each cell. Blocks. Stops when `each`
    /// returns false.
    pub(crate) fn read_raw(
        &self,
        index: usize,
        mut each: impl FnMut(RecordBatch) -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        let opened = &self.files[index];
        let columns: Vec<usize> = (0..opened.schema.fields().len()).collect();
        let batch_rows = (BATCH_CELLS / columns.len().max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
        let batches = match opened.format {
            FileFormat::Parquet => opened.parquet(&(0..opened.groups.len()), &columns, batch_rows, Texts::Plain)?,
            FileFormat::Csv | FileFormat::Tsv => csv::texts(&opened.file, &opened.schema, &columns, batch_rows)?,
        };
        for batch in batches {
            if !each(batch?)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The place of a column in the schema.
    pub(crate) fn column(&self, name: &str) -> Result<usize, EngineError> {
        self.schema.index_of(name).map_err(|_| EngineError::NoSuchColumn {
            column: name.to_owned(),
            available: self.schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Whether every file keeps its columns apart, so that few of them are read without the others.
    pub(crate) fn is_columnar(&self) -> bool {
        self.files.iter().all(|file| file.format == FileFormat::Parquet)
    }

    /// The table cut into pieces, in order.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.pieces_of(PIECE_ROWS)
    }

    /// The table cut into pieces of at least `piece_rows` rows, but for the last, in order.
    pub(crate) fn pieces_of(&self, piece_rows: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        let mut rows = 0;
        for (index, file) in self.files.iter().enumerate() {
            for (group, group_rows) in file.groups.iter().enumerate() {
                match sections.last_mut() {
                    Some(last) if last.file == index => last.groups.end = group + 1,
                    _ => sections.push(Section { file: index, groups: group..group + 1 }),
                }
                rows += group_rows;
                if rows >= piece_rows {
                    pieces.push(Piece { sections: std::mem::take(&mut sections) });
                    rows = 0;
                }
            }
        }
        if !sections.is_empty() {
            pieces.push(Piece { sections });
        }
        pieces
    }

    /// What a piece takes in: rows of files, each by its place.
    pub(crate) fn stretches<'s>(&'s self, piece: &'s Piece) -> impl Iterator<Item = (usize, Range<u64>)> + 's {
        piece.sections.iter().map(|section| {
            let groups = &self.files[section.file].groups;
            let start = groups[..section.groups.start].iter().sum::<u64>();
            (section.file, start..start + groups[section.groups.clone()].iter().sum::<u64>())
        })
    }

    /// The schema of the columns at `projection`.
    pub(crate) fn projected(&self, projection: &[usize]) -> SchemaRef {
        Arc::new(Schema::new(
            projection.iter().map(|index| Arc::clone(&self.schema.fields()[*index])).collect::<Vec<_>>(),
        ))
    }

    /// Reads a piece batch by batch, giving each to `each` with the columns at `projection`, cast
    /// to the united types, and with the columns that the file lacks. Blocks. Stops when `each`
    /// returns false.
    pub(crate) fn read(
        &self,
        piece: &Piece,
        projection: &[usize],
        each: impl FnMut(Batch<'_>) -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        self.read_as(Texts::Plain, piece, projection, each)
    }

    /// As [`Source::read`], with texts as `texts` says.
    pub(crate) fn read_as(
        &self,
        texts: Texts,
        piece: &Piece,
        projection: &[usize],
        mut each: impl FnMut(Batch<'_>) -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        let batch_rows = (BATCH_CELLS / projection.len().max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
        let target = self.projected(projection);
        for (section, (_, rows)) in piece.sections.iter().zip(self.stretches(piece)) {
            let opened = &self.files[section.file];
            let mut start = rows.start;
            let present = opened.places(&target);
            let wanted: Vec<usize> = present.iter().flatten().copied().collect();
            let batches = match opened.format {
                FileFormat::Parquet => opened.parquet(&section.groups, &wanted, batch_rows, texts)?,
                FileFormat::Csv | FileFormat::Tsv => csv::batches(&opened.file, &opened.schema, &wanted, batch_rows)?,
            };
            for batch in batches {
                let batch = adapt(&opened.file, &batch?, &target, texts)?;
                let next = start + batch.num_rows() as u64;
                let (file, index) = (&opened.file, section.file);
                let goes_on = each(Batch { rows: batch, absent: &present, file, index, start })?;
                start = next;
                if !goes_on {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A batch of the united table.
pub(crate) struct Batch<'a> {
    pub rows: RecordBatch,
    /// For each column, its place in the file; none where the file lacks it.
    absent: &'a [Option<usize>],
    /// The file that it comes from.
    pub file: &'a DataFile,
    /// That file's place among all.
    pub index: usize,
    /// The place of the first row in that file.
    pub start: u64,
}

impl Batch<'_> {
    /// Whether the file lacks the column.
    pub(crate) fn lacks(&self, column: usize) -> bool {
        self.absent[column].is_none()
    }
}

impl Opened {
    fn open(file: &DataFile) -> Result<Self, EngineError> {
        let format = file.format()?;
        let (schema, groups, footer) = match format {
            FileFormat::Parquet => {
                let footer = parquet::footer(file)?;
                (footer.schema().clone(), parquet::groups(file, &footer)?, Some(footer))
            }
            FileFormat::Csv | FileFormat::Tsv => {
                let (schema, groups) = csv::inspect(file)?;
                (schema, groups, None)
            }
        };
        let mut names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
        names.sort();
        if let Some([name, _]) = names.array_windows().find(|[name, next]| name == next) {
            return Err(corrupt(file, &format!("the column `{name}` is there twice")));
        }
        Ok(Self { file: file.clone(), format, schema, groups, footer })
    }

    fn parquet(
        &self,
        groups: &Range<usize>,
        columns: &[usize],
        batch_rows: usize,
        texts: Texts,
    ) -> Result<Batches, EngineError> {
        let mut footer = match &self.footer {
            Some(footer) => footer.clone(),
            None => parquet::footer(&self.file)?,
        };
        if texts == Texts::Coded {
            footer = parquet::coded(&self.file, &footer, groups)?;
        }
        parquet::batches(&self.file, footer, groups, columns, batch_rows)
    }

    /// For each column of `target`, its place in this file.
    fn places(&self, target: &Schema) -> Vec<Option<usize>> {
        target.fields().iter().map(|field| self.schema.index_of(field.name()).ok()).collect()
    }
}

/// One schema for all files: columns in the order in which they are first seen.
fn unite(files: &[Opened]) -> Result<SchemaRef, EngineError> {
    let mut fields: Vec<(Field, usize)> = Vec::new();
    let mut places = std::collections::HashMap::<String, usize>::new();
    for (index, opened) in files.iter().enumerate() {
        for field in opened.schema.fields() {
            let Some(place) = places.get(field.name()) else {
                places.insert(field.name().clone(), fields.len());
                // Metadata stays: prediction logs mark columns of JSON text with it.
                fields.push((field.as_ref().clone().with_nullable(true), index));
                continue;
            };
            let (united, first) = &mut fields[*place];
            let Some(data_type) = types::unite(united.data_type(), field.data_type()) else {
                return Err(EngineError::TypeConflict {
                    column: field.name().clone(),
                    left: types::name(united.data_type()),
                    left_file: files[*first].file.name.clone(),
                    right: types::name(field.data_type()),
                    right_file: opened.file.name.clone(),
                });
            };
            if data_type != *united.data_type() {
                // The file that gave the type its present form is the one to name in a later conflict.
                *first = index;
                united.set_data_type(data_type);
            }
        }
    }
    Ok(Arc::new(Schema::new(fields.into_iter().map(|(field, _)| field).collect::<Vec<_>>())))
}

fn adapt(file: &DataFile, batch: &RecordBatch, target: &SchemaRef, texts: Texts) -> Result<RecordBatch, EngineError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(target.fields().len());
    let mut fields = Vec::new();
    for field in target.fields() {
        let array = match batch.column_by_name(field.name()) {
            None => new_null_array(field.data_type(), batch.num_rows()),
            Some(array) if array.data_type() == field.data_type() => Arc::clone(array),
            Some(array) if texts == Texts::Coded && is_coded(array, field) => Arc::clone(array),
            Some(array) => cast_strictly(array, field.data_type()).map_err(|reason| {
                corrupt(
                    file,
                    &format!("column `{}` does not fit {}: {reason}", field.name(), types::name(field.data_type())),
                )
            })?,
        };
        if texts == Texts::Coded {
            fields.push(field.as_ref().clone().with_data_type(array.data_type().clone()));
        }
        columns.push(array);
    }
    let schema = if texts == Texts::Coded { Arc::new(Schema::new(fields)) } else { Arc::clone(target) };
    // The row count is given because a table may be read for no column at all, as `count(*)` does.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| EngineError::Internal(e.to_string()))
}

/// Whether an array is the dictionary of a column of text.
fn is_coded(array: &ArrayRef, field: &Field) -> bool {
    let is_dictionary = matches!(array.data_type(), DataType::Dictionary(_, _));
    is_dictionary && [array.data_type(), field.data_type()].iter().all(|of| types::kind(of) == ColumnKind::Text)
}

/// Casts; a value that does not fit is an error, never a null.
pub(crate) fn cast_strictly(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, data_type, &options).map_err(|e| e.to_string())
}

/// What a reader gives, file by file.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, EngineError>>>;

fn open_file(file: &DataFile) -> Result<File, EngineError> {
    File::open(&file.path).map_err(|source| EngineError::Read { file: file.name.clone(), source })
}

pub(crate) fn corrupt(file: &DataFile, reason: &(impl ToString + ?Sized)) -> EngineError {
    let format = match FileFormat::find(&file.name) {
        Some(FileFormat::Csv | FileFormat::Tsv) => "CSV",
        Some(FileFormat::Parquet) | None => "Parquet",
    };
    EngineError::Corrupt { file: file.name.clone(), format, reason: reason.to_string() }
}

/// Runs blocking work on the runtime's blocking threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| EngineError::Internal(format!("a reading thread ended: {e}")))?
}

//! Samples of a model's training and validation data, and what is done to their labels.

use std::collections::BTreeMap;

use lamp_core::dataset::{DatasetVersion, FileEntry};
use lamp_core::lock::LockFile;
use lamp_core::ml_test::sampling::{Choices, Labels, planted_order, sample_rows, tiny_rows};
use lamp_core::names::DatasetName;
use lamp_core::package::Signature;
use lamp_core::table::Table;
use lamp_engine::{DataFile, RowSample, SampleFile, TargetScan};
use lamp_runner::protocol::{InputFile, InputFiles};

use super::TestError;
use super::session::Session;
use super::trial::Tried;
use crate::data::add::is_table;
use crate::data::resolve::Slice;
use crate::data::{DataError, lockfile};

/// Files of a slice that a sample is drawn from, spread over it: more would be read for little.
const FILES_MAX: usize = 64;
/// Rows of those files that are looked at.
const SCAN_ROWS_MAX: u64 = 500_000;

/// Rows drawn from one role's data.
pub(super) struct Drawn {
    pub slice: Slice,
    /// The files that rows were drawn from.
    entries: Vec<FileEntry>,
    pub rows: RowSample,
    pub labels: Labels,
    /// Columns that the target is made from.
    pub target_columns: Vec<String>,
}

/// The targets of a slice's rows, before any is drawn.
struct Scanned {
    slice: Slice,
    entries: Vec<FileEntry>,
    files: Vec<DataFile>,
    scan: TargetScan,
    labels: Labels,
    target_columns: Vec<String>,
}

/// What was written for a training.
pub(super) struct Written {
    pub input: InputFiles,
    pub files: Vec<DataFile>,
}

/// Both sides of a model's data.
pub(super) struct Samples {
    pub tiny: Drawn,
    pub train: Drawn,
    pub valid: Drawn,
    /// Inputs under other roles, whole.
    pub others: BTreeMap<String, InputFiles>,
}

impl Session<'_> {
    /// The slice of a role, at the version that the lock pins.
    pub async fn pinned_slice(&self, tried: Tried<'_>, role: &str) -> Result<Slice, TestError> {
        let lock = lockfile::read(&self.code.worktree)?;
        let slice = &tried.config.data[role];
        let version = match self.versions {
            Some(versions) => brought(versions, &lock, &slice.dataset)?,
            None => self.app.locked_version(&lock, &slice.dataset).await?,
        };
        Ok(self.app.slice(version, &slice.range, &slice.text, self.app.now()).await?)
    }

    /// Draws the samples. A target that is none of the task's is told.
    pub async fn draw(
        &self,
        tried: Tried<'_>,
        train: &Slice,
        valid: &Slice,
    ) -> Result<Result<Samples, String>, TestError> {
        (self.say)(&format!("{}: drawing samples", tried.name));
        let (tests, seed) = (&tried.config.tests, tried.config.seed);
        let rows = usize::try_from(tests.rows).unwrap_or(usize::MAX);
        let tiny_count = usize::try_from(tests.overfit.rows).unwrap_or(usize::MAX);
        let drawn = async {
            let source = self.scan(tried, train).await?;
            let tiny = self.take(&source, &tiny_rows(&source.labels, tiny_count, seed)).await?;
            let train = self.take(&source, &sample_rows(&source.labels, rows, seed)).await?;
            let source = self.scan(tried, valid).await?;
            let valid = self.take(&source, &sample_rows(&source.labels, rows / 2, seed)).await?;
            Ok::<_, DrawError>((tiny, train, valid))
        };
        let (tiny, train, valid) = match drawn.await {
            Ok(drawn) => drawn,
            Err(DrawError::Target(why)) => return Ok(Err(why)),
            Err(DrawError::Other(error)) => return Err(error),
        };
        let mut others = BTreeMap::new();
        for role in tried.config.data.keys().filter(|role| !["train", "valid"].contains(&role.as_str())) {
            let slice = self.pinned_slice(tried, role).await?;
            others.insert(role.clone(), self.app.input_files(&slice).await?);
        }
        Ok(Ok(Samples { tiny, train, valid, others }))
    }

    /// Reads the targets of a slice's rows.
    async fn scan(&self, tried: Tried<'_>, slice: &Slice) -> Result<Scanned, DrawError> {
        let tables: Vec<&FileEntry> =
            slice.files.iter().filter(|file| file.link.is_none() && is_table(&file.path)).collect();
        let taken = tables.len().min(FILES_MAX);
        let last = tables.len().saturating_sub(1);
        let place = |at: usize| at * last / taken.saturating_sub(1).max(1);
        let entries: Vec<FileEntry> = (0..taken).map(|at| tables[place(at)].clone()).collect();
        let files = self.app.data_files(&entries).await.map_err(TestError::from)?;
        let engine = self.app.engine();
        let target = &tried.config.target;
        let scan = engine.scan_targets(&files, target, SCAN_ROWS_MAX).await.map_err(TestError::from)?;
        let labels = Labels::read(tried.config.task, &scan.values).map_err(DrawError::Target)?;
        if labels.is_empty() {
            return Err(DrawError::Target(format!(
                "no row of `{}` has a target; {} have none",
                slice.text, scan.null_targets
            )));
        }
        let target_columns = engine.columns_of(&files, target).await.map_err(TestError::from)?;
        Ok(Scanned { slice: slice.clone(), entries, files, scan, labels, target_columns })
    }

    async fn take(&self, source: &Scanned, picked: &[usize]) -> Result<Drawn, TestError> {
        Ok(Drawn {
            slice: source.slice.clone(),
            entries: source.entries.clone(),
            rows: self.app.engine().take_rows(&source.files, &source.scan, picked).await?,
            labels: source.labels.of_rows(picked),
            target_columns: source.target_columns.clone(),
        })
    }

    /// Writes rows as the files of an input.
    pub async fn write(&self, drawn: &Drawn, rows: &RowSample, name: &str) -> Result<Written, TestError> {
        let written = rows.write(&self.data_dir(name)?).await?;
        let file_of = |file: &SampleFile| {
            let entry = &drawn.entries[file.source];
            InputFile {
                path: file.file.path.clone(),
                name: entry.path.clone(),
                partition: entry.partition.clone(),
                rows: Some(file.rows),
            }
        };
        let files: Vec<InputFile> = written.iter().map(file_of).collect();
        let mut partitions: Vec<_> = files.iter().filter_map(|file| file.partition.clone()).collect();
        partitions.sort();
        partitions.dedup();
        let input = InputFiles {
            dataset: drawn.slice.version.dataset.clone(),
            version: drawn.slice.version.version,
            digest: drawn.slice.version.digest,
            slice: drawn.slice.text.clone(),
            partitions,
            files,
        };
        Ok(Written { input, files: written.into_iter().map(|file| file.file).collect() })
    }

    /// The signature's inputs of the files' rows, as a model would be asked them.
    pub async fn inputs_of(&self, written: &Written, signature: &Signature) -> Result<Table, TestError> {
        let columns: Vec<_> = signature.inputs.iter().map(|field| (field.name.clone(), field.datatype)).collect();
        Ok(self.app.engine().read_table(&written.files, &columns, None).await?.inputs)
    }
}

/// The version that a lock pins, of those that were brought here.
fn brought(
    versions: &BTreeMap<DatasetName, DatasetVersion>,
    lock: &LockFile,
    dataset: &DatasetName,
) -> Result<DatasetVersion, DataError> {
    let entry = lock.datasets.get(dataset).ok_or_else(|| DataError::NotLocked { dataset: dataset.clone() })?;
    let found = versions.get(dataset).filter(|version| version.version == entry.version);
    let version = found.ok_or_else(|| DataError::LedgerLacks { dataset: dataset.clone(), version: entry.version })?;
    if version.digest != entry.digest {
        return Err(DataError::LockDisagrees { dataset: dataset.clone(), version: entry.version });
    }
    Ok(version.clone())
}

impl Drawn {
    /// The rows with labels that follow the inputs; none where no input varies.
    pub fn planted(&self, inputs: &Table, seed: u64) -> Result<Option<RowSample>, TestError> {
        let order = planted_order(inputs, &self.labels, seed);
        Ok(order.map(|order| self.rows.rearranged(&self.target_columns, &order)).transpose()?)
    }

    /// The rows with their labels in an order by chance.
    pub fn permuted(&self, seed: u64) -> Result<RowSample, TestError> {
        let order = Choices::of(seed).permutation(self.rows.rows());
        Ok(self.rows.rearranged(&self.target_columns, &order)?)
    }
}

enum DrawError {
    /// The target is none of the task's.
    Target(String),
    Other(TestError),
}

impl From<TestError> for DrawError {
    fn from(error: TestError) -> Self {
        Self::Other(error)
    }
}

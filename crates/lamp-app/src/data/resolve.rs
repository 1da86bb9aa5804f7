//! From a reference or a slice to an exact version and its files.

use std::sync::Arc;

use jiff::Timestamp;
use lamp_core::dataset::{DatasetVersion, FileEntry, Manifest};
use lamp_core::lock::LockFile;
use lamp_core::names::DatasetName;
use lamp_core::partition::{Days, PartitionKey, PartitionRange};
use lamp_core::reference::{Reference, Selector};
use lamp_core::run::PinnedInput;
use lamp_engine::DataFile;
use lamp_store::{NoProgress, Progress};

use super::add::is_table;
use super::{DataError, lockfile};
use crate::app::App;

/// Some files of one version.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The version.
    pub version: DatasetVersion,
    /// The slice as written.
    pub text: String,
    /// The files it takes in.
    pub files: Vec<FileEntry>,
}

impl Slice {
    /// The partitions taken in, in order.
    pub fn partitions(&self) -> Vec<PartitionKey> {
        let mut keys: Vec<_> = self.files.iter().filter_map(|file| file.partition.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The record of it for a run's manifest.
    pub fn pinned(&self) -> PinnedInput {
        PinnedInput {
            dataset: self.version.dataset.clone(),
            version: self.version.version,
            digest: self.version.digest,
            slice: self.text.clone(),
            partitions: self.partitions(),
            files: self.files.len() as u64,
        }
    }
}

impl App {
    /// The version that `NAME` means to a person in this working tree: the one that `lamp.lock` pins,
    /// or else the latest. `NAME@V` and `NAME@latest` mean what they say.
    pub(crate) async fn wanted_version(&self, reference: &str) -> Result<DatasetVersion, DataError> {
        if !reference.contains('@') {
            let dataset = DatasetName::parse(reference)?;
            let lock = lockfile::read(self.root())?;
            if lock.datasets.contains_key(&dataset) {
                return self.locked_version(&lock, &dataset).await;
            }
        }
        self.dataset_version(reference).await
    }

    /// The version that `NAME@V` names; a bare name means the latest.
    pub async fn dataset_version(&self, reference: &str) -> Result<DatasetVersion, DataError> {
        let reference = Reference::parse(reference)?;
        let dataset = DatasetName::parse(&reference.name)?;
        match reference.selector {
            Selector::Number(version) => self.exact_version(&dataset, version).await,
            Selector::Latest => self.ledger().latest_version(&dataset).await?.ok_or(DataError::NoVersion { dataset }),
            Selector::Production => Err(DataError::NotServed { dataset }),
        }
    }

    pub(crate) async fn exact_version(&self, dataset: &DatasetName, version: u32) -> Result<DatasetVersion, DataError> {
        let found = self.ledger().find_version(dataset, version).await?;
        found.ok_or_else(|| DataError::UnknownVersion { dataset: dataset.clone(), version })
    }

    /// The version that a lock pins, checked against the ledger.
    pub(crate) async fn locked_version(
        &self,
        lock: &LockFile,
        dataset: &DatasetName,
    ) -> Result<DatasetVersion, DataError> {
        let entry = lock.datasets.get(dataset).ok_or_else(|| DataError::NotLocked { dataset: dataset.clone() })?;
        let found = self.ledger().find_version(dataset, entry.version).await?;
        let version =
            found.ok_or_else(|| DataError::LedgerLacks { dataset: dataset.clone(), version: entry.version })?;
        if version.digest != entry.digest {
            return Err(DataError::LockDisagrees { dataset: dataset.clone(), version: entry.version });
        }
        Ok(version)
    }

    /// The files of `version` that `range` takes in, relative ends counted from `as_of`.
    pub(crate) async fn slice(
        &self,
        version: DatasetVersion,
        range: &PartitionRange,
        text: &str,
        as_of: Timestamp,
    ) -> Result<Slice, DataError> {
        let manifest = self.store().manifest(&version.digest).await?;
        let days = range.resolve(self.date_of(as_of));
        let files = files_within(&manifest, days);
        if files.is_empty() {
            let dataset = version.dataset.clone();
            return Err(DataError::EmptySlice { slice: text.to_owned(), dataset, version: version.version });
        }
        Ok(Slice { version, text: text.to_owned(), files })
    }

    /// The manifest of a version.
    pub async fn manifest(&self, version: &DatasetVersion) -> Result<Manifest, DataError> {
        Ok(self.store().manifest(&version.digest).await?)
    }

    /// Files as the engine reads them, in place.
    pub(crate) async fn data_files(&self, files: &[FileEntry]) -> Result<Vec<DataFile>, DataError> {
        let progress: Arc<dyn Progress> = Arc::new(NoProgress);
        let tables: Vec<FileEntry> =
            files.iter().filter(|file| file.link.is_none() && is_table(&file.path)).cloned().collect();
        let paths = self.store().local_paths(&tables, progress).await?;
        Ok(tables.into_iter().zip(paths).map(|(file, path)| DataFile { path, name: file.path }).collect())
    }
}

fn files_within(manifest: &Manifest, days: Days) -> Vec<FileEntry> {
    let unbounded = days.from.is_none() && days.until.is_none();
    let inside = |file: &&FileEntry| file.partition.as_ref().map_or(unbounded, |key| days.holds(key));
    manifest.files.iter().filter(inside).cloned().collect()
}

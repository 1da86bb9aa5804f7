//! From a reference or a slice to an exact version and its files.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::dataset::{DatasetVersion, FileEntry, Manifest};
use lamp_core::lock::LockFile;
use lamp_core::names::DatasetName;
use lamp_core::partition::{DatasetSlice, Days, PartitionKey, PartitionRange};
use lamp_core::reference::{Reference, Selector};
use lamp_core::run::PinnedInput;
use lamp_engine::DataFile;
use lamp_store::{NoProgress, Progress};

use super::add::is_table;
use super::{DataError, lockfile};
use crate::app::App;

/// Which versions of its data a run uses. The run's manifest says which these were.
#[derive(Debug, Clone)]
pub(crate) enum Versions {
    /// Those that the commit's `lamp.lock` pins: what a person asks for.
    Locked,
    /// The newest at this moment: what a cadence asks for.
    Newest {
        /// Partitions that end after the start of this civil day are left out of the run's slices.
        before: Option<Date>,
        /// Versions that count as the newest of their datasets, whatever was added since: those just built.
        built: Vec<DatasetVersion>,
    },
}

impl Versions {
    /// The files of a slice that may be used.
    fn cut(&self, files: &mut Vec<FileEntry>) {
        match self {
            Self::Locked | Self::Newest { before: None, .. } => {}
            Self::Newest { before: Some(day), .. } => {
                files.retain(|file| file.partition.as_ref().is_none_or(|key| key.end() <= *day));
            }
        }
    }
}

/// `NAME[@V][[RANGE]]` as the version's reference and the range; every partition where there is none.
pub fn split_range(text: &str) -> Result<(&str, PartitionRange), DataError> {
    let (name, range) = text.split_at(text.find('[').unwrap_or(text.len()));
    let reference = Reference::parse(name)?;
    Ok((name, DatasetSlice::parse(&format!("{}{range}", reference.name))?.range))
}

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

    /// The version of a dataset that a run uses.
    pub(crate) async fn version_for(
        &self,
        versions: &Versions,
        lock: &LockFile,
        dataset: &DatasetName,
    ) -> Result<DatasetVersion, DataError> {
        match versions {
            Versions::Locked => self.locked_version(lock, dataset).await,
            Versions::Newest { built, .. } => {
                if let Some(version) = built.iter().find(|version| &version.dataset == dataset) {
                    return Ok(version.clone());
                }
                let newest = self.ledger().latest_version(dataset).await?;
                newest.ok_or_else(|| DataError::NoVersion { dataset: dataset.clone() })
            }
        }
    }

    /// The files of a dataset that a run uses: those of `range`, relative ends counted from `as_of`, as far as
    /// `versions` allow.
    pub(crate) async fn slice_for(
        &self,
        versions: &Versions,
        lock: &LockFile,
        slice: &DatasetSlice,
        as_of: Timestamp,
    ) -> Result<Slice, DataError> {
        let version = self.version_for(versions, lock, &slice.dataset).await?;
        let mut found = self.slice(version, &slice.range, &slice.text, as_of).await?;
        versions.cut(&mut found.files);
        if found.files.is_empty() {
            let (dataset, version) = (found.version.dataset, found.version.version);
            return Err(DataError::EmptySlice { slice: slice.text.clone(), dataset, version });
        }
        Ok(found)
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

/// The files of the partitions that lie within `days`; without bounds, all.
pub fn files_within(manifest: &Manifest, days: Days) -> Vec<FileEntry> {
    let unbounded = days.from.is_none() && days.until.is_none();
    let inside = |file: &&FileEntry| file.partition.as_ref().map_or(unbounded, |key| days.holds(key));
    manifest.files.iter().filter(inside).cloned().collect()
}

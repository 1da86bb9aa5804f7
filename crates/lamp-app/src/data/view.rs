//! One dataset for a page: a version with its partitions and their verdicts, and the versions before it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamp_core::check::{CheckRecord, Verdict};
use lamp_core::contract::budget::Budget;
use lamp_core::dataset::{DatasetVersion, FileEntry, SchemaColumn, VersionNumber};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_ledger::CheckCount;
use serde::{Deserialize, Serialize};

use super::list::{DatasetOrigin, VersionLine};
use super::{DataError, lockfile};
use crate::app::App;
use crate::paging::{Page, PageNumber};

/// Newest partitions shown of a version.
pub const PARTITIONS_SHOWN: usize = 62;

/// Broken promises shown of a version.
pub const BROKEN_SHOWN: u32 = 50;

/// What the rules of a contract said, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Promises kept.
    pub passed: u64,
    /// Promises broken.
    pub failed: u64,
    /// Promises broken of which the contract says that this is no error.
    pub warnings: u64,
    /// Rules that could not be evaluated.
    pub not_evaluated: u64,
    /// When the last of them was looked at.
    pub checked_at: Timestamp,
}

impl Verdicts {
    fn none(checked_at: Timestamp) -> Self {
        Self { passed: 0, failed: 0, warnings: 0, not_evaluated: 0, checked_at }
    }

    fn add(&mut self, count: &CheckCount) {
        self.checked_at = self.checked_at.max(count.checked_at);
        match count.verdict {
            Verdict::Passed => self.passed += count.rules,
            Verdict::Failed if count.is_minor => self.warnings += count.rules,
            Verdict::Failed => self.failed += count.rules,
            Verdict::NotEvaluated => self.not_evaluated += count.rules,
        }
    }
}

/// One partition of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionLine {
    /// The partition.
    pub partition: PartitionKey,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows, where every file says how many it has.
    pub rows: Option<u64>,
    /// What the contract's rules said of it; none before it was checked.
    pub verdicts: Option<Verdicts>,
}

/// A dataset, one version of it in full.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetView {
    /// The dataset.
    pub dataset: DatasetName,
    /// Where its versions come from.
    pub origin: DatasetOrigin,
    /// The contract's file, if the dataset has one.
    pub contract: Option<String>,
    /// The version shown.
    pub version: DatasetVersion,
    /// Whether it is the newest.
    pub is_latest: bool,
    /// The columns, where the format says.
    pub schema: Vec<SchemaColumn>,
    /// The newest [`PARTITIONS_SHOWN`] partitions, newest first.
    pub partitions: Vec<PartitionLine>,
    /// Partitions in all.
    pub partition_count: u64,
    /// What was said of the version as a whole.
    pub verdicts: Option<Verdicts>,
    /// The error budget of the dataset; none without an objective, or where its contract cannot be read.
    pub budget: Option<Budget>,
    /// The latest broken promises, at most [`BROKEN_SHOWN`].
    pub broken: Vec<CheckRecord>,
    /// A page of all versions, newest first.
    pub versions: Page<VersionLine>,
}

impl App {
    /// A dataset's version (the newest unless told) with its partitions, verdicts, and a page of versions.
    pub async fn show_dataset(
        &self,
        dataset: &DatasetName,
        version: Option<VersionNumber>,
        page: PageNumber,
    ) -> Result<DatasetView, DataError> {
        let latest = self.ledger().latest_version(dataset).await?;
        let latest = latest.ok_or_else(|| DataError::NoVersion { dataset: dataset.clone() })?;
        let version = match version.filter(|version| *version != latest.version) {
            Some(version) => self.exact_version(dataset, version).await?,
            None => latest.clone(),
        };
        let manifest = self.manifest(&version).await?;
        let counts = self.ledger().check_counts(dataset, version.version).await?;
        let mut verdicts = by_partition(&counts);
        let mut partitions = partition_lines(&manifest.files);
        let partition_count = partitions.len() as u64;
        partitions.truncate(PARTITIONS_SHOWN);
        for line in &mut partitions {
            line.verdicts = verdicts.remove(&Some(line.partition.clone()));
        }
        Ok(DatasetView {
            dataset: dataset.clone(),
            origin: self.origin_of(dataset),
            contract: self
                .workspace()
                .dataset(dataset)
                .and_then(|(project, config)| config.contract.as_ref().map(|file| format!("{}/{file}", project.dir))),
            is_latest: version.version == latest.version,
            schema: manifest.schema,
            partitions,
            partition_count,
            verdicts: verdicts.remove(&None),
            budget: self.find_budget(dataset).await.ok().flatten(),
            broken: self.ledger().failed_checks(dataset, version.version, BROKEN_SHOWN).await?,
            versions: self.versions_page(dataset, page).await?,
            version,
        })
    }

    async fn versions_page(&self, dataset: &DatasetName, page: PageNumber) -> Result<Page<VersionLine>, DataError> {
        let locked = lockfile::read(self.root())?.datasets.get(dataset).map(|entry| entry.version);
        let found = self.ledger().versions_page(dataset, page.skip(), PageNumber::limit()).await?;
        let line =
            |version: DatasetVersion| VersionLine { locked: locked == Some(version.version), version, change: None };
        Ok(Page::of(found.into_iter().map(line).collect(), page))
    }
}

fn by_partition(counts: &[CheckCount]) -> BTreeMap<Option<PartitionKey>, Verdicts> {
    let mut verdicts: BTreeMap<Option<PartitionKey>, Verdicts> = BTreeMap::new();
    for count in counts {
        let of = verdicts.entry(count.partition.clone()).or_insert_with(|| Verdicts::none(count.checked_at));
        of.add(count);
    }
    verdicts
}

/// All verdicts together; none where nothing was checked.
pub(super) fn total(counts: &[CheckCount]) -> Option<Verdicts> {
    let mut total = Verdicts::none(counts.first()?.checked_at);
    for count in counts {
        total.add(count);
    }
    Some(total)
}

/// The partitions of some files, newest first.
pub(super) fn partition_lines(files: &[FileEntry]) -> Vec<PartitionLine> {
    let mut lines: BTreeMap<PartitionKey, PartitionLine> = BTreeMap::new();
    for file in files {
        let Some(key) = &file.partition else { continue };
        let line = lines.entry(key.clone()).or_insert_with(|| PartitionLine {
            partition: key.clone(),
            files: 0,
            bytes: 0,
            rows: Some(0),
            verdicts: None,
        });
        line.files += 1;
        line.bytes += file.size;
        line.rows = line.rows.zip(file.rows).map(|(so_far, rows)| so_far + rows);
    }
    lines.into_values().rev().collect()
}

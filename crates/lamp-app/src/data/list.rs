//! `lamp data ls` and `lamp data log`.

use std::fmt;

use lamp_core::dataset::{DatasetVersion, Manifest};
use lamp_core::difference::{Change, FileChanges};
use lamp_core::lock::LockEntry;
use lamp_core::names::DatasetName;
use serde::{Deserialize, Serialize};

use super::{DataError, lockfile};
use crate::app::App;

/// A dataset at a glance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatasetLine {
    /// The dataset.
    pub dataset: DatasetName,
    /// Its latest version, if it has one.
    pub latest: Option<DatasetVersion>,
    /// Number of versions.
    pub versions: u64,
    /// The version that `lamp.lock` pins.
    pub locked: Option<u32>,
    /// Where its versions come from.
    pub origin: DatasetOrigin,
}

/// Where the versions of a dataset come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatasetOrigin {
    /// Files that people add.
    Source,
    /// A build command.
    Derived,
    /// A service's predictions.
    Log,
    /// No `lamp.toml` says.
    Undeclared,
}

impl DatasetOrigin {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Derived => "derived",
            Self::Log => "log",
            Self::Undeclared => "undeclared",
        }
    }
}

impl fmt::Display for DatasetOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One version in a dataset's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionLine {
    /// The version.
    #[serde(flatten)]
    pub version: DatasetVersion,
    /// Whether `lamp.lock` pins it.
    pub locked: bool,
    /// What it is to the version before it; none where that was not asked, or a list of files cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<VersionChange>,
}

/// What a version is to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionChange {
    /// In a word.
    pub change: Change,
    /// Files.
    #[serde(flatten)]
    pub files: FileChanges,
}

impl VersionChange {
    /// What the version with these files is to the one with those before, if there is one.
    pub(super) fn between(before: Option<&Manifest>, after: &Manifest) -> Self {
        let files = FileChanges::between(before.map_or(&[], |before| &before.files), &after.files);
        Self { change: if before.is_some() { files.kind() } else { Change::First }, files }
    }
}

impl App {
    /// Every dataset that is declared or has a version, by name.
    pub async fn list_datasets(&self) -> Result<Vec<DatasetLine>, DataError> {
        let lock = lockfile::read(self.root())?;
        let mut lines: Vec<DatasetLine> = Vec::new();
        for summary in self.ledger().datasets().await? {
            let dataset = summary.latest.dataset.clone();
            lines.push(DatasetLine {
                origin: self.origin_of(&dataset),
                locked: lock.datasets.get(&dataset).map(|entry: &LockEntry| entry.version),
                dataset,
                latest: Some(summary.latest),
                versions: summary.versions,
            });
        }
        for dataset in self.workspace().projects.values().flat_map(|project| project.datasets.keys()) {
            if !lines.iter().any(|line| &line.dataset == dataset) {
                let origin = self.origin_of(dataset);
                lines.push(DatasetLine { dataset: dataset.clone(), latest: None, versions: 0, locked: None, origin });
            }
        }
        lines.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        Ok(lines)
    }

    /// The versions of one dataset, newest first.
    pub async fn data_log(&self, dataset: &DatasetName) -> Result<Vec<VersionLine>, DataError> {
        let locked = lockfile::read(self.root())?.datasets.get(dataset).map(|entry| entry.version);
        let versions = self.ledger().versions(dataset).await?;
        if versions.is_empty() {
            return Err(DataError::NoVersion { dataset: dataset.clone() });
        }
        let mut lines = Vec::with_capacity(versions.len());
        let mut before = None;
        for version in versions.into_iter().rev() {
            // A list of files that is damaged keeps nobody from reading the history.
            let manifest = self.manifest(&version).await.ok();
            let has_before = before.is_some() || version.version == 1;
            let change = manifest.as_ref().filter(|_| has_before);
            let change = change.map(|manifest| VersionChange::between(before.as_ref(), manifest));
            lines.push(VersionLine { locked: locked == Some(version.version), version, change });
            before = manifest;
        }
        lines.reverse();
        Ok(lines)
    }

    pub(crate) fn origin_of(&self, dataset: &DatasetName) -> DatasetOrigin {
        match self.workspace().dataset(dataset) {
            Some((_, config)) if config.build().is_some() => DatasetOrigin::Derived,
            Some(_) => DatasetOrigin::Source,
            None if dataset.as_str().starts_with("predictions/") => DatasetOrigin::Log,
            None => DatasetOrigin::Undeclared,
        }
    }
}

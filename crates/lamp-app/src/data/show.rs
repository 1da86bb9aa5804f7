//! `lamp data show`: all that is known of one version.

use lamp_core::dataset::{DatasetVersion, SchemaColumn, VersionNumber};
use lamp_core::partition::{PartitionBy, PartitionKey};
use serde::{Deserialize, Serialize};

use super::DataError;
use super::list::{DatasetOrigin, VersionChange};
use super::uses::Use;
use super::view::{PartitionLine, partition_lines};
use crate::app::App;

/// A version in full.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionView {
    /// The version.
    #[serde(flatten)]
    pub version: DatasetVersion,
    /// Where versions of the dataset come from.
    pub origin: DatasetOrigin,
    /// How it is cut into partitions.
    pub partition_by: Option<PartitionBy>,
    /// The columns of its first file, where the format says.
    pub schema: Vec<SchemaColumn>,
    /// What it is to the version before it; none when that one's list of files cannot be read.
    pub change: Option<VersionChange>,
    /// The number of the version before it.
    pub before: Option<VersionNumber>,
    /// What was asked for: part of the version, or all of it.
    pub slice: SliceView,
    /// Runs that used it, directly or through what was built from it, oldest first.
    pub uses: Vec<Use>,
}

/// Files of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SliceView {
    /// As written.
    pub text: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows, where every file says how many it has.
    pub rows: Option<u64>,
    /// Their partitions, newest first.
    pub partitions: Vec<PartitionLine>,
}

impl SliceView {
    /// The first and the last partition.
    pub fn ends(&self) -> Option<(&PartitionKey, &PartitionKey)> {
        self.partitions.last().map(|line| &line.partition).zip(self.partitions.first().map(|line| &line.partition))
    }
}

impl App {
    /// The version that `NAME`, `NAME@V` or `NAME@V[RANGE]` names; of its files those within the range.
    pub async fn show_version(&self, text: &str) -> Result<VersionView, DataError> {
        let slice = self.slice_of(text).await?;
        let version = slice.version;
        let manifest = self.manifest(&version).await?;
        let before = match version.version.checked_sub(1) {
            Some(number) => self.ledger().find_version(&version.dataset, number).await?,
            None => None,
        };
        let change = match &before {
            Some(before) => {
                let before = self.manifest(before).await.ok();
                before.map(|before| VersionChange::between(Some(&before), &manifest))
            }
            None => Some(VersionChange::between(None, &manifest)),
        };
        Ok(VersionView {
            origin: self.origin_of(&version.dataset),
            uses: self.uses_of(&version).await?,
            change,
            before: before.map(|before| before.version),
            slice: SliceView {
                text: slice.text,
                files: slice.files.len() as u64,
                bytes: slice.files.iter().map(|file| file.size).sum(),
                rows: slice.files.iter().map(|file| file.rows).sum(),
                partitions: partition_lines(&slice.files),
            },
            partition_by: manifest.partition_by,
            schema: manifest.schema,
            version,
        })
    }
}

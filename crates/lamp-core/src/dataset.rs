//! Dataset versions and their manifests.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::Digest;
use crate::ids::RunId;
use crate::names::DatasetName;
use crate::partition::{PartitionBy, PartitionKey};

/// The number of a version in its series, from 1.
pub type VersionNumber = u32;

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path relative to the dataset's root, with `/` between its parts.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub digest: Digest,
    /// SHA-256 of the bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The partition this file belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionKey>,
    /// Number of rows, where the format says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Set when the entry is a symbolic link: its target, stored and never followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A column of a version's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaColumn {
    /// Column name.
    pub name: String,
    /// Engine type name, for example `Int64` or `Timestamp(us, UTC)`.
    pub data_type: String,
    /// Whether the file allows nulls.
    pub nullable: bool,
}

/// What a version is made of. Same bytes, same manifest, same digest, same version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of this manifest; 1.
    pub format: u32,
    /// Files, sorted by path.
    pub files: Vec<FileEntry>,
    /// How the dataset is cut into partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<PartitionBy>,
    /// Columns, where the format says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<SchemaColumn>,
}

/// The manifest format that this build writes.
pub const MANIFEST_FORMAT: u32 = 1;

impl Manifest {
    /// A manifest of `files`, put into sorted order.
    pub fn new(mut files: Vec<FileEntry>, partition_by: Option<PartitionBy>, schema: Vec<SchemaColumn>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { format: MANIFEST_FORMAT, files, partition_by, schema }
    }

    /// The canonical bytes: compact JSON with fields in declaration order.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest serialises")
    }

    /// The digest that names this manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Sum of the file sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Sum of the row counts, if every file has one.
    pub fn rows(&self) -> Option<u64> {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The partitions present, in order and once each.
    pub fn partitions(&self) -> Vec<PartitionKey> {
        let mut keys: Vec<_> = self.files.iter().filter_map(|file| file.partition.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// One version of a dataset, as the ledger keeps it. Never updated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetVersion {
    /// The series.
    pub dataset: DatasetName,
    /// Its number in the series, from 1.
    pub version: VersionNumber,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Number of files.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Rows in all, where known.
    pub rows: Option<u64>,
    /// The run that made it, for derived datasets and prediction logs made by one.
    pub run: Option<RunId>,
    /// Who added it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Why, in a person's words.
    pub note: Option<String>,
}

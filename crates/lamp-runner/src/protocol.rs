//! `run.json`: what a command is told. Written by Lamplighter, read by the SDK or anything else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::ids::RunId;
use lamp_core::names::{DatasetName, ProjectName};
use lamp_core::package::Task;
use lamp_core::partition::PartitionKey;
use lamp_core::run::{Params, Purpose};
use serde::{Deserialize, Serialize};

/// The version of the run protocol that this build speaks.
pub const PROTOCOL: u32 = 1;

/// Everything that a command is told, as `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Version of the protocol; [`PROTOCOL`].
    pub protocol: u32,
    /// The run.
    pub run: RunId,
    /// What it makes: `kind` and `name` in the file.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// What the model predicts; none for builds.
    pub task: Option<Task>,
    /// The project.
    pub project: ProjectName,
    /// Full commit hash.
    pub commit: String,
    /// The instant that relative ranges count from.
    pub as_of: Timestamp,
    /// Seed for every random generator.
    pub seed: u64,
    /// Parameters.
    pub params: Params,
    /// What is to be predicted; none for builds.
    pub target: Option<TargetSql>,
    /// Inputs by role (`train`, `valid`), or by the dataset's name for builds.
    pub datasets: BTreeMap<String, InputFiles>,
    /// Set for a test that overfits a tiny batch.
    pub tiny: Option<Tiny>,
}

/// The target, as an SQL expression over the columns of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSql {
    /// The expression, for example `arr_delay >= 15`.
    pub sql: String,
}

/// One input of a run: a pinned version and the files of it that the run may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFiles {
    /// The dataset.
    pub dataset: DatasetName,
    /// Its version.
    pub version: VersionNumber,
    /// Digest of the version's manifest.
    pub digest: Digest,
    /// The slice as written in `lamp.toml`.
    pub slice: String,
    /// The partitions used, in order; empty where the dataset has none.
    pub partitions: Vec<PartitionKey>,
    /// The files, in the manifest's order.
    pub files: Vec<InputFile>,
}

/// One file of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Absolute path, readable in place. Not to be written to.
    pub path: PathBuf,
    /// Path relative to the dataset's root.
    pub name: String,
    /// The partition it belongs to.
    pub partition: Option<PartitionKey>,
    /// Number of rows, where known.
    pub rows: Option<u64>,
}

/// Settings of a tiny-batch test: the command should learn its rows by heart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiny {
    /// Rows in the batch: those of `train`, and again those of `valid`.
    pub rows: u64,
    /// Steps (epochs, trees, iterations) that should be enough.
    pub steps: u64,
    /// The seed that the rows were chosen with.
    pub seed: u64,
    /// How free the model should be.
    pub capacity: Capacity,
}

/// How free a model should be in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capacity {
    /// Free enough to fit every row: no regularisation, no early stopping, no least number of rows in a leaf, no
    /// dropout, no augmentation.
    High,
}

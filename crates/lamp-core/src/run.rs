//! Runs: one execution of a project's command at one commit, with pinned data.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::ids::RunId;
use crate::names::{DatasetName, ModelName, ProjectName};
use crate::partition::PartitionKey;

/// What a run makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Purpose {
    /// A candidate version of a model.
    Train(ModelName),
    /// A version of a derived dataset.
    Build(DatasetName),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Train(model) => write!(f, "train {model}"),
            Self::Build(dataset) => write!(f, "build {dataset}"),
        }
    }
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Recorded; its environment or data is being prepared.
    Preparing,
    /// The command runs.
    Running,
    /// The command ended well and its outputs are being hashed, evaluated and registered.
    Collecting,
    /// Done; its outputs are registered.
    Succeeded,
    /// The command, or what came after it, failed.
    Failed,
    /// A person stopped it.
    Stopped,
}

impl RunState {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Collecting => "collecting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Preparing, Self::Running, Self::Collecting, Self::Succeeded, Self::Failed, Self::Stopped]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Preparing | Self::Running | Self::Collecting => false,
            Self::Succeeded | Self::Failed | Self::Stopped => true,
        }
    }
}

/// How the commit of a run came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeOrigin {
    /// A commit that a branch reached.
    Committed,
    /// A commit of the working tree on a side ref, by `--wip`: to look at, not to approve.
    Wip,
}

/// A parameter's value, as given by `-p key=value`: JSON scalars.
pub type Params = BTreeMap<String, serde_json::Value>;

/// One input of a run, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedInput {
    /// The dataset.
    pub dataset: DatasetName,
    /// Its version.
    pub version: VersionNumber,
    /// Digest of the version's manifest.
    pub digest: Digest,
    /// The slice as written in `lamp.toml`, for example `trips[..-1month]`.
    pub slice: String,
    /// The partitions used, where the dataset has partitions.
    pub partitions: Vec<PartitionKey>,
    /// Number of files used.
    pub files: u64,
}

impl PinnedInput {
    /// Whether a file of the version was taken in, by its partition. A file that belongs to no
    /// partition always is: only all of such a dataset can be named.
    pub fn takes(&self, key: Option<&PartitionKey>) -> bool {
        key.is_none_or(|key| self.partitions.contains(key))
    }
}

/// One output file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Path relative to the run's folder, `/` between its parts.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub digest: Digest,
}

/// Everything that went into a run and came out: the record that `reproduce` follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    /// Format of this record; 1.
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// What it makes.
    pub purpose: Purpose,
    /// The project.
    pub project: ProjectName,
    /// Full commit hash.
    pub commit: String,
    /// Hash of the commit's tree.
    pub tree: String,
    /// Committed, or work in progress.
    pub origin: CodeOrigin,
    /// The instant that relative ranges count from.
    pub as_of: Timestamp,
    /// Digest of the locked environment, or none when the project has no lock.
    pub environment: Option<Digest>,
    /// `python --version` of the interpreter, or what the environment says.
    pub interpreter: String,
    /// Inputs by role (`train`, `valid`, or the dataset's own name for builds).
    pub inputs: BTreeMap<String, PinnedInput>,
    /// Parameters.
    pub params: Params,
    /// Seed handed to the command.
    pub seed: u64,
    /// The command line, as in `lamp.toml`.
    pub command: String,
    /// Output files, sorted by path.
    pub outputs: Vec<OutputFile>,
    /// Wall time of the command in milliseconds.
    pub duration_ms: u64,
    /// Peak resident memory of the command in bytes.
    pub peak_memory: u64,
    /// Exit code of the command.
    pub exit_code: i32,
}

/// A run as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectName,
    /// What it makes.
    pub purpose: Purpose,
    /// Full commit hash.
    pub commit: String,
    /// Committed, or work in progress.
    pub origin: CodeOrigin,
    /// Where it is in its life.
    pub state: RunState,
    /// Who asked for it.
    pub created_by: Actor,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// The whole record, once the command has ended.
    pub manifest: Option<RunManifest>,
    /// Why it failed, in one or two lines.
    pub failure: Option<String>,
}

/// One line of `metrics.jsonl` that carries numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricLine {
    /// Step, if the command said one.
    pub step: Option<u64>,
    /// Named values.
    #[serde(flatten)]
    pub values: BTreeMap<String, serde_json::Value>,
}

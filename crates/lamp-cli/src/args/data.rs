//! Arguments about data: versions, contracts, profiles.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lamp_core::names::{DatasetName, RemoteName};

use super::care::{DataGc, DataPull, DataPush, DataRepack};

#[derive(Debug, Subcommand)]
pub enum Data {
    Add(DataAdd),
    Get(DataGet),
    /// List datasets
    Ls(Json),
    /// List the versions of a dataset
    Log(DataLog),
    Show(DataShow),
    Diff(DataDiff),
    Verify(DataVerify),
    Build(DataBuild),
    Gc(DataGc),
    Repack(DataRepack),
    Push(DataPush),
    Pull(DataPull),
}

/// Make a version of files; the files themselves are only read
///
/// With partitions, the files' own partitions are added or replaced and all others carried over.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp data add flights\n  lamp data add flights data/flights/2013-01-31.parquet --commit"
)]
pub struct DataAdd {
    /// The dataset.
    pub name: DatasetName,
    /// Files and folders; by default the `source` of lamp.toml.
    pub paths: Vec<PathBuf>,
    /// Make the version of these files alone; carry nothing over.
    #[arg(long)]
    pub replace: bool,
    /// Commit lamp.lock, and nothing else.
    #[arg(long)]
    pub commit: bool,
    /// Why, in your words.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Bring a version back, byte for byte
///
/// Without a name: every dataset that lamp.lock pins. With a range: the files of those partitions.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp data get flights@7 --to /tmp/flights\n  lamp data get 'flights[2013-01..2013-03]' --to /tmp/winter\n  git checkout OLD && lamp data get"
)]
pub struct DataGet {
    /// NAME@V or NAME@V[RANGE]; a bare NAME means the version that lamp.lock pins, else the latest.
    pub references: Vec<String>,
    /// Target folder; by default the dataset's own.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Replace files that have other content.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DataLog {
    /// The dataset.
    pub name: DatasetName,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show one version: files, partitions, columns, and who used it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data show flights@7\n  lamp data show 'flights@7[2013-03]' --json")]
pub struct DataShow {
    /// NAME, NAME@V or NAME@V[RANGE].
    pub reference: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show what changed between two versions: files, columns, rows by key, distributions
///
/// With one version: since the version before it. Rows are told apart by the dataset's `key` in lamp.toml, else as
/// a whole. Only files whose bytes differ are read. It is a report and no verdict: it exits 0.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp data diff flights@6 flights@7\n  lamp data diff flights@7\n  lamp data diff 'flights[2013-02]' 'flights[2013-03]' --json"
)]
pub struct DataDiff {
    /// The earlier one (or the only one): NAME, NAME@V or NAME@V[RANGE].
    pub before: String,
    /// The later one.
    pub after: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Hash every byte again
///
/// Exits 1 when anything is damaged, and names the models that used it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data verify\n  lamp data verify flights@7 --repair --from backup")]
pub struct DataVerify {
    /// Versions; by default every version of every dataset.
    pub references: Vec<String>,
    /// Fetch what is damaged from a remote.
    #[arg(long)]
    pub repair: bool,
    /// The remote; may be left out if lamp.toml names one.
    #[arg(long, value_name = "REMOTE", requires = "repair")]
    pub from: Option<RemoteName>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Build a derived dataset from a commit
///
/// Its `build` command runs at the commit, on the versions that the commit's lamp.lock pins.
#[derive(Debug, Args)]
pub struct DataBuild {
    /// The dataset.
    pub name: DatasetName,
    /// Build at this commit instead of HEAD.
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
    /// Parameter.
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub params: Vec<String>,
    /// Commit lamp.lock, and nothing else.
    #[arg(long)]
    pub commit: bool,
}

/// Check data against its contract, and each partition against its history
///
/// Exits 1 when a promise is broken. Rules whose `severity` is `warning` or `info` are shown and recorded, and
/// break nothing. Of the rows that break a rule some are shown, with sensitive columns masked.
/// Data that is unlike its history opens an incident, and breaks no promise.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp check\n  lamp check flights@7\n  lamp check 'trips[-7days..]' --json\n  lamp check --junit checks.xml\n  lamp check 'flights[2013-02-08]' --explain"
)]
pub struct Check {
    /// NAME, NAME@V or NAME[RANGE]; by default every dataset with a contract.
    pub data: Vec<String>,
    /// Show every rule, not only those that fail.
    #[arg(long)]
    pub all: bool,
    /// Show how each partition compares with its history, column by column.
    #[arg(long)]
    pub explain: bool,
    /// Also write a JUnit report.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show what contracts promise over time, and what is left of their error budgets
///
/// Of each dataset: the share of partitions that keep the contract over the window of its objective, freshness, and how
/// fast incidents are seen, taken up and over. Exits 1 when a promise is broken or a budget exhausted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp sla\n  lamp sla flights --json")]
pub struct Sla {
    /// Only this dataset.
    pub dataset: Option<DatasetName>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Contract {
    Suggest(ContractSuggest),
    Lint(ContractLint),
    Diff(ContractDiff),
}

/// Write a contract that the history of a dataset bears
///
/// Every promise comes with its evidence and with how often it would have alarmed: it is fitted on the first half of
/// the partitions and replayed over the rest. What alarms too often is widened or left out, and said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp contract suggest flights -o contracts/flights.odcs.yaml\n  \
                        lamp contract suggest 'flights[2013-01..2013-04]' --alarms 0.05")]
pub struct ContractSuggest {
    /// NAME, NAME@V or NAME[RANGE].
    pub data: String,
    /// Write it there instead of printing it.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Alarms a partition that one promise may have had in the replay, from 0 to 1.
    #[arg(long, value_name = "RATE", default_value_t = 0.01)]
    pub alarms: f64,
    /// Print JSON: the contract, its promises and what was left out.
    #[arg(long)]
    pub json: bool,
}

/// Say what changed between two contracts, and whether it breaks those who read the data
///
/// Exits 1 when it does. A change breaks when a table or column is gone, renamed or of another type, or when less is
/// promised than before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp contract diff\n  lamp contract diff --base origin/main\n  \
                        lamp contract diff contracts/flights.odcs.yaml\n  \
                        lamp contract diff v1.0:contracts/flights.odcs.yaml contracts/flights.odcs.yaml")]
pub struct ContractDiff {
    /// A file, or REV:FILE (FILE from the root of the repository, or from here as ./FILE). Alone, it is compared with
    /// what stood there at the base; without any, every contract of lamp.toml is.
    pub old: Option<String>,
    /// The same, for the later one.
    pub new: Option<String>,
    /// The revision to compare with, where no other is named.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Check ODCS contract files themselves
///
/// Exits 1 when one has an error.
#[derive(Debug, Args)]
pub struct ContractLint {
    /// The files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show every column: counts, quantiles, histograms
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp profile flights\n  lamp profile 'trips@3[2013-02]' --column dep_delay\n  lamp profile 'flights[2013-03]' --against 'flights[2013-02]'"
)]
pub struct Profile {
    /// NAME, NAME@V or NAME[RANGE].
    pub data: String,
    /// Only these columns.
    #[arg(long = "column", value_name = "NAME")]
    pub columns: Vec<String>,
    /// Show how far each column is from this reference instead, named likewise.
    #[arg(long, value_name = "DATA")]
    pub against: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

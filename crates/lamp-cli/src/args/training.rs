//! Arguments about runs and models.

use clap::{Args, Subcommand};
use lamp_core::names::ModelName;

/// Train a model from a commit
///
/// The data is what the commit's lamp.lock pins. What is not committed is refused. Exits 1 when the
/// model fails its gate.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp train delay\n  lamp train delay -p max_iter=300 --detach\n  lamp train delay --rev v1.2\n  lamp train delay --wip"
)]
pub struct Train {
    /// The model.
    pub model: ModelName,
    /// Train at this commit instead of HEAD.
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
    /// Train the working tree as it is: committed on a side ref, to look at, not to approve.
    #[arg(long)]
    pub wip: bool,
    /// Parameter, recorded; numbers, true, false and null are read as such.
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub params: Vec<String>,
    /// Return when the command runs; see `lamp runs`.
    #[arg(long)]
    pub detach: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Runs {
    /// List runs, newest first
    Ls(RunsLs),
    /// Show one run
    Show(RunsShow),
    /// Print a run's log
    Logs(RunsLogs),
    /// Stop a run and all that it started
    Stop(RunsStop),
}

#[derive(Debug, Args)]
pub struct RunsLs {
    /// Most runs to list.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunsShow {
    /// The run's id, or its start.
    pub run: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunsLogs {
    /// The run's id, or its start.
    pub run: String,
    /// Go on printing until the run ends.
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct RunsStop {
    /// The run's id, or its start.
    pub run: String,
}

/// Repeat a run and compare
///
/// Same commit, data, environment, parameters and seed. Exits 1 when the result differs.
#[derive(Debug, Args)]
pub struct Reproduce {
    /// The run's id, or its start.
    pub run: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Models {
    /// List model versions, newest first
    Ls(ModelsLs),
    /// Show one version with its report
    Show(ModelsShow),
    /// Two versions side by side
    Compare(ModelsCompare),
}

#[derive(Debug, Args)]
pub struct ModelsLs {
    /// Only this model.
    pub model: Option<ModelName>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ModelsShow {
    /// MODEL@V, MODEL@latest or MODEL@production.
    pub model: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ModelsCompare {
    /// One version.
    pub a: String,
    /// The other.
    pub b: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Take a decided model out of use
///
/// It must serve nowhere. Its record stays.
#[derive(Debug, Args)]
pub struct Retire {
    /// MODEL@V.
    pub model: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp models show delay@12\n  lamp approve delay@12 --note \"AUC up, slices looked at\""
)]
pub struct Decide {
    /// MODEL@V.
    pub model: String,
    /// What you looked at and why.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    /// Approve although the gate failed (recorded).
    #[arg(long)]
    pub override_gate: bool,
    /// Approve although a dataset that it comes from has exhausted its error budget (recorded).
    #[arg(long)]
    pub override_budget: bool,
}

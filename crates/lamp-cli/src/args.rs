//! Arguments, as clap sees them.

mod accounts;
mod cadence;
mod care;
mod data;
mod hooks;
mod labels;
mod serving;
mod testing;
mod training;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use accounts::*;
pub use cadence::*;
pub use care::*;
pub use data::*;
pub use hooks::*;
pub use labels::*;
pub use serving::*;
pub use testing::*;
pub use training::*;
pub use watch::*;

const EXIT_CODES: &str = "Exit codes: 0 yes; 1 a verdict of no (a contract, gate or test failed); \
2 usage, configuration or operation went wrong; 130 interrupted.";

/// Keeps a team's machine learning honest in production.
#[derive(Debug, Parser)]
#[command(name = "lamp", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// Work in this folder instead of the current one.
    #[arg(long, short = 'C', global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(Init),
    /// Hooks before each commit: install, run, check, mypy
    #[command(subcommand)]
    Hooks(Hooks),
    /// Versions of datasets: add, get, ls, log, show, diff, verify, build, gc, repack, push, pull
    #[command(subcommand)]
    Data(Data),
    Check(Check),
    /// Contracts: suggest, lint, diff
    #[command(subcommand)]
    Contract(Contract),
    Sla(Sla),
    Profile(Profile),
    /// Incidents: ls, show, ack, resolve
    #[command(subcommand)]
    Incidents(Incidents),
    Rota(Rota),
    Duty(Duty),
    Notify(Notify),
    Train(Train),
    /// Runs: ls, show, logs, stop
    #[command(subcommand)]
    Runs(Runs),
    Reproduce(Reproduce),
    /// Models: ls, show, compare
    #[command(subcommand)]
    Models(Models),
    /// Sign for a model: it may serve
    ///
    /// The decision is recorded with your name and the digest of the report that you saw. Exits 1 when
    /// the model failed its gate.
    Approve(Decide),
    /// Refuse a model
    ///
    /// The decision is recorded with your name and the digest of the report that you saw.
    Reject(Decide),
    Retire(Retire),
    /// Cadences: ls, show, run, study, studies, adopt
    #[command(subcommand)]
    Cadence(Cadence),
    Deploy(Deploy),
    Rollback(Rollback),
    Switch(Switch),
    Replay(Replay),
    Serve(Serve),
    Up(Up),
    Label(Label),
    Metrics(Metrics),
    Why(Why),
    Affected(Affected),
    Test(Test),
    /// The audit log: ls, verify
    #[command(subcommand)]
    Audit(Audit),
    /// Users: add, ls, role, disable, enable, password
    #[command(subcommand)]
    Users(Users),
    /// Personal tokens: create, ls, revoke
    #[command(subcommand)]
    Tokens(Tokens),
    Doctor(Doctor),
    Login(Login),
    /// Take back the token that `lamp login` keeps on this machine
    #[command(after_help = "Examples:\n  lamp logout")]
    Logout,
    Demo(Demo),
    #[command(name = "__child", hide = true)]
    Child(Child),
    #[command(name = "__collect", hide = true)]
    Collect(Collect),
}

/// Make a workspace in this repository (or a new one)
///
/// Configuration, hooks for `prek` and `pre-commit`, and a workflow for GitHub Actions. Files that are there
/// stay as they are, but for the lines of Lamplighter in .gitignore and .pre-commit-config.yaml. What would be
/// written is shown first, and asked about.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp init\n  lamp init --yes --project churn --time-zone Europe/Berlin")]
pub struct Init {
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Also start a project with this name.
    #[arg(long, value_name = "NAME")]
    pub project: Option<lamp_core::names::ProjectName>,
    /// IANA time zone of days and schedules; the machine's by default.
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

/// Where anything came from: a prediction, model, run, service or dataset
///
/// Follows the chain down to the raw files and their digests, and up to the person who signed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp why delay@1\n  lamp why trips@3\n  lamp why 0140a5c2-…   (a prediction or run id)"
)]
pub struct Why {
    /// A prediction id, MODEL@V, DATASET@V, a run id or a service.
    pub reference: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a change touches
///
/// Projects, datasets, models, services and tests, each with the reason.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp affected --base origin/main\n  lamp affected --base HEAD~1 --json")]
pub struct Affected {
    /// Compare with the point where this revision and HEAD part.
    #[arg(long, value_name = "REV")]
    pub base: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List events
    Ls(AuditLs),
    /// Check every link of the chain
    Verify(Json),
}

#[derive(Debug, Args)]
pub struct AuditLs {
    /// Events after this number.
    #[arg(long, default_value_t = 0)]
    pub after: u64,
    /// Most events to list.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How this repository stands with the nine practices
///
/// For each: yes, partly or no, what was found, and what to type next. It is a report and no verdict: it exits 0
/// whatever it says, unless something went wrong.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp doctor\n  lamp doctor --json | jq -r '.[] | select(.score != \"yes\") | .next'"
)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// See it all on real flights
///
/// A repository, its data, two models, a service, an outage. Run again on the same folder, it keeps what
/// is there and goes on with the next days.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder of the demo's repository.
    #[arg(long, value_name = "DIR", default_value = "lamplighter-demo")]
    pub dir: PathBuf,
    /// Stop when the tour is over instead of serving the pages.
    #[arg(long)]
    pub no_serve: bool,
    /// Address of pages and API.
    #[arg(long, default_value = "127.0.0.1:8420", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// Address of the predictions.
    #[arg(long, default_value = "127.0.0.1:8421", value_name = "ADDRESS")]
    pub predictions: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub struct Child {
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Collect {
    pub run: lamp_core::ids::RunId,
}

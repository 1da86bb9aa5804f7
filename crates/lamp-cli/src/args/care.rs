//! Arguments about the care for the store.

use clap::Args;
use lamp_core::names::RemoteName;

/// Throw away what nothing refers to
///
/// Every version, every model's package, every run's inputs and every pin of a lamp.lock on any branch
/// stay. What else was not used for 14 days goes to the trash, and from there for good after 14 more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data gc --dry-run\n  lamp data gc")]
pub struct DataGc {
    /// Only say what it would do, and what is in the trash.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Write what came in since the last time anew, smaller
///
/// What changed between versions is kept as a difference. `lamp up` does it once a day by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data repack")]
pub struct DataRepack {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Send versions to a remote
///
/// Only what the remote lacks is sent, and nothing there is ever replaced. Cut short, the same command goes
/// on where it ended.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data push\n  lamp data push backup flights trips@3")]
pub struct DataPush {
    /// A `[remotes.NAME]` of lamp.toml; may be left out if there is one.
    pub remote: Option<RemoteName>,
    /// NAME, or NAME@V with the versions before it; by default every dataset.
    pub references: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Bring versions from a remote
///
/// They get the numbers that they have there. `lamp.lock` stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp data pull && lamp data get\n  lamp data pull backup flights@7")]
pub struct DataPull {
    /// A `[remotes.NAME]` of lamp.toml; may be left out if there is one.
    pub remote: Option<RemoteName>,
    /// NAME, or NAME@V with the versions before it; by default every dataset there.
    pub references: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

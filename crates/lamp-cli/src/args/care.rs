//! Arguments about the care for the store.

use clap::Args;

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

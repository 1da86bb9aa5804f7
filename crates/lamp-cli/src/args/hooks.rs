//! Arguments of the hooks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lamp_app::hooks::manager::ManagerKind;

#[derive(Debug, Subcommand)]
pub enum Hooks {
    Install(HooksInstall),
    Run(HooksRun),
    Check(HooksCheck),
    Mypy(HooksMypy),
}

/// Let git call the hooks before each commit
///
/// By `prek` or else `pre-commit`, whichever is on PATH.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp hooks install\n  lamp hooks install --with pre-commit")]
pub struct HooksInstall {
    /// Use this one: prek or pre-commit.
    #[arg(long, value_name = "MANAGER", value_parser = parse_manager)]
    pub with: Option<ManagerKind>,
}

/// Run the hooks now, on what is staged
///
/// Exits 1 when a hook says no or mends a file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp hooks run\n  lamp hooks run --all-files\n  lamp hooks run projects/delay/delay/train.py"
)]
pub struct HooksRun {
    /// On all files of the repository.
    #[arg(long, conflicts_with = "files")]
    pub all_files: bool,
    /// On these files.
    pub files: Vec<PathBuf>,
}

/// Lamplighter's own hook
///
/// Python that does not parse, outputs left in notebooks, data in git outside of datasets, files of a declared
/// dataset in git, configuration, contracts and lamp.lock that cannot be read. Exits 1 when it finds any.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp hooks check\n  lamp hooks check notebooks/look.ipynb --json")]
pub struct HooksCheck {
    /// Look at these files; by default all that git tracks.
    pub files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Check types with mypy, in each project's own environment
///
/// Checks the projects that the files belong to, and those that use them, each as a whole, with the project's
/// own settings. Exits 1 when mypy finds something.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp hooks mypy\n  lamp hooks mypy projects/delay/delay/train.py")]
pub struct HooksMypy {
    /// Files that changed; by default all projects are checked.
    pub files: Vec<PathBuf>,
}

fn parse_manager(text: &str) -> Result<ManagerKind, String> {
    ManagerKind::parse(text).ok_or_else(|| "one of: prek, pre-commit".to_owned())
}

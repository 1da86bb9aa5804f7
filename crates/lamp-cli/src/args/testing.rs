//! Arguments about ML tests.

use std::path::PathBuf;

use clap::Args;
use lamp_core::names::ModelName;

/// Test models and their code
///
/// Each model's own training command runs a few times on samples of its locked data, on the working tree as it
/// stands, and nothing is registered: a tiny batch must be learned by heart, a planted signal found, permuted labels
/// not; the same seed must give the same answers; shapes and inputs must be sound. Then come the projects' own
/// [tests.NAME]. Exits 1 when a test fails.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp test\n  lamp test delay --only overfit,shapes\n  lamp test --affected-by origin/main --junit report.xml"
)]
pub struct Test {
    /// Models; all of them and the projects' own tests when none is named.
    pub models: Vec<ModelName>,
    /// Only what changed since the point where this revision and HEAD part.
    #[arg(long, value_name = "REV")]
    pub affected_by: Option<String>,
    /// Only these: overfit, signal, permuted, repeat, shapes, features, own. The ledger does not keep such a choice.
    #[arg(long, value_name = "TEST,…")]
    pub only: Option<String>,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Append a summary in Markdown; `$GITHUB_STEP_SUMMARY` when that is set.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

//! Arguments about cadences and their studies.

use clap::{Args, Subcommand};
use jiff::civil::Date;
use lamp_core::cadence::choice::Tolerance;
use lamp_core::cadence::study::{LabelLag, Window};
use lamp_core::config::Every;
use lamp_core::names::ModelName;

#[derive(Debug, Subcommand)]
pub enum Cadence {
    /// List the models that are trained again on a cadence
    Ls(CadenceLs),
    /// Show the cadence of a model with its rotations, or a study
    Show(CadenceShow),
    Run(CadenceRun),
    Study(CadenceStudy),
    /// List studies, newest first
    Studies(CadenceStudies),
    Adopt(CadenceAdopt),
}

#[derive(Debug, Args)]
pub struct CadenceLs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp cadence show delay\n  lamp cadence show 3f9ab2c41d07")]
pub struct CadenceShow {
    /// A model, or the id of a study (or its start).
    pub what: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Run the rotation of a model that is due
///
/// What the scheduler of `lamp up` does by itself: derived datasets are built from the latest raw versions, then the
/// model is trained at HEAD on the latest versions. A rotation that failed is tried again. The candidate waits for a
/// person. Exits 1 when it fails its gate.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp cadence run delay\n  lamp cadence run delay --now")]
pub struct CadenceRun {
    /// The model.
    pub model: ModelName,
    /// Also when none is due: its data is cut off at the start of today.
    #[arg(long)]
    pub now: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Find out how fast a model ages, and how often to train it
///
/// Time is cut into blocks. For each block the model is trained at one commit on what was known before it, and asked
/// about that block and the ones after it. Nothing is registered. What is finished is kept: after Ctrl-C the same
/// command goes on. Exits 1 when there is too little history to tell.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp cadence study delay\n  lamp cadence study delay --windows \"60 days,all\" --label-lag \"2 weeks\"\n  lamp cadence study delay --blocks \"1 month\" --tolerance 0.002 --review-cost 0.001"
)]
pub struct CadenceStudy {
    /// The model.
    pub model: ModelName,
    /// The commit of all trainings, instead of HEAD.
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
    /// First day to be scored; a quarter into the history by default.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Date>,
    /// The day after the last; the end of the data by default.
    #[arg(long, value_name = "DAY")]
    pub to: Option<Date>,
    /// Length of a block: the fastest cadence that is considered.
    #[arg(long, value_name = "LENGTH", default_value = "1 week")]
    pub blocks: Every,
    /// How much history to train on: `configured` (what lamp.toml says), `all`, or lengths.
    #[arg(long, value_name = "WINDOWS", value_delimiter = ',')]
    pub windows: Vec<Window>,
    /// How long it takes until labels are known.
    #[arg(long, value_name = "LENGTH", default_value = "1 day")]
    pub label_lag: LabelLag,
    /// How much more loss than the best cadence is acceptable: a number, or a share of the loss.
    #[arg(long, value_name = "LOSS", default_value = "1%")]
    pub tolerance: Tolerance,
    /// What the review of one candidate costs, in units of the loss over one block.
    #[arg(long, value_name = "LOSS", default_value_t = 0.0)]
    pub review_cost: f64,
    /// What an hour of training costs, in units of the loss over one block.
    #[arg(long, value_name = "LOSS", default_value_t = 0.0)]
    pub compute_cost: f64,
    /// Trainings at once, 1 or 2.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub jobs: u8,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CadenceStudies {
    /// Only of this model.
    pub model: Option<ModelName>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Write the cadence that a study advises into lamp.toml
///
/// `[cadence.MODEL]` gets `every` and, as its evidence, the study's name and digest. Comments and layout stay. A
/// cadence counts once it is committed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp cadence adopt 3f9ab2c41d07\n  lamp cadence adopt 3f9ab2c41d07 --commit")]
pub struct CadenceAdopt {
    /// The study's id, or its start.
    pub study: String,
    /// Commit the project's lamp.toml, and nothing else.
    #[arg(long)]
    pub commit: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

//! Arguments about labels and metrics.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use lamp_core::estimate::Window;
use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;

/// Label a handful of predictions by hand
///
/// Alone, it shows what was drawn, one by one, and takes a key for each. What the models said stays hidden.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  lamp label\n  lamp label delay\n  lamp label next --json\n  lamp label import outcomes.csv"
)]
pub struct Label {
    /// Only predictions of this service.
    pub service: Option<ServiceName>,
    #[command(subcommand)]
    pub command: Option<LabelCommand>,
}

#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    Next(LabelNext),
    Submit(LabelSubmit),
    Import(LabelImport),
    Ls(LabelLs),
    Draw(LabelDraw),
}

/// Show the next prediction to label
///
/// Its inputs only: neither what was predicted nor by which model.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp label next\n  lamp label next delay --json")]
pub struct LabelNext {
    /// Only predictions of this service.
    pub service: Option<ServiceName>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Say what the truth turned out to be
///
/// A second label on the same prediction is a correction: both are kept, the last one counts.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("answer").required(true).args(["value", "skip"]),
    after_help = "Examples:\n  lamp label submit 013dc2a0-… yes\n  lamp label submit 013dc2a0-… 12.5 --note \"from the receipt\"\n  lamp label submit 013dc2a0-… --skip --note \"no record of it\""
)]
pub struct LabelSubmit {
    /// The prediction.
    pub prediction: PredictionId,
    /// yes or no; a class; a number.
    #[arg(allow_negative_numbers = true)]
    pub value: Option<String>,
    /// It cannot be told. The prediction stays in the denominator.
    #[arg(long, alias = "cannot-tell")]
    pub skip: bool,
    /// In your words.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// When the truth came to be.
    #[arg(long, value_name = "INSTANT")]
    pub event_at: Option<jiff::Timestamp>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Take in outcomes that came by themselves
///
/// A CSV, Parquet or JSON lines file with the columns `prediction_id`, `value` and, if known, `event_at`.
/// Importing it again changes nothing. One bad value has the whole file refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp label import outcomes.csv\n  lamp label import outcomes.parquet --json")]
pub struct LabelImport {
    /// The file.
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// List labels, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp label ls\n  lamp label ls delay -n 200 --json")]
pub struct LabelLs {
    /// Only labels of this service.
    pub service: Option<ServiceName>,
    /// Most labels to list.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Draw the predictions of a day that are to be labelled
///
/// At random, without replacement; the seed and the odds are recorded before anybody sees a row. A day is
/// drawn once. `lamp up` does it after midnight for services with a labels duty.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp label draw delay\n  lamp label draw delay --day 2013-04-01 --count 20")]
pub struct LabelDraw {
    /// The service.
    pub service: ServiceName,
    /// The civil day of the predictions; yesterday unless told. Today is drawn as far as it has come.
    #[arg(long, value_name = "DATE")]
    pub day: Option<Date>,
    /// How many; the number of the labels duty unless told.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How the models are doing, from labels
///
/// Each metric with a 95 % interval that is good for one look, beside the report that was signed. Exits 1
/// when a model that serves is worse than its report.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp metrics\n  lamp metrics delay --window 28d\n  lamp metrics delay@3 --since 2013-04-01 --until 2013-04-30 --json"
)]
pub struct Metrics {
    /// A service, a model or MODEL@V.
    pub name: Option<String>,
    /// How far back: 7d, 28d or all.
    #[arg(long, default_value = "28d", value_name = "DAYS")]
    pub window: Window,
    /// The first day of predictions, instead of the window's.
    #[arg(long, value_name = "DATE")]
    pub since: Option<Date>,
    /// The last day of predictions; today unless told.
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
    /// Also on the rows that each place answered.
    #[arg(long)]
    pub places: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

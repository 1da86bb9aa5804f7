//! Arguments about what people watch: incidents, rotas, duties.

use clap::{Args, Subcommand};
use lamp_core::names::RotaName;
use lamp_core::surprise::Decision;

#[derive(Debug, Subcommand)]
pub enum Incidents {
    /// List incidents, those that wait for somebody first
    Ls(IncidentsLs),
    /// Show one incident
    Show(IncidentsShow),
    /// Say that you look at it
    Ack(IncidentsAck),
    /// Say that it is over, and what it was
    Resolve(IncidentsResolve),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp incidents ls\n  lamp incidents ls --all --json")]
pub struct IncidentsLs {
    /// Also those that are resolved.
    #[arg(long)]
    pub all: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct IncidentsShow {
    /// The incident's id, or its start.
    pub incident: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct IncidentsAck {
    /// The incident's id, or its start.
    pub incident: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp incidents resolve 013dc540 --note 'a blizzard: half of the flights never left'\n  lamp incidents resolve 013dc540 --as expected-change --note 'a new carrier flies from today'"
)]
pub struct IncidentsResolve {
    /// The incident's id, or its start.
    pub incident: String,
    /// What it was, and what was done.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Of data that is unlike its history: `accept` keeps it in the history, `reject` leaves it out,
    /// `expected-change` begins the history of the columns named with it.
    #[arg(long = "as", value_name = "DECISION")]
    pub decision: Option<Decision>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Who is on the rota, until when, and who is next
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp rota\n  lamp rota swap ml --from 2013-04-03 --to 2013-04-06 --person second@example.com --why 'a wedding'"
)]
pub struct Rota {
    #[command(subcommand)]
    pub command: Option<RotaCommand>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum RotaCommand {
    Swap(RotaSwap),
}

/// Put somebody else on a rota for a while
///
/// Recorded with your name; the past stays as it was. Open duties go to whoever is on now.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp rota swap ml --from 2013-04-03 --to 2013-04-06 --person second@example.com --why 'a wedding'\n  lamp rota swap ml --from '2013-04-03 17:00' --to '2013-04-04 09:00' --person second@example.com --why 'a night off'"
)]
pub struct RotaSwap {
    /// The rota.
    pub rota: RotaName,
    /// When it begins: a day (its start) or `DAY HH:MM`, in the workspace's time zone.
    #[arg(long, value_name = "WHEN")]
    pub from: String,
    /// When it has ended, that instant left out.
    #[arg(long, value_name = "WHEN")]
    pub to: String,
    /// Who is on meanwhile: an address that the rota lists.
    #[arg(long, value_name = "EMAIL")]
    pub person: String,
    /// Why (recorded).
    #[arg(long)]
    pub why: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is yours to do now, and what is late
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp duty\n  lamp duty histograms\n  lamp duty waive 013dc540 --why 'a holiday'")]
pub struct Duty {
    #[command(subcommand)]
    pub command: Option<DutyCommand>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum DutyCommand {
    /// List duties, newest first
    Ls(DutyLs),
    /// Show one duty with its history
    Show(DutyShow),
    Waive(DutyWaive),
    Histograms(DutyHistograms),
    Sign(DutySign),
}

#[derive(Debug, Args)]
pub struct DutyLs {
    /// Most duties to list.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DutyShow {
    /// The duty's id, or its start.
    pub duty: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Say why a duty need not be done
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp duty waive 013dc540 --why 'a holiday: nobody ordered'")]
pub struct DutyWaive {
    /// The duty's id, or its start.
    pub duty: String,
    /// Why (recorded).
    #[arg(long, default_value = "", hide_default_value = true)]
    pub why: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Look at histograms and say of each column whether it looks right
///
/// Each column of the newest partition is drawn over its history. On a terminal you are asked about one
/// after the other; what you say is recorded at once. Elsewhere all are printed, for `lamp duty sign`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp duty histograms\n  lamp duty histograms 013dc540 --json")]
pub struct DutyHistograms {
    /// The duty's id, or its start; by default yours that is due first.
    pub duty: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Sign for columns that you have looked at
///
/// A suspicion opens an incident. With a verdict on each column, the duty is done.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp duty sign --right 1 --right flights.carrier\n  lamp duty sign 013dc540 --suspicious flights.dep_delay --note 'half of it is null'"
)]
pub struct DutySign {
    /// The duty's id, or its start; by default yours that is due first.
    pub duty: Option<String>,
    /// Looks right: the column's number, or DATASET.COLUMN.
    #[arg(long, value_name = "COLUMN")]
    pub right: Vec<String>,
    /// Looks suspicious: the column's number, or DATASET.COLUMN.
    #[arg(long, value_name = "COLUMN")]
    pub suspicious: Vec<String>,
    /// What looks wrong; needed for a suspicion.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What the team was told of, and what it could not be told
///
/// `lamp up` tells it through the webhook of `[notify]`, and tries again until it has heard.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp notify\n  lamp notify -n 100 --json")]
pub struct Notify {
    /// Most notifications to list, newest first.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

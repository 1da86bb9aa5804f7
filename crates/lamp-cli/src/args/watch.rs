//! Arguments about what people watch: incidents.

use clap::{Args, Subcommand};

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
    after_help = "Examples:\n  lamp incidents resolve 013dc540 --note 'a blizzard: half of the flights never left'"
)]
pub struct IncidentsResolve {
    /// The incident's id, or its start.
    pub incident: String,
    /// What it was, and what was done.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

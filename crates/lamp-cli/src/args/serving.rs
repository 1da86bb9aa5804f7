//! Arguments about services.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lamp_core::exposure::{Network, ServerUrl};
use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;
use lamp_core::route::Role;

/// The two places of a service.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Place {
    /// The main model.
    Primary,
    /// The simpler model behind it.
    Shadow,
}

impl From<Place> for Role {
    fn from(place: Place) -> Self {
        match place {
            Place::Primary => Self::Primary,
            Place::Shadow => Self::Shadow,
        }
    }
}

/// Put an approved model into a service
///
/// The gateway loads it beside the one that is there, asks it the golden rows, and only then lets it answer.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp deploy delay delay@1 --as primary\n  lamp deploy delay delay-simple@1 --as shadow"
)]
pub struct Deploy {
    /// The service.
    pub service: ServiceName,
    /// MODEL@V.
    pub model: String,
    /// The place.
    #[arg(long = "as", value_enum)]
    pub place: Place,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "deployed")]
    pub why: String,
}

/// Put back the model that held the place before
///
/// Done twice, it leads back to where you were.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The service.
    pub service: ServiceName,
    /// The place.
    #[arg(long = "as", value_enum, default_value = "primary")]
    pub place: Place,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
}

/// Change who answers for a service
///
/// The very next answer obeys; the change is recorded with who and why. The price is shown first: whether the
/// model that is to answer is well, what labels say of both, and how often the two disagree. On a terminal it is
/// asked about. When the ledger does not answer, this machine's gateway is told by itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp switch delay shadow --why \"primary says 1.0 for everything\"\n  lamp switch delay primary --why \"fixed in delay@13\"\n  lamp switch delay shadow --dry-run"
)]
pub struct Switch {
    /// The service.
    pub service: ServiceName,
    /// Who answers from now on.
    #[arg(value_enum)]
    pub to: Place,
    /// Why (recorded; opens an incident).
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub why: Option<String>,
    /// Show the price, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Ask a logged prediction's models again
///
/// The row is asked of both models that were asked then, each in the code and environment of its own commit, and
/// what they say is held against the log. Exits 1 when a model that had an answer says something else now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp replay 0140a5c2-…\n  lamp replay 0140a5c2-… --json")]
pub struct Replay {
    /// Its id: `x-prediction-id`, or `prediction_id` in the answer.
    #[arg(value_parser = prediction_id)]
    pub prediction: PredictionId,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

fn prediction_id(text: &str) -> Result<PredictionId, String> {
    PredictionId::parse(text).ok_or_else(|| "a prediction's id is a UUID".to_owned())
}

/// Serve predictions
#[derive(Debug, Args)]
pub struct Serve {
    /// Address of the predictions.
    #[arg(long, default_value = "127.0.0.1:8421", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
}

/// Run the pages, the API and the scheduler, and supervise `lamp serve`
///
/// On this machine's own address, whoever opens the pages acts as the local git user. Elsewhere people
/// sign in, over TLS: `[server]` in lamp.toml says how, or the flags, which come first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp up\n  lamp up --listen 0.0.0.0:443 --public-url https://lamp.example.com --tls-cert fullchain.pem --tls-key privkey.pem\n  lamp up --listen 10.0.0.5:8420 --public-url https://lamp.example.com --behind-proxy 10.0.0.7"
)]
pub struct Up {
    /// Address of pages and API.
    #[arg(long, default_value = "127.0.0.1:8420", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// Address of the predictions.
    #[arg(long, default_value = "127.0.0.1:8421", value_name = "ADDRESS")]
    pub predictions: std::net::SocketAddr,
    /// The address under which others know this server.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<ServerUrl>,
    /// The certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A proxy that speaks TLS and may ask for others; nobody else is answered. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub behind_proxy: Vec<Network>,
    /// Have people sign in on this machine too.
    #[arg(long)]
    pub require_login: bool,
}

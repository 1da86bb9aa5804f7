//! `cargo xtask bench serving`: what answering costs, beside proxies that mirror and servers of models.
//!
//! Whatever serves is held to one processor, whoever asks to another. Saturation is what 32 connections get that ask
//! again as soon as they are answered; latency is measured at a rate that does not wait for answers, from the moment
//! at which a request was due, so that a server that stalls is not asked less while it does.

mod load;
mod ours;
mod process;
mod proxies;
mod servers;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Setting;
use super::table::Table;
use load::{Latency, Tools};
use process::Started;

/// Requests a second at which latency is measured.
const RATE: u32 = 2_000;

/// What `cargo xtask bench serving` puts side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Upstream,
    Nginx { mirrors: bool },
    Haproxy,
    Envoy { mirrors: bool },
    LampUpstreams,
    LampOnnx,
    Mlserver,
    Bentoml,
}

const CONTENDERS: [Contender; 10] = [
    Contender::Upstream,
    Contender::Nginx { mirrors: false },
    Contender::Nginx { mirrors: true },
    Contender::Haproxy,
    Contender::Envoy { mirrors: false },
    Contender::Envoy { mirrors: true },
    Contender::LampUpstreams,
    Contender::LampOnnx,
    Contender::Mlserver,
    Contender::Bentoml,
];

impl Contender {
    const fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Nginx { mirrors: false } => "nginx",
            Self::Nginx { mirrors: true } => "nginx-mirror",
            Self::Haproxy => "haproxy",
            Self::Envoy { mirrors: false } => "envoy",
            Self::Envoy { mirrors: true } => "envoy-mirror",
            Self::LampUpstreams => "lamp-upstreams",
            Self::LampOnnx => "lamp-onnx",
            Self::Mlserver => "mlserver",
            Self::Bentoml => "bentoml",
        }
    }

    /// What a request goes through.
    const fn does(self) -> &'static str {
        match self {
            Self::Upstream => "a Rust server that computes nothing",
            Self::Nginx { mirrors: false } | Self::Haproxy | Self::Envoy { mirrors: false } => "proxy of it",
            Self::Nginx { mirrors: true } | Self::Envoy { mirrors: true } => "proxy of it, mirrors to a second one",
            Self::LampUpstreams => "asks two of it, checks both answers, logs",
            Self::LampOnnx => "computes both ONNX models, checks both answers, logs",
            Self::Mlserver | Self::Bentoml => "computes one scikit-learn model",
        }
    }

    fn start(self, stand: &Stand<'_>) -> Result<Started> {
        match self {
            Self::Upstream => proxies::upstream(stand),
            Self::Nginx { mirrors } => proxies::nginx(stand, mirrors),
            Self::Haproxy => proxies::haproxy(stand),
            Self::Envoy { mirrors } => proxies::envoy(stand, mirrors),
            Self::LampUpstreams => ours::start(stand, ours::UPSTREAMS),
            Self::LampOnnx => ours::start(stand, ours::ONNX),
            Self::Mlserver => servers::mlserver(stand),
            Self::Bentoml => servers::bentoml(stand),
        }
    }
}

/// What all contenders need.
struct Stand<'a> {
    setting: &'a Setting<'a>,
    /// The server behind the proxies.
    upstream: PathBuf,
    /// Where contenders write what they need.
    folder: PathBuf,
}

/// What was measured of one contender.
#[derive(Debug, Default)]
struct Measured {
    /// Requests a second.
    saturation: Vec<f64>,
    latency: Vec<Latency>,
    /// Answers that were not 200, or did not come.
    failed: u64,
    /// Resident bytes of all its processes after the work.
    resident: u64,
    why_not: Option<String>,
}

/// What `--only` knows here.
pub(super) fn words() -> Vec<&'static str> {
    CONTENDERS.iter().map(|contender| contender.word()).collect()
}

/// Measures everything that is wanted. Returns the tables.
pub(super) fn run(setting: &Setting<'_>) -> Result<String> {
    let tools = Tools::prepare(setting)?;
    let folder = setting.scratch.path.join("serving");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let stand = Stand { setting, upstream: proxies::build_upstream(setting.root)?, folder };
    let wanted: Vec<Contender> =
        CONTENDERS.into_iter().filter(|contender| setting.options.wants(contender.word(), &words())).collect();
    if wanted.iter().any(|contender| matches!(contender, Contender::LampUpstreams | Contender::LampOnnx)) {
        ours::prepare(&stand)?;
    }
    let mut results: Vec<(Contender, String, Measured)> =
        wanted.iter().map(|contender| (*contender, contender.word().to_owned(), Measured::default())).collect();
    for repetition in 1..=setting.options.repeat {
        for (contender, title, measured) in &mut results {
            if measured.why_not.is_some() {
                continue;
            }
            println!("[{repetition}/{}] {}", setting.options.repeat, contender.word());
            match measure(*contender, &stand, &tools, measured) {
                Ok(named) => *title = named,
                Err(error) => measured.why_not = Some(format!("{error:#}")),
            }
        }
    }
    Ok(table(&results).markdown())
}

/// Starts it, loads it, ends it. Returns its name and version.
fn measure(contender: Contender, stand: &Stand<'_>, tools: &Tools, measured: &mut Measured) -> Result<String> {
    let mut started = contender.start(stand)?;
    started.wait_until_it_answers()?;
    let seconds = if stand.setting.options.quick { 1 } else { 10 };
    // The first seconds go to warming up.
    tools.saturate(&started, 1)?;
    let saturated = tools.saturate(&started, seconds)?;
    let latency = tools.at_rate(&started, RATE, seconds * 2)?;
    measured.saturation.push(saturated.per_second);
    measured.failed += saturated.failed + latency.failed;
    measured.resident = measured.resident.max(started.resident());
    measured.latency.push(latency);
    Ok(started.title.clone())
}

fn table(results: &[(Contender, String, Measured)]) -> Table {
    let note = format!(
        "What serves has one processor, with the servers behind it; whoever asks has the other. Saturation: 32 \
         connections, the best run. Latency in milliseconds at {RATE} requests a second, from when each was due, the \
         run in the middle. A row of the flights' models, of 15 inputs, a request."
    );
    let columns = ["", "a request", "requests/s at saturation", "p50", "p99", "p99.9", "failed", "MB resident"];
    let mut table = Table::new("Requests and answers", &note, &columns);
    for (contender, title, measured) in results {
        let does = contender.does().to_owned();
        if let Some(why) = &measured.why_not {
            table.row([title.clone(), does, format!("not measured: {why}")]);
            continue;
        }
        let best = measured.saturation.iter().copied().fold(0.0, f64::max);
        let middle = |of: fn(&Latency) -> f64| {
            let mut all: Vec<f64> = measured.latency.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).map_or_else(String::new, |seconds| format!("{:.2}", seconds * 1e3))
        };
        table.row([
            title.clone(),
            does,
            format!("{best:.0}"),
            middle(|latency| latency.p50),
            middle(|latency| latency.p99),
            middle(|latency| latency.p999),
            measured.failed.to_string(),
            super::table::megabytes(measured.resident),
        ]);
    }
    table
}

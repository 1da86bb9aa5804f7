//! Whoever asks: `wrk` as fast as it is answered, `oha` at a rate of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::super::Setting;
use super::process::{ASKS, Started};
use crate::{setup, steps};

/// Connections at saturation.
const CONNECTIONS: &str = "32";

/// Programs that ask.
#[derive(Debug)]
pub(super) struct Tools {
    script: PathBuf,
    oha: PathBuf,
}

/// What was answered as fast as possible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Saturated {
    /// Answers a second.
    pub per_second: f64,
    /// Those that were not 2xx, or did not come.
    pub failed: u64,
}

/// How long answers took, in seconds from when they were asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// Those that were not 2xx, or did not come.
    pub failed: u64,
}

impl Tools {
    /// Installs both, or finds them.
    pub(super) fn prepare(setting: &Setting<'_>) -> Result<Self> {
        if !steps::succeeds(Command::new("sh").args(["-c", "command -v wrk"])) {
            setup::install_debian_packages(&["wrk"])?;
        }
        let folder = setting.kept.join("oha");
        let oha = folder.join("bin").join("oha");
        if !oha.is_file() {
            let mut install = Command::new("cargo");
            install.args(["install", "oha", "--locked", "--root"]).arg(&folder);
            steps::run(&mut install)?;
        }
        Ok(Self { script: setting.root.join("xtask/src/bench/serving/post.lua"), oha })
    }

    /// Asks again as soon as it is answered.
    pub(super) fn saturate(&self, started: &Started, seconds: u32) -> Result<Saturated> {
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", ASKS, "wrk", "-t", "1", "-c", CONNECTIONS, "-d", &format!("{seconds}s"), "-s"]);
        wrk.arg(&self.script).arg(started.url()).env("BODY", &started.body);
        read_wrk(&said(&mut wrk)?).context("what wrk says cannot be read")
    }

    /// Asks `rate` times a second, whatever is answered.
    pub(super) fn at_rate(&self, started: &Started, rate: u32, seconds: u32) -> Result<Latency> {
        let mut oha = Command::new("taskset");
        oha.args(["-c", ASKS]).arg(&self.oha).args(["--no-tui", "--output-format", "json", "--latency-correction"]);
        oha.args(["-c", "64", "-q", &rate.to_string(), "-z", &format!("{seconds}s"), "-m", "POST"]);
        oha.args(["-T", "application/json", "-D"]).arg(&started.body).arg(started.url());
        let text = said(&mut oha)?;
        read_oha(&serde_json::from_str(&text)?).with_context(|| format!("what oha says cannot be read: {text}"))
    }
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read_wrk(text: &str) -> Option<Saturated> {
    let after = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label));
    let per_second = after("Requests/sec:")?.trim().parse().ok()?;
    let refused = after("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.trim().parse().ok())?;
    // `Socket errors: connect 0, read 0, write 0, timeout 0`
    let numbers = after("Socket errors:").unwrap_or_default();
    let lost: u64 = numbers.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok()).sum();
    Some(Saturated { per_second, failed: refused + lost })
}

fn read_oha(said: &Value) -> Option<Latency> {
    let percentile = |name: &str| said["latencyPercentiles"][name].as_f64();
    let statuses = said["statusCodeDistribution"].as_object()?;
    let refused =
        statuses.iter().filter(|(status, _)| !status.starts_with('2')).filter_map(|(_, count)| count.as_u64());
    // What was under way when the time was over is no error of the server's.
    let errors = said["errorDistribution"].as_object()?;
    let lost = errors.iter().filter(|(error, _)| !error.contains("deadline")).filter_map(|(_, count)| count.as_u64());
    Some(Latency {
        p50: percentile("p50")?,
        p99: percentile("p99")?,
        p999: percentile("p99.9")?,
        failed: refused.sum::<u64>() + lost.sum::<u64>(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text = "Running 1s test\n  100 requests in 1.00s\n  Socket errors: connect 0, read 3, write 0, timeout 2\n  \
                    Non-2xx or 3xx responses: 7\nRequests/sec:  84321.50\nTransfer/sec: 1MB\n";
        assert_eq!(read_wrk(text), Some(Saturated { per_second: 84_321.5, failed: 12 }));
        assert_eq!(read_wrk("Requests/sec: 10\n"), Some(Saturated { per_second: 10.0, failed: 0 }));
        assert_eq!(read_wrk("unable to connect\n"), None);
    }

    #[test]
    fn what_oha_says_is_read() {
        let said = json!({
            "latencyPercentiles": {"p50": 0.0001, "p99": 0.001, "p99.9": 0.002},
            "statusCodeDistribution": {"200": 5, "503": 2},
            "errorDistribution": {"aborted due to deadline": 4, "connection closed": 1},
        });
        assert_eq!(read_oha(&said), Some(Latency { p50: 0.0001, p99: 0.001, p999: 0.002, failed: 3 }));
        assert_eq!(read_oha(&json!({})), None);
    }
}

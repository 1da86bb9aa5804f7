//! Lamplighter with the demo's repository, and two services more: one that computes both models, one in front of
//! two servers that compute nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::super::lamp;
use super::super::measure::Invocation;
use super::Stand;
use super::process::{Server, Started};
use super::proxies::{FRONT_PORT, UPSTREAM_PORTS};

/// The service of two ONNX models.
pub(super) const ONNX: &str = "onnx";
/// The service of two other servers.
pub(super) const UPSTREAMS: &str = "upstreams";

/// What the demo's project gets: models on other servers, and the services.
const MODELS: &str = include_str!("models.toml");
/// Registers a model on another server.
const TRAIN: &str = include_str!("train_far.py");

/// Says that the repository was made by this version of this file.
const RECEIPT: &str = ".lamp/bench-serving";

/// Models that are trained and where they go: a service, a model, its version, its place.
const PLACES: [(&str, &str, &str); 4] = [
    (ONNX, "delay-simple", "primary"),
    (ONNX, "simpler", "shadow"),
    (UPSTREAMS, "far", "primary"),
    (UPSTREAMS, "far-shadow", "shadow"),
];

/// Where the repository is kept from one run to the next: the demo takes minutes.
fn repository(stand: &Stand<'_>) -> PathBuf {
    stand.setting.kept.join("serving-demo")
}

fn command(stand: &Stand<'_>, words: &[&str]) -> Invocation {
    Invocation::new(&stand.setting.lamp, &repository(stand)).args(words.iter().copied())
}

/// Makes the repository with its models and services, or finds it there.
pub(super) fn prepare(stand: &Stand<'_>) -> Result<()> {
    let root = repository(stand);
    let made_by = format!("{}\n{MODELS}{TRAIN}", lamp::version(&stand.setting.lamp)?);
    if std::fs::read_to_string(root.join(RECEIPT)).is_ok_and(|text| text == made_by) {
        return Ok(());
    }
    println!("taking the demo's tour for its models");
    if root.exists() {
        std::fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    let ports = ["--listen", "127.0.0.1:18520", "--predictions", "127.0.0.1:18521"];
    let folder = root.display().to_string();
    let words = ["demo", "--no-serve", "--dir", &folder];
    Invocation::new(&stand.setting.lamp, &stand.setting.kept).args(words.iter().chain(&ports).copied()).run()?;
    declare(&root)?;
    let _upstreams = [stand.upstream_on(UPSTREAM_PORTS[0])?, stand.upstream_on(UPSTREAM_PORTS[1])?];
    for model in ["simpler", "far", "far-shadow"] {
        command(stand, &["train", model]).run()?;
        command(stand, &["approve", &format!("{model}@1"), "--note", "for the bench", "--override-gate"]).run()?;
    }
    for (service, model, place) in PLACES {
        command(stand, &["deploy", service, &format!("{model}@1"), "--as", place]).run()?;
    }
    std::fs::write(root.join(RECEIPT), made_by)?;
    Ok(())
}

/// Writes models and services into the project and commits them.
fn declare(root: &Path) -> Result<()> {
    let project = root.join("projects/delay");
    let config = project.join("lamp.toml");
    let text = std::fs::read_to_string(&config).with_context(|| format!("cannot read {}", config.display()))?;
    std::fs::write(&config, format!("{text}\n{MODELS}"))?;
    std::fs::write(project.join("delay/train_far.py"), TRAIN)?;
    for words in [&["add", "--all"][..], &["commit", "--quiet", "--no-verify", "--message", "Models to be measured"]] {
        let output = Command::new("git").args(words).current_dir(root).output().context("git does not run")?;
        if !output.status.success() {
            bail!("git {}: {}", words[0], String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}

/// The gateway, and what is behind the service.
pub(super) fn start(stand: &Stand<'_>, service: &str) -> Result<Started> {
    // The other service is loaded too, whoever is asked.
    let mut servers = UPSTREAM_PORTS.iter().map(|port| stand.upstream_on(*port)).collect::<Result<Vec<_>>>()?;
    let serve = command(stand, &["serve", "--listen", &format!("127.0.0.1:{FRONT_PORT}")]);
    servers.push(Server::start("lamp", &serve.command(), &stand.folder)?);
    let what = if service == ONNX { "two ONNX models" } else { "in front of both" };
    let title = format!("{}, {what}", lamp::version(&stand.setting.lamp)?);
    let path = format!("/v2/models/{service}/infer");
    Ok(Started { title, servers, port: FRONT_PORT, path, body: stand.question()? })
}

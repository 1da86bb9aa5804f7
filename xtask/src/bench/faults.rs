//! `cargo xtask bench faults`: what becomes of requests under steady load when something fails. The faults are the
//! gateway's own tests, with a longer load, one after the other.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Options;
use super::machine::{self, Scratch};
use super::table::Table;
use crate::steps;

/// Requests a second.
const RATE: u32 = 100;

/// How long the load lasts, where the fault does not take longer.
const SECONDS: u32 = 6;
const SECONDS_QUICK: u32 = 1;

/// The columns of a row, as the tests write them.
const COLUMNS: [&str; 9] =
    ["fault", "requests", "failed", "in time", "answered by the shadow", "why", "p50 ms", "p99 ms", "rows of the log"];

/// Runs the faults. Returns what the page says of them.
pub(super) fn run(root: &Path, options: &Options, scratch: &Scratch) -> Result<String> {
    let seconds = if options.quick { SECONDS_QUICK } else { SECONDS };
    let mut tests = Command::new("cargo");
    tests
        .args([
            "test",
            "--release",
            "--package",
            "lamp-gateway",
            "--test",
            "it",
            "--",
            "--test-threads=1",
            "it::faults::",
        ])
        .current_dir(root)
        .env("LAMP_FAULTS_SECONDS", seconds.to_string())
        .env("LAMP_FAULTS_RATE", RATE.to_string())
        .env("LAMP_FAULTS_INTO", &scratch.path);
    steps::run(&mut tests)?;
    let what = format!(
        "{RATE} requests a second, due at a fixed pace whether answers come or not, for {seconds} s at least; the \
         deadline is 400 ms. Time counts from the moment at which a request was due. Models are real Python workers \
         (4 ms a row, one process) and servers over HTTP; the fault lasts for the middle third, or as long as it takes \
         to mend itself."
    );
    let with = table("With a shadow", &what, &scratch.path, "with-")?;
    let control = "The controls: the same faults where the service has no shadow.";
    let without = table("Without a shadow", control, &scratch.path, "without-")?;
    let said = format!("Measured on {} on {}. {}", machine::date()?, machine::hardware(), machine::load());
    Ok(format!("{said}\n\n{}\n{}", with.markdown(), without.markdown()))
}

/// The rows whose files begin with `prefix`, in the order of their names.
fn table(heading: &str, note: &str, folder: &Path, prefix: &str) -> Result<Table> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    if names.is_empty() {
        bail!("the tests wrote no row: were they skipped?");
    }
    let mut table = Table::new(heading, note, &COLUMNS);
    for name in names {
        let row = std::fs::read_to_string(folder.join(&name)).with_context(|| format!("cannot read {name}"))?;
        table.row(row.split('\t').map(str::to_owned));
    }
    Ok(table)
}

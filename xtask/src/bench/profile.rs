//! `cargo xtask bench profile`: the description of every column, beside the tools that describe tables.

use std::path::Path;

use anyhow::Result;

use super::inputs::{Inputs, remove};
use super::measure::{self, Invocation};
use super::peers::{self, Peer};
use super::table::{COST_COLUMNS, Repeated, Table, times};
use super::tools::{Tool, copy};
use super::{Setting, lamp};

/// The tables that are described.
const WORK: [&str; 2] = ["lineitem", "wide"];

/// Only decodes, by the libraries that `lamp` uses.
const DECODE: &str = "decode";

/// `lamp profile`.
const LAMP: &str = "lamp";

/// A tool, its word on the command line, and what it is asked for.
const PEERS: [(Peer, &str, &str); 7] = [
    (peers::PYARROW, "pyarrow", "decode only"),
    (peers::POLARS, "polars", "`describe`"),
    (peers::DUCKDB, "duckdb", "`SUMMARIZE`"),
    (peers::GREAT_EXPECTATIONS, "great-expectations", "nulls, distinct, extremes, mean, deviation, quartiles"),
    (peers::EVIDENTLY, "evidently", "data summary"),
    (peers::YDATA, "ydata-profiling", "minimal"),
    (peers::WHYLOGS, "whylogs", "`log`"),
];

/// What `--only` knows here.
pub(super) fn words() -> Vec<&'static str> {
    contenders().into_iter().chain(WORK).collect()
}

fn contenders() -> Vec<&'static str> {
    [LAMP, DECODE].into_iter().chain(PEERS.iter().map(|(_, word, _)| *word)).collect()
}

/// A contender on one table.
struct Contender {
    title: String,
    /// What it does, or why it cannot.
    command: Result<Invocation, String>,
    /// Ours makes a stored profile, which must go before it is measured again.
    stored: bool,
    measured: Repeated,
}

/// Measures everything that is wanted. Returns the tables.
pub(super) fn run(setting: &Setting<'_>) -> Result<String> {
    let inputs = Inputs::prepare(setting)?;
    let mut tables = Vec::new();
    for work in WORK {
        if !setting.options.wants(work, &WORK) {
            continue;
        }
        let is_wide = work == "wide";
        let input = if is_wide { inputs.wide()? } else { inputs.lineitem()? };
        let file = setting.scratch.path.join("table.parquet");
        copy(&input, &file)?;
        let heading = if is_wide {
            format!("A wide table, {}", inputs.wide_shape())
        } else {
            format!("`lineitem` of TPC-H, scale {}", inputs.scale())
        };
        tables.push(described(setting, &heading, &file)?.markdown());
        remove(&file)?;
    }
    Ok(tables.join("\n"))
}

fn described(setting: &Setting<'_>, heading: &str, file: &Path) -> Result<Table> {
    let workspace = setting.scratch.path.join("workspace");
    let mut contenders = contenders_on(setting, file, &workspace)?;
    for repetition in 1..=setting.options.repeat {
        for contender in &mut contenders {
            let Ok(command) = &contender.command else { continue };
            let is_slow = contender.measured.best().is_some_and(|best| best.seconds > SLOW_SECONDS);
            if is_slow || contender.measured.is_hopeless() {
                continue;
            }
            println!("[{repetition}/{}] {heading}: {}", setting.options.repeat, contender.title);
            if contender.stored {
                remove(&workspace.join(PROFILES))?;
            }
            let command = std::slice::from_ref(command);
            contender.measured.push(measure::all(command, setting.options.limit, &setting.scratch.path));
        }
    }
    remove(&workspace)?;
    Ok(table(heading, &contenders))
}

/// Where the store keeps profiles.
const PROFILES: &str = ".lamp/store/documents";

/// Slower work is done once.
const SLOW_SECONDS: f64 = 20.0;

fn contenders_on(setting: &Setting<'_>, file: &Path, workspace: &Path) -> Result<Vec<Contender>> {
    let wants = |word: &str| setting.options.wants(word, &contenders());
    let mut all = Vec::new();
    let contender =
        |title: String, command, stored| Contender { title, command, stored, measured: Repeated::default() };
    if wants(DECODE) {
        let decoder = lamp::find_decoder(&setting.lamp).map(|path| Invocation::new(path, &setting.scratch.path));
        let command = decoder.map(|decode| decode.args([file.as_os_str()]));
        let command = command.ok_or_else(|| "there is no `examples/decode` beside the binary".to_owned());
        all.push(contender("decode only (arrow-rs)".to_owned(), command, false));
    }
    if wants(LAMP) {
        let ready = Tool::Lamp.prepare(setting)?;
        ready.start(workspace)?;
        copy(file, &workspace.join("table.parquet"))?;
        for add in ready.add(workspace, "table.parquet", "first") {
            add.run()?;
        }
        let title = format!("{}, `profile`", ready.title);
        all.push(contender(title, Ok(ready.profile(workspace)), true));
    }
    for (peer, word, what) in PEERS {
        if !wants(word) {
            continue;
        }
        let script = setting.root.join("xtask/src/bench/describe.py");
        let installed = peer.install(&setting.kept);
        let title = installed.as_ref().map_or_else(|_| peer.name.to_owned(), |installed| installed.title.clone());
        let describe = |installed: peers::Installed| {
            let command = installed.script(&script, &setting.scratch.path).args([word]);
            command.args([file.as_os_str()]).env("HOME", setting.scratch.path.join("home"))
        };
        let command = installed.map(describe).map_err(|error| format!("{error:#}"));
        all.push(contender(format!("{title}, {what}"), command, false));
    }
    Ok(all)
}

fn table(heading: &str, contenders: &[Contender]) -> Table {
    let note = "Every column of the whole file. Of tools in Python the clock starts after their imports and takes in \
                the reading; of `lamp profile` and the decoder it is the whole process.";
    let mut columns = vec![""];
    columns.extend(COST_COLUMNS);
    columns.push("× decode");
    let mut table = Table::new(heading, note, &columns);
    let decodes = contenders.iter().filter(|contender| contender.title.contains("decode only"));
    let floor =
        decodes.filter_map(|contender| contender.measured.best()).min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    for Contender { title, command, measured, .. } in contenders {
        let cells = match command {
            Ok(_) => measured.cells(),
            Err(why) => [format!("not measured: {why}"), String::new(), String::new(), String::new()],
        };
        let of_floor = times(measured.best(), floor);
        table.row(std::iter::once(title.clone()).chain(cells).chain([of_floor]));
    }
    table
}

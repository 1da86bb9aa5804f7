//! `lamp data show`: one version in full.

use std::process::ExitCode;

use console::style;
use lamp_app::call::ShowVersion;
use lamp_app::data::list::VersionChange;
use lamp_app::data::show::VersionView;
use lamp_app::data::uses::Use;
use lamp_core::partition::Period;

use crate::args::DataShow;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

/// Newest partitions that are listed.
const PARTITIONS_SHOWN: usize = 5;

pub async fn run(desk: &Desk, args: &DataShow) -> Result<ExitCode, Failure> {
    let view = desk.ask(ShowVersion { reference: desk.pinned(&args.reference)? }).await?;
    let is_locked = desk.pins()?.get(&view.version.dataset) == Some(&view.version.version);
    if args.json {
        let mut value = serde_json::to_value(&view).map_err(|error| Failure::operation(error.to_string()))?;
        value["locked"] = is_locked.into();
        ui::print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(desk, &view, is_locked);
    Ok(ExitCode::SUCCESS)
}

/// What a version is to the one before it, in a few words.
pub fn change(change: &VersionChange) -> String {
    let counts = change.files.summary();
    if counts.is_empty() { change.change.as_str().to_owned() } else { format!("{}: {counts}", change.change.as_str()) }
}

fn print(desk: &Desk, view: &VersionView, is_locked: bool) {
    let version = &view.version;
    let line = |name: &str, value: &str| out!("{:<11} {value}", style(name).dim());
    out!("{}  {}", style(format!("{}@{}", version.dataset, version.version)).bold(), version.digest);
    line("added", &format!("{} by {}", ui::instant(version.created_at, desk.zone()), version.created_by));
    if let Some(run) = version.run {
        line("run", &run.to_string());
    }
    if let Some(note) = &version.note {
        line("note", note);
    }
    line("origin", view.origin.as_str());
    if let Some(of_before) = &view.change {
        let since = view.before.map(|before| format!(" since {}@{before}", version.dataset)).unwrap_or_default();
        line("change", &format!("{}{since}", change(of_before)));
    }
    line("lock", if is_locked { "lamp.lock pins it" } else { "lamp.lock does not pin it" });
    let size = |files: u64, bytes: u64, rows: Option<u64>| {
        let rows = rows.map(|rows| format!(", {} rows", ui::count(rows))).unwrap_or_default();
        format!("{} files, {}{rows}", ui::count(files), ui::bytes(bytes))
    };
    line("size", &size(version.files, version.bytes, version.rows));
    if view.slice.files != version.files {
        let slice = &view.slice;
        line("of these", &format!("{}: {}", slice.text, size(slice.files, slice.bytes, slice.rows)));
    }
    print_partitions(view);
    for (at, column) in view.schema.iter().enumerate() {
        let nulls = if column.nullable { "" } else { ", never null" };
        line(if at == 0 { "columns" } else { "" }, &format!("{}  {}{nulls}", column.name, column.data_type));
    }
    print_uses(&view.uses);
}

fn print_partitions(view: &VersionView) {
    let Some((first, last)) = view.slice.ends() else { return };
    let by = view.partition_by.as_ref().map(|by| match by.by {
        Period::Day => format!(", by the day of `{}`", by.column),
        Period::Month => format!(", by the month of `{}`", by.column),
    });
    let count = view.slice.partitions.len();
    let name = style("partitions").dim();
    out!("{name:<11} {} from {first} to {last}{}", ui::count(count as u64), by.unwrap_or_default());
    for line in view.slice.partitions.iter().take(PARTITIONS_SHOWN) {
        let rows = line.rows.map(|rows| format!(", {} rows", ui::count(rows))).unwrap_or_default();
        out!("{:<11} {}  {} files, {}{rows}", "", line.partition, ui::count(line.files), ui::bytes(line.bytes));
    }
    if count > PARTITIONS_SHOWN {
        out!("{:<11} … and {} before (--json has them all)", "", ui::count((count - PARTITIONS_SHOWN) as u64));
    }
}

fn print_uses(uses: &[Use]) {
    if uses.is_empty() {
        out!("{:<11} by no run", style("used").dim());
    }
    for (at, used) in uses.iter().enumerate() {
        let made = used.datasets.iter().chain(&used.model).map(String::as_str).collect::<Vec<_>>().join(", ");
        let made = if made.is_empty() { String::new() } else { format!(" → {made}") };
        let read =
            used.slice.as_deref().map_or_else(|| "what was built from it".to_owned(), |slice| format!("`{slice}`"));
        let name = style(if at == 0 { "used" } else { "" }).dim();
        out!("{name:<11} {} ({}) read {read}{made}", used.purpose, used.run);
    }
}

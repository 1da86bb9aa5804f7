//! `lamp data diff`: what changed between two versions.

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use jiff::Timestamp;
use lamp_app::call::DiffVersions;
use lamp_app::data::diff::VersionDifference;
use lamp_core::difference::{Cell, ColumnChange, PartitionChange, RowDifference};
use lamp_core::profile::{ColumnContrast, ColumnSummary, Measure};
use serde_json::Value;

use crate::args::DataDiff;
use crate::command::profile::against::{drift, shown};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, Spinner, out};

/// Partitions named before the rest is counted.
const PARTITIONS_SHOWN: usize = 8;

/// Columns shown side by side.
const COLUMNS_SHOWN: usize = 12;

/// Cells of a row that are shown.
const CELLS_SHOWN: usize = 8;

/// Columns nearer than this are alike, to what sketches can tell.
const ALIKE: f64 = 0.005;

pub async fn run(desk: &Desk, args: &DataDiff) -> Result<ExitCode, Failure> {
    let (before, after) = match &args.after {
        Some(after) => (Some(desk.pinned(&args.before)?), desk.pinned(after)?),
        None => (None, desk.pinned(&args.before)?),
    };
    let spinner = Arc::new(Spinner::start("comparing"));
    let said = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let found = desk.ask_saying(DiffVersions { before, after }, &said).await?;
    drop(spinner);
    if args.json {
        ui::print_json(&found)?;
    } else {
        print(&found);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(found: &VersionDifference) {
    let name = |side: &lamp_app::data::diff::ComparedSide| {
        let range = side.text.find('[').map_or("", |at| &side.text[at..]);
        format!("{}@{}{range}", side.version.dataset, side.version.version)
    };
    out!("{}", style(format!("{} → {}", name(&found.before), name(&found.after))).bold());
    let line = |name: &str, value: &str| out!("{:<11} {value}", style(name).dim());
    let files = found.files.summary();
    let changes = if files.is_empty() { String::new() } else { format!("{files}, ") };
    line("files", &format!("{changes}{} the same", ui::count(found.files.same)));
    if !found.partitions.is_empty() {
        line("partitions", &partitions(&found.partitions));
    }
    let both_have_columns = !found.columns.is_empty();
    if found.schema.is_empty() && both_have_columns {
        line("columns", "the same");
    }
    for (at, change) in found.schema.iter().enumerate() {
        line(if at == 0 { "columns" } else { "" }, &column_change(change));
    }
    if let Some(rows) = &found.rows {
        print_rows(rows, found.rows_not_read);
    }
    for note in &found.notes {
        line("note", note);
    }
    print_columns(&found.columns);
    if let Some(rows) = &found.rows {
        print_samples(rows);
    }
    if !found.masked.is_empty() {
        let names = found.masked.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        out!("\nmasked, as the contract asks: {names}");
    }
}

fn partitions(changes: &[PartitionChange]) -> String {
    let one = |change: &PartitionChange| format!("{} ({})", change.partition, change.files.summary());
    let mut shown: Vec<_> = changes.iter().take(PARTITIONS_SHOWN).map(one).collect();
    if changes.len() > PARTITIONS_SHOWN {
        shown.push(format!("and {} more", ui::count((changes.len() - PARTITIONS_SHOWN) as u64)));
    }
    shown.join(", ")
}

fn column_change(change: &ColumnChange) -> String {
    match change {
        ColumnChange::Added { column, data_type } => format!("+ {column}  {data_type}"),
        ColumnChange::Removed { column, data_type } => format!("− {column}  {data_type}"),
        ColumnChange::Retyped { column, before, after } => format!("~ {column}  {before} → {after}"),
    }
}

fn print_rows(rows: &RowDifference, not_read: Option<u64>) {
    let line = |name: &str, value: &str| out!("{:<11} {value}", style(name).dim());
    let count = ui::count;
    let same = count(rows.same + not_read.unwrap_or_default());
    if rows.key.is_empty() {
        line(
            "rows",
            &format!("{} added, {} removed, {same} the same, as a whole", count(rows.added), count(rows.removed)),
        );
        line("", "a `key` of the dataset in lamp.toml would tell changed rows from new ones");
    } else {
        let (added, removed, changed) = (count(rows.added), count(rows.removed), count(rows.changed));
        let key = rows.key.join(", ");
        line("rows", &format!("{added} added, {removed} removed, {changed} changed, {same} the same, by ({key})"));
        if rows.shared_keys > 0 {
            line("", &format!("{} keys are shared by several rows", count(rows.shared_keys)));
        }
    }
    if !rows.columns.is_empty() {
        let of = if rows.looked_at < rows.changed {
            format!(", of {} of them", count(rows.looked_at))
        } else {
            String::new()
        };
        let columns: Vec<_> = rows.columns.iter().map(|(name, rows)| format!("{name} in {}", count(*rows))).collect();
        line("changed", &format!("{}{of}", columns.join(", ")));
    }
    if !rows.not_compared.is_empty() {
        line("", &format!("compared without {}", rows.not_compared.join(", ")));
    }
}

fn print_columns(columns: &[ColumnContrast]) {
    // A column that only one version has stands among the columns already.
    let has_both = |column: &&ColumnContrast| column.before.is_some() && column.after.is_some();
    let differ = |column: &&ColumnContrast| column.distance() > ALIKE || column.before != column.after;
    let mut listing = Listing::new(&["COLUMN", "NULLS", "DISTINCT", "MEAN", "P5", "MEDIAN", "P95", "JS", "PSI"]);
    let all: Vec<_> = columns.iter().filter(has_both).filter(differ).collect();
    for column in all.iter().take(COLUMNS_SHOWN) {
        listing.row([
            column.column.clone(),
            both(column, |side| Some(ui::count(side.nulls))),
            both(column, |side| {
                Some(format!("{}{}", if side.distinct_is_exact { "" } else { "~" }, ui::count(side.distinct)))
            }),
            both(column, |side| side.mean.as_ref().filter(|_| !column.is_time).map(shown)),
            both(column, |side| side.p5.as_ref().map(brief)),
            both(column, |side| side.median.as_ref().map(brief)),
            both(column, |side| side.p95.as_ref().map(brief)),
            drift(column, Measure::JensenShannon),
            drift(column, Measure::PopulationStability),
        ]);
    }
    if all.is_empty() {
        return;
    }
    out!("");
    listing.print("");
    let more = all.len().saturating_sub(COLUMNS_SHOWN);
    if more > 0 {
        out!("and {} more columns (--json has them all)", ui::count(more as u64));
    }
}

/// A value in few characters; of an instant, the minute.
fn brief(value: &Value) -> String {
    let instant = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    instant.map_or_else(|| shown(value), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// A number of both sides, once where it is the same.
fn both(column: &ColumnContrast, number: impl Fn(&ColumnSummary) -> Option<String>) -> String {
    let of = |side: &Option<ColumnSummary>| side.as_ref().and_then(&number);
    match (of(&column.before), of(&column.after)) {
        (None, None) => "–".to_owned(),
        (Some(before), Some(after)) if before == after => after,
        (before, after) => {
            let [before, after] = [before, after].map(|side| side.unwrap_or_else(|| "–".to_owned()));
            format!("{before} → {after}")
        }
    }
}

fn print_samples(rows: &RowDifference) {
    if rows.is_nothing() {
        return;
    }
    out!("");
    let say_rest = |mark: &str, all: u64, shown: usize| {
        let rest = all.saturating_sub(shown as u64);
        if rest > 0 {
            out!("{mark} … and {} more", ui::count(rest));
        }
    };
    for row in &rows.some_changed {
        let cells = row.cells.iter().take(CELLS_SHOWN);
        let cells = cells.map(|cell| format!("{}: {} → {}", cell.column, shown(&cell.before), shown(&cell.after)));
        let key = row_of(&row.key);
        out!("{} {key}  {}", style("~").yellow(), cells.collect::<Vec<_>>().join(", "));
    }
    say_rest("~", rows.changed, rows.some_changed.len());
    for (mark, some, all) in [("+", &rows.some_added, rows.added), ("−", &rows.some_removed, rows.removed)] {
        for row in some {
            let mark = if mark == "+" { style(mark).green() } else { style(mark).red() };
            out!("{mark} {}", row_of(&row.cells));
        }
        say_rest(mark, all, some.len());
    }
}

fn row_of(cells: &[Cell]) -> String {
    let mut shown_cells: Vec<_> =
        cells.iter().take(CELLS_SHOWN).map(|cell| format!("{}={}", cell.column, shown(&cell.value))).collect();
    if cells.len() > CELLS_SHOWN {
        shown_cells.push("…".to_owned());
    }
    shown_cells.join(" ")
}

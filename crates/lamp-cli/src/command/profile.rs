//! `lamp profile`: every column, with its histogram drawn in the terminal.

pub mod against;

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::ShowProfile;
use lamp_core::profile::{ColumnProfile, Scalar};

use crate::args::Profile;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Spinner, out};

/// Bars of a numeric histogram.
const BINS: usize = 10;

/// Width of the longest bar, in characters.
const BAR_WIDTH: usize = 40;

pub async fn run(desk: &Desk, args: &Profile) -> Result<ExitCode, Failure> {
    if let Some(against) = &args.against {
        return against::run(desk, args, against).await;
    }
    let spinner = Arc::new(Spinner::start(&format!("profiling {}", args.data)));
    let said = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let view = desk.ask_saying(ShowProfile { data: desk.pinned(&args.data)? }, &said).await?;
    drop(spinner);
    for name in &args.columns {
        if view.profile.find(name).is_none() {
            let names: Vec<_> = view.profile.columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("`{}` has no column `{name}`", args.data);
            return Err(Failure::operation(message).with_hint(format!("columns: {}", names.join(", "))));
        }
    }
    let is_wanted = |column: &&ColumnProfile| args.columns.is_empty() || args.columns.contains(&column.name);
    if args.json {
        let columns: Vec<_> = view.profile.columns.iter().filter(is_wanted).map(as_json).collect();
        let name = format!("{}@{}", view.version.dataset, view.version.version);
        ui::print_json(&serde_json::json!({"version": name, "rows": view.profile.rows, "columns": columns}))?;
        return Ok(ExitCode::SUCCESS);
    }
    out!(
        "{}  {} rows, {} columns, {} partitions",
        style(format!("{}@{}", view.version.dataset, view.version.version)).bold(),
        ui::count(view.profile.rows),
        view.profile.columns.len(),
        view.partitions.len(),
    );
    for column in view.profile.columns.iter().filter(is_wanted) {
        out!("");
        print_column(column);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(column: &ColumnProfile) -> serde_json::Value {
    let quantiles: Vec<_> = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|p| (p, column.quantile(p))).to_vec();
    let (low, high) = column.distinct_range();
    serde_json::json!({
        "name": column.name, "type": column.data_type, "count": column.count, "nulls": column.nulls,
        "null_share": column.null_share(), "nan": column.nan(), "zeros": column.zeros(),
        "min": column.min.as_ref().map(Scalar::to_json),
        "max": column.max.as_ref().map(Scalar::to_json),
        "mean": column.mean(), "std": column.std(), "quantiles": quantiles,
        "distinct": {"low": low, "high": high},
        "top": column.top.first(10).iter().map(|(value, count)| (value.to_json(), count)).collect::<Vec<_>>(),
        "histogram": column.histogram(BINS),
    })
}

fn print_column(column: &ColumnProfile) {
    out!("{}  {}", style(&column.name).bold(), style(&column.data_type).dim());
    let mut facts = vec![format!("nulls {:.1} %", column.null_share() * 100.0)];
    let (low, high) = column.distinct_range();
    facts.push(if low == high {
        format!("distinct {}", ui::count(low))
    } else {
        format!("distinct about {}–{}", ui::count(low), ui::count(high))
    });
    if let (Some(mean), Some(std)) = (column.mean(), column.std()) {
        facts.push(format!("mean {}", number(mean)));
        facts.push(format!("sd {}", number(std)));
    }
    for (name, p) in [("p5", 0.05), ("median", 0.5), ("p95", 0.95)] {
        if let Some(value) = column.quantile(p) {
            facts.push(format!("{name} {}", number(value)));
        }
    }
    out!("  {}", facts.join("   "));
    print_bars(column);
}

fn print_bars(column: &ColumnProfile) {
    let histogram = column.histogram(BINS);
    let largest = histogram.bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    if largest == 0 {
        return;
    }
    let width = histogram.bins.iter().map(|bin| console::measure_text_width(&bin.label)).max().unwrap_or(0);
    for bin in &histogram.bins {
        let label = &bin.label;
        let padding = " ".repeat(width - console::measure_text_width(label));
        out!("  {padding}{label} {} {}", style(bar(bin.count, largest)).cyan(), ui::count(bin.count));
    }
    if histogram.others > 0 {
        out!("  {} other values: {}", " ".repeat(width), ui::count(histogram.others));
    }
}

fn bar(count: u64, largest: u64) -> String {
    bar_of(count, largest, BAR_WIDTH)
}

/// A bar in eighths of a character, `width` characters for the largest; what is there is never drawn as nothing.
pub fn bar_of(count: u64, largest: u64, width: usize) -> String {
    let eighths = u128::from(count) * (width as u128) * 8 / u128::from(largest);
    let eighths = usize::try_from(eighths).unwrap_or(0).max(usize::from(count > 0));
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{partial}", "█".repeat(eighths / 8))
}

/// A number in few characters.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..1e9).contains(&size) { format!("{value:.3e}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing() {
        assert_eq!(bar(10, 10), "█".repeat(BAR_WIDTH));
        assert_eq!(bar(5, 10), "█".repeat(BAR_WIDTH / 2));
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
    }
}

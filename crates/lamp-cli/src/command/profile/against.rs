//! `lamp profile DATA --against DATA`: how far each column is from a reference.

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::ContrastProfiles;
use lamp_core::dataset::DatasetVersion;
use lamp_core::profile::{ColumnContrast, Measure};
use serde_json::Value;

use super::number;
use crate::args::Profile;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, Spinner, out};

pub async fn run(desk: &Desk, args: &Profile, against: &str) -> Result<ExitCode, Failure> {
    let spinner = Arc::new(Spinner::start(&format!("profiling {} and {against}", args.data)));
    let said = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let call = ContrastProfiles { data: desk.pinned(&args.data)?, against: desk.pinned(against)? };
    let mut found = desk.ask_saying(call, &said).await?;
    drop(spinner);
    for name in &args.columns {
        if found.columns.iter().all(|column| column.column != *name) {
            let names: Vec<_> = found.columns.iter().map(|column| column.column.as_str()).collect();
            let message = format!("neither `{}` nor `{against}` has a column `{name}`", args.data);
            return Err(Failure::operation(message).with_hint(format!("columns: {}", names.join(", "))));
        }
    }
    found.columns.retain(|column| args.columns.is_empty() || args.columns.contains(&column.column));
    if args.json {
        ui::print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = |version: &DatasetVersion, asked: &str| {
        let range = asked.find('[').map_or("", |at| &asked[at..]);
        format!("{}@{}{range}", version.dataset, version.version)
    };
    out!(
        "{} ({} rows) against {} ({} rows)",
        style(name(&found.version, &args.data)).bold(),
        ui::count(found.rows),
        style(name(&found.against, against)).bold(),
        ui::count(found.rows_against),
    );
    let mut listing = Listing::new(&["COLUMN", "JS", "PSI", "CHI2", "V", "KS", "P", "WASSERSTEIN", "IN SD"]);
    for column in &found.columns {
        listing.row(row(column));
    }
    listing.print("no columns");
    Ok(ExitCode::SUCCESS)
}

fn row(column: &ColumnContrast) -> [String; 9] {
    let statistic = |measure| find(column, measure, |measured| measured.statistic.map(short));
    let ks = find(column, Measure::KolmogorovSmirnov, |measured| measured.p_value.map(probability));
    let cramer = find(column, Measure::ChiSquared, |measured| measured.effect.map(short));
    let in_sd = find(column, Measure::Wasserstein, |measured| measured.effect.map(short));
    [
        column.column.clone(),
        drift(column, Measure::JensenShannon),
        drift(column, Measure::PopulationStability),
        statistic(Measure::ChiSquared),
        cramer,
        statistic(Measure::KolmogorovSmirnov),
        ks,
        if column.is_time { "–".to_owned() } else { statistic(Measure::Wasserstein) },
        in_sd,
    ]
}

fn find(
    column: &ColumnContrast,
    measure: Measure,
    number: impl Fn(&lamp_core::profile::Measured) -> Option<String>,
) -> String {
    column.find(measure).and_then(number).unwrap_or_else(|| "–".to_owned())
}

/// The effect of a measure, for a table.
pub fn drift(column: &ColumnContrast, measure: Measure) -> String {
    find(column, measure, |measured| measured.effect.map(short))
}

fn short(value: f64) -> String {
    if value.abs() < 1000.0 { format!("{value:.3}") } else { number(value) }
}

fn probability(value: f64) -> String {
    if value < 0.001 { "<0.001".to_owned() } else { format!("{value:.3}") }
}

/// A value in few characters.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Number(n) if n.is_f64() => n.as_f64().map(number).unwrap_or_default(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

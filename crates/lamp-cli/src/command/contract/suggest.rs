//! `lamp contract suggest`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::SuggestContract;
use lamp_core::contract::suggest::Suggestion;

use crate::args::ContractSuggest;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Spinner, out};

pub async fn run(desk: &Desk, args: &ContractSuggest) -> Result<ExitCode, Failure> {
    if !(0.0..=1.0).contains(&args.alarms) {
        return Err(Failure::operation(format!("`--alarms {}` is no share from 0 to 1", args.alarms))
            .with_hint("--alarms 0.01"));
    }
    if let Some(path) = &args.output
        && path.exists()
        && !args.force
    {
        return Err(Failure::operation(format!("`{}` is there already", path.display()))
            .with_hint("add --force to write over it; git has what was committed"));
    }
    let spinner = Arc::new(Spinner::start(&format!("looking at the history of {}", args.data)));
    let said = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let call = SuggestContract { data: desk.pinned(&args.data)?, alarms_max: args.alarms };
    let suggestion = desk.ask_saying(call, &said).await?;
    drop(spinner);
    if let Some(path) = &args.output {
        write(path, &suggestion.contract)?;
    }
    match (&args.output, args.json) {
        (_, true) => ui::print_json(&suggestion)?,
        (Some(path), false) => say(path, args, &suggestion),
        (None, false) => out!("{}", suggestion.contract.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whole or not at all: a contract that was cut off would be an error in the next check.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::operation(format!("cannot write `{}`: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn say(path: &Path, args: &ContractSuggest, suggestion: &Suggestion) {
    let label = path.display();
    out!("{}  {} promises from {} partitions", style(&label).bold(), suggestion.rules.len(), suggestion.partitions);
    if suggestion.replayed > 0 {
        out!(
            "  replayed: together they would have alarmed in {} of the last {} partitions",
            suggestion.alarmed,
            suggestion.replayed
        );
    } else {
        out!("  {}: too few partitions to replay; read every line", style("not replayed").yellow());
    }
    for left in &suggestion.left_out {
        let column = left.column.as_deref().map(|column| format!("`{column}` ")).unwrap_or_default();
        out!("  {} {column}{}: {}", style("left out").yellow(), left.promise, left.why);
    }
    let dataset = args.data.split(['@', '[']).next().unwrap_or_default();
    out!(
        "  Next: lamp contract lint {label}; set `contract` of [datasets.{dataset}] in lamp.toml; lamp check {dataset}"
    );
}

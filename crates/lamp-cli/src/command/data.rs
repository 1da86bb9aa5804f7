//! `lamp data add|get|ls|log|show|diff|verify|build|gc|repack|push|pull`.

mod diff;
mod show;

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::{DataHistory, ListDatasets, VerifyData};
use lamp_app::data::add::AddData;
use lamp_app::data::get::GetData;
use lamp_app::training::build::BuildData;
use lamp_app::training::code::CodeChoice;
use lamp_core::human::counted;
use lamp_store::Overwrite;
use serde_json::json;

use super::{care, params, train, verdict};
use crate::args::{Data, DataAdd, DataBuild, DataGet, DataLog, DataVerify, Json};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, Spinner, out};

pub async fn run(desk: &Desk, args: Data) -> Result<ExitCode, Failure> {
    match args {
        Data::Add(args) => add(desk, args).await,
        Data::Get(args) => get(desk, &args).await,
        Data::Ls(args) => ls(desk, &args).await,
        Data::Log(args) => log(desk, &args).await,
        Data::Show(args) => show::run(desk, &args).await,
        Data::Diff(args) => diff::run(desk, &args).await,
        Data::Verify(args) => verify(desk, args).await,
        Data::Build(args) => build(desk, &args).await,
        Data::Gc(args) => care::gc(desk, &args).await,
        Data::Repack(args) => care::repack(desk, &args).await,
        Data::Push(args) => care::push(desk, args).await,
        Data::Pull(args) => care::pull(desk, args).await,
    }
}

async fn add(desk: &Desk, args: DataAdd) -> Result<ExitCode, Failure> {
    let is_declared = desk.workspace().dataset(&args.name).is_some();
    let request =
        AddData { dataset: args.name, paths: args.paths, replace: args.replace, commit: args.commit, note: args.note };
    let added = desk.add_data(request).await?;
    let version = &added.version;
    if args.json {
        ui::print_json(&json!({"version": version, "is_new": added.is_new, "partitions": added.partitions,
            "carried_over": added.carried_over, "base": added.base}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = style(format!("{}@{}", version.dataset, version.version)).bold();
    let rows = version.rows.map(|rows| format!(", {} rows", ui::count(rows))).unwrap_or_default();
    let size = format!("{} files, {}{rows}", ui::count(version.files), ui::bytes(version.bytes));
    if added.is_new {
        let carried = match (added.carried_over, added.base) {
            (1.., Some(base)) => {
                format!(" ({} carried over from {}@{base})", ui::count(added.carried_over), version.dataset)
            }
            _ => String::new(),
        };
        out!("{name}  {size}{carried}  {}", version.digest.short());
    } else {
        out!("{name}  the same bytes as before: {size}  {}", version.digest.short());
    }
    if !is_declared {
        out!("note: no lamp.toml declares `{}`, so no contract is checked", version.dataset);
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(desk: &Desk, args: &DataGet) -> Result<ExitCode, Failure> {
    let references = if args.references.is_empty() { desk.locked_datasets()? } else { args.references.clone() };
    if references.is_empty() {
        return Err(Failure::operation("lamp.lock pins no dataset").with_hint("lamp data get NAME@V --to DIR"));
    }
    let several_into_one = args.to.is_some() && references.len() > 1;
    if several_into_one {
        return Err(Failure::operation("--to takes one dataset at a time"));
    }
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    for reference in references {
        let reference_has_range = reference.contains('[');
        let request = GetData { reference, to: args.to.clone(), overwrite };
        let got = desk.get_data(request).await?;
        let is_part = reference_has_range.then(|| format!("  {} partitions", ui::count(got.partitions.len() as u64)));
        out!(
            "{}{}  {} written, {} unchanged, {} in {}",
            style(format!("{}@{}", got.version.dataset, got.version.version)).bold(),
            is_part.unwrap_or_default(),
            ui::count(got.checkout.written),
            ui::count(got.checkout.unchanged),
            ui::bytes(got.checkout.bytes),
            got.to.display(),
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn ls(desk: &Desk, args: &Json) -> Result<ExitCode, Failure> {
    let lines = desk.ask(ListDatasets { locked: desk.pins()? }).await?;
    if args.json {
        ui::print_json(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut listing = Listing::new(&["DATASET", "LATEST", "LOCKED", "VERSIONS", "ROWS", "SIZE", "ADDED", "ORIGIN"]);
    let zone = desk.zone();
    let dash = || "–".to_owned();
    for line in lines {
        let latest = line.latest.as_ref();
        listing.row([
            line.dataset.to_string(),
            latest.map_or_else(dash, |version| format!("@{}", version.version)),
            line.locked.map_or_else(dash, |version| format!("@{version}")),
            line.versions.to_string(),
            latest.and_then(|version| version.rows).map_or_else(dash, ui::count),
            latest.map_or_else(dash, |version| ui::bytes(version.bytes)),
            latest.map_or_else(dash, |version| ui::instant(version.created_at, zone)),
            line.origin.to_string(),
        ]);
    }
    listing.print("No dataset yet. Declare one in a project's lamp.toml, then: lamp data add NAME");
    Ok(ExitCode::SUCCESS)
}

async fn log(desk: &Desk, args: &DataLog) -> Result<ExitCode, Failure> {
    let request = DataHistory { dataset: args.name.clone(), locked: desk.pins()?.get(&args.name).copied() };
    let lines = desk.ask(request).await?;
    if args.json {
        ui::print_json(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut listing = Listing::new(&["VERSION", "DIGEST", "FILES", "ROWS", "SIZE", "CHANGE", "ADDED", "BY", "NOTE"]);
    let zone = desk.zone();
    for line in lines {
        let version = &line.version;
        let mark = if line.locked { " (locked)" } else { "" };
        let note = version.note.clone().or_else(|| version.run.map(|run| format!("run {run}"))).unwrap_or_default();
        listing.row([
            format!("{}@{}{mark}", version.dataset, version.version),
            version.digest.short(),
            ui::count(version.files),
            version.rows.map_or_else(|| "–".to_owned(), ui::count),
            ui::bytes(version.bytes),
            line.change.as_ref().map_or_else(|| "–".to_owned(), show::change),
            ui::instant(version.created_at, zone),
            version.created_by.to_string(),
            note,
        ]);
    }
    listing.print("");
    Ok(ExitCode::SUCCESS)
}

async fn verify(desk: &Desk, args: DataVerify) -> Result<ExitCode, Failure> {
    let request = VerifyData { references: args.references, repair: args.repair, from: args.from };
    let found = desk.verify_data(request).await?;
    let is_whole = found.iter().all(|verified| verified.damage.is_empty());
    if args.json {
        let lines: Vec<_> = found
            .iter()
            .map(|verified| {
                let damage: Vec<String> = verified.damage.iter().map(ToString::to_string).collect();
                let name = format!("{}@{}", verified.version.dataset, verified.version.version);
                let repaired: Vec<String> = verified.repaired.iter().map(ToString::to_string).collect();
                json!({"version": name, "files": verified.files, "damage": damage, "repaired": repaired,
                    "models": verified.models})
            })
            .collect();
        ui::print_json(&lines)?;
        return Ok(verdict(is_whole));
    }
    for verified in &found {
        let name = format!("{}@{}", verified.version.dataset, verified.version.version);
        if verified.damage.is_empty() {
            let repaired = match verified.repaired.len() as u64 {
                0 => String::new(),
                count => format!("  {} repaired", counted(count, "file")),
            };
            out!("{name}  {} files  {}{repaired}", ui::count(verified.files), style("whole").green());
            continue;
        }
        out!("{name}  {}", style("damaged").red().bold());
        for damage in &verified.damage {
            out!("  {damage}");
        }
        if !verified.models.is_empty() {
            out!("  models trained on it: {}", verified.models.join(", "));
        }
    }
    Ok(verdict(is_whole))
}

async fn build(desk: &Desk, args: &DataBuild) -> Result<ExitCode, Failure> {
    let code = args.rev.clone().map_or(CodeChoice::Head, CodeChoice::Rev);
    let project = desk.workspace().dataset(&args.name).map(|(project, _)| project);
    let code = desk.code(code, project).await?;
    let request = BuildData { dataset: args.name.clone(), code, params: params::parse(&args.params)? };
    let spinner = Arc::new(Spinner::start("starting"));
    let run = {
        let spinner = Arc::clone(&spinner);
        desk.ask_saying(request, &move |line| spinner.say(line)).await?
    };
    spinner.say(&format!("building {}", args.name));
    let run = train::follow(desk, run.id, &spinner).await?;
    let version = desk.pin_built(&run, args.commit).await?;
    drop(spinner);
    if let Some(version) = version {
        let rows = version.rows.map(|rows| format!(", {} rows", ui::count(rows))).unwrap_or_default();
        out!(
            "{}  {} files, {}{rows}  run {}",
            style(format!("{}@{}", version.dataset, version.version)).bold(),
            ui::count(version.files),
            ui::bytes(version.bytes),
            run.id,
        );
    }
    Ok(ExitCode::SUCCESS)
}

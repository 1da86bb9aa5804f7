//! `lamp label`, `lamp label next|submit|import|ls|draw`.

mod session;

use std::process::ExitCode;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::call::{ImportLabels, ListLabels, NextLabel};
use lamp_app::labels::ask::{LabelProgress, LabelTask};
use lamp_app::labels::draw::{DrawLabels, Drawn};
use lamp_app::labels::import::Imported;
use lamp_app::labels::submit::{Answered, SubmitLabel, Submitted};
use lamp_core::label::LabelSpec;
use lamp_core::package::Task;
use serde_json::Value;

use crate::args::{Label, LabelCommand, LabelDraw, LabelImport, LabelLs, LabelNext, LabelSubmit};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, Spinner, out};

/// What to do when nothing waits.
const NOTHING_WAITS: &str =
    "Nothing waits for a label. `lamp up` draws each day after midnight; now: lamp label draw SERVICE";

pub async fn run(desk: &Desk, args: &Label) -> Result<ExitCode, Failure> {
    match &args.command {
        None => session::run(desk, args.service.as_ref()).await?,
        Some(LabelCommand::Next(args)) => next(desk, args).await?,
        Some(LabelCommand::Submit(args)) => submit(desk, args).await?,
        Some(LabelCommand::Import(args)) => import(desk, args).await?,
        Some(LabelCommand::Ls(args)) => ls(desk, args).await?,
        Some(LabelCommand::Draw(args)) => draw(desk, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn next(desk: &Desk, args: &LabelNext) -> Result<(), Failure> {
    let task = desk.ask(NextLabel { service: args.service.clone() }).await?;
    if args.json {
        return ui::print_json(&task);
    }
    let Some(task) = task else {
        out!("{NOTHING_WAITS}");
        return Ok(());
    };
    print_task(desk.zone(), &task);
    out!("\nNext: lamp label submit {} {}   (or --skip)", task.prediction, choices(&task.spec));
    Ok(())
}

/// The row, blind.
fn print_task(zone: &TimeZone, task: &LabelTask) {
    out!(
        "{}  {}  {}",
        style(&task.service).bold(),
        task.day,
        style(format!("{} of {}", task.rank, task.progress.drawn)).dim()
    );
    let names = task.inputs.keys().map(|name| console::measure_text_width(name)).chain([10]);
    let width = names.max().unwrap_or_default();
    let line = |name: &str, value: &str| {
        let padding = " ".repeat(width.saturating_sub(console::measure_text_width(name)));
        out!("  {}{padding}  {value}", style(name).dim());
    };
    line("to be told", &task.spec.target);
    line("answered", &lamp_core::human::exact_instant(task.served_at, zone));
    for (name, value) in &task.inputs {
        line(name, &shown(value));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

/// What a label may be, for the line to type.
fn choices(spec: &LabelSpec) -> String {
    match spec.task {
        Task::Binary => "yes|no".to_owned(),
        Task::Multiclass => spec.classes.iter().map(shown).collect::<Vec<_>>().join("|"),
        Task::Regression => "NUMBER".to_owned(),
    }
}

async fn submit(desk: &Desk, args: &LabelSubmit) -> Result<(), Failure> {
    let answer = match &args.value {
        Some(value) => Answered::Value(value.clone()),
        None => Answered::CannotTell,
    };
    let request = SubmitLabel { prediction: args.prediction, answer, note: args.note.clone(), event_at: args.event_at };
    let submitted = desk.ask(request).await?;
    if args.json {
        return ui::print_json(&submitted);
    }
    print_submitted(&submitted);
    Ok(())
}

fn print_submitted(submitted: &Submitted) {
    let correction = submitted.corrects.as_ref().map(|before| format!(" (was {})", before.value)).unwrap_or_default();
    out!("{}{correction}  {}", style(&submitted.label.value).bold(), bar(&submitted.progress));
}

/// `2013-03-31 ●●●●○○○○○○ 4/10`
fn bar(progress: &LabelProgress) -> String {
    const WIDTH: u64 = 10;
    let filled = (progress.done() * WIDTH).checked_div(progress.drawn).unwrap_or(0);
    let dots: String = (0..WIDTH).map(|at| if at < filled { '●' } else { '○' }).collect();
    format!("{} {dots} {}/{}", progress.day, progress.done(), progress.drawn)
}

async fn import(desk: &Desk, args: &LabelImport) -> Result<(), Failure> {
    let rows = desk.read_label_file(&args.file).await?;
    let spinner = Spinner::start(&format!("importing {} labels", ui::count(rows.len() as u64)));
    let imported = desk.ask(ImportLabels { rows }).await?;
    drop(spinner);
    if args.json {
        return ui::print_json(&imported);
    }
    print_imported(&imported);
    Ok(())
}

fn print_imported(imported: &Imported) {
    let corrected = match imported.corrected {
        0 => String::new(),
        corrected => format!(" ({} of them corrections)", ui::count(corrected)),
    };
    out!("{} labels added{corrected}, {} known already", ui::count(imported.added), ui::count(imported.unchanged));
    if imported.unknown > 0 {
        let rows = ui::count(imported.unknown);
        out!("{}: {rows} row(s) about predictions that no log has", style("careful").yellow().bold());
        for id in &imported.unknown_ids {
            out!("  {id}");
        }
        if imported.unknown > imported.unknown_ids.len() as u64 {
            out!("  … and {} more", imported.unknown - imported.unknown_ids.len() as u64);
        }
    }
}

async fn ls(desk: &Desk, args: &LabelLs) -> Result<(), Failure> {
    let labels = desk.ask(ListLabels { service: args.service.clone(), limit: args.limit }).await?;
    if args.json {
        return ui::print_json(&labels);
    }
    let zone = desk.zone();
    let mut listing = Listing::new(&["LABELLED", "SERVICE", "PREDICTION", "LABEL", "BY", "HOW", "NOTE"]);
    for record in labels {
        let label = record.label;
        let value = if record.is_current {
            label.value.to_string()
        } else {
            style(format!("{} (corrected)", label.value)).dim().to_string()
        };
        listing.row([
            ui::instant(label.at, zone),
            record.service.to_string(),
            label.prediction.to_string(),
            value,
            label.by.to_string(),
            label.source.as_str().to_owned(),
            label.note.unwrap_or_default(),
        ]);
    }
    listing.print("No label yet: lamp label");
    Ok(())
}

async fn draw(desk: &Desk, args: &LabelDraw) -> Result<(), Failure> {
    let request = DrawLabels { service: args.service.clone(), day: args.day, count: args.count };
    let drawn = desk.ask(request).await?;
    if args.json {
        return ui::print_json(&drawn);
    }
    print_drawn(&drawn);
    Ok(())
}

fn print_drawn(drawn: &Drawn) {
    let draw = &drawn.draw;
    if draw.population == 0 {
        out!("{} predicted nothing on {}: nothing is drawn", draw.service, draw.day);
        return;
    }
    let when = if drawn.is_new { "" } else { " (already)" };
    out!(
        "{} of {} predictions of {} on {} drawn{when}",
        ui::count(u64::from(draw.drawn)),
        ui::count(draw.population),
        style(&draw.service).bold(),
        draw.day
    );
    out!("  each with probability {:.4}; {} with seed {}", draw.inclusion(), draw.sampler, draw.seed);
    if !draw.is_complete {
        out!("  the day is not over: what is answered from now on is not in this draw");
    }
    out!("\nNext: lamp label {}", draw.service);
}

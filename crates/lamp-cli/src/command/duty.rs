//! `lamp duty` and its ls, show, waive; histograms and sign have a file of their own.

use std::process::ExitCode;

use console::style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_app::call::{ListDuties, ShowDuty, ShowShift, WaiveDuty};
use lamp_app::duties::list::{DutyHistory, DutyView, MyShift};
use lamp_core::duty::DutyState;

use super::{histograms, rota};
use crate::args::{Duty, DutyCommand, DutyLs};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Duty) -> Result<ExitCode, Failure> {
    match &args.command {
        None => {
            let shift = desk.ask(ShowShift {}).await?;
            if args.json { ui::print_json(&shift)? } else { print_shift(desk.zone(), &shift) }
        }
        Some(DutyCommand::Ls(command)) => ls(desk, command, args.json).await?,
        Some(DutyCommand::Show(command)) => {
            let history = desk.ask(ShowDuty { duty: command.duty.clone() }).await?;
            if command.json || args.json { ui::print_json(&history)? } else { print_history(desk.zone(), &history) }
        }
        Some(DutyCommand::Waive(command)) => {
            let view = desk.ask(WaiveDuty { duty: command.duty.clone(), why: command.why.clone() }).await?;
            if command.json || args.json { ui::print_json(&view)? } else { print_end(&view) }
        }
        Some(DutyCommand::Histograms(command)) => histograms::look(desk, command, args.json).await?,
        Some(DutyCommand::Sign(command)) => histograms::sign(desk, command, args.json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print_shift(zone: &TimeZone, shift: &MyShift) {
    for view in &shift.rotas {
        rota::print(zone, view);
    }
    if !shift.rotas.is_empty() {
        out!("");
    }
    if shift.mine.is_empty() {
        out!("{}: nothing of yours is due.", shift.person);
    } else {
        out!("{}:", style(format!("{}, yours", shift.person)).bold());
        shift.mine.iter().for_each(|duty| print_open(zone, duty, shift.at));
    }
    if !shift.others.is_empty() {
        out!("\n{}", style("Others' (you may do them too):").bold());
        shift.others.iter().for_each(|duty| print_open(zone, duty, shift.at));
    }
    if !shift.missed.is_empty() {
        out!("\n{}", style("Missed lately:").red().bold());
        for view in &shift.missed {
            out!("  {}  {} of {}  {}", view.duty.id, view.title, view.duty.project, whose(view));
        }
    }
}

fn print_open(zone: &TimeZone, view: &DutyView, now: Timestamp) {
    let duty = &view.duty;
    let until = ui::instant(duty.due_at, zone);
    let left = u64::try_from(duty.due_at.duration_since(now).as_millis()).unwrap_or(0);
    let left = if left == 0 { "late".to_owned() } else { format!("{} left", ui::duration(left)) };
    let whose = if view.is_mine { String::new() } else { format!("  {}", whose(view)) };
    let (done, of) = (view.progress.done, view.progress.of);
    out!("  {} of {}  {done}/{of}  due {until} ({left}){whose}", style(&view.title).bold(), duty.project);
    if let Some(next) = &view.next {
        out!("    Next: {next}");
    }
}

fn whose(view: &DutyView) -> &str {
    view.duty.assignee.as_deref().unwrap_or("anybody")
}

async fn ls(desk: &Desk, args: &DutyLs, json: bool) -> Result<(), Failure> {
    let views = desk.ask(ListDuties { limit: args.limit }).await?;
    if args.json || json {
        return ui::print_json(&views);
    }
    let zone = desk.zone();
    let mut listing = Listing::new(&["DUTY", "WHAT", "PROJECT", "STATE", "DONE", "DUE", "WHOSE", "BY"]);
    for view in views {
        let by = view.duty.end.as_ref().map_or_else(|| "–".to_owned(), |end| end.by.to_string());
        listing.row([
            view.duty.id.to_string(),
            view.title.clone(),
            view.duty.project.to_string(),
            coloured(view.duty.state),
            format!("{}/{}", view.progress.done, view.progress.of),
            ui::instant(view.duty.due_at, zone),
            whose(&view).to_owned(),
            by,
        ]);
    }
    listing.print("No duty yet: add [duties] to a lamp.toml.");
    Ok(())
}

fn coloured(state: DutyState) -> String {
    match state {
        DutyState::Open => style("open").yellow().to_string(),
        DutyState::Done => style("done").green().to_string(),
        DutyState::Waived => style("waived").dim().to_string(),
        DutyState::Missed => style("missed").red().to_string(),
    }
}

fn print_history(zone: &TimeZone, history: &DutyHistory) {
    let (view, duty) = (&history.view, &history.view.duty);
    let line = |name: &str, value: &str| out!("  {:<10} {value}", style(name).dim());
    out!("{}  {}  {}", style(duty.id).bold(), view.title, coloured(duty.state));
    line("project", duty.project.as_str());
    line(
        "whose",
        &duty.rota.as_ref().map_or_else(|| whose(view).to_owned(), |rota| format!("{} (rota {rota})", whose(view))),
    );
    line("due", &ui::exact_instant(duty.due_at, zone));
    line("done", &format!("{} of {}", view.progress.done, view.progress.of));
    if let Some(evidence) = duty.end.as_ref().and_then(|end| end.evidence) {
        line("evidence", &evidence.to_hex());
    }
    if let Some(note) = duty.end.as_ref().and_then(|end| end.note.as_ref()) {
        line("note", note);
    }
    for event in &history.events {
        let for_whom = event.on_behalf_of.as_ref().map(|person| format!(" for {person}")).unwrap_or_default();
        let words = event.words().map(|words| format!(": {words}")).unwrap_or_default();
        out!("  {}  {} by {}{for_whom}{words}", ui::instant(event.at, zone), event.action, event.actor);
    }
    if let Some(next) = &view.next {
        out!("\nNext: {next}");
    }
}

/// What became of a duty, in a line.
pub fn print_end(view: &DutyView) {
    let evidence = view.duty.end.as_ref().and_then(|end| end.evidence);
    let evidence = evidence.map(|digest| format!(", evidence {}", digest.short())).unwrap_or_default();
    out!("{} of {} is {}{evidence}", style(&view.title).bold(), view.duty.project, coloured(view.duty.state));
}

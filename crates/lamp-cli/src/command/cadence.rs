//! `lamp cadence ls|show|run|study|studies|adopt`.

mod plot;
mod study;

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::App;
use lamp_app::cadence::adopt::AdoptStudy;
use lamp_app::cadence::run::RunRotation;
use lamp_app::cadence::view::{CadenceView, RotationView};
use lamp_app::call::{ListCadences, ListStudies, ShowCadence, ShowStudy};
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::names::ModelName;

use super::{models, verdict};
use crate::args::{Cadence, CadenceAdopt, CadenceRun, CadenceShow};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Lines, Listing, Spinner, out};

pub async fn run(desk: &Desk, args: &Cadence) -> Result<ExitCode, Failure> {
    match args {
        Cadence::Ls(args) => {
            let views = desk.ask(ListCadences {}).await?;
            if args.json { ui::print_json(&views)? } else { print_list(desk.zone(), &views) }
        }
        Cadence::Show(args) => show(desk, args).await?,
        Cadence::Run(args) => return run_rotation(desk.require_here()?, args).await,
        Cadence::Study(args) => return study::run(desk.require_here()?, args).await,
        Cadence::Studies(args) => {
            let views = desk.ask(ListStudies { model: args.model.clone() }).await?;
            if args.json { ui::print_json(&views)? } else { study::print_list(desk.zone(), &views) }
        }
        Cadence::Adopt(args) => adopt(desk, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(desk: &Desk, args: &CadenceShow) -> Result<(), Failure> {
    let model = ModelName::parse(&args.what).ok().filter(|model| desk.workspace().model(model).is_some());
    if let Some(model) = model {
        let view = desk.ask(ShowCadence { model }).await?;
        return if args.json {
            ui::print_json(&view)
        } else {
            print_cadence(desk.zone(), &view);
            Ok(())
        };
    }
    let view = desk.ask(ShowStudy { study: args.what.clone() }).await?;
    if args.json {
        return ui::print_json(&view);
    }
    study::print(desk.zone(), &view);
    Ok(())
}

fn print_list(zone: &TimeZone, views: &[CadenceView]) {
    let mut listing = Listing::new(&["MODEL", "EVERY", "NEXT", "LAST ROTATION", "STATE", "CANDIDATE"]);
    for view in views {
        let last = view.rotations.first();
        let every = match (&view.every, view.uncommitted) {
            (Some(every), false) => every.clone(),
            (Some(every), true) => format!("{every} (the working tree differs)"),
            (None, true) => "not committed".to_owned(),
            (None, false) => "–".to_owned(),
        };
        listing.row([
            view.model.to_string(),
            every,
            view.next_due_at.map_or_else(|| "–".to_owned(), |at| ui::instant(at, zone)),
            last.map_or_else(|| "–".to_owned(), |last| last.rotation.cutoff.to_string()),
            last.map_or_else(|| "–".to_owned(), |last| coloured(last.rotation.state)),
            last.map_or_else(|| "–".to_owned(), candidate),
        ]);
    }
    listing.print("No model is trained on a cadence yet: lamp cadence study MODEL");
}

fn print_cadence(zone: &TimeZone, view: &CadenceView) {
    let line = |name: &str, value: &str| out!("  {:<14} {value}", style(name).dim());
    out!("{}", style(&view.model).bold());
    match (&view.every, &view.at) {
        (Some(every), Some(at)) => line("every", &format!("{every}, at {at}")),
        _ => line("every", "no cadence is committed"),
    }
    if view.uncommitted {
        line("careful", &style("the working tree says something else, and does not count").yellow().to_string());
    }
    line("evidence", view.evidence.as_deref().unwrap_or("none: lamp cadence study finds some"));
    if let (Some(cutoff), Some(due)) = (view.next_cutoff, view.next_due_at) {
        line("next", &format!("data up to {cutoff}, due {}", ui::instant(due, zone)));
    }
    out!("");
    let mut listing = Listing::new(&["CUT-OFF", "STATE", "CANDIDATE", "MISSED", "MOVED", "RUN", "REASON"]);
    for of in &view.rotations {
        let rotation = &of.rotation;
        listing.row([
            rotation.cutoff.to_string(),
            coloured(rotation.state),
            candidate(of),
            if rotation.missed == 0 { "–".to_owned() } else { rotation.missed.to_string() },
            ui::instant(rotation.moved_at, zone),
            rotation.run.map_or_else(|| "–".to_owned(), |run| run.to_string()),
            rotation.reason.clone().unwrap_or_default(),
        ]);
    }
    listing.print("No rotation yet.");
}

fn candidate(view: &RotationView) -> String {
    match (&view.candidate, view.candidate_state) {
        (Some(model), Some(state)) => format!("{model} ({state})"),
        _ => "–".to_owned(),
    }
}

fn coloured(state: RotationState) -> String {
    match state {
        RotationState::Due | RotationState::Building | RotationState::Training => style(state).cyan().to_string(),
        RotationState::Reported => style(state).green().to_string(),
        RotationState::Failed => style(state).red().to_string(),
        RotationState::Skipped => style(state).dim().to_string(),
    }
}

async fn run_rotation(app: &App, args: &CadenceRun) -> Result<ExitCode, Failure> {
    let request = RunRotation { model: args.model.clone(), now: args.now };
    let spinner = Arc::new(Spinner::start_with("looking", Lines::beside(args.json)));
    let begun = app.begin_rotation(&request).await?;
    spinner.say(&format!("rotation of {} of {}", begun.model, begun.cutoff));
    let say = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.line(line)
    };
    let mut on_log = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.line(&format!("  {}", style(line).dim()))
    };
    super::say_when_interrupted(format!(
        "what runs goes on, and `lamp up` or the same command takes the rotation further: lamp cadence show {}",
        args.model
    ));
    let rotation = app.finish_rotation(&begun, &say, &mut on_log).await?;
    drop((say, on_log, spinner));
    match rotation.state {
        RotationState::Reported => report(app, &rotation, args.json).await,
        RotationState::Due | RotationState::Building | RotationState::Training => {
            let again = ui::instant(rotation.retry_at, &app.workspace().root.time_zone);
            let why = rotation.reason.unwrap_or_default();
            let failure = Failure::operation(format!("{why}; it will be tried again at {again}"));
            Err(failure.with_hint(format!("lamp cadence show {}", args.model)))
        }
        RotationState::Failed | RotationState::Skipped => {
            let why = rotation.reason.unwrap_or_default();
            let failure = Failure::operation(format!("the rotation is {}: {why}", rotation.state));
            Err(failure.with_hint(format!("lamp cadence run {} tries again", args.model)))
        }
    }
}

/// The candidate that a rotation came to, with its report.
async fn report(app: &App, rotation: &Rotation, json: bool) -> Result<ExitCode, Failure> {
    let view = app.show_cadence(&rotation.model).await?;
    let same = |of: &&RotationView| of.rotation.cutoff == rotation.cutoff;
    let made = view.rotations.iter().find(same).and_then(|of| of.candidate.clone());
    let Some(made) = made else {
        return Err(Failure::operation(format!("the rotation of {} made no candidate", rotation.cutoff)));
    };
    let shown = app.show_model(&made.to_string()).await?;
    let passed = shown.model.evidence.gate.as_ref().is_none_or(|gate| gate.passed);
    if json {
        ui::print_json(&serde_json::json!({"rotation": rotation, "model": shown.model}))?;
        return Ok(verdict(passed));
    }
    models::print_report(&app.workspace().root.time_zone, &shown);
    if passed {
        out!("\nNext: lamp approve {made} --note \"…\"; nothing goes live by itself");
    } else {
        out!("\nNext: lamp reject {made} --note \"…\"");
    }
    Ok(verdict(passed))
}

async fn adopt(desk: &Desk, args: &CadenceAdopt) -> Result<(), Failure> {
    let adopted = desk.adopt_study(AdoptStudy { study: args.study.clone(), commit: args.commit }).await?;
    if args.json {
        return ui::print_json(&adopted);
    }
    let what = if adopted.changed { "written into" } else { "stands already in" };
    out!(
        "every {} {what} {}, with study {} as its evidence",
        style(&adopted.every).bold(),
        adopted.file,
        adopted.study
    );
    match &adopted.commit {
        Some(commit) => out!("committed as {}", &commit[..commit.len().min(12)]),
        None if args.commit => out!("there was nothing to commit"),
        None => out!("\nNext: git commit {} -m \"…\": a cadence counts once it is committed", adopted.file),
    }
    Ok(())
}

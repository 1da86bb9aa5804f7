//! `lamp train`.

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use console::style;
use lamp_app::App;
use lamp_app::call::{ShowModel, ShowRun};
use lamp_app::training::RunError;
use lamp_app::training::code::CodeChoice;
use lamp_app::training::start::TrainModel;
use lamp_core::ids::RunId;
use lamp_core::run::{Run, RunState};

use super::{models, params, verdict};
use crate::args::Train;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::open::own_path;
use crate::ui::{self, Lines, Spinner, out};

pub async fn run(desk: &Desk, args: &Train) -> Result<ExitCode, Failure> {
    let code = match (&args.rev, args.wip) {
        (Some(_), true) => return Err(RunError::RevAndWip.into()),
        (Some(rev), false) => CodeChoice::Rev(rev.clone()),
        (None, true) => CodeChoice::Wip,
        (None, false) => CodeChoice::Head,
    };
    let project = desk.workspace().model(&args.model).map(|(project, _)| project);
    let code = desk.code(code, project).await?;
    let request = TrainModel { model: args.model.clone(), code, params: params::parse(&args.params)? };
    let spinner = Arc::new(Spinner::start_with("starting", Lines::beside(args.json)));
    let started = {
        let spinner = Arc::clone(&spinner);
        desk.ask_saying(request, &move |line| spinner.say(line)).await?
    };
    let id = started.id;
    super::say_when_interrupted(format!("run {id} goes on: lamp runs logs {id} --follow, or lamp runs stop {id}"));
    if args.detach {
        drop(spinner);
        return detach(desk, &started, args.json);
    }
    let short = &started.commit[..started.commit.len().min(12)];
    spinner.line(&format!("run {}  {}  commit {short}", started.id, started.purpose));
    spinner.say(&format!("training {}", args.model));
    let run = follow(desk, started.id, &spinner).await?;
    drop(spinner);
    let view = desk.ask(ShowRun { run: run.id.to_string() }).await?;
    let Some(model) = view.model else {
        return Err(
            Failure::operation(format!("run {} made no model", run.id)).with_hint(format!("lamp runs show {}", run.id))
        );
    };
    if args.json {
        ui::print_json(&serde_json::json!({"run": run, "model": model}))?;
        return Ok(verdict(model.evidence.gate.as_ref().is_none_or(|gate| gate.passed)));
    }
    let shown = desk.ask(ShowModel { model: model.id.to_string() }).await?;
    models::print_report(desk.zone(), &shown);
    let passed = model.evidence.gate.as_ref().is_none_or(|gate| gate.passed);
    if passed {
        out!("\nNext: lamp models show {0}; then lamp approve {0} --note \"…\"", model.id);
    } else {
        out!("\nNext: lamp reject {} --note \"…\"", model.id);
    }
    Ok(verdict(passed))
}

/// Waits for a run, its log above the spinner. A run that somebody stopped is a failure.
pub async fn follow(desk: &Desk, run: RunId, spinner: &Arc<Spinner>) -> Result<Run, Failure> {
    let spinner = Arc::clone(spinner);
    let mut on_log = move |line: &str| spinner.line(&format!("  {}", style(line).dim()));
    let run = desk.follow(run, &mut on_log).await?;
    if run.state != RunState::Succeeded {
        return Err(RunError::WrongState { run: run.id, state: run.state.as_str() }.into());
    }
    Ok(run)
}

/// Leaves the run to a process of its own, which collects it when it ends. A server does so anyway.
fn detach(desk: &Desk, run: &Run, json: bool) -> Result<ExitCode, Failure> {
    if let Some(app) = desk.app() {
        start_collector(app, run)?;
    }
    if json {
        ui::print_json(run)?;
    } else {
        out!("run {} goes on without you\n\nNext: lamp runs logs {} --follow", run.id, run.id);
    }
    Ok(ExitCode::SUCCESS)
}

fn start_collector(app: &App, run: &Run) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let exe = own_path().map_err(|error| Failure::operation(format!("cannot find myself: {error}")))?;
    Command::new(exe)
        .arg("-C")
        .arg(app.root())
        .args(["__collect", &run.id.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::operation(format!("cannot start the collector: {error}")))?;
    Ok(())
}

/// `lamp __collect RUN`: waits for a detached run and collects it.
pub async fn collect(app: &App, run: RunId) -> Result<ExitCode, Failure> {
    app.follow_run(run, &mut |_| {}).await?;
    Ok(ExitCode::SUCCESS)
}

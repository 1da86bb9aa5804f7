//! `lamp runs ls|show|logs|stop`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use console::style;
use jiff::tz::TimeZone;
use lamp_app::call::{ListRuns, ReadLog, ShowRun, StopRun};
use lamp_app::training::runs::RunView;
use lamp_core::digest::Digest;

use crate::args::{Runs, RunsLogs, RunsLs};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often `--follow` collects runs that ended.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

/// Lines of metrics shown at the end of a run's page.
const METRICS_SHOWN: usize = 5;

pub async fn run(desk: &Desk, args: &Runs) -> Result<ExitCode, Failure> {
    match args {
        Runs::Ls(args) => ls(desk, args).await,
        Runs::Show(args) => {
            let view = desk.ask(ShowRun { run: args.run.clone() }).await?;
            if args.json {
                ui::print_json(&serde_json::json!({"run": view.run, "model": view.model, "metrics": view.metrics}))?;
            } else {
                print(desk.zone(), &view);
            }
            Ok(ExitCode::SUCCESS)
        }
        Runs::Logs(args) => logs(desk, args).await,
        Runs::Stop(args) => {
            let run = desk.ask(StopRun { run: args.run.clone() }).await?;
            out!("run {} is {}", run.id, run.state.as_str());
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn ls(desk: &Desk, args: &RunsLs) -> Result<ExitCode, Failure> {
    let runs = desk.ask(ListRuns { limit: args.limit }).await?;
    if args.json {
        ui::print_json(&runs)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut listing = Listing::new(&["RUN", "WHAT", "STATE", "COMMIT", "STARTED", "TOOK", "BY"]);
    for run in runs {
        let took = run.manifest.as_ref().map(|manifest| ui::duration(manifest.duration_ms)).unwrap_or_default();
        listing.row([
            run.id.to_string(),
            run.purpose.to_string(),
            run.state.as_str().to_owned(),
            run.commit[..run.commit.len().min(12)].to_owned(),
            ui::instant(run.created_at, desk.zone()),
            took,
            run.created_by.to_string(),
        ]);
    }
    listing.print("No run yet: lamp train MODEL");
    Ok(ExitCode::SUCCESS)
}

fn print(zone: &TimeZone, view: &RunView) {
    let run = &view.run;
    let line = |name: &str, value: &str| out!("{:<12} {value}", style(name).dim());
    out!("{}  {}  {}", style(run.id).bold(), run.purpose, run.state.as_str());
    line("commit", &run.commit);
    line("started", &format!("{} by {}", ui::instant(run.created_at, zone), run.created_by));
    if let Some(failure) = &run.failure {
        line("failure", failure);
    }
    if let Some(manifest) = &run.manifest {
        line("command", &manifest.command);
        for (role, input) in &manifest.inputs {
            line(role, &format!("{}@{} as {} ({} files)", input.dataset, input.version, input.slice, input.files));
        }
        for (key, value) in &manifest.params {
            line("parameter", &format!("{key}={value}"));
        }
        line("seed", &manifest.seed.to_string());
        line("environment", &manifest.environment.map_or_else(|| "not locked".to_owned(), Digest::short));
        line(
            "took",
            &format!("{}, {} at its peak", ui::duration(manifest.duration_ms), ui::bytes(manifest.peak_memory)),
        );
        for output in &manifest.outputs {
            line("output", &format!("{}  {}  {}", output.path, ui::bytes(output.size), output.digest.short()));
        }
    }
    if let Some(model) = &view.model {
        line("model", &format!("{} ({})", model.id, model.state));
    }
    for metric in view.metrics.iter().rev().take(METRICS_SHOWN).rev() {
        let values = metric.values.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join("  ");
        line(&metric.step.map_or_else(|| "metrics".to_owned(), |step| format!("step {step}")), &values);
    }
}

async fn logs(desk: &Desk, args: &RunsLogs) -> Result<ExitCode, Failure> {
    let mut from = 0;
    let mut collected_at: Option<Instant> = None;
    loop {
        // The process that would have collected the run may be gone.
        if let Some(app) = desk.app()
            && args.follow
            && collected_at.is_none_or(|at| at.elapsed() >= COLLECT_EVERY)
        {
            app.adopt_finished_runs().await?;
            collected_at = Some(Instant::now());
        }
        let piece = desk.ask(ReadLog { run: args.run.clone(), from }).await?;
        let somebody_reads = print_piece(&piece.text)?;
        let is_read = piece.next == from;
        let is_over = piece.run.state.is_final() || !args.follow;
        if !somebody_reads || (is_read && is_over) {
            return Ok(ExitCode::SUCCESS);
        }
        from = piece.next;
        if is_read {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Prints a piece of a log; says whether somebody still reads.
fn print_piece(text: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::operation(format!("cannot write to stdout: {error}"))),
    }
}

//! `lamp runs ls|show|logs|stop`.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use console::style;
use lamp_app::App;
use lamp_app::training::runs::RunView;
use lamp_core::digest::Digest;

use crate::args::{Runs, RunsLogs, RunsLs};
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often `--follow` collects runs that ended.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

/// Lines of metrics shown at the end of a run's page.
const METRICS_SHOWN: usize = 5;

pub async fn run(app: &App, args: &Runs) -> Result<ExitCode, Failure> {
    match args {
        Runs::Ls(args) => ls(app, args).await,
        Runs::Show(args) => {
            let view = app.show_run(&args.run).await?;
            if args.json {
                ui::print_json(&serde_json::json!({"run": view.run, "model": view.model, "metrics": view.metrics}))?;
            } else {
                print(app, &view);
            }
            Ok(ExitCode::SUCCESS)
        }
        Runs::Logs(args) => logs(app, args).await,
        Runs::Stop(args) => {
            let run = app.stop_run(&args.run).await?;
            out!("run {} is {}", run.id, run.state.as_str());
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn ls(app: &App, args: &RunsLs) -> Result<ExitCode, Failure> {
    let runs = app.list_runs(args.limit).await?;
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
            ui::instant(run.created_at, &app.workspace().root.time_zone),
            took,
            run.created_by.to_string(),
        ]);
    }
    listing.print("No run yet: lamp train MODEL");
    Ok(ExitCode::SUCCESS)
}

fn print(app: &App, view: &RunView) {
    let run = &view.run;
    let zone = &app.workspace().root.time_zone;
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

async fn logs(app: &App, args: &RunsLogs) -> Result<ExitCode, Failure> {
    let (run, path) = app.run_log(&args.run).await?;
    let Some(mut offset) = print_from(&path, 0)? else { return Ok(ExitCode::SUCCESS) };
    if !args.follow {
        return Ok(ExitCode::SUCCESS);
    }
    let mut collected_at: Option<Instant> = None;
    loop {
        // The process that would have collected the run may be gone.
        if collected_at.is_none_or(|at| at.elapsed() >= COLLECT_EVERY) {
            app.adopt_finished_runs().await?;
            collected_at = Some(Instant::now());
        }
        // Asked before the last look, so that nothing that is written in between is missed.
        let is_over = app.find_run(&run.id.to_string()).await?.state.is_final();
        let Some(end) = print_from(&path, offset)? else { return Ok(ExitCode::SUCCESS) };
        if is_over {
            return Ok(ExitCode::SUCCESS);
        }
        offset = end;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints a file from an offset; returns where it ended, or none when nobody reads any more.
fn print_from(path: &Path, offset: u64) -> Result<Option<u64>, Failure> {
    let failed = |error: std::io::Error| Failure::operation(format!("cannot read `{}`: {error}", path.display()));
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(offset)),
        Err(error) => return Err(failed(error)),
    };
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    let mut out = std::io::stdout().lock();
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Some(offset + bytes.len() as u64)),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(Failure::operation(format!("cannot write to stdout: {error}"))),
    }
}

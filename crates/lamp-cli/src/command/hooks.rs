//! `lamp hooks install|run|check|mypy`.

use std::path::Path;
use std::process::ExitCode;

use console::style;
use lamp_app::hooks::Hooks;
use lamp_app::hooks::check::Finding;
use lamp_app::hooks::manager::Ran;
use lamp_app::workspace;

use super::verdict;
use crate::args;
use crate::failure::Failure;
use crate::open::{lamp_exe, repository};
use crate::sdk;
use crate::ui::{self, Spinner, out};

pub async fn run(directory: Option<&Path>, args: &args::Hooks) -> Result<ExitCode, Failure> {
    let here = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_dir().map_err(|error| Failure::operation(format!("no current folder: {error}")))?,
    };
    let root = workspace::find_root(&here)?;
    let hooks = of_workspace(&root).await?;
    match args {
        args::Hooks::Install(args) => install(&hooks, args).await,
        args::Hooks::Run(args) => {
            let ran = hooks.run(args.all_files, &args.files).await?;
            Ok(verdict(ran == Ran::Passed))
        }
        args::Hooks::Check(args) => check(&hooks, args).await,
        args::Hooks::Mypy(args) => mypy(&hooks, args).await,
    }
}

/// The hooks of the workspace at `root`.
pub async fn of_workspace(root: &Path) -> Result<Hooks, Failure> {
    Ok(Hooks::new(root, repository(root).await?, &lamp_exe()?, sdk::FILES))
}

async fn install(hooks: &Hooks, args: &args::HooksInstall) -> Result<ExitCode, Failure> {
    let installed = hooks.install(args.with).await?;
    out!("{} installed by {}", installed.hook.display(), style(&installed.by).bold());
    out!("The first commit builds the hooks' environment; lamp hooks run --all-files does it now.");
    if !installed.lamp_is_on_path {
        out!("{}: `lamp` is not on PATH, and two of the hooks call it", style("warning").yellow().bold());
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(hooks: &Hooks, args: &args::HooksCheck) -> Result<ExitCode, Failure> {
    let checked = hooks.check(&args.files).await?;
    if args.json {
        ui::print_json(&checked)?;
        return Ok(verdict(checked.findings.is_empty()));
    }
    checked.findings.iter().for_each(print_finding);
    let found = checked.findings.len();
    let files = match checked.files {
        1 => "1 file".to_owned(),
        count => format!("{} files", ui::count(count as u64)),
    };
    match found {
        0 => out!("{files}: {}", style("fine").green()),
        _ => out!("{files}: {}", style(format!("{found} must not be committed like this")).red()),
    }
    Ok(verdict(found == 0))
}

fn print_finding(finding: &Finding) {
    let place = finding.place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
    out!("{}{place}: {}", style(&finding.path).bold(), finding.message);
    if let Some(hint) = &finding.hint {
        out!("  {}: {hint}", style("hint").cyan());
    }
}

async fn mypy(hooks: &Hooks, args: &args::HooksMypy) -> Result<ExitCode, Failure> {
    let spinner = Spinner::start("mypy");
    let checked = hooks.mypy(&args.files, &|line| spinner.say(line)).await?;
    drop(spinner);
    if checked.is_empty() {
        out!("These files belong to no project.");
    }
    for types in &checked {
        out!("{} ({})", style(&types.project).bold(), types.dir);
        types.said.lines().for_each(|line| out!("  {line}"));
    }
    Ok(verdict(checked.iter().all(|types| types.passed)))
}

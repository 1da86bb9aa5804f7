//! One training on a sample: the model's own command, in a run that nobody records.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::config::{ModelConfig, ProjectConfig};
use lamp_core::names::ModelName;
use lamp_core::package::Package;
use lamp_core::run::{Params, Purpose};
use lamp_engine::DataFile;
use lamp_model::{Model, read_package};
use lamp_runner::launch::{Exit, ExitCause, LaunchError, Limits, wait};
use lamp_runner::protocol::{InputFiles, PROTOCOL, RunRequest, TargetSql, Tiny};
use lamp_runner::run_folder::RunFolder;
use lamp_runner::sdk;

use super::TestError;
use super::session::Session;
use crate::training::RunError;
use crate::training::collect::fits_config;
use crate::training::mark::Marked;

/// Lines at the end of a log that a report shows.
pub(super) const OUTPUT_LINES: usize = 20;
/// Characters of them.
const OUTPUT_CHARS: usize = 4_000;

/// A model that is being tested.
#[derive(Clone, Copy)]
pub(super) struct Tried<'a> {
    pub project: &'a ProjectConfig,
    pub name: &'a ModelName,
    pub config: &'a ModelConfig,
}

/// What a training is given.
pub(super) struct TrialSpec {
    /// What it is for, for whoever waits.
    pub what: &'static str,
    pub datasets: BTreeMap<String, InputFiles>,
    pub tiny: Option<Tiny>,
}

/// What a training left: a package, or why there is none.
pub(super) struct Trial {
    pub folder: RunFolder,
    pub package: Result<Package, String>,
    /// The end of what it printed, when it left no package.
    pub output: Option<String>,
    pub duration_ms: u64,
}

impl Trial {
    pub fn package_dir(&self) -> PathBuf {
        self.folder.path().join("model")
    }
}

impl Session<'_> {
    /// Runs the training command. That it fails is an answer, not an error.
    pub async fn try_training(&self, tried: Tried<'_>, spec: TrialSpec) -> Result<Trial, TestError> {
        let folder = self.run_folder()?;
        let environment = self.app.environment_at(&self.code.worktree, tried.project, self.say).await?;
        sdk::write_sdk(&self.app.layout().sdk(), self.app.parts.runs.sdk)?;
        (self.say)(&format!("{}: training on {}", tried.name, spec.what));
        let mut params: Params = tried.config.params.clone();
        params.extend(tried.config.tests.params.clone());
        let seed = tried.config.seed;
        folder.write_request(&RunRequest {
            protocol: PROTOCOL,
            run: folder.run(),
            purpose: Purpose::Train(tried.name.clone()),
            task: Some(tried.config.task),
            project: tried.project.name.clone(),
            commit: self.code.commit.hash.clone(),
            as_of: self.app.now(),
            seed,
            params,
            target: Some(TargetSql { sql: tried.config.target.clone() }),
            datasets: spec.datasets,
            tiny: spec.tiny,
        })?;
        let mut launch =
            self.app.launch_spec(&self.code, tried.project, &tried.config.train, seed, &folder, &environment)?;
        launch.limits = Limits { wall: Some(tried.config.tests.training_max), ..launch.limits };
        self.app.launch(&launch).await?;
        let (exit, output) = self.watch(&folder).await?;
        let package = exit.as_ref().map_err(Clone::clone).and_then(|_| package_of(&folder, tried.config));
        let duration_ms = exit.map_or(0, |exit| exit.duration_ms);
        let output = package.is_err().then_some(output).filter(|output| !output.is_empty());
        Ok(Trial { folder, package, output, duration_ms })
    }

    /// Waits for a command: how it ended, or why not well, and the end of its log.
    pub async fn watch(&self, folder: &RunFolder) -> Result<(Result<Exit, String>, String), TestError> {
        let mut last: std::collections::VecDeque<String> = std::collections::VecDeque::new();
        let mut on_log = |line: &str| {
            last.push_back(line.to_owned());
            if last.len() > OUTPUT_LINES {
                last.pop_front();
            }
        };
        let ended = match wait(folder, &mut on_log).await {
            Ok(exit) if exit.is_success() => Ok(exit),
            Ok(exit) if exit.cause == ExitCause::WallLimit => {
                Err(format!("{}; `minutes` in lamp.toml says how long it may take", exit.describe()))
            }
            Ok(exit) => Err(exit.describe()),
            Err(error @ LaunchError::Vanished) => Err(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let output = last.into_iter().collect::<Vec<_>>().join("\n");
        let cut = output.char_indices().rev().nth(OUTPUT_CHARS - 1).map_or(0, |(at, _)| at);
        Ok((ended, output[cut..].to_owned()))
    }

    /// Brings what a training left to life.
    pub async fn mount_trial(
        &self,
        tried: Tried<'_>,
        trial: &Trial,
    ) -> Result<Result<Arc<dyn Model>, String>, TestError> {
        let scratch = trial.folder.path().join("worker");
        let mounted = self.app.mount_in(trial.package_dir(), &self.code, tried.project, &scratch, self.say).await;
        verdict(mounted)
    }

    /// Asks a training's model about the rows of files whose target is known.
    pub async fn ask_trial(
        &self,
        tried: Tried<'_>,
        trial: &Trial,
        package: &Package,
        files: &[DataFile],
    ) -> Result<Result<Marked, String>, TestError> {
        let model = match self.mount_trial(tried, trial).await? {
            Ok(model) => model,
            Err(why) => return Ok(Err(why)),
        };
        let asked = self.app.mark(&*model, package, &tried.config.target, files, trial.folder.run()).await;
        verdict(asked)
    }
}

fn package_of(folder: &RunFolder, config: &ModelConfig) -> Result<Package, String> {
    let dir = folder.path().join("model");
    if !dir.join(lamp_core::package::PACKAGE_FILE).exists() {
        return Err("it saved no package".to_owned());
    }
    let package = read_package(&dir).map_err(|error| error.to_string())?;
    fits_config(&package, config)?;
    Ok(package)
}

/// Tells what is wrong with the code or its data, which is a test's business, from what is wrong with the machine.
pub(super) fn verdict<T>(result: Result<T, RunError>) -> Result<Result<T, String>, TestError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if is_of_the_model(&error) => Ok(Err(told(&error))),
        Err(error) => Err(error.into()),
    }
}

fn is_of_the_model(error: &RunError) -> bool {
    use lamp_core::error::{Classified as _, Kind};

    use crate::parts::PartError;
    match error {
        RunError::BadOutput { .. }
        | RunError::Part(PartError::Load(_) | PartError::Golden(_) | PartError::Predict(_) | PartError::Metric(_)) => {
            true
        }
        RunError::Part(PartError::Engine(error)) => error.kind() == Kind::Invalid,
        _ => false,
    }
}

/// An error with its causes, in one line.
fn told(error: &RunError) -> String {
    let mut text = error.recorded();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

//! Starting a run: everything is pinned and recorded before the command sees the light.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use lamp_core::access::Permission;
use lamp_core::cadence::rotation::Rotation;
use lamp_core::config::{Environment as ConfiguredEnvironment, ModelConfig, ProjectConfig};
use lamp_core::dataset::Manifest;
use lamp_core::ids::RunId;
use lamp_core::names::ModelName;
use lamp_core::package::Task;
use lamp_core::run::{Params, Purpose, Run, RunManifest, RunState};
use lamp_ledger::RunChange;
use lamp_runner::environment::{Environment, EnvironmentSpec, Environments};
use lamp_runner::launch::{LaunchSpec, Limits, ShimCommand, launch, stop};
use lamp_runner::protocol::{InputFile, InputFiles, PROTOCOL, RunRequest, TargetSql};
use lamp_runner::run_folder::RunFolder;
use lamp_runner::{Progress, sdk, variables};
use lamp_store::NoProgress;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RunError;
use super::code::{Code, CodeChoice};
use crate::app::App;
use crate::data::lockfile;
use crate::data::resolve::{Slice, Versions};
use crate::parts::try_lock_file;

/// Name of the record that a run's collector follows, in the run's folder.
pub(crate) const PLAN_FILE: &str = "plan.json";

/// Held by the process that starts a run, from before the run is recorded until its command runs.
/// A run that is being prepared while nobody holds it was left behind.
pub(crate) const START_LOCK: &str = "start.lock";

/// What to train.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainModel {
    /// The model.
    pub model: ModelName,
    /// Which code.
    pub code: CodeChoice,
    /// Parameters, over those of `lamp.toml`.
    pub params: Params,
}

/// A training, and what it is made with.
pub(crate) struct Training<'a> {
    pub id: RunId,
    pub model: &'a ModelName,
    pub params: &'a Params,
    pub as_of: Timestamp,
    pub versions: Versions,
    /// The rotation that claimed the run.
    pub claim: Option<&'a Rotation>,
}

/// What a run is made of, before it is recorded.
pub(crate) struct RunPlan<'a> {
    pub id: RunId,
    pub purpose: Purpose,
    pub code: &'a Code,
    pub project: &'a ProjectConfig,
    pub command: String,
    pub inputs: BTreeMap<String, Slice>,
    pub params: Params,
    pub seed: u64,
    pub as_of: Timestamp,
    pub task: Option<Task>,
    pub target: Option<String>,
}

impl App {
    /// Starts a training run and returns when its command runs.
    pub async fn start_training(&self, request: TrainModel, say: Progress<'_>) -> Result<Run, RunError> {
        self.authorize(Permission::Work)?;
        let training = Training {
            id: RunId::new(self.now(), &*self.ids()),
            model: &request.model,
            params: &request.params,
            as_of: self.now(),
            versions: Versions::Locked,
            claim: None,
        };
        self.begin_training(&request.code, &training, say).await
    }

    /// Starts a training of some commit with some versions.
    pub(crate) async fn begin_training(
        &self,
        choice: &CodeChoice,
        training: &Training<'_>,
        say: Progress<'_>,
    ) -> Result<Run, RunError> {
        let here = self.workspace().model(training.model).map(|(project, _)| project);
        if here.is_none() && *choice == CodeChoice::Head {
            return Err(RunError::UnknownModel { model: training.model.clone(), commit: None });
        }
        let code = self.check_out(choice, here, training.id).await?;
        let started = self.start_training_of(&code, training, say).await;
        self.clear_worktree_on_error(&code, started).await
    }

    async fn start_training_of(
        &self,
        code: &Code,
        training: &Training<'_>,
        say: Progress<'_>,
    ) -> Result<Run, RunError> {
        let (project, model) = code.workspace.model(training.model).ok_or_else(|| RunError::UnknownModel {
            model: training.model.clone(),
            commit: Some(code.commit.hash.clone()),
        })?;
        let inputs = self.pin_inputs(code, model, training).await?;
        let mut params = model.params.clone();
        params.extend(training.params.clone());
        let plan = RunPlan {
            id: training.id,
            purpose: Purpose::Train(training.model.clone()),
            code,
            project,
            command: model.train.clone(),
            inputs,
            params,
            seed: model.seed,
            as_of: training.as_of,
            task: Some(model.task),
            target: Some(model.target.clone()),
        };
        self.launch_run(plan, training.claim, say).await
    }

    pub(crate) async fn clear_worktree_on_error<T>(
        &self,
        code: &Code,
        result: Result<T, RunError>,
    ) -> Result<T, RunError> {
        if result.is_err() {
            self.discard_worktree(&code.worktree).await;
        }
        result
    }

    /// Removes a worktree. One that stays costs space and nothing else, so it must not hide what
    /// the caller has to say.
    pub(crate) async fn discard_worktree(&self, worktree: &Path) {
        if let Err(error) = self.repo().worktree_remove(worktree).await {
            tracing::warn!(worktree = %worktree.display(), %error, "cannot remove a worktree");
        }
    }

    /// The slices of `lamp.toml` as they stand in the commit, at the versions of its `lamp.lock` or at the newest.
    async fn pin_inputs(
        &self,
        code: &Code,
        model: &ModelConfig,
        training: &Training<'_>,
    ) -> Result<BTreeMap<String, Slice>, RunError> {
        let lock = lockfile::read(&code.worktree)?;
        let mut inputs = BTreeMap::new();
        for (role, slice) in &model.data {
            inputs.insert(role.clone(), self.slice_for(&training.versions, &lock, slice, training.as_of).await?);
        }
        if let (Some(train), Some(valid)) = (inputs.get("train"), inputs.get("valid"))
            && model.data_overlaps(self.date_of(training.as_of))
        {
            return Err(RunError::Overlap { train: train.text.clone(), valid: valid.text.clone() });
        }
        Ok(inputs)
    }

    /// Records a run, prepares what it needs and starts its command.
    pub(crate) async fn launch_run(
        &self,
        plan: RunPlan<'_>,
        claim: Option<&Rotation>,
        say: Progress<'_>,
    ) -> Result<Run, RunError> {
        self.verify_inputs(&plan.inputs, say).await?;
        let folder = RunFolder::create(&self.layout().runs(), plan.id)?;
        let starting = try_lock_file(&folder.path().join(START_LOCK))?;
        let run = match self.record_start(&plan, claim).await {
            Ok(run) => run,
            Err(error) => {
                // Only where it is sure that no record needs it.
                if let Ok(None) = self.ledger().find_run(plan.id).await
                    && let Err(error) = folder.remove()
                {
                    tracing::warn!(run = %plan.id, %error, "cannot remove the folder of a run that never was");
                }
                return Err(error);
            }
        };
        let launched = self.launch_recorded(&plan, &folder, say).await;
        drop(starting);
        launched.map(|()| Run { state: RunState::Running, ..run })
    }

    async fn launch_recorded(&self, plan: &RunPlan<'_>, folder: &RunFolder, say: Progress<'_>) -> Result<(), RunError> {
        let prepared = match self.prepare(plan, folder, say).await {
            // Somebody may have stopped the run while it was being prepared.
            Ok(spec) => self.require_preparing(plan.id).await.map(|()| spec),
            Err(error) => Err(error),
        };
        let launched = match prepared {
            Ok(spec) => self.launch(&spec).await,
            Err(error) => Err(error),
        };
        if let Err(error) = launched {
            return Err(self.failed_to_start(plan.id, error).await);
        }
        if let Err(error) = self.record_running(plan.id).await {
            // Nobody would ever look at a command that no record tells of.
            stop(folder).await?;
            return Err(self.failed_to_start(plan.id, error).await);
        }
        Ok(())
    }

    async fn require_preparing(&self, id: RunId) -> Result<(), RunError> {
        let run = self.known_run(id).await?;
        if run.state == RunState::Preparing {
            return Ok(());
        }
        Err(RunError::WrongState { run: id, state: run.state.as_str() })
    }

    /// Records why a run did not start. A run that was stopped meanwhile stays stopped: what broke
    /// then, broke because of that.
    async fn failed_to_start(&self, id: RunId, error: RunError) -> RunError {
        if let Ok(run) = self.known_run(id).await
            && run.state.is_final()
        {
            return RunError::WrongState { run: id, state: run.state.as_str() };
        }
        if let Err(unrecorded) = self.record_failure(id, &error.recorded()).await {
            tracing::warn!(run = %id, error = %unrecorded, "cannot record that a run failed to start");
        }
        error
    }

    /// Records that a run's command runs.
    pub(crate) async fn record_running(&self, id: RunId) -> Result<(), RunError> {
        let mut tx = self.ledger().begin().await?;
        tx.move_run(id, &[RunState::Preparing], RunChange::to(RunState::Running)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Starts a command that leaves no trace in the ledger: a repetition, to be compared.
    pub(crate) async fn launch_unrecorded(
        &self,
        plan: &RunPlan<'_>,
        folder: &RunFolder,
        say: Progress<'_>,
    ) -> Result<(), RunError> {
        self.verify_inputs(&plan.inputs, say).await?;
        let spec = self.prepare(plan, folder, say).await?;
        self.launch(&spec).await
    }

    pub(crate) async fn launch(&self, spec: &LaunchSpec) -> Result<(), RunError> {
        launch(spec, &ShimCommand::lamp(&self.parts.runs.lamp_exe)).await?;
        Ok(())
    }

    /// Data is hashed before it is used: a model of damaged bytes would be worse than none.
    async fn verify_inputs(&self, inputs: &BTreeMap<String, Slice>, say: Progress<'_>) -> Result<(), RunError> {
        for slice in inputs.values() {
            say(&format!("verifying {}@{}", slice.version.dataset, slice.version.version));
            let manifest = Manifest::new(slice.files.clone(), None, Vec::new());
            let damage = self.store().verify(&manifest, Arc::new(NoProgress)).await?;
            if !damage.is_empty() {
                let what = damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                let dataset = format!("{}@{}", slice.version.dataset, slice.version.version);
                return Err(RunError::DamagedData { dataset, what });
            }
        }
        Ok(())
    }

    async fn record_start(&self, plan: &RunPlan<'_>, claim: Option<&Rotation>) -> Result<Run, RunError> {
        let run = Run {
            id: plan.id,
            project: plan.project.name.clone(),
            purpose: plan.purpose.clone(),
            commit: plan.code.commit.hash.clone(),
            origin: plan.code.origin,
            state: RunState::Preparing,
            created_by: self.actor().clone(),
            created_at: self.now(),
            ended_at: None,
            manifest: None,
            failure: None,
        };
        // The ref keeps the commit alive through a squash-merge or a deleted branch.
        self.repo().pin(plan.id, &plan.code.commit).await?;
        let details = json!({"commit": run.commit, "origin": run.origin, "purpose": run.purpose.to_string()});
        let mut tx = self.ledger().begin().await?;
        if let Some(claimed) = claim {
            // Moved nowhere: this fails when the claim was taken back, and then there is no run.
            tx.move_rotation(claimed, claimed).await?;
        }
        tx.add_run(&run).await?;
        tx.audit(&self.entry("run.started", run.id, details)).await?;
        tx.commit().await?;
        Ok(run)
    }

    async fn prepare(&self, plan: &RunPlan<'_>, folder: &RunFolder, say: Progress<'_>) -> Result<LaunchSpec, RunError> {
        let environment = self.environment_at(&plan.code.worktree, plan.project, say).await?;
        say("preparing data");
        folder.write_request(&self.request_of(plan).await?)?;
        write_plan(folder, plan, &environment)?;
        self.launch_spec(plan.code, plan.project, &plan.command, plan.seed, folder, &environment)
    }

    /// How a project's command is started in a worktree, with the variables of the run protocol.
    pub(crate) fn launch_spec(
        &self,
        code: &Code,
        project: &ProjectConfig,
        command: &str,
        seed: u64,
        folder: &RunFolder,
        environment: &Environment,
    ) -> Result<LaunchSpec, RunError> {
        let cwd = code.worktree.join(&project.dir);
        let python_path = self.python_path(&code.worktree, &code.workspace, project);
        let extra = variables::protocol_variables(folder.path(), &python_path, seed)?;
        let env = variables::cleaned_environment(environment, folder.path(), &project.env_pass, &extra)?;
        Ok(LaunchSpec { folder: folder.clone(), command: command.to_owned(), cwd, env, limits: Limits::default() })
    }

    /// The locked environment of `project` as it stands in `worktree`.
    pub(crate) async fn environment_at(
        &self,
        worktree: &Path,
        project: &ProjectConfig,
        say: Progress<'_>,
    ) -> Result<Environment, RunError> {
        let lock = match &project.environment {
            ConfiguredEnvironment::None => None,
            ConfiguredEnvironment::PipLock(path) => {
                let path = worktree.join(&project.dir).join(path);
                Some(std::fs::read(&path).map_err(crate::parts::PartError::file("read", &path))?)
            }
        };
        let spec = EnvironmentSpec { lock, python: None };
        Ok(Environments::new(self.layout().envs()).prepare(&spec, say).await?)
    }

    /// `PYTHONPATH` of runs and workers: the project, what it uses, and the package that goes
    /// with this binary.
    pub(crate) fn python_path(
        &self,
        worktree: &Path,
        workspace: &lamp_core::config::Workspace,
        project: &ProjectConfig,
    ) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            workspace.projects_used_by(&project.name).iter().map(|used| worktree.join(&used.dir)).collect();
        paths.push(self.layout().sdk());
        paths
    }

    async fn request_of(&self, plan: &RunPlan<'_>) -> Result<RunRequest, RunError> {
        sdk::write_sdk(&self.layout().sdk(), self.parts.runs.sdk)?;
        let mut datasets = BTreeMap::new();
        for (role, slice) in &plan.inputs {
            datasets.insert(role.clone(), self.input_files(slice).await?);
        }
        Ok(RunRequest {
            protocol: PROTOCOL,
            run: plan.id,
            purpose: plan.purpose.clone(),
            task: plan.task,
            project: plan.project.name.clone(),
            commit: plan.code.commit.hash.clone(),
            as_of: plan.as_of,
            seed: plan.seed,
            params: plan.params.clone(),
            target: plan.target.clone().map(|sql| TargetSql { sql }),
            datasets,
            tiny: None,
        })
    }

    /// A slice as a run reads it.
    pub(crate) async fn input_files(&self, slice: &Slice) -> Result<InputFiles, RunError> {
        let files: Vec<_> = slice.files.iter().filter(|file| file.link.is_none()).cloned().collect();
        let paths = self.store().local_paths(&files, Arc::new(NoProgress)).await?;
        let files = files.iter().zip(paths).map(|(file, path)| InputFile {
            path,
            name: file.path.clone(),
            partition: file.partition.clone(),
            rows: file.rows,
        });
        Ok(InputFiles {
            dataset: slice.version.dataset.clone(),
            version: slice.version.version,
            digest: slice.version.digest,
            slice: slice.text.clone(),
            partitions: slice.partitions(),
            files: files.collect(),
        })
    }

    pub(crate) async fn record_failure(&self, run: RunId, why: &str) -> Result<(), RunError> {
        let mut tx = self.ledger().begin().await?;
        let change =
            RunChange { ended_at: Some(self.now()), failure: Some(why.to_owned()), ..RunChange::to(RunState::Failed) };
        tx.move_run(run, &[RunState::Preparing, RunState::Running, RunState::Collecting], change).await?;
        tx.audit(&self.entry("run.failed", run, json!({"why": why}))).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The run's manifest as far as it is known before the command runs; the collector, which may
/// be another process, completes it.
fn write_plan(folder: &RunFolder, plan: &RunPlan<'_>, environment: &Environment) -> Result<(), RunError> {
    let manifest = RunManifest {
        format: 1,
        run: plan.id,
        purpose: plan.purpose.clone(),
        project: plan.project.name.clone(),
        commit: plan.code.commit.hash.clone(),
        tree: plan.code.commit.tree.clone(),
        origin: plan.code.origin,
        as_of: plan.as_of,
        environment: environment.digest,
        interpreter: environment.interpreter.clone(),
        inputs: plan.inputs.iter().map(|(role, slice)| (role.clone(), slice.pinned())).collect(),
        params: plan.params.clone(),
        seed: plan.seed,
        command: plan.command.clone(),
        outputs: Vec::new(),
        duration_ms: 0,
        peak_memory: 0,
        exit_code: 0,
    };
    let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    lockfile::write_atomically(&folder.path().join(PLAN_FILE), &text)?;
    Ok(())
}

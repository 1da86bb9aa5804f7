//! Collecting a run: outputs hashed, the package evaluated, the result registered.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use lamp_core::config::{ModelConfig, ProjectConfig, Serve};
use lamp_core::dataset::Manifest;
use lamp_core::ids::RunId;
use lamp_core::names::{DatasetName, ModelName};
use lamp_core::package::{Flavour, Package};
use lamp_core::registry::ModelVersion;
use lamp_core::run::{OutputFile, Purpose, Run, RunManifest, RunState};
use lamp_ledger::{NewModel, RunChange};
use lamp_runner::launch::{ChildStatus, Exit, status};
use lamp_runner::run_folder::RunFolder;
use lamp_store::{NoProgress, SourceFile};
use serde_json::json;

use super::RunError;
use super::mount::MountSpec;
use super::start::PLAN_FILE;
use crate::app::App;
use crate::data::add::Incoming;
use crate::parts::{PartError, lock_file};
use crate::workspace;

/// Name of the description in a package's folder.
const PACKAGE_FILE: &str = "model.json";

/// Bytes at the end of a log in which its last line is sought.
const LAST_WORDS_SOUGHT: u64 = 64 << 10;

/// Characters of that line that are kept.
const LAST_WORDS_MAX: usize = 400;

impl App {
    /// Turns what a finished command left into a model or dataset version, once. A second caller
    /// waits and sees the same result.
    pub async fn collect_run(&self, id: RunId) -> Result<Run, RunError> {
        let folder = RunFolder::open(&self.layout().runs(), id)?;
        // One collector at a time, also across processes.
        let guard = lock_file(&folder.path().join("collect.lock")).await?;
        let run = self.known_run(id).await?;
        if run.state.is_final() {
            return ended(run);
        }
        let exit = match status(&folder)? {
            ChildStatus::Exited(exit) if exit.is_success() => Ok(exit),
            ChildStatus::Exited(exit) => Err(exit.describe()),
            ChildStatus::Vanished => {
                Err("its process is gone without an exit record (killed, or the machine restarted)".to_owned())
            }
            ChildStatus::NotStarted | ChildStatus::Running { .. } => {
                return Err(RunError::WrongState { run: id, state: "still running" });
            }
        };
        if run.state == RunState::Running {
            let mut tx = self.ledger().begin().await?;
            tx.move_run(id, &[RunState::Running], RunChange::to(RunState::Collecting)).await?;
            tx.commit().await?;
        }
        let collected = match exit {
            Ok(exit) => self.collect(&run, &folder, &exit).await,
            Err(why) => Err(RunError::CommandFailed { run: id, why: with_last_words(why, &folder) }),
        };
        if let Err(error) = collected {
            // What the run left stays, to be collected when the fault has passed.
            if error.is_passing() {
                return Err(error);
            }
            if let Err(unrecorded) = self.record_failure(id, &error.recorded()).await {
                tracing::warn!(run = %id, error = %unrecorded, "cannot record that a run failed");
                return Err(error);
            }
            self.discard_worktree(&self.layout().run_worktree(id)).await;
            return Err(error);
        }
        self.discard_worktree(&self.layout().run_worktree(id)).await;
        drop(guard);
        self.known_run(id).await
    }

    pub(crate) async fn known_run(&self, id: RunId) -> Result<Run, RunError> {
        let found = self.ledger().find_run(id).await?;
        found.ok_or_else(|| RunError::UnknownRun { text: id.to_string() })
    }

    async fn collect(&self, run: &Run, folder: &RunFolder, exit: &Exit) -> Result<(), RunError> {
        let manifest = read_plan(folder)?;
        match &run.purpose {
            Purpose::Train(model) => self.collect_model(run, folder, model, manifest, exit).await,
            Purpose::Build(dataset) => self.collect_dataset(run, folder, dataset, manifest, exit).await,
        }
    }

    async fn collect_model(
        &self,
        run: &Run,
        folder: &RunFolder,
        name: &ModelName,
        plan: RunManifest,
        exit: &Exit,
    ) -> Result<(), RunError> {
        let bad = |why: String| RunError::BadOutput { run: run.id, why };
        let dir = folder.path().join("model");
        if !dir.join(PACKAGE_FILE).exists() {
            return Err(RunError::NoPackage { run: run.id });
        }
        let package: Package = lamp_model::read_package(&dir).map_err(|error| bad(error.to_string()))?;
        let worktree = self.layout().run_worktree(run.id);
        let at_commit = workspace::load(&worktree)?;
        let (project, model) = at_commit
            .model(name)
            .ok_or_else(|| RunError::UnknownModel { model: name.clone(), commit: Some(run.commit.clone()) })?;
        fits_config(&package, model).map_err(bad)?;
        let manifest = finished(plan, folder, "model", exit).await?;
        let stored = self.store_package(folder, &manifest).await?;
        let spec = MountSpec { package: stored, commit: run.commit.clone(), project: project.name.clone() };
        let mounted = self.mount(&spec, &|_| {}).await?;
        let evidence = self.evaluate(&*mounted, &package, model, &manifest).await?;
        let registered = self.register(run, project, name, &package, stored, evidence, &manifest).await?;
        tracing::info!(model = %registered.id, run = %run.id, "registered");
        Ok(())
    }

    /// The package's files in the store; the digest names their manifest.
    async fn store_package(
        &self,
        folder: &RunFolder,
        manifest: &RunManifest,
    ) -> Result<lamp_core::digest::Digest, RunError> {
        let files = manifest.outputs.iter().map(|file| SourceFile {
            path: folder.path().join(&file.path),
            name: file.path.strip_prefix("model/").unwrap_or(&file.path).to_owned(),
        });
        let entries = self.store().add_files(files.collect(), Arc::new(NoProgress)).await?;
        Ok(self.store().put_manifest(&Manifest::new(entries, None, Vec::new())).await?)
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of one record")]
    async fn register(
        &self,
        run: &Run,
        project: &ProjectConfig,
        name: &ModelName,
        package: &Package,
        stored: lamp_core::digest::Digest,
        evidence: lamp_core::registry::Evidence,
        manifest: &RunManifest,
    ) -> Result<ModelVersion, RunError> {
        let mut tx = self.ledger().begin().await?;
        let version = tx
            .add_model(NewModel {
                model: name.clone(),
                project: project.name.clone(),
                task: package.task,
                package: stored,
                flavour: package.flavour.as_str().to_owned(),
                run: run.id,
                commit: run.commit.clone(),
                created_at: self.now(),
                evidence,
            })
            .await?;
        self.finish_run(&mut tx, run.id, manifest).await?;
        let details =
            json!({"run": run.id, "commit": run.commit, "package": stored, "evidence": version.evidence.digest()});
        tx.audit(&self.entry("model.registered", &version.id, details)).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn finish_run(&self, tx: &mut lamp_ledger::Tx, run: RunId, manifest: &RunManifest) -> Result<(), RunError> {
        let change = RunChange {
            ended_at: Some(self.now()),
            manifest: Some(manifest.clone()),
            ..RunChange::to(RunState::Succeeded)
        };
        tx.move_run(run, &[RunState::Collecting], change).await?;
        Ok(())
    }

    async fn collect_dataset(
        &self,
        run: &Run,
        folder: &RunFolder,
        dataset: &DatasetName,
        plan: RunManifest,
        exit: &Exit,
    ) -> Result<(), RunError> {
        let manifest = finished(plan, folder, "dataset", exit).await?;
        let files = manifest.outputs.iter().map(|file| SourceFile {
            path: folder.path().join(&file.path),
            name: file.path.strip_prefix("dataset/").unwrap_or(&file.path).to_owned(),
        });
        let at_commit = workspace::load(&self.layout().run_worktree(run.id))?;
        let partition_by = at_commit.dataset(dataset).and_then(|(_, config)| config.partition.clone());
        let incoming = Incoming {
            dataset: dataset.clone(),
            files: files.collect(),
            partition_by,
            replace: true,
            run: Some(run.id),
            note: None,
        };
        self.take_in(incoming, Arc::new(NoProgress)).await?;
        let mut tx = self.ledger().begin().await?;
        self.finish_run(&mut tx, run.id, &manifest).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn ended(run: Run) -> Result<Run, RunError> {
    match run.state {
        RunState::Failed => {
            let why = run.failure.unwrap_or_else(|| "nobody recorded why".to_owned());
            Err(RunError::Failed { run: run.id, why })
        }
        RunState::Preparing | RunState::Running | RunState::Collecting | RunState::Succeeded | RunState::Stopped => {
            Ok(run)
        }
    }
}

/// Why a command failed, with the last line that it wrote, which mostly says more.
pub(crate) fn with_last_words(why: String, folder: &RunFolder) -> String {
    match find_last_line(&folder.log_path()) {
        Ok(Some(line)) => format!("{why}; its last words: {line}"),
        Ok(None) => why,
        Err(error) => {
            tracing::warn!(%error, "cannot read the log of a run that failed");
            why
        }
    }
}

/// The last line of a log that is not empty, cut to a length that a record can carry.
fn find_last_line(path: &Path) -> std::io::Result<Option<String>> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS_SOUGHT)))?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_SOUGHT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Ok(last.map(|line| line.chars().filter(|c| !c.is_control()).take(LAST_WORDS_MAX).collect()))
}

/// The files below `sub` of a run's folder, hashed on a thread where that blocks nobody.
pub(crate) async fn outputs_of(folder: &RunFolder, sub: &'static str) -> Result<Vec<OutputFile>, RunError> {
    let hashing = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || folder.outputs(sub)
    });
    let hashed = hashing.await.map_err(|error| PartError::file("hash", folder.path())(std::io::Error::other(error)))?;
    Ok(hashed?)
}

pub(crate) fn read_plan(folder: &RunFolder) -> Result<RunManifest, RunError> {
    let path = folder.path().join(PLAN_FILE);
    let bytes = std::fs::read(&path).map_err(PartError::file("read", &path))?;
    let parsed = serde_json::from_slice(&bytes).map_err(std::io::Error::other);
    Ok(parsed.map_err(PartError::file("read", &path))?)
}

/// The run's manifest, completed with what the command left in `sub`.
async fn finished(
    plan: RunManifest,
    folder: &RunFolder,
    sub: &'static str,
    exit: &Exit,
) -> Result<RunManifest, RunError> {
    let outputs = outputs_of(folder, sub).await?;
    if outputs.is_empty() {
        return Err(RunError::BadOutput { run: plan.run, why: format!("its folder `{sub}/` is empty") });
    }
    Ok(RunManifest {
        outputs,
        duration_ms: exit.duration_ms,
        peak_memory: exit.peak_memory_bytes,
        exit_code: exit.code.unwrap_or(0),
        ..plan
    })
}

/// The package must be what `lamp.toml` promises.
pub(crate) fn fits_config(package: &Package, model: &ModelConfig) -> Result<(), String> {
    if package.task != model.task {
        return Err(format!("model.json says task `{}`, lamp.toml says `{}`", package.task, model.task));
    }
    let (found, declared) = match (&package.flavour, &model.serve) {
        (Flavour::Python { .. }, Serve::Python(_)) | (Flavour::Onnx { .. }, Serve::Onnx(_)) => return Ok(()),
        (Flavour::Upstream { url, .. }, Serve::Upstream(address)) if same_address(url, address) => return Ok(()),
        (Flavour::Upstream { url, .. }, Serve::Upstream(address)) => (url.as_str(), address.as_str()),
        (flavour, Serve::Python(_)) => (flavour.as_str(), "python"),
        (flavour, Serve::Onnx(_)) => (flavour.as_str(), "onnx"),
        (flavour, Serve::Upstream(_)) => (flavour.as_str(), "upstream"),
    };
    Err(format!("model.json says `{found}`, lamp.toml says `{declared}`"))
}

/// What stands in lamp.toml is what a person signs for.
fn same_address(url: &str, declared: &str) -> bool {
    url.trim_end_matches('/') == declared.trim_end_matches('/')
}

//! Bringing a stored package to life with the code and environment of its own commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamp_core::config::{ProjectConfig, Workspace};
use lamp_core::digest::Digest;
use lamp_core::names::ProjectName;
use lamp_core::package::{Flavour, Package};
use lamp_model::{LoadSpec, Model, WorkerCommand, load};
use lamp_runner::{Progress, onnxruntime, sdk, variables};
use lamp_store::{NoProgress, Overwrite};

use super::RunError;
use super::code::Code;
use crate::app::App;
use crate::parts::PartError;
use crate::workspace;

/// What to bring to life.
#[derive(Debug, Clone)]
pub(crate) struct MountSpec {
    /// Digest of the package's manifest in the store.
    pub package: Digest,
    /// Full commit hash.
    pub commit: String,
    /// The project.
    pub project: ProjectName,
}

impl App {
    /// Loads a model; it answers when this returns.
    pub(crate) async fn mount(&self, spec: &MountSpec, say: Progress<'_>) -> Result<Arc<dyn Model>, RunError> {
        let package_dir = self.lay_out_package(&spec.package).await?;
        let worker = self.worker_of(spec, say);
        self.bring_to_life(package_dir, worker, say).await
    }

    async fn worker_of(&self, spec: &MountSpec, say: Progress<'_>) -> Result<WorkerCommand, RunError> {
        let layout = self.layout();
        let worktree = layout.model_worktree(&spec.package, &spec.commit);
        let scratch = layout.worker_scratch(&spec.package);
        self.worker_command(worktree, &spec.commit, &spec.project, &scratch, say).await
    }

    /// Loads a package from the folder where a run left it, without the store. `scratch` becomes its workers' home.
    pub(crate) async fn mount_folder(
        &self,
        package_dir: PathBuf,
        commit: &str,
        project: &ProjectName,
        scratch: &Path,
    ) -> Result<Arc<dyn Model>, RunError> {
        let worktree = self.layout().commit_worktree(commit);
        let worker = self.worker_command(worktree, commit, project, scratch, &|_| {});
        self.bring_to_life(package_dir, worker, &|_| {}).await
    }

    /// The same with the code of a run that is checked out already.
    pub(crate) async fn mount_in(
        &self,
        package_dir: PathBuf,
        code: &Code,
        project: &ProjectConfig,
        scratch: &Path,
        say: Progress<'_>,
    ) -> Result<Arc<dyn Model>, RunError> {
        let worker = self.worker_in(&code.worktree, &code.workspace, project, scratch, say);
        self.bring_to_life(package_dir, worker, say).await
    }

    async fn bring_to_life(
        &self,
        package_dir: PathBuf,
        worker: impl Future<Output = Result<WorkerCommand, RunError>>,
        say: Progress<'_>,
    ) -> Result<Arc<dyn Model>, RunError> {
        let package = lamp_model::read_package(&package_dir)?;
        let mut load_spec = LoadSpec::new(package_dir, package);
        match &load_spec.package.flavour {
            Flavour::Onnx { .. } => {
                load_spec.onnxruntime = Some(onnxruntime::library(&self.layout().cache(), say).await?);
            }
            Flavour::Python { .. } => load_spec.worker = Some(worker.await?),
            Flavour::Upstream { .. } => {}
        }
        Ok(load(load_spec).await?)
    }

    /// The package's `model.json`, from the store.
    pub(crate) async fn package(&self, digest: &Digest) -> Result<Package, RunError> {
        Ok(lamp_model::read_package(&self.lay_out_package(digest).await?)?)
    }

    /// The package's files as a folder. The folder is named by the digest, so what is there is
    /// right; the checkout looks at each file again all the same.
    async fn lay_out_package(&self, digest: &Digest) -> Result<PathBuf, RunError> {
        let dir = self.layout().package(digest);
        std::fs::create_dir_all(&dir).map_err(PartError::file("create", &dir))?;
        let manifest = self.store().manifest(digest).await?;
        self.store().checkout(&manifest.files, &dir, Overwrite::Replace, Arc::new(NoProgress)).await?;
        Ok(dir)
    }

    async fn worker_command(
        &self,
        worktree: PathBuf,
        commit: &str,
        project: &ProjectName,
        scratch: &Path,
        say: Progress<'_>,
    ) -> Result<WorkerCommand, RunError> {
        let commit = self.repo().resolve(commit).await?;
        self.repo().worktree_ensure(&commit, &worktree).await?;
        let at_commit = workspace::load(&worktree)?;
        let project = at_commit
            .project(project)
            .ok_or_else(|| RunError::UnknownProject { project: project.clone(), commit: commit.hash.clone() })?;
        self.worker_in(&worktree, &at_commit, project, scratch, say).await
    }

    /// How workers of a project's code are started, from a worktree.
    async fn worker_in(
        &self,
        worktree: &Path,
        workspace: &Workspace,
        project: &ProjectConfig,
        scratch: &Path,
        say: Progress<'_>,
    ) -> Result<WorkerCommand, RunError> {
        let environment = self.environment_at(worktree, project, say).await?;
        sdk::write_sdk(&self.layout().sdk(), self.parts.runs.sdk)?;
        variables::create_scratch(scratch).map_err(PartError::file("create", scratch))?;
        let python_path = self.python_path(worktree, workspace, project);
        let mut extra = variables::protocol_variables(scratch, &python_path, 0)?;
        // A worker is no run: without LAMP_RUN, `current_run()` in serving code is a scratch run.
        extra.retain(|(name, _)| name == "PYTHONPATH");
        // One row at a time gains nothing from more threads, and they fight over the cores.
        extra.push(("OMP_NUM_THREADS".to_owned(), "1".to_owned()));
        let cleaned = variables::cleaned_environment(&environment, scratch, &project.env_pass, &extra)?;
        let env: BTreeMap<String, String> = cleaned.into_iter().collect();
        Ok(WorkerCommand {
            program: environment.python.clone(),
            args: vec!["-m".to_owned(), "lamplighter.worker".to_owned()],
            cwd: worktree.join(&project.dir),
            env,
            log_path: scratch.join("worker.log"),
            socket_dir: self.layout().sockets(),
        })
    }
}

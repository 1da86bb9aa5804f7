//! `lamp hooks mypy`: each project's types, checked in the environment that the project locks.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use lamp_core::config::{Environment as Locked, ProjectConfig, Workspace};
use lamp_core::names::ProjectName;
use lamp_runner::Progress;
use lamp_runner::environment::{Environment, EnvironmentSpec, Environments};
use lamp_runner::sdk;
use tokio::process::Command;

use super::{Hooks, HooksError};
use crate::parts::PartError;
use crate::workspace;

/// What mypy said of one project.
#[derive(Debug, Clone)]
pub struct Types {
    /// The project.
    pub project: ProjectName,
    /// Its folder, relative to the workspace's root.
    pub dir: String,
    /// Whether it found nothing.
    pub passed: bool,
    /// What it printed, paths relative to the project's folder.
    pub said: String,
}

impl Hooks {
    /// Checks the projects that `files` belong to, and those that use them, each as a whole: a change in one
    /// module can break another. Without files: all projects.
    pub async fn mypy(&self, files: &[PathBuf], progress: Progress<'_>) -> Result<Vec<Types>, HooksError> {
        let workspace = workspace::load(&self.root)?;
        let touched: Vec<&ProjectConfig> =
            workspace.projects.values().filter(|project| self.is_touched(&workspace, project, files)).collect();
        let sdk = sdk::write_sdk(&self.layout.sdk(), self.sdk)?;
        let mut found = Vec::with_capacity(touched.len());
        for project in touched {
            let environment = self.environment(project, progress).await?;
            progress(&format!("mypy {}", project.name));
            found.push(self.check_types(&workspace, project, &environment, &sdk).await?);
        }
        Ok(found)
    }

    fn is_touched(&self, workspace: &Workspace, project: &ProjectConfig, files: &[PathBuf]) -> bool {
        let used = workspace.projects_used_by(&project.name);
        let folders: Vec<PathBuf> = used.iter().map(|used| self.root.join(&used.dir)).collect();
        let is_inside = |file: &PathBuf| {
            let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            folders.iter().any(|folder| path.starts_with(folder))
        };
        files.is_empty() || files.iter().any(is_inside)
    }

    async fn environment(&self, project: &ProjectConfig, progress: Progress<'_>) -> Result<Environment, HooksError> {
        let lock = match &project.environment {
            Locked::None => None,
            Locked::PipLock(path) => {
                let path = self.root.join(&project.dir).join(path);
                Some(std::fs::read(&path).map_err(PartError::file("read", &path))?)
            }
        };
        let environments = Environments::new(self.layout.envs());
        Ok(environments.prepare(&EnvironmentSpec { lock, python: None }, progress).await?)
    }

    async fn check_types(
        &self,
        workspace: &Workspace,
        project: &ProjectConfig,
        environment: &Environment,
        sdk: &Path,
    ) -> Result<Types, HooksError> {
        let used = workspace.projects_used_by(&project.name);
        let folders = used.iter().map(|used| self.root.join(&used.dir)).chain([sdk.to_owned()]);
        let mypy_path = std::env::join_paths(folders).unwrap_or_default();
        let cache = self.layout.cache().join("mypy").join(project.name.as_str());
        let output = Command::new(&environment.python)
            .args(["-m", "mypy", "."])
            .current_dir(self.root.join(&project.dir))
            .env("MYPYPATH", mypy_path)
            .env("MYPY_CACHE_DIR", cache)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| HooksError::Start { program: environment.python.clone(), source })?;
        let said =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned()).join("\n");
        if said.contains("No module named mypy") {
            let is_locked = environment.dir.is_some();
            let python = environment.interpreter.clone();
            return Err(HooksError::NoMypy { project: project.name.clone(), python, is_locked });
        }
        // A project without any Python file has no types to break.
        let has_no_code = said.contains("There are no .py[i] files in directory");
        let passed = output.status.success() || has_no_code;
        Ok(Types { project: project.name.clone(), dir: project.dir.clone(), passed, said: said.trim().to_owned() })
    }
}

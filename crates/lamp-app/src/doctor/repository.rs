//! Facts of practices 1, 3, 4 and 9: what lies in the repository.

use std::path::Path;
use std::time::Duration;

use lamp_core::config::{Environment, ProjectConfig, Workspace};
use lamp_core::doctor::{DataFacts, DatasetFacts, HooksFacts, RepositoryFacts, TestFacts};
use lamp_core::hooks::missing;
use lamp_core::lock::LOCK_FILE;
use lamp_runner::git::Repo;

use super::DoctorError;
use crate::app::App;
use crate::data::list::DatasetOrigin;
use crate::hooks::Hooks;

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows";
/// Most workflows that are looked into.
const WORKFLOWS_MAX: usize = 200;
/// Tests that passed longer ago say little of today's code and data.
const TESTED_WITHIN: Duration = Duration::from_hours(30 * 24);

/// What a clone tells of itself, without a ledger.
#[derive(Debug, Clone)]
pub struct CloneFacts {
    /// Hooks.
    pub hooks: HooksFacts,
    /// What the repository holds.
    pub repository: RepositoryFacts,
    /// A workflow of CI that calls `lamp test`: its path.
    pub workflow: Option<String>,
}

impl CloneFacts {
    /// Looks at the clone of `hooks` and `repo`, whose configuration is `workspace`.
    pub async fn of(workspace: &Workspace, repo: &Repo, hooks: &Hooks) -> Result<Self, DoctorError> {
        let workflow = workflow_with_tests(repo.root());
        let repository = repository_facts(workspace, repo).await?;
        Ok(Self { hooks: hooks_facts(hooks).await?, repository, workflow })
    }
}

async fn hooks_facts(hooks: &Hooks) -> Result<HooksFacts, DoctorError> {
    let called_by = hooks
        .git_hook()
        .await?
        .map(|hook| hook.manager.map_or_else(|| "somebody else".to_owned(), |manager| manager.as_str().to_owned()));
    let lacking = |text: String| missing(&text).into_iter().map(str::to_owned).collect();
    Ok(HooksFacts { missing: hooks.config()?.map(lacking), called_by })
}

async fn repository_facts(workspace: &Workspace, repo: &Repo) -> Result<RepositoryFacts, DoctorError> {
    let projects = &workspace.projects;
    let runs_something = |project: &ProjectConfig| {
        let builds = project.datasets.values().any(|dataset| dataset.build().is_some());
        builds || !project.models.is_empty()
    };
    let is_unlocked = |project: &&ProjectConfig| match &project.environment {
        Environment::PipLock(_) => false,
        Environment::None => runs_something(project),
    };
    let lock_is_committed = match repo.head().await? {
        Some(head) => repo.show(&head.hash, LOCK_FILE).await?.is_some(),
        None => false,
    };
    Ok(RepositoryFacts {
        projects: projects.keys().cloned().collect(),
        unlocked: projects.values().filter(is_unlocked).map(|project| project.name.clone()).collect(),
        lock_is_committed,
    })
}

impl App {
    pub(super) async fn data_facts(&self) -> Result<DataFacts, DoctorError> {
        let lines = self.list_datasets().await?;
        let declared =
            lines.into_iter().filter(|line| matches!(line.origin, DatasetOrigin::Source | DatasetOrigin::Derived));
        let datasets = declared.map(|line| DatasetFacts {
            is_derived: line.origin == DatasetOrigin::Derived,
            versions: line.versions,
            is_locked: line.locked.is_some(),
            name: line.dataset,
        });
        Ok(DataFacts { datasets: datasets.collect() })
    }

    /// Without the workflow, which is a clone's.
    pub(super) async fn test_facts(&self) -> Result<TestFacts, DoctorError> {
        let mut facts = TestFacts::default();
        for name in self.workspace().projects.values().flat_map(|project| project.models.keys()) {
            facts.models.push(name.clone());
            match self.ledger().find_test_report(name.as_str()).await? {
                Some(record) if !record.report.is_passed() => facts.failed.push(name.clone()),
                Some(record) if self.since(record.tested_at) <= TESTED_WITHIN => facts.passed.push(name.clone()),
                Some(_) | None => {}
            }
        }
        Ok(facts)
    }
}

/// A workflow that calls `lamp test`, relative to the root.
fn workflow_with_tests(root: &Path) -> Option<String> {
    let entries = std::fs::read_dir(root.join(WORKFLOWS)).ok()?.flatten().take(WORKFLOWS_MAX);
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    let calls_tests = |path: &&std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("lamp test"))
    };
    let found = files.iter().find(calls_tests)?;
    Some(format!("{WORKFLOWS}/{}", found.file_name()?.to_string_lossy()))
}

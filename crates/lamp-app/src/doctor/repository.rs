//! Facts of practices 1, 3, 4 and 9: what lies in the repository.

use std::path::Path;
use std::time::Duration;

use lamp_core::config::{Environment, ProjectConfig};
use lamp_core::doctor::{DataFacts, DatasetFacts, HooksFacts, RepositoryFacts, TestFacts};
use lamp_core::hooks::missing;
use lamp_core::lock::LOCK_FILE;

use super::DoctorError;
use crate::app::App;
use crate::data::list::DatasetOrigin;

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows";
/// Most workflows that are looked into.
const WORKFLOWS_MAX: usize = 200;
/// Tests that passed longer ago say little of today's code and data.
const TESTED_WITHIN: Duration = Duration::from_hours(30 * 24);

impl App {
    pub(super) async fn hooks_facts(&self) -> Result<HooksFacts, DoctorError> {
        let hooks = self.hooks();
        let called_by = hooks
            .git_hook()
            .await?
            .map(|hook| hook.manager.map_or_else(|| "somebody else".to_owned(), |manager| manager.as_str().to_owned()));
        Ok(HooksFacts { missing: hooks.config()?.map(|text| missing(&text)), called_by })
    }

    pub(super) async fn repository_facts(&self) -> Result<RepositoryFacts, DoctorError> {
        let projects = &self.workspace().projects;
        let runs_something = |project: &ProjectConfig| {
            let builds = project.datasets.values().any(|dataset| dataset.build().is_some());
            builds || !project.models.is_empty()
        };
        let is_unlocked = |project: &&ProjectConfig| match &project.environment {
            Environment::PipLock(_) => false,
            Environment::None => runs_something(project),
        };
        let lock_is_committed = match self.repo().head().await? {
            Some(head) => self.repo().show(&head.hash, LOCK_FILE).await?.is_some(),
            None => false,
        };
        Ok(RepositoryFacts {
            projects: projects.keys().cloned().collect(),
            unlocked: projects.values().filter(is_unlocked).map(|project| project.name.clone()).collect(),
            lock_is_committed,
        })
    }

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

    pub(super) async fn test_facts(&self) -> Result<TestFacts, DoctorError> {
        let mut facts = TestFacts { workflow: workflow_with_tests(self.repo().root()), ..TestFacts::default() };
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

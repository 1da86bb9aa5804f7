//! Which derived datasets must be built again before a training sees the latest raw data.

use std::collections::BTreeSet;

use lamp_core::config::{ProjectConfig, Workspace};
use lamp_core::dataset::DatasetVersion;
use lamp_core::ids::RunId;
use lamp_core::names::{DatasetName, ModelName};
use lamp_core::run::{Purpose, RunManifest};

use super::CadenceError;
use crate::app::App;

impl App {
    /// The first dataset that `model` is made from, directly or not, whose build is not of what is newest now; none
    /// when all of them are. Those that `builds` made count as done.
    pub(super) async fn first_stale(
        &self,
        workspace: &Workspace,
        commit: &str,
        model: &ModelName,
        builds: &[RunId],
    ) -> Result<Option<DatasetName>, CadenceError> {
        let Some((_, config)) = workspace.model(model) else { return Ok(None) };
        let mut order = Vec::new();
        for slice in config.data.values() {
            inputs_first(workspace, &slice.dataset, &mut order);
        }
        let done: BTreeSet<DatasetName> =
            self.built_by(builds).await?.into_iter().map(|version| version.dataset).collect();
        for dataset in order {
            if !done.contains(&dataset) && self.is_stale(workspace, commit, &dataset).await? {
                return Ok(Some(dataset));
            }
        }
        Ok(None)
    }

    /// The versions that builds made.
    pub(super) async fn built_by(&self, builds: &[RunId]) -> Result<Vec<DatasetVersion>, CadenceError> {
        let mut versions = Vec::new();
        for build in builds {
            let run = self.known_run(*build).await?;
            versions.extend(self.version_of_build(&run).await?);
        }
        Ok(versions)
    }

    /// Whether the last build of `dataset` saw other data than what is newest, or other code than what stands in
    /// `commit`.
    async fn is_stale(&self, workspace: &Workspace, commit: &str, dataset: &DatasetName) -> Result<bool, CadenceError> {
        let Some((project, config)) = workspace.dataset(dataset) else { return Ok(false) };
        let last = self.ledger().last_success(&Purpose::Build(dataset.clone())).await?;
        let Some(built) = last.and_then(|run| run.manifest) else { return Ok(true) };
        for input in config.inputs() {
            let newest = self.ledger().latest_version(input).await?.map(|version| version.version);
            let seen = built.inputs.get(input.as_str()).map(|pinned| pinned.version);
            if newest.is_some() && newest != seen {
                return Ok(true);
            }
        }
        self.code_differs(workspace, project, commit, &built).await
    }

    /// Whether the folders that a build could import from are others now.
    async fn code_differs(
        &self,
        workspace: &Workspace,
        project: &ProjectConfig,
        commit: &str,
        built: &RunManifest,
    ) -> Result<bool, CadenceError> {
        if built.commit == commit {
            return Ok(false);
        }
        for used in workspace.projects_used_by(&project.name) {
            let then = self.repo().find_folder(&built.commit, &used.dir).await?;
            if then.is_none() || then != self.repo().find_folder(commit, &used.dir).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Adds `dataset` and what it is derived from, as far as that is built, inputs before what is made of them.
fn inputs_first(workspace: &Workspace, dataset: &DatasetName, order: &mut Vec<DatasetName>) {
    let Some((_, config)) = workspace.dataset(dataset) else { return };
    if config.build().is_none() || order.contains(dataset) {
        return;
    }
    for input in config.inputs() {
        inputs_first(workspace, input, order);
    }
    order.push(dataset.clone());
}

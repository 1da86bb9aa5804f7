//! `lamp data build`: a derived dataset is made by a run, under the same rules as training.

use std::collections::BTreeMap;

use lamp_core::access::Permission;
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionRange;
use lamp_core::run::{Params, Purpose, Run};
use lamp_runner::Progress;

use super::RunError;
use super::code::{Code, CodeChoice};
use super::start::RunPlan;
use crate::app::App;
use crate::data::lockfile;

/// Seed of builds, which are expected not to need one.
const BUILD_SEED: u64 = 42;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildData {
    /// The dataset.
    pub dataset: DatasetName,
    /// Which code.
    pub code: CodeChoice,
    /// Parameters.
    pub params: Params,
}

impl App {
    /// Starts a build and returns when its command runs; [`App::follow_run`] finishes it.
    pub async fn start_build(&self, request: BuildData, say: Progress<'_>) -> Result<Run, RunError> {
        self.authorize(Permission::Work)?;
        let id = RunId::new(self.now(), &*self.ids());
        let here = self.workspace().dataset(&request.dataset).map(|(project, _)| project);
        let code = self.check_out(&request.code, here, id).await?;
        let started = self.start_build_of(&code, &request, id, say).await;
        self.clear_worktree_on_error(&code, started).await
    }

    async fn start_build_of(
        &self,
        code: &Code,
        request: &BuildData,
        id: RunId,
        say: Progress<'_>,
    ) -> Result<Run, RunError> {
        let unknown =
            || RunError::UnknownBuild { dataset: request.dataset.clone(), commit: Some(code.commit.hash.clone()) };
        let (project, config) = code.workspace.dataset(&request.dataset).ok_or_else(unknown)?;
        let command = config.build().map(str::to_owned).ok_or_else(unknown)?;
        let lock = lockfile::read(&code.worktree)?;
        let as_of = self.now();
        let mut inputs = BTreeMap::new();
        for dataset in config.inputs() {
            let version = self.locked_version(&lock, dataset).await?;
            let slice = self.slice(version, &PartitionRange::all(), dataset.as_str(), as_of).await?;
            inputs.insert(dataset.to_string(), slice);
        }
        let plan = RunPlan {
            id,
            purpose: Purpose::Build(request.dataset.clone()),
            code,
            project,
            command,
            inputs,
            params: request.params.clone(),
            seed: BUILD_SEED,
            as_of,
            task: None,
            target: None,
        };
        self.launch_run(plan, say).await
    }

    /// Pins the version that a finished build made in `lamp.lock`.
    pub async fn pin_built(
        &self,
        run: &Run,
        commit: bool,
    ) -> Result<Option<lamp_core::dataset::DatasetVersion>, RunError> {
        let Some(version) = self.version_of_build(run).await? else { return Ok(None) };
        self.pin(&version, commit).await?;
        Ok(Some(version))
    }

    /// The version that a build made: its own, or the earlier one with the same bytes.
    async fn version_of_build(&self, run: &Run) -> Result<Option<lamp_core::dataset::DatasetVersion>, RunError> {
        let Purpose::Build(dataset) = &run.purpose else { return Ok(None) };
        if let Some(version) = self.ledger().versions_made_by(run.id).await?.into_iter().next() {
            return Ok(Some(version));
        }
        let Some(manifest) = &run.manifest else { return Ok(None) };
        for version in self.ledger().versions(dataset).await? {
            let files = self.manifest(&version).await?.files;
            let same = files.len() == manifest.outputs.len()
                && files.iter().zip(&manifest.outputs).all(|(file, output)| file.digest == output.digest);
            if same {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }
}

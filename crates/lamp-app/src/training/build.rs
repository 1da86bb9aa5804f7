//! `lamp data build`: a derived dataset is made by a run, under the same rules as training.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamp_core::access::Permission;
use lamp_core::cadence::rotation::Rotation;
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::partition::{DatasetSlice, PartitionRange};
use lamp_core::run::{Params, Purpose, Run};
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::RunError;
use super::code::{Code, CodeChoice};
use super::start::RunPlan;
use crate::app::App;
use crate::data::lockfile;
use crate::data::resolve::Versions;

/// Seed of builds, which are expected not to need one.
const BUILD_SEED: u64 = 42;

/// What to build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildData {
    /// The dataset.
    pub dataset: DatasetName,
    /// Which code.
    pub code: CodeChoice,
    /// Parameters.
    pub params: Params,
}

/// A build, and what it is made with.
pub(crate) struct Build<'a> {
    pub id: RunId,
    pub dataset: &'a DatasetName,
    pub params: &'a Params,
    pub as_of: Timestamp,
    pub versions: Versions,
    /// The rotation that claimed the run.
    pub claim: Option<&'a Rotation>,
}

impl App {
    /// Starts a build and returns when its command runs; [`App::follow_run`] finishes it.
    pub async fn start_build(&self, request: BuildData, say: Progress<'_>) -> Result<Run, RunError> {
        self.authorize(Permission::Work)?;
        let build = Build {
            id: RunId::new(self.now(), &*self.ids()),
            dataset: &request.dataset,
            params: &request.params,
            as_of: self.now(),
            versions: Versions::Locked,
            claim: None,
        };
        self.begin_build(&request.code, &build, say).await
    }

    /// Starts a build of some commit with some versions.
    pub(crate) async fn begin_build(
        &self,
        choice: &CodeChoice,
        build: &Build<'_>,
        say: Progress<'_>,
    ) -> Result<Run, RunError> {
        let here = self.workspace().dataset(build.dataset).map(|(project, _)| project);
        let code = self.check_out(choice, here, build.id).await?;
        let started = self.start_build_of(&code, build, say).await;
        self.clear_worktree_on_error(&code, started).await
    }

    async fn start_build_of(&self, code: &Code, build: &Build<'_>, say: Progress<'_>) -> Result<Run, RunError> {
        let unknown =
            || RunError::UnknownBuild { dataset: build.dataset.clone(), commit: Some(code.commit.hash.clone()) };
        let (project, config) = code.workspace.dataset(build.dataset).ok_or_else(unknown)?;
        let command = config.build().map(str::to_owned).ok_or_else(unknown)?;
        let lock = lockfile::read(&code.worktree)?;
        let mut inputs = BTreeMap::new();
        for dataset in config.inputs() {
            let all =
                DatasetSlice { dataset: dataset.clone(), range: PartitionRange::all(), text: dataset.to_string() };
            let slice = self.slice_for(&build.versions, &lock, &all, build.as_of).await?;
            inputs.insert(dataset.to_string(), slice);
        }
        let plan = RunPlan {
            id: build.id,
            purpose: Purpose::Build(build.dataset.clone()),
            code,
            project,
            command,
            inputs,
            params: build.params.clone(),
            seed: BUILD_SEED,
            as_of: build.as_of,
            task: None,
            target: None,
        };
        self.launch_run(plan, build.claim, say).await
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
    pub async fn version_of_build(&self, run: &Run) -> Result<Option<lamp_core::dataset::DatasetVersion>, RunError> {
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

//! One step of each rotation: what the scheduler does at every look, and `lamp cadence run` does for one model.
//!
//! A step claims a run by a guarded move of the rotation's row, and the run is recorded in a transaction that makes
//! sure of the claim. So however many look, and whenever one of them dies, one period starts one run.

use lamp_core::access::Permission;
use lamp_core::cadence::periods::Next;
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::config::Workspace;
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::{IncidentId, RunId};
use lamp_core::incident::{Incident, ROTATION_FAILED};
use lamp_core::names::{DatasetName, ModelName};
use lamp_core::run::{Params, Purpose, Run, RunState};
use lamp_ledger::LedgerError;
use lamp_runner::launch::{ChildStatus, status};
use lamp_runner::run_folder::RunFolder;
use serde_json::json;

use super::CadenceError;
use super::tip::Tip;
use crate::app::App;
use crate::data::resolve::Versions;
use crate::training::RunError;
use crate::training::build::Build;
use crate::training::code::CodeChoice;
use crate::training::start::Training;
use crate::workspace;

/// Rotations among which the newest cut-off is sought: a run by hand may have put them out of order.
const RECENT: u32 = 20;

/// What a rotation needs next.
enum Step {
    Build(DatasetName),
    Train,
}

impl App {
    /// Opens the periods that have become due, and takes every unfinished rotation one step further. Says what was
    /// done. What is wrong with one rotation does not keep the others.
    pub async fn advance_rotations(&self, tip: &Tip) -> Result<Vec<String>, CadenceError> {
        self.authorize(Permission::Work)?;
        let mut said = Vec::new();
        for (_, model, _) in tip.cadences() {
            said.extend(self.open_period(tip, model).await?);
        }
        for rotation in self.ledger().unfinished_rotations().await? {
            match self.advance(&rotation, tip).await {
                Ok(done) => said.extend(done),
                Err(error) => {
                    tracing::warn!(model = %rotation.model, cutoff = %rotation.cutoff, %error, "cannot advance a rotation");
                }
            }
        }
        Ok(said)
    }

    /// Records the latest period of a cadence if it is due and not on record.
    pub(super) async fn open_period(&self, tip: &Tip, model: &ModelName) -> Result<Option<String>, CadenceError> {
        let Some(cadence) = tip.cadence(model) else { return Ok(None) };
        let recent = self.ledger().rotations(Some(model), RECENT).await?;
        if recent.iter().any(|rotation| !rotation.state.is_final()) {
            return Ok(None);
        }
        let newest = recent.iter().map(|rotation| rotation.cutoff).max();
        let trained = self.ledger().last_success(&Purpose::Train(model.clone())).await?;
        let trained_at = trained.map(|run| run.created_at);
        let rotation = match tip.periods(cadence).next(newest, trained_at, self.now()) {
            Next::Wait { .. } => return Ok(None),
            Next::Due { period, missed } => Rotation::due(model.clone(), &period, missed, self.now()),
            Next::Begun { period } => {
                let reason = "the model was trained since; the cadence begins with the next period";
                Rotation::skipped(model.clone(), &period, reason, self.now())
            }
        };
        Ok(self.record_rotation(&rotation).await?.then(|| in_words(&rotation)))
    }

    /// Whether this call recorded it.
    pub(super) async fn record_rotation(&self, rotation: &Rotation) -> Result<bool, CadenceError> {
        let mut tx = self.ledger().begin().await?;
        if !tx.add_rotation(rotation).await? {
            return Ok(false);
        }
        let details = json!({"cutoff": rotation.cutoff, "missed": rotation.missed, "reason": rotation.reason});
        tx.audit(&self.entry(action(rotation.state), &rotation.model, details)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes one rotation a step further, and says what was done. Nothing when somebody else did it first.
    pub(super) async fn advance(&self, rotation: &Rotation, tip: &Tip) -> Result<Option<String>, CadenceError> {
        let advanced = match rotation.state {
            RotationState::Reported | RotationState::Failed | RotationState::Skipped => Ok(None),
            RotationState::Due if rotation.retry_at > self.now() => Ok(None),
            RotationState::Due => self.start_step(rotation, tip).await,
            RotationState::Building | RotationState::Training => self.after_run(rotation, tip).await,
        };
        match advanced {
            Err(CadenceError::Part(crate::PartError::Ledger(LedgerError::Conflict { .. }))) => Ok(None),
            other => other,
        }
    }

    async fn after_run(&self, rotation: &Rotation, tip: &Tip) -> Result<Option<String>, CadenceError> {
        let run = match rotation.run {
            Some(run) => self.ledger().find_run(run).await?,
            None => None,
        };
        let Some(run) = run else {
            // Its claimant may be on the way, or gone.
            if rotation.claim_is_stale(self.now()) {
                self.move_rotation(rotation, &rotation.released(self.now())).await?;
            }
            return Ok(None);
        };
        match run.state {
            RunState::Preparing | RunState::Running | RunState::Collecting => Ok(None),
            RunState::Succeeded if rotation.state == RotationState::Building => self.start_step(rotation, tip).await,
            RunState::Succeeded => {
                let reported = rotation.reported(self.now());
                self.move_rotation(rotation, &reported).await?;
                Ok(Some(in_words(&reported)))
            }
            RunState::Stopped => self.gone_wrong(rotation, "somebody stopped its run", false).await,
            RunState::Failed => {
                let may_pass = self.may_pass(&run)?;
                let why = run.failure.as_deref().unwrap_or("nobody recorded why");
                self.gone_wrong(rotation, why, may_pass).await
            }
        }
    }

    /// Whether a run failed for something that may not be there next time: its process vanished, or never began.
    fn may_pass(&self, run: &Run) -> Result<bool, CadenceError> {
        let Ok(folder) = RunFolder::open(&self.layout().runs(), run.id) else { return Ok(false) };
        Ok(match status(&folder)? {
            ChildStatus::NotStarted | ChildStatus::Vanished => true,
            ChildStatus::Running { .. } | ChildStatus::Exited(_) => false,
        })
    }

    async fn gone_wrong(&self, from: &Rotation, why: &str, may_pass: bool) -> Result<Option<String>, CadenceError> {
        let next = from.gone_wrong(why, may_pass, self.now());
        self.move_rotation(from, &next).await?;
        Ok(Some(in_words(&next)))
    }

    /// Claims the next run and starts it.
    async fn start_step(&self, rotation: &Rotation, tip: &Tip) -> Result<Option<String>, CadenceError> {
        let before = match rotation.state {
            RotationState::Building => rotation.built(),
            // Another attempt, at another commit: what was built then was built by other code.
            RotationState::Due if rotation.commit.as_ref().is_some_and(|commit| *commit != tip.commit.hash) => {
                Rotation { builds: Vec::new(), ..rotation.clone() }
            }
            RotationState::Due
            | RotationState::Training
            | RotationState::Reported
            | RotationState::Failed
            | RotationState::Skipped => rotation.clone(),
        };
        let earlier;
        // All steps of a rotation are of one commit; an attempt that begins again begins at the tip.
        let (commit, workspace): (&str, &Workspace) = match &before.commit {
            Some(commit) if before.state == RotationState::Building && *commit != tip.commit.hash => {
                earlier = workspace::load_at(self.repo(), commit).await?.ok_or(CadenceError::NoCommit)?;
                (commit, &earlier)
            }
            Some(_) | None => (&tip.commit.hash, &tip.workspace),
        };
        let to_build = self.first_stale(workspace, commit, &before.model, &before.builds).await?;
        let step = to_build.map_or(Step::Train, Step::Build);
        let state = match step {
            Step::Build(_) => RotationState::Building,
            Step::Train => RotationState::Training,
        };
        let run = RunId::new(self.now(), &*self.ids());
        let claimed = before.claimed(state, run, commit, self.now());
        self.move_rotation(rotation, &claimed).await?;
        match self.start_claimed(&claimed, run, commit, &step).await {
            Ok(_) => Ok(Some(in_words(&claimed))),
            Err(error) => {
                let may_pass = matches!(&error, CadenceError::Run(error) if error.is_passing())
                    || error.kind() == Kind::Unavailable;
                let why = match &error {
                    CadenceError::Run(error) => error.recorded(),
                    other => other.to_string(),
                };
                self.gone_wrong(&claimed, &why, may_pass).await
            }
        }
    }

    async fn start_claimed(
        &self,
        claimed: &Rotation,
        run: RunId,
        commit: &str,
        step: &Step,
    ) -> Result<Run, CadenceError> {
        let code = CodeChoice::Rev(commit.to_owned());
        let built = self.built_by(&claimed.builds).await?;
        let params = Params::new();
        let say: lamp_runner::Progress<'_> = &|_| {};
        let started = match step {
            Step::Build(dataset) => {
                // The newest of everything: a dataset is not made shorter because a rotation comes late.
                let versions = Versions::Newest { before: None, built };
                let request =
                    Build { id: run, dataset, params: &params, as_of: claimed.as_of, versions, claim: Some(claimed) };
                self.begin_build(&code, &request, say).await
            }
            Step::Train => {
                let versions = Versions::Newest { before: Some(claimed.cutoff), built };
                let model = &claimed.model;
                let training =
                    Training { id: run, model, params: &params, as_of: claimed.as_of, versions, claim: Some(claimed) };
                self.begin_training(&code, &training, say).await
            }
        };
        started.map_err(|error: RunError| error.into())
    }

    /// Moves a rotation with its audit event, and with an incident if that is the end of it.
    pub(super) async fn move_rotation(&self, from: &Rotation, to: &Rotation) -> Result<(), CadenceError> {
        let mut tx = self.ledger().begin().await?;
        tx.move_rotation(from, to).await?;
        if to.state == RotationState::Failed {
            let reason = to.reason.as_deref().unwrap_or_default();
            let title = format!("the rotation of {} of {} failed: {reason}", to.model, to.cutoff);
            let id = IncidentId::new(self.now(), &*self.ids());
            let project = self.workspace().model(&to.model).map(|(project, _)| &project.name);
            let incident = Incident::open(id, ROTATION_FAILED, to.model.to_string(), title, self.now()).of(project);
            self.open_incident(&mut tx, &incident).await?;
        }
        let details = json!({
            "cutoff": to.cutoff, "run": to.run, "commit": to.commit, "attempts": to.attempts, "reason": to.reason,
        });
        tx.audit(&self.entry(action(to.state), &to.model, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

const fn action(state: RotationState) -> &'static str {
    match state {
        RotationState::Due => "rotation.due",
        RotationState::Building => "rotation.building",
        RotationState::Training => "rotation.training",
        RotationState::Reported => "rotation.reported",
        RotationState::Failed => "rotation.failed",
        RotationState::Skipped => "rotation.skipped",
    }
}

fn in_words(rotation: &Rotation) -> String {
    let (model, cutoff, state) = (&rotation.model, rotation.cutoff, rotation.state);
    match &rotation.reason {
        Some(reason) => format!("rotation of {model} of {cutoff} is {state}: {reason}"),
        None => format!("rotation of {model} of {cutoff} is {state}"),
    }
}

//! `lamp cadence run MODEL [--now]`: a rotation by hand, by the same steps as the scheduler's.

use std::sync::Arc;
use std::time::Duration;

use lamp_core::access::Permission;
use lamp_core::cadence::periods::{Next, Periods};
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::config::Every;
use lamp_core::names::ModelName;
use lamp_runner::Progress;

use super::CadenceError;
use super::tip::Tip;
use crate::app::App;

/// Pause between two looks at a rotation that somebody else moves.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which rotation.
#[derive(Debug, Clone)]
pub struct RunRotation {
    /// The model.
    pub model: ModelName,
    /// Also when none is due: then today is its cut-off.
    pub now: bool,
}

impl App {
    /// The rotation to run: one that is under way, one that failed, the one that is due, or, if asked for, one that is
    /// cut off today.
    pub async fn begin_rotation(&self, request: &RunRotation) -> Result<Rotation, CadenceError> {
        self.authorize(Permission::Work)?;
        let tip = self.tip(None).await?.ok_or(CadenceError::NoCommit)?;
        let model = &request.model;
        if tip.workspace.model(model).is_none() {
            return Err(CadenceError::UnknownModel { model: model.clone(), commit: tip.commit.short().to_owned() });
        }
        if tip.cadence(model).is_none() && !request.now {
            return Err(CadenceError::NoCadence { model: model.clone() });
        }
        self.open_period(&tip, model).await?;
        let newest = self.ledger().rotations(Some(model), 1).await?.into_iter().next();
        match newest {
            Some(rotation) if !rotation.state.is_final() => Ok(rotation),
            Some(rotation) if rotation.state == RotationState::Failed => {
                let reopened = rotation.reopened(self.now());
                self.move_rotation(&rotation, &reopened).await?;
                Ok(reopened)
            }
            Some(_) | None if request.now => self.open_today(&tip, model).await,
            Some(_) | None => Err(self.not_due(&tip, model, newest.as_ref())),
        }
    }

    async fn open_today(&self, tip: &Tip, model: &ModelName) -> Result<Rotation, CadenceError> {
        let zone = tip.workspace.root.time_zone.clone();
        let periods = Periods::new(Every::DAY, jiff::civil::Time::midnight(), zone);
        let rotation = Rotation::due(model.clone(), &periods.latest_due(self.now()), 0, self.now());
        if self.record_rotation(&rotation).await? {
            return Ok(rotation);
        }
        let known = self.ledger().find_rotation(model, rotation.cutoff).await?;
        let state = known.map_or(RotationState::Due, |known| known.state).as_str();
        Err(CadenceError::AlreadyRun { model: model.clone(), cutoff: rotation.cutoff, state })
    }

    fn not_due(&self, tip: &Tip, model: &ModelName, newest: Option<&Rotation>) -> CadenceError {
        let Some(cadence) = tip.cadence(model) else { return CadenceError::NoCadence { model: model.clone() } };
        let next = match tip.periods(cadence).next(newest.map(|rotation| rotation.cutoff), None, self.now()) {
            Next::Wait { period } | Next::Due { period, .. } | Next::Begun { period } => period.cutoff,
        };
        CadenceError::NotDue { model: model.clone(), next }
    }

    /// Takes a rotation to its end, or to the point where it waits for another attempt, and returns it as it then
    /// stands. `say` hears of its steps, `on_log` every line of its runs.
    pub async fn finish_rotation(
        &self,
        rotation: &Rotation,
        say: Progress<'_>,
        on_log: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Rotation, CadenceError> {
        let mut tip: Option<Arc<Tip>> = None;
        loop {
            let known = self.ledger().find_rotation(&rotation.model, rotation.cutoff).await?;
            let current = known.unwrap_or_else(|| rotation.clone());
            let waits = current.state == RotationState::Due && current.retry_at > self.now();
            if current.state.is_final() || waits {
                return Ok(current);
            }
            tip = self.tip(tip).await?;
            let at = tip.as_ref().ok_or(CadenceError::NoCommit)?;
            match self.advance(&current, at).await? {
                Some(done) => say(&done),
                None => self.wait_for_run_of(&current, on_log).await?,
            }
        }
    }

    /// Waits for the run that a rotation waits for, or a moment.
    async fn wait_for_run_of(
        &self,
        rotation: &Rotation,
        on_log: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), CadenceError> {
        let run = match rotation.run {
            Some(run) => self.ledger().find_run(run).await?,
            None => None,
        };
        let under_way = run.filter(|run| !run.state.is_final());
        let followed = match under_way {
            Some(run) => self.follow_run(run.id, on_log).await.is_ok(),
            None => false,
        };
        // How it ended is on record, and the next step reads it there.
        if !followed {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

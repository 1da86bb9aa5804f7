//! What becomes of one period of a cadence: due → building → training → reported, or failed, or skipped.
//!
//! A rotation ends with a candidate and its report. Nothing goes live by itself: a person signs.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cadence::periods::Period;
use crate::ids::RunId;
use crate::names::ModelName;

/// How often one period is tried, when what goes wrong may pass: a store that is away, a machine that was restarted.
pub const ATTEMPTS_MAX: u32 = 3;

/// Pause before the second attempt; it doubles before the third.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A run that was claimed, and is not on record after so long, was never started: whoever claimed it is gone. (One
/// who is only slow finds the claim taken back when he records the run, and lets go.)
pub const CLAIM_PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Where a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RotationState {
    /// To be started.
    Due,
    /// A derived dataset is being built from the latest raw versions.
    Building,
    /// The model is being trained.
    Training,
    /// A candidate waits with its report.
    Reported,
    /// There is no candidate.
    Failed,
    /// Left out, with a reason.
    Skipped,
}

impl RotationState {
    const ALL: [Self; 6] = [Self::Due, Self::Building, Self::Training, Self::Reported, Self::Failed, Self::Skipped];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Building => "building",
            Self::Training => "training",
            Self::Reported => "reported",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Due | Self::Building | Self::Training => false,
            Self::Reported | Self::Failed | Self::Skipped => true,
        }
    }
}

impl fmt::Display for RotationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One period of one model, as the ledger keeps it. Model and cut-off are its key: there is one of each, whoever
/// looks, however often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The model.
    pub model: ModelName,
    /// The first civil day whose data it does not take in.
    pub cutoff: Date,
    /// Where it is.
    pub state: RotationState,
    /// What relative ranges count from.
    pub as_of: Timestamp,
    /// When it became due.
    pub due_at: Timestamp,
    /// Periods before it that were not run, because nobody was there to run them.
    pub missed: u32,
    /// Attempts that failed so far.
    pub attempts: u32,
    /// The commit, once chosen.
    pub commit: Option<String>,
    /// The run that is claimed or under way; in the end, the run that trained the candidate.
    pub run: Option<RunId>,
    /// Builds that have been made for it.
    pub builds: Vec<RunId>,
    /// Why it failed, was skipped or waits for another attempt.
    pub reason: Option<String>,
    /// When it moved last.
    pub moved_at: Timestamp,
    /// When it is to be tried again.
    pub retry_at: Timestamp,
}

impl Rotation {
    /// A period that is to be run.
    pub fn due(model: ModelName, period: &Period, missed: u32, now: Timestamp) -> Self {
        Self {
            model,
            cutoff: period.cutoff,
            state: RotationState::Due,
            as_of: period.as_of,
            due_at: period.due_at,
            missed,
            attempts: 0,
            commit: None,
            run: None,
            builds: Vec::new(),
            reason: None,
            moved_at: now,
            retry_at: now,
        }
    }

    /// A period that is left out.
    pub fn skipped(model: ModelName, period: &Period, reason: &str, now: Timestamp) -> Self {
        Self { state: RotationState::Skipped, reason: Some(reason.to_owned()), ..Self::due(model, period, 0, now) }
    }

    /// Claims `run` for the next step, `building` or `training`.
    #[must_use]
    pub fn claimed(&self, state: RotationState, run: RunId, commit: &str, now: Timestamp) -> Self {
        Self { state, run: Some(run), commit: Some(commit.to_owned()), reason: None, moved_at: now, ..self.clone() }
    }

    /// The build that was under way is done.
    #[must_use]
    pub fn built(&self) -> Self {
        let mut builds = self.builds.clone();
        builds.extend(self.run);
        Self { builds, ..self.clone() }
    }

    /// The training is done: a candidate waits.
    #[must_use]
    pub fn reported(&self, now: Timestamp) -> Self {
        Self { state: RotationState::Reported, reason: None, moved_at: now, ..self.clone() }
    }

    /// It went wrong. What may pass is tried again, up to [`ATTEMPTS_MAX`] times; anything else, never.
    #[must_use]
    pub fn gone_wrong(&self, why: &str, may_pass: bool, now: Timestamp) -> Self {
        let attempts = self.attempts + 1;
        let reason = Some(why.to_owned());
        if !may_pass || attempts >= ATTEMPTS_MAX {
            return Self { state: RotationState::Failed, attempts, reason, moved_at: now, ..self.clone() };
        }
        let pause = RETRY_AFTER.saturating_mul(1 << (attempts - 1).min(16));
        Self { attempts, reason, retry_at: now.checked_add(pause).unwrap_or(now), ..self.released(now) }
    }

    /// The claim is taken back: the run was never started.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self { state: RotationState::Due, run: None, moved_at: now, retry_at: now, ..self.clone() }
    }

    /// A person wants a failed one to be tried again, from the start.
    #[must_use]
    pub fn reopened(&self, now: Timestamp) -> Self {
        Self { attempts: 0, builds: Vec::new(), commit: None, reason: None, ..self.released(now) }
    }

    /// Whether a claim whose run is not on record may be taken back.
    pub fn claim_is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.moved_at) >= CLAIM_PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2013-05-01T04:00:00Z".parse().expect("a timestamp");
        start + SignedDuration::from_mins(minutes)
    }

    fn rotation() -> Rotation {
        let period = Period { cutoff: jiff::civil::date(2013, 5, 1), as_of: at(0), due_at: at(0) };
        Rotation::due(ModelName::parse("late").expect("a name"), &period, 2, at(0))
    }

    #[test]
    fn every_state_is_read_back() {
        assert!(RotationState::ALL.into_iter().all(|state| RotationState::parse(state.as_str()) == Some(state)));
    }

    #[test]
    fn what_may_pass_is_tried_three_times_with_longer_pauses() {
        let first = rotation().gone_wrong("the store is away", true, at(0));
        assert_eq!((first.state, first.attempts, first.retry_at), (RotationState::Due, 1, at(5)));
        let second = first.gone_wrong("the store is away", true, at(5));
        assert_eq!((second.state, second.attempts, second.retry_at), (RotationState::Due, 2, at(15)));
        let third = second.gone_wrong("the store is away", true, at(15));
        assert_eq!((third.state, third.attempts), (RotationState::Failed, 3));
        assert_eq!(rotation().gone_wrong("exited with code 1", false, at(0)).state, RotationState::Failed, "at once");
        let again = third.reopened(at(20));
        assert_eq!((again.state, again.attempts, again.reason), (RotationState::Due, 0, None));
    }

    #[test]
    fn builds_are_kept_while_the_steps_go_on() {
        let run = |number: u8| RunId(crate::ids::uuid_v7(at(0), [number; 10]));
        let building = rotation().claimed(RotationState::Building, run(1), "abc", at(1));
        let training = building.built().claimed(RotationState::Training, run(2), "abc", at(2));
        assert_eq!((training.builds.as_slice(), training.run), ([run(1)].as_slice(), Some(run(2))));
        assert!(!training.claim_is_stale(at(11)) && training.claim_is_stale(at(12)));
        assert_eq!(training.released(at(12)).builds, [run(1)], "what is built stays built");
        let reported = training.reported(at(3));
        assert_eq!((reported.run, reported.missed), (Some(run(2)), 2));
    }
}

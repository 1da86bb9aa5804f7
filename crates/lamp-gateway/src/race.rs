//! Which of two models answers a request, and when. Pure: the clock arrives as a [`Phase`].

use std::time::Duration;

/// Time kept back for writing the answer.
const MARGIN_MAX: Duration = Duration::from_millis(5);

/// How far one model has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It was not asked.
    Skipped,
    /// It has not answered yet.
    Pending,
    /// It has a valid answer.
    Valid,
    /// It has none, and will have none.
    Failed,
}

/// How far the request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is time to wait for the first choice.
    Early,
    /// Half of that time is over: whoever was left out is asked after all.
    Half,
    /// The margin is reached: any valid answer will do.
    Margin,
    /// The deadline is over.
    Over,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Whom the route and the breaker prefer.
    First,
    /// The other one.
    Second,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing yet.
    Wait,
    /// Answer with what this one said.
    Answer(Choice),
    /// Ask the second, which was left out: the first has failed, or is slow.
    AskSecond,
    /// There is no answer.
    GiveUp,
}

/// Decides from the state of both models and the time.
pub(crate) fn decide(first: Progress, second: Progress, phase: Phase) -> Decision {
    use Progress::{Failed, Pending, Skipped, Valid};
    match (first, second, phase) {
        (Valid, _, _) => Decision::Answer(Choice::First),
        (Failed | Skipped, Valid, _) | (Pending, Valid, Phase::Margin | Phase::Over) => {
            Decision::Answer(Choice::Second)
        }
        (_, _, Phase::Over) | (Failed | Skipped, Failed, _) => Decision::GiveUp,
        (Failed | Skipped, Skipped, Phase::Early | Phase::Half | Phase::Margin)
        | (Pending, Skipped, Phase::Half | Phase::Margin) => Decision::AskSecond,
        (Pending, Skipped, Phase::Early)
        | (Pending, Valid, Phase::Early | Phase::Half)
        | (Pending, Pending | Failed, Phase::Early | Phase::Half | Phase::Margin)
        | (Failed | Skipped, Pending, Phase::Early | Phase::Half | Phase::Margin) => Decision::Wait,
    }
}

/// Time from a request's start until any valid answer will do.
pub(crate) fn until_margin(deadline: Duration) -> Duration {
    deadline.saturating_sub(MARGIN_MAX.min(deadline / 10))
}

/// Time from a request's start until whoever was left out is asked after all.
pub(crate) fn until_half(deadline: Duration) -> Duration {
    until_margin(deadline) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use Progress::{Failed, Pending, Skipped, Valid};

    #[test]
    fn the_first_answers_when_it_can() {
        for second in [Skipped, Pending, Valid, Failed] {
            for phase in [Phase::Early, Phase::Half, Phase::Margin, Phase::Over] {
                assert_eq!(decide(Valid, second, phase), Decision::Answer(Choice::First));
            }
        }
    }

    #[test]
    fn a_first_that_failed_is_not_waited_for() {
        assert_eq!(decide(Failed, Valid, Phase::Early), Decision::Answer(Choice::Second));
        assert_eq!(decide(Failed, Pending, Phase::Early), Decision::Wait);
        assert_eq!(decide(Failed, Failed, Phase::Early), Decision::GiveUp);
    }

    #[test]
    fn a_slow_first_is_waited_for_until_the_margin() {
        assert_eq!(decide(Pending, Valid, Phase::Early), Decision::Wait);
        assert_eq!(decide(Pending, Valid, Phase::Half), Decision::Wait);
        assert_eq!(decide(Pending, Valid, Phase::Margin), Decision::Answer(Choice::Second));
        assert_eq!(decide(Pending, Pending, Phase::Margin), Decision::Wait);
        assert_eq!(decide(Pending, Failed, Phase::Margin), Decision::Wait);
        assert_eq!(decide(Pending, Pending, Phase::Over), Decision::GiveUp);
    }

    #[test]
    fn who_was_left_out_is_asked_when_the_first_fails() {
        assert_eq!(decide(Failed, Skipped, Phase::Early), Decision::AskSecond);
        assert_eq!(decide(Pending, Skipped, Phase::Early), Decision::Wait);
        assert_eq!(decide(Failed, Skipped, Phase::Over), Decision::GiveUp);
    }

    #[test]
    fn who_was_left_out_is_asked_when_the_first_takes_half_of_its_time() {
        assert_eq!(decide(Pending, Skipped, Phase::Half), Decision::AskSecond);
        assert_eq!(decide(Pending, Skipped, Phase::Margin), Decision::AskSecond);
        assert_eq!(decide(Pending, Skipped, Phase::Over), Decision::GiveUp);
    }

    #[test]
    fn the_margin_is_small_beside_the_deadline() {
        assert_eq!(until_margin(Duration::from_millis(100)), Duration::from_millis(95));
        assert_eq!(until_margin(Duration::from_millis(10)), Duration::from_millis(9));
    }
}

//! One feature over time: what it is expected to be next, and how far off that usually is.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::robust::{Tail, centre_and_scale, median};

/// Values that are remembered.
const VALUES_KEPT: usize = 64;
/// Errors of each way to expect that are remembered.
const ERRORS_KEPT: usize = 42;
/// Scores that are remembered.
const SCORES_KEPT: usize = 120;
/// Values that make up the level.
const LEVEL_OF: usize = 28;
/// Values that make up the level of late.
const RECENT_OF: usize = 5;
/// Values of the same season that make up its level.
const SEASON_OF: usize = 5;
/// Values before anything is expected.
const VALUES_MIN: usize = 3;
/// Errors before a way to expect is trusted.
const ERRORS_MIN: usize = 5;
/// Values before there is a forecast.
pub(super) const FORECAST_MIN: usize = VALUES_MIN + ERRORS_MIN;
/// How much better than the plain level another way must be.
const MARGIN: f64 = 0.9;
/// Scores grow no further: certain is certain.
const SCORE_MAX: f64 = 60.0;
/// A tail of scores falls off by e at least every so much.
const SCORE_EXCESS_MIN: f64 = 0.35;

/// How the next value is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// As the level of the last four weeks (28 partitions).
    Level,
    /// As the level of the last few partitions: for what drifts.
    Recent,
    /// As the last partition.
    Last,
    /// As the same weekday (or month) before.
    Season,
}

impl Expectation {
    const ALL: [Self; 4] = [Self::Level, Self::Recent, Self::Last, Self::Season];

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Level => "the level of 28 partitions",
            Self::Recent => "the level of 5 partitions",
            Self::Last => "the partition before",
            Self::Season => "the same weekday",
        }
    }
}

/// What the next value is expected to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Forecast {
    /// The value.
    pub expected: f64,
    /// How far off that usually is (one sigma).
    pub scale: f64,
    /// How it was found.
    pub by: Expectation,
}

/// One feature over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    /// Values with their season, the latest last.
    values: VecDeque<(i8, f64)>,
    errors: [VecDeque<f64>; 4],
    scores: VecDeque<f64>,
}

/// Puts a value at the end, and forgets the oldest beyond `kept`.
pub(super) fn push<T>(queue: &mut VecDeque<T>, value: T, kept: usize) {
    if queue.len() == kept {
        queue.pop_front();
    }
    queue.push_back(value);
}

impl Series {
    /// What is expected of the next value, in `season`; none before there is a history.
    pub fn forecast(&self, season: i8) -> Option<Forecast> {
        let mut best: Option<(f64, Forecast)> = None;
        for (by, errors) in Expectation::ALL.into_iter().zip(&self.errors) {
            let Some(raw) = self.expect(by, season).filter(|_| errors.len() >= ERRORS_MIN) else { continue };
            let errors: Vec<f64> = errors.iter().copied().collect();
            let (centre, scale) = centre_and_scale(&errors);
            let handicap = if by == Expectation::Level { scale * MARGIN } else { scale };
            if best.as_ref().is_none_or(|(least, _)| handicap < *least) {
                best = Some((handicap, Forecast { expected: raw + centre, scale, by }));
            }
        }
        best.map(|(_, forecast)| forecast)
    }

    fn expect(&self, by: Expectation, season: i8) -> Option<f64> {
        if self.values.len() < VALUES_MIN {
            return None;
        }
        let latest = |count: usize| self.values.iter().rev().take(count).map(|(_, value)| *value).collect::<Vec<_>>();
        match by {
            Expectation::Level => Some(median(&mut latest(LEVEL_OF))),
            Expectation::Recent => Some(median(&mut latest(RECENT_OF))),
            Expectation::Last => self.values.back().map(|(_, value)| *value),
            Expectation::Season => {
                let same = self.values.iter().rev().filter(|(other, _)| *other == season);
                let mut same: Vec<f64> = same.take(SEASON_OF).map(|(_, value)| *value).collect();
                (same.len() >= 2).then(|| median(&mut same))
            }
        }
    }

    /// Takes in a value and, where there was one, its score.
    pub fn learn(&mut self, season: i8, value: f64, score: Option<f64>) {
        for (at, by) in Expectation::ALL.into_iter().enumerate() {
            if let Some(expected) = self.expect(by, season) {
                push(&mut self.errors[at], value - expected, ERRORS_KEPT);
            }
        }
        push(&mut self.values, (season, value), VALUES_KEPT);
        if let Some(score) = score {
            push(&mut self.scores, score, SCORES_KEPT);
        }
    }

    /// How likely scores are, from those that there were.
    pub fn tail(&self) -> Tail {
        Tail::of(self.scores.iter().copied(), SCORE_EXCESS_MIN)
    }
}

impl Forecast {
    /// How many sigmas `value` is off, where a sigma is at least `floor`.
    pub fn score(&self, value: f64, floor: f64) -> f64 {
        let sigma = self.scale.max(floor);
        let off = (value - self.expected).abs();
        if off == 0.0 { 0.0 } else { (off / sigma).min(SCORE_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(values: impl IntoIterator<Item = f64>) -> Series {
        let mut series = Series::default();
        for (day, value) in (0..).zip(values) {
            series.learn(day % 7, value, None);
        }
        series
    }

    /// Values between -0.5 and 0.5 that look like noise.
    fn noise(count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(|at| f64::from(at * 7919 % 101) / 100.0 - 0.5)
    }

    #[test]
    fn each_history_is_expected_to_go_on_as_it_went() {
        let flat = learnt(noise(60)).forecast(4).expect("a history");
        assert!(flat.by == Expectation::Level && flat.expected.abs() < 0.3, "{flat:?}");
        let trend = learnt(noise(60).zip(0..).map(|(noise, day)| noise + 5.0 * f64::from(day)));
        let next = trend.forecast(4).expect("a history");
        assert!((next.expected - 300.0).abs() < 2.0 && next.scale < 2.0, "{next:?}");
        let weekly = learnt(noise(60).zip(0..).map(|(noise, day)| noise + if day % 7 > 4 { 50.0 } else { 0.0 }));
        let (workday, weekend) = (weekly.forecast(4).expect("a history"), weekly.forecast(5).expect("a history"));
        assert!(workday.by == Expectation::Season && workday.expected < 1.0, "{workday:?}");
        assert!(weekend.expected > 49.0 && weekend.score(0.0, 0.1) > 20.0, "{weekend:?}");
        assert!(learnt(noise(4)).forecast(4).is_none());
    }
}

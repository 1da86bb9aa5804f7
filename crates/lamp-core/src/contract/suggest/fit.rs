//! One-sided bounds, and the replay that says how much room they need.

use serde::{Deserialize, Serialize};

use super::{BACKTEST_MIN, HistoryPiece};

/// The room that a bound is given beyond what was seen, as multiples of the spread that was seen. Of `n` exchangeable
/// partitions the next one passes the largest so far with probability 1/(n + 1): no bound is put at the extreme itself.
const ROOMS: [f64; 3] = [0.5, 1.0, 2.0];

/// Kendall's τ-b between place and value above which a series is said to move.
const TREND_MIN: f64 = 0.7;

/// Partitions below which no trend is looked for.
const TREND_PARTITIONS_MIN: usize = 8;

/// Newest values that a trend is looked for in.
const TREND_PARTITIONS_MAX: usize = 400;

/// Median absolute deviations beyond which a value stands apart: 10 are 6.7 standard deviations of a normal distribution.
const APART_DEVIATIONS: f64 = 10.0;

/// Most values that can stand apart.
const APART_MAX: usize = 6;

/// Bounds from here on are not written: they are no exact number of a file any more.
const BOUND_MAX: f64 = 9.0e15;

/// How a promise would have done: fitted on the first partitions, replayed over the later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backtest {
    /// Partitions that it was fitted on.
    pub fitted: usize,
    /// Partitions that it was replayed over.
    pub replayed: usize,
    /// How many of these would have had an alarm.
    pub alarms: usize,
    /// Which they are, as places in the history, from 0.
    #[serde(skip)]
    pub at: Vec<usize>,
}

impl Backtest {
    /// Alarms a partition.
    #[allow(clippy::cast_precision_loss, reason = "counts of partitions")]
    pub fn rate(&self) -> f64 {
        if self.replayed == 0 { 0.0 } else { self.alarms as f64 / self.replayed as f64 }
    }

    /// `0 alarms in the last 75 partitions`.
    pub fn words(&self) -> String {
        let alarms = if self.alarms == 1 { "alarm" } else { "alarms" };
        format!("{} {alarms} in the last {} of {} partitions", self.alarms, self.replayed, self.fitted + self.replayed)
    }
}

/// How many of `n` partitions a promise is fitted on before it is replayed; none when they are too few.
pub(super) fn split(n: usize) -> Option<usize> {
    (n >= BACKTEST_MIN).then(|| n.div_ceil(2))
}

/// Replays a promise: `alarms(fitted, place)` says whether one that is fitted on the places below `fitted` would have
/// alarmed at `place`. `places` are their places in the history.
pub(super) fn replay(places: &[usize], alarms: impl Fn(usize, usize) -> bool) -> Option<Backtest> {
    let fitted = split(places.len())?;
    let at: Vec<usize> = (fitted..places.len()).filter(|place| alarms(fitted, *place)).map(|at| places[at]).collect();
    Some(Backtest { fitted, replayed: places.len() - fitted, alarms: at.len(), at })
}

/// Which end of the values is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Low,
    High,
}

/// The least room, whatever the spread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Floor {
    /// A share of the bound.
    Relative(f64),
    /// That much.
    Absolute(f64),
}

/// One number a partition, to be bounded on one side.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub side: Side,
    /// Place in the history, and value.
    pub values: Vec<(usize, f64)>,
    pub floor: Floor,
    pub whole: bool,
    /// Values never pass this: 0 for what is never negative.
    pub limit: Option<f64>,
}

/// A bound that history bears.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    pub bound: f64,
    pub backtest: Option<Backtest>,
    /// Smallest and largest of the values.
    pub seen: (f64, f64),
    /// Why it has more room than others, where it has.
    pub widened: Option<String>,
    /// Places whose values stand apart from all others, and the bound that the others would have.
    pub apart: Option<(Vec<usize>, f64)>,
}

impl Fitted {
    /// What was seen, and why the bound is as wide as it is. `pieces` are the partitions by their places.
    pub(super) fn evidence(&self, mut seen: String, pieces: &[HistoryPiece]) -> String {
        if let Some((places, bound)) = &self.apart {
            let labels: Vec<&str> =
                places.iter().filter_map(|place| pieces.get(*place)).map(|piece| piece.label.as_str()).collect();
            let stand = if labels.len() == 1 { "stands" } else { "stand" };
            seen = format!("{seen}; {} {stand} apart: without, the bound would be {bound}", labels.join(", "));
        }
        match &self.widened {
            Some(why) => format!("{seen}; {why}"),
            None => seen,
        }
    }
}

impl Series {
    /// The narrowest bound that does not alarm too often, or why there is none.
    pub(super) fn fit(&self, alarms_max: f64) -> Result<Fitted, String> {
        let values: Vec<f64> = self.values.iter().map(|(_, value)| *value).collect();
        let places: Vec<usize> = self.values.iter().map(|(place, _)| *place).collect();
        let (low, high) = extremes(&values);
        if values.is_empty() || !low.is_finite() || !high.is_finite() {
            return Err("there is no finite value".to_owned());
        }
        if self.moves(&values) {
            return Err("it moves with time".to_owned());
        }
        let mut tried: Option<Backtest> = None;
        for room in ROOMS {
            let bound = self.bound(&values, room);
            if bound.abs() >= BOUND_MAX {
                return Err("its values are too large for an exact bound".to_owned());
            }
            let backtest =
                replay(&places, |fitted, at| self.is_beyond(values[at], self.bound(&values[..fitted], room)));
            match backtest {
                Some(backtest) if backtest.rate() > alarms_max => tried = Some(backtest),
                backtest => {
                    let why = |narrower: Backtest| {
                        format!("widened to {room} times the spread: before, {}", narrower.words())
                    };
                    let apart = self.apart(bound, room);
                    return Ok(Fitted { bound, backtest, seen: (low, high), widened: tried.map(why), apart });
                }
            }
        }
        let words = tried.map(|backtest| backtest.words()).unwrap_or_default();
        Err(format!("even the widest bound alarms too often: {words}"))
    }

    /// The values that are so far on the bounded side that a person must decide whether they are to be allowed, and
    /// the bound without them. None when none are, or so many that they are no accident.
    #[allow(clippy::float_cmp, reason = "the same computation on the same values")]
    fn apart(&self, bound: f64, room: f64) -> Option<(Vec<usize>, f64)> {
        let values: Vec<f64> = self.values.iter().map(|(_, value)| *value).collect();
        let middle = median(&values)?;
        let deviation = median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())?;
        let least = match self.floor {
            Floor::Relative(share) => share * middle.abs(),
            Floor::Absolute(least) => least,
        };
        let far = APART_DEVIATIONS * deviation.max(least);
        let is_apart = |value: f64| match self.side {
            Side::Low => middle - value > far,
            Side::High => value - middle > far,
        };
        let places: Vec<usize> = self.values.iter().filter(|(_, value)| is_apart(*value)).map(|(at, _)| *at).collect();
        let are_few = places.len() <= (values.len() / 20).clamp(1, APART_MAX);
        let others: Vec<f64> = values.iter().copied().filter(|value| !is_apart(*value)).collect();
        let without = self.bound(&others, room);
        (!places.is_empty() && are_few && values.len() >= BACKTEST_MIN && without != bound).then_some((places, without))
    }

    fn is_beyond(&self, value: f64, bound: f64) -> bool {
        match self.side {
            Side::Low => value < bound,
            Side::High => value > bound,
        }
    }

    /// The extreme with `room` times the spread beyond it, rounded away from the values to two digits of that room.
    fn bound(&self, values: &[f64], room: f64) -> f64 {
        let (low, high) = extremes(values);
        let extreme = match self.side {
            Side::Low => low,
            Side::High => high,
        };
        let floor = match self.floor {
            Floor::Relative(share) => share * extreme.abs(),
            Floor::Absolute(least) => least,
        };
        let room = room * (high - low).max(floor);
        let bound = match self.side {
            Side::Low => outward(extreme - room, room, self),
            Side::High => outward(extreme + room, room, self),
        };
        match (self.limit, self.side) {
            (Some(limit), Side::Low) => bound.max(limit),
            (Some(limit), Side::High) => bound.min(limit),
            (None, _) => bound,
        }
    }

    /// Whether the values go where the bound is: upwards for an upper one.
    fn moves(&self, values: &[f64]) -> bool {
        if values.len() < TREND_PARTITIONS_MIN {
            return false;
        }
        let tau = kendall(&values[values.len().saturating_sub(TREND_PARTITIONS_MAX)..]);
        match self.side {
            Side::Low => tau < -TREND_MIN,
            Side::High => tau > TREND_MIN,
        }
    }
}

/// Rounds away from the values, to two digits of `room`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of decimals, from 0 to 300")]
fn outward(value: f64, room: f64, series: &Series) -> f64 {
    if room <= 0.0 {
        return value;
    }
    let digits = room.log10().floor() - 1.0;
    let digits = if series.whole { digits.max(0.0) } else { digits };
    let unit = 10f64.powf(digits);
    let steps = match series.side {
        Side::Low => (value / unit).floor(),
        Side::High => (value / unit).ceil(),
    };
    // Through text, so that 3 × 0.1 is written as 0.3.
    let decimals = (-digits).max(0.0) as usize;
    format!("{:.decimals$}", steps * unit).parse().unwrap_or(value)
}

/// The middle value; of an even number the upper one.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn extremes(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// Kendall's τ-b between place and value: the excess of rising pairs over falling ones, from −1 to 1. Equal values
/// make no pair; of values that are all equal it is 0.
#[allow(clippy::cast_precision_loss, reason = "counts of pairs")]
fn kendall(values: &[f64]) -> f64 {
    let (mut rising, mut falling, mut pairs) = (0u64, 0u64, 0u64);
    for (at, earlier) in values.iter().enumerate() {
        for later in &values[at + 1..] {
            pairs += 1;
            rising += u64::from(later > earlier);
            falling += u64::from(later < earlier);
        }
    }
    let moved = rising + falling;
    if moved == 0 { 0.0 } else { (rising as f64 - falling as f64) / ((pairs as f64).sqrt() * (moved as f64).sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(side: Side, values: &[f64]) -> Series {
        let values = values.iter().copied().enumerate().collect();
        Series { side, values, floor: Floor::Relative(0.05), whole: true, limit: None }
    }

    #[test]
    fn a_bound_has_room_and_is_rounded_away_from_the_values() {
        let steady = [10.0, 12.0, 14.0, 11.0, 13.0, 14.0, 10.0, 12.0];
        for (side, values, whole, expected) in [
            (Side::High, &steady[..], true, Ok(16.0)),
            (Side::Low, &steady[..], true, Ok(8.0)),
            // No spread: a share of the value.
            (Side::High, &[2013.0; 8][..], true, Ok(2064.0)),
            (Side::High, &[0.11, 0.13, 0.12][..], false, Ok(0.14)),
            // The second half goes three times as far: one spread is not enough, two are.
            (Side::High, &[10.0, 12.0, 11.0, 10.0, 15.0, 11.0, 10.0, 12.0][..], true, Ok(25.0)),
            (Side::High, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0][..], true, Err("it moves with time")),
            // What rises may have a lower bound all the same.
            (Side::Low, &[11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0][..], true, Ok(7.0)),
            (
                Side::High,
                &[1.0, 2.0, 1.0, 900.0, 1.0, 2.0, 1.0, 2.0, 9_000.0, 1.0][..],
                true,
                Err("even the widest bound alarms too often: 1 alarm in the last 5 of 10 partitions"),
            ),
        ] {
            let fitted = Series { whole, ..series(side, values) }.fit(0.01).map(|fitted| fitted.bound);
            assert_eq!(fitted, expected.map_err(str::to_owned), "{side:?} of {values:?}");
        }
    }

    #[test]
    fn a_bound_that_was_widened_says_so() {
        let fitted = series(Side::High, &[10.0, 12.0, 11.0, 10.0, 15.0, 11.0, 10.0, 12.0]).fit(0.01).expect("a bound");
        assert_eq!(
            fitted.evidence("seen".to_owned(), &[]),
            "seen; widened to 2 times the spread: before, 1 alarm in the last 4 of 8 partitions"
        );
    }

    #[test]
    fn a_day_that_stands_apart_is_named_with_the_bound_that_the_others_have() {
        let mut values = [10.0, 12.0, 11.0, 10.0, 12.0, 11.0, 10.0, 12.0];
        assert_eq!(series(Side::High, &values).fit(0.01).expect("a bound").apart, None);
        values[2] = 90.0;
        let fitted = series(Side::High, &values).fit(0.01).expect("a bound");
        assert_eq!((fitted.bound, fitted.apart), (130.0, Some((vec![2], 13.0))));
        // A low value is nothing to an upper bound.
        values[2] = -90.0;
        assert_eq!(series(Side::High, &values).fit(0.01).expect("a bound").apart, None);
    }

    #[test]
    fn a_short_history_is_not_replayed_and_an_empty_one_bears_nothing() {
        assert_eq!(series(Side::High, &[1.0, 2.0]).fit(0.01).map(|fitted| fitted.backtest), Ok(None));
        assert!(series(Side::High, &[]).fit(0.01).is_err());
        assert!(series(Side::High, &[f64::INFINITY]).fit(0.01).is_err());
    }

    #[test]
    fn a_trend_is_told_from_noise() {
        let rising: Vec<f64> = (0..30).map(f64::from).collect();
        let falling: Vec<f64> = rising.iter().rev().copied().collect();
        for (values, expected) in [(&rising, 1.0), (&falling, -1.0), (&vec![3.0; 30], 0.0)] {
            assert!((kendall(values) - expected).abs() < 1e-12, "{values:?}");
        }
        let wave: Vec<f64> = (0..70).map(|day| f64::from(day % 7)).collect();
        assert!(kendall(&wave).abs() < 0.2, "a week is no trend");
    }

    proptest::proptest! {
        #[test]
        fn a_bound_never_alarms_on_what_it_was_fitted_on(
            values in proptest::collection::vec(-1.0e9..1.0e9f64, 1..40),
            is_low in proptest::bool::ANY,
            whole in proptest::bool::ANY,
        ) {
            let side = if is_low { Side::Low } else { Side::High };
            let series = Series { whole, ..series(side, &values) };
            if let Ok(fitted) = series.fit(0.01) {
                proptest::prop_assert!(values.iter().all(|value| !series.is_beyond(*value, fitted.bound)), "{fitted:?}");
                if let Some(backtest) = fitted.backtest {
                    proptest::prop_assert_eq!(backtest.fitted + backtest.replayed, values.len());
                    proptest::prop_assert!(backtest.rate() <= 0.01);
                }
            }
        }
    }
}

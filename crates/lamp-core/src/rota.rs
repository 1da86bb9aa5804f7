//! Who is on the rota at an instant, until when, and who is next.
//!
//! A shift lasts from one hand-off to the next. Hand-offs are wall-clock times of the workspace's zone: each is
//! looked up in the zone by itself, and nothing is ever reached by adding seconds. So a shift across a change of
//! the clocks is an hour shorter or longer, and passes on when people expect it. A hand-off at a time that a
//! change of the clocks leaves out happens that much later (02:30 becomes 03:30); of a time that comes twice, the
//! first counts.
//!
//! Whose turn it is follows from the calendar alone: shifts are counted in weeks from January 1970, and people
//! take turns in the order in which `lamp.toml` lists them. Above that lie swaps: for a span of time, another
//! person is on. Of swaps that overlap, the one that was recorded last counts.

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::config::{Handoff, Rota};
use crate::error::{Classified, Kind};
use crate::names::RotaName;

/// Longest span of one swap, in days.
pub const SWAP_DAYS_MAX: i64 = 366;

/// Characters of `2013-04-03`.
const DATE_LENGTH: usize = 10;

/// A Monday, from which weeks are counted.
const FIRST_MONDAY: Date = date(1970, 1, 5);

/// For a span of time, somebody else is on the rota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The rota.
    pub rota: RotaName,
    /// When it begins.
    pub from: Timestamp,
    /// When it has ended.
    pub until: Timestamp,
    /// Who is on meanwhile.
    pub person: String,
    /// Why.
    pub why: String,
    /// Who recorded it.
    pub by: Actor,
    /// When it was recorded.
    pub at: Timestamp,
}

/// One person's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Who is on.
    pub person: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when, that instant left out.
    pub until: Timestamp,
    /// Why it is not the person whose turn it would be, if a swap says so.
    pub swapped: Option<String>,
}

/// Why a swap is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwapRefusal {
    /// It takes no time.
    #[error("a swap from {from} to {until} takes no time")]
    Empty {
        /// Its start.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// It takes too long.
    #[error("a swap takes at most {SWAP_DAYS_MAX} days")]
    TooLong,
    /// It is over.
    #[error("the swap would have ended at {until}, and the past stays as it was")]
    Past {
        /// Its end.
        until: Timestamp,
    },
    /// Nobody of the rota.
    #[error("`{person}` is not on rota `{rota}`")]
    Stranger {
        /// The person.
        person: String,
        /// The rota.
        rota: RotaName,
        /// Who is on it.
        people: Vec<String>,
    },
    /// No reason given.
    #[error("a swap needs a reason")]
    WhyMissing,
}

impl Classified for SwapRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Empty { .. } | Self::TooLong | Self::Past { .. } | Self::Stranger { .. } | Self::WhyMissing => {
                Kind::Invalid
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty { .. } => "write --to after --from".to_owned(),
            Self::TooLong => "change the order of `people` in the lamp.toml at the root".to_owned(),
            Self::Past { .. } => "swap from now on: lamp rota".to_owned(),
            Self::Stranger { rota, people, .. } => {
                format!("people of [rota.{rota}] in the lamp.toml at the root: {}", people.join(", "))
            }
            Self::WhyMissing => "add --why \"on holiday\"".to_owned(),
        })
    }
}

impl Swap {
    /// Checks a swap against its rota, before it is recorded at `self.at`.
    pub fn check(mut self, rota: &Rota) -> Result<Self, SwapRefusal> {
        self.why = self.why.trim().to_owned();
        if self.why.is_empty() {
            return Err(SwapRefusal::WhyMissing);
        }
        if !rota.people.contains(&self.person) {
            let people = rota.people.clone();
            return Err(SwapRefusal::Stranger { person: self.person, rota: self.rota, people });
        }
        if self.until <= self.from {
            return Err(SwapRefusal::Empty { from: self.from, until: self.until });
        }
        if self.until <= self.at {
            return Err(SwapRefusal::Past { until: self.until });
        }
        if self.until.duration_since(self.from).as_hours() > SWAP_DAYS_MAX * 24 {
            return Err(SwapRefusal::TooLong);
        }
        Ok(self)
    }

    fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// An instant as people write it: `2013-04-03` (its start) or `2013-04-03 09:00` in a zone, or `2013-04-03T13:00:00Z`.
pub fn parse_instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil = match text.parse::<Date>() {
        Ok(day) if text.len() == DATE_LENGTH => day.at(0, 0, 0, 0),
        Ok(_) | Err(_) => DateTime::strptime("%Y-%m-%d %H:%M", text).ok()?,
    };
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// The shift at an instant. `swaps` are those of this rota, in the order in which they were recorded.
pub fn shift_at(rota: &Rota, zone: &TimeZone, swaps: &[Swap], at: Timestamp) -> Shift {
    let turn = turn_at(rota, zone, at);
    let mut shift = stretch_at(&turn, swaps, turn.from);
    for _ in 0..=swaps.len() * 2 {
        if shift.until >= turn.until {
            break;
        }
        let next = stretch_at(&turn, swaps, shift.until);
        // Where a swap begins or ends under another one, nobody changes: the shift goes on over it.
        let goes_on = next.person == shift.person && next.swapped == shift.swapped;
        if goes_on {
            shift.until = next.until;
        } else if at < shift.until {
            break;
        } else {
            shift = next;
        }
    }
    shift
}

/// The shift that follows.
pub fn shift_after(rota: &Rota, zone: &TimeZone, swaps: &[Swap], shift: &Shift) -> Shift {
    shift_at(rota, zone, swaps, shift.until)
}

/// The stretch around `at` within one turn in which nothing begins or ends.
fn stretch_at(turn: &Shift, swaps: &[Swap], at: Timestamp) -> Shift {
    let edges = swaps.iter().flat_map(|swap| [swap.from, swap.until]);
    let from = edges.clone().filter(|edge| *edge <= at).max().map_or(turn.from, |edge| edge.max(turn.from));
    let until = edges.filter(|edge| *edge > at).min().map_or(turn.until, |edge| edge.min(turn.until));
    let swap = swaps.iter().rev().find(|swap| swap.covers(at));
    let is_their_own_turn = swap.is_none_or(|swap| swap.person == turn.person);
    Shift {
        person: swap.map_or(&turn.person, |swap| &swap.person).clone(),
        from,
        until,
        swapped: swap.filter(|_| !is_their_own_turn).map(|swap| swap.why.clone()),
    }
}

/// Whose turn it is by the calendar alone.
fn turn_at(rota: &Rota, zone: &TimeZone, at: Timestamp) -> Shift {
    let today = at.to_zoned(zone.clone()).date();
    let days_back = i64::from(today.weekday().since(rota.handoff.weekday));
    let mut start = today.saturating_sub(days_back.days());
    if handoff_on(start, rota.handoff, zone) > at {
        start = start.saturating_sub(1.week());
    }
    let first = first_handoff(rota.handoff.weekday);
    let weeks = i64::from((start - first).get_days()).div_euclid(7);
    let people = i64::try_from(rota.people.len()).unwrap_or(i64::MAX).max(1);
    let turn = usize::try_from(weeks.rem_euclid(people)).unwrap_or(0);
    Shift {
        person: rota.people.get(turn).cloned().unwrap_or_default(),
        from: handoff_on(start, rota.handoff, zone),
        until: handoff_on(start.saturating_add(1.week()), rota.handoff, zone),
        swapped: None,
    }
}

fn first_handoff(weekday: Weekday) -> Date {
    FIRST_MONDAY.saturating_add(i64::from(weekday.since(Weekday::Monday)).days())
}

/// The instant at which the wall clock of the zone shows the hand-off's time on `day`.
fn handoff_on(day: Date, handoff: Handoff, zone: &TimeZone) -> Timestamp {
    let found = zone.to_ambiguous_timestamp(day.to_datetime(handoff.time)).compatible();
    // Only within a day of the ends of representable time.
    found.unwrap_or(if day.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}

#[cfg(test)]
mod tests;

//! Civil periods: days, weeks and months, counted from January 1970.

use std::fmt;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::config::{Every, EveryUnit};

/// A Monday, from which days and weeks are counted.
const FIRST_MONDAY: Date = date(1970, 1, 5);

/// A stretch of whole civil days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CivilPeriod {
    /// The first day.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
}

impl CivilPeriod {
    /// The period of length `every` that holds `day`. Days and weeks are counted from Monday, 5 January 1970,
    /// months from January 1970, so that everybody cuts time at the same places.
    pub fn containing(every: Every, day: Date) -> Self {
        Self::numbered(every, number_of(every, day))
    }

    /// The period before this one, of the same series.
    #[must_use]
    pub fn before(&self, every: Every) -> Self {
        Self::numbered(every, number_of(every, self.start) - 1)
    }

    /// How many periods of the series lie between the starts of two.
    pub fn periods_since(&self, every: Every, earlier: &Self) -> i64 {
        number_of(every, self.start) - number_of(every, earlier.start)
    }

    /// Its first instant, and the first one after it, in a zone. A midnight that a change of the clocks leaves
    /// out comes that much later.
    pub fn bounds(&self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (midnight(self.start, zone), midnight(self.end, zone))
    }

    /// Its length in days.
    pub fn days(&self) -> i64 {
        i64::from((self.end - self.start).get_days())
    }

    fn numbered(every: Every, number: i64) -> Self {
        let count = i64::from(every.count);
        let [first, after] = [number, number + 1].map(|number| {
            let units = number.saturating_mul(count);
            match every.unit {
                EveryUnit::Day => FIRST_MONDAY.saturating_add(units.clamp(-DAYS_MAX, DAYS_MAX).days()),
                EveryUnit::Week => FIRST_MONDAY.saturating_add(units.clamp(-DAYS_MAX / 7, DAYS_MAX / 7).weeks()),
                EveryUnit::Month => {
                    date(1970, 1, 1).saturating_add(units.clamp(-DAYS_MAX / 31, DAYS_MAX / 31).months())
                }
            }
        });
        Self { start: first, end: after }
    }
}

/// More days than any representable date is away from 1970.
const DAYS_MAX: i64 = 4_400_000;

fn number_of(every: Every, day: Date) -> i64 {
    let count = i64::from(every.count.max(1));
    let days = i64::from((day - FIRST_MONDAY).get_days());
    match every.unit {
        EveryUnit::Day => days.div_euclid(count),
        EveryUnit::Week => days.div_euclid(7 * count),
        EveryUnit::Month => {
            let months = (i64::from(day.year()) - 1970) * 12 + i64::from(day.month()) - 1;
            months.div_euclid(count)
        }
    }
}

fn midnight(day: Date, zone: &TimeZone) -> Timestamp {
    let found = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible();
    // Only within a day of the ends of representable time.
    found.unwrap_or(if day.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}

impl fmt::Display for CivilPeriod {
    /// `2013-04-01` for a day, `2013-04-01..2013-04-08` for more: `..` leaves its right end out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days() == 1 {
            return f.pad(&self.start.to_string());
        }
        f.pad(&format!("{}..{}", self.start, self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn every(count: u32, unit: EveryUnit) -> Every {
        Every { count, unit }
    }

    #[test]
    fn time_is_cut_at_the_same_places_for_everybody() {
        let day = date(2013, 4, 3);
        for (every, expected) in [
            (Every::DAY, "2013-04-03"),
            (every(1, EveryUnit::Week), "2013-04-01..2013-04-08"),
            (every(7, EveryUnit::Day), "2013-04-01..2013-04-08"),
            (every(1, EveryUnit::Month), "2013-04-01..2013-05-01"),
            (every(3, EveryUnit::Month), "2013-04-01..2013-07-01"),
            (every(2, EveryUnit::Month), "2013-03-01..2013-05-01"),
            (every(12, EveryUnit::Month), "2013-01-01..2014-01-01"),
        ] {
            let period = CivilPeriod::containing(every, day);
            assert_eq!(period.to_string(), expected, "{every}");
            assert_eq!(period.before(every).end, period.start, "{every}");
            assert_eq!(period.periods_since(every, &period.before(every).before(every)), 2, "{every}");
        }
    }

    #[test]
    fn a_day_has_as_many_hours_as_the_clocks_give_it() {
        let new_york = TimeZone::get("America/New_York").expect("a zone");
        let hours = |day| {
            let (from, until) = CivilPeriod::containing(Every::DAY, day).bounds(&new_york);
            until.duration_since(from).as_hours()
        };
        assert_eq!((hours(date(2013, 3, 10)), hours(date(2013, 11, 3)), hours(date(2013, 4, 1))), (23, 25, 24));
        // In Sao Paulo the clocks went forward at midnight.
        let sao_paulo = TimeZone::get("America/Sao_Paulo").expect("a zone");
        let (from, _) = CivilPeriod::containing(Every::DAY, date(2013, 10, 20)).bounds(&sao_paulo);
        assert_eq!(from.to_string(), "2013-10-20T03:00:00Z");
    }

    proptest! {
        #[test]
        fn periods_follow_one_another(days in -700_000_i32..700_000, count in 1_u32..400, unit in 0_usize..3) {
            let unit = [EveryUnit::Day, EveryUnit::Week, EveryUnit::Month][unit];
            let every = every(count, unit);
            let day = FIRST_MONDAY.saturating_add(days.days());
            let period = CivilPeriod::containing(every, day);
            prop_assert!(period.start <= day && day < period.end);
            prop_assert_eq!(CivilPeriod::containing(every, period.end).start, period.end);
            prop_assert_eq!(CivilPeriod::containing(every, period.end).before(every), period);
        }
    }
}

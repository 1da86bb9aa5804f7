//! Periods of a cadence: civil time in the workspace's zone.
//!
//! A period is named by its *cut-off*: the first civil day whose data it does not take in. It is due from a
//! wall-clock time of that day on. Cut-offs are counted from fixed points (every day and every week from Monday
//! 5 January 1970, every month from January of the year 0), so that they do not depend on when a cadence was written
//! down: `1 month` is cut off on each first, `3 months` on the firsts of January, April, July and October.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

use crate::config::{Every, EveryUnit};

/// A Monday: days and weeks are counted from here.
const FIRST_MONDAY: Date = date(1970, 1, 5);

/// A cadence in a zone.
#[derive(Debug, Clone)]
pub struct Periods {
    every: Every,
    at: Time,
    zone: TimeZone,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The first civil day whose data it does not take in: its name.
    pub cutoff: Date,
    /// The start of that day: what relative ranges count from.
    pub as_of: Timestamp,
    /// When it is to be run.
    pub due_at: Timestamp,
}

/// What is to be done for a model at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A period is due. `missed` periods before it were not run and never will be.
    Due {
        /// The latest one.
        period: Period,
        /// How many before it have no record.
        missed: u32,
    },
    /// The model was trained since the latest period became due, and the cadence has no record yet: it begins there.
    Begun {
        /// The latest period, which is left out.
        period: Period,
    },
    /// Nothing before this one.
    Wait {
        /// The next one.
        period: Period,
    },
}

impl Periods {
    /// The periods of `every`, each due at the wall-clock time `at` of its cut-off.
    pub fn new(every: Every, at: Time, zone: TimeZone) -> Self {
        Self { every, at, zone }
    }

    /// The period that is cut off on `cutoff`, which may be any day.
    pub fn period(&self, cutoff: Date) -> Period {
        // A time that a change of clocks leaves out counts as after the gap, one that comes twice as the first.
        let instant = |time: Time| {
            let zoned = cutoff.to_datetime(time).to_zoned(self.zone.clone());
            zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
        };
        Period { cutoff, as_of: instant(Time::midnight()), due_at: instant(self.at) }
    }

    /// The latest period that is due at `now`.
    pub fn latest_due(&self, now: Timestamp) -> Period {
        let mut period = self.period(self.cutoff_on_or_before(self.day_of(now)));
        while period.due_at > now && period.cutoff > Date::MIN {
            period = self.period(self.cutoff_on_or_before(period.cutoff.saturating_sub(1.day())));
        }
        period
    }

    /// The first period that is due after `now`.
    pub fn next_due(&self, now: Timestamp) -> Period {
        self.period(self.cutoff_after(self.latest_due(now).cutoff))
    }

    /// What is to be done at `now`. `newest` is the newest cut-off on record, `trained_at` when the model was trained
    /// last.
    pub fn next(&self, newest: Option<Date>, trained_at: Option<Timestamp>, now: Timestamp) -> Next {
        let period = self.latest_due(now);
        match newest {
            // A clock that was set back does not bring a period back.
            Some(newest) if newest >= period.cutoff => Next::Wait { period: self.next_due(now) },
            Some(newest) => Next::Due { missed: self.count_between(newest, period.cutoff), period },
            None if trained_at.is_some_and(|at| at >= period.due_at) => Next::Begun { period },
            None => Next::Due { period, missed: 0 },
        }
    }

    /// The number of cut-offs after `first` and before `last`, neither of them counted; at most a thousand.
    fn count_between(&self, first: Date, last: Date) -> u32 {
        let mut count = 0;
        let mut cutoff = self.cutoff_after(first);
        while cutoff < last && count < 1_000 {
            count += 1;
            cutoff = self.cutoff_after(cutoff);
        }
        count
    }

    fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The last cut-off that is not after `day`.
    fn cutoff_on_or_before(&self, day: Date) -> Date {
        let count = i64::from(self.every.count);
        match self.every.unit {
            EveryUnit::Day => FIRST_MONDAY.saturating_add(self.whole_days(day, count).days()),
            EveryUnit::Week => FIRST_MONDAY.saturating_add(self.whole_days(day, 7 * count).days()),
            EveryUnit::Month => {
                let months = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
                let months = months.div_euclid(count) * count;
                month(months)
            }
        }
    }

    /// Days from the first Monday to the last multiple of `length` days that is not after `day`.
    #[expect(clippy::unused_self, reason = "reads better beside its use")]
    fn whole_days(&self, day: Date, length: i64) -> i64 {
        let days = i64::from(day.since(FIRST_MONDAY).map_or(0, |span: Span| span.get_days()));
        days.div_euclid(length) * length
    }

    /// The first cut-off after `day`.
    fn cutoff_after(&self, day: Date) -> Date {
        let cutoff = self.cutoff_on_or_before(day);
        self.cutoff_on_or_before(cutoff.saturating_add(self.every.span()))
    }
}

/// The first day of a month, counted from January of the year 0.
fn month(months: i64) -> Date {
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let made = i16::try_from(year).ok().zip(i8::try_from(month).ok()).and_then(|(y, m)| Date::new(y, m, 1).ok());
    made.unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods(every: &str, at: &str) -> Periods {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        Periods::new(every.parse().expect(every), at.parse().expect(at), zone)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn cut_offs_do_not_depend_on_when_somebody_looks() {
        let cases = [
            ("1 month", "2013-04-30T12:00:00Z", "2013-04-01", "2013-05-01"),
            ("3 months", "2013-04-30T12:00:00Z", "2013-04-01", "2013-07-01"),
            ("2 months", "2013-04-30T12:00:00Z", "2013-03-01", "2013-05-01"),
            // 1 April 2013 was a Monday.
            ("1 week", "2013-04-07T12:00:00Z", "2013-04-01", "2013-04-08"),
            ("2 weeks", "2013-04-07T12:00:00Z", "2013-04-01", "2013-04-15"),
            ("day", "2013-04-07T12:00:00Z", "2013-04-07", "2013-04-08"),
            ("10 days", "2013-04-07T12:00:00Z", "2013-03-30", "2013-04-09"),
            ("1 month", "0999-12-31T12:00:00Z", "0999-12-01", "1000-01-01"),
        ];
        for (every, now, latest, next) in cases {
            let periods = periods(every, "00:00");
            assert_eq!(periods.latest_due(at(now)).cutoff.to_string(), latest, "{every}");
            assert_eq!(periods.next_due(at(now)).cutoff.to_string(), next, "{every}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_the_zone() {
        let periods = periods("1 month", "00:00");
        // Midnight in New York is four in the morning, in summer.
        assert_eq!(periods.latest_due(at("2013-05-01T03:59:59Z")).cutoff, date(2013, 4, 1));
        let period = periods.latest_due(at("2013-05-01T04:00:00Z"));
        assert_eq!((period.cutoff, period.as_of), (date(2013, 5, 1), at("2013-05-01T04:00:00Z")));
        assert_eq!(periods.latest_due(at("2013-12-01T04:30:00Z")).cutoff, date(2013, 11, 1), "five, in winter");
    }

    #[test]
    fn a_time_of_day_makes_a_period_due_later_and_leaves_its_cut_off() {
        let periods = periods("1 week", "06:30");
        assert_eq!(periods.latest_due(at("2013-04-08T10:29:00Z")).cutoff, date(2013, 4, 1));
        let period = periods.latest_due(at("2013-04-08T10:30:00Z"));
        assert_eq!((period.cutoff, period.as_of), (date(2013, 4, 8), at("2013-04-08T04:00:00Z")));
    }

    #[test]
    fn changes_of_the_clock_neither_skip_nor_repeat_a_period() {
        let periods = periods("day", "02:30");
        // 10 March 2013 had no half past two; 3 November had half past one twice.
        assert_eq!(periods.period(date(2013, 3, 10)).due_at, at("2013-03-10T07:30:00Z"));
        assert_eq!(self::periods("day", "01:30").period(date(2013, 11, 3)).due_at, at("2013-11-03T05:30:00Z"));
        let mut now = at("2013-03-08T00:00:00Z");
        let mut seen = vec![periods.latest_due(now).cutoff];
        while now < at("2013-03-13T00:00:00Z") {
            now = periods.next_due(now).due_at;
            seen.push(periods.latest_due(now).cutoff);
        }
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1.day()), "{seen:?}");
    }

    #[test]
    fn missed_periods_run_once() {
        let periods = periods("1 month", "00:00");
        let now = at("2013-05-20T12:00:00Z");
        let may = periods.period(date(2013, 5, 1));
        assert_eq!(periods.next(Some(date(2013, 4, 1)), None, now), Next::Due { period: may.clone(), missed: 0 });
        assert_eq!(periods.next(Some(date(2013, 1, 1)), None, now), Next::Due { period: may.clone(), missed: 3 });
        // A run by hand in the middle of a month does not count as a period.
        assert_eq!(periods.next(Some(date(2013, 2, 14)), None, now), Next::Due { period: may.clone(), missed: 2 });
        let june = periods.period(date(2013, 6, 1));
        assert_eq!(periods.next(Some(date(2013, 5, 1)), None, now), Next::Wait { period: june.clone() });
        assert_eq!(
            periods.next(Some(date(2013, 9, 1)), None, now),
            Next::Wait { period: june },
            "the clock was set back"
        );
    }

    #[test]
    fn a_cadence_begins_with_the_period_after_the_last_training() {
        let periods = periods("1 month", "00:00");
        let now = at("2013-05-20T12:00:00Z");
        let may = periods.period(date(2013, 5, 1));
        let trained = |text: &str| periods.next(None, Some(at(text)), now);
        assert_eq!(trained("2013-05-02T00:00:00Z"), Next::Begun { period: may.clone() });
        assert_eq!(trained("2013-04-30T00:00:00Z"), Next::Due { period: may.clone(), missed: 0 });
        assert_eq!(periods.next(None, None, now), Next::Due { period: may, missed: 0 });
    }
}

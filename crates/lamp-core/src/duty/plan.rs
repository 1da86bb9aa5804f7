//! Which duties are due: one in each period, and those that nobody created in time.

use jiff::civil::Date;

use crate::config::Every;
use crate::period::CivilPeriod;

/// Most periods that are made up for after a time in which nothing ran: the latest of them. Older ones are not
/// written down, and it is said how many those are.
pub const MADE_UP_MAX: usize = 31;

/// The periods of which no duty has been created yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePeriods {
    /// The present one.
    pub present: CivilPeriod,
    /// Past ones, oldest first: they were missed.
    pub skipped: Vec<CivilPeriod>,
    /// How many older ones are left out.
    pub left_out: u64,
}

/// The periods to create duties of today. `covered` is the last day that a duty covers, of those that have begun.
/// Where there is none, the practice begins today, and nothing was skipped. None if today is covered.
///
/// So a period of another length begins where the last one of the old length ends. And a clock that was set forward
/// and back again makes nothing twice: duties that begin later do not count.
pub fn due_periods(every: Every, today: Date, covered: Option<Date>) -> Option<DuePeriods> {
    let present = CivilPeriod::containing(every, today);
    let Some(covered) = covered else { return Some(DuePeriods { present, skipped: Vec::new(), left_out: 0 }) };
    let known = CivilPeriod::containing(every, covered);
    let behind = present.periods_since(every, &known);
    if behind <= 0 {
        return None;
    }
    let skipped_count = usize::try_from(behind - 1).unwrap_or(usize::MAX);
    let made_up = skipped_count.min(MADE_UP_MAX);
    let mut skipped: Vec<_> =
        std::iter::successors(Some(present.before(every)), |period| Some(period.before(every))).take(made_up).collect();
    skipped.reverse();
    Some(DuePeriods { present, skipped, left_out: (skipped_count - made_up) as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EveryUnit;
    use jiff::civil::date;

    #[test]
    fn a_period_is_due_once_and_what_was_skipped_is_made_up_for() {
        let week = Every { count: 1, unit: EveryUnit::Week };
        let month = Every { count: 1, unit: EveryUnit::Month };
        let today = date(2013, 4, 10);
        for (every, covered, expected) in [
            (Every::DAY, None, Some("2013-04-10; skipped: ; 0 left out")),
            (Every::DAY, Some(date(2013, 4, 10)), None),
            (Every::DAY, Some(date(2013, 4, 9)), Some("2013-04-10; skipped: ; 0 left out")),
            (Every::DAY, Some(date(2013, 4, 7)), Some("2013-04-10; skipped: 2013-04-08 2013-04-09; 0 left out")),
            (week, Some(date(2013, 4, 14)), None),
            (week, Some(date(2013, 4, 7)), Some("2013-04-08..2013-04-15; skipped: ; 0 left out")),
            (
                month,
                Some(date(2013, 2, 28)),
                Some("2013-04-01..2013-05-01; skipped: 2013-03-01..2013-04-01; 0 left out"),
            ),
            // Weekly until now: days begin when the week is over.
            (Every::DAY, Some(date(2013, 4, 14)), None),
            // Daily until now: weeks begin with the next one.
            (week, Some(date(2013, 4, 9)), None),
        ] {
            let due = due_periods(every, today, covered).map(|due| {
                let skipped: Vec<_> = due.skipped.iter().map(ToString::to_string).collect();
                format!("{}; skipped: {}; {} left out", due.present, skipped.join(" "), due.left_out)
            });
            assert_eq!(due.as_deref(), expected, "every {every}, covered {covered:?}");
        }
    }

    #[test]
    fn a_long_time_without_anybody_is_made_up_for_in_part_and_said() {
        let due = due_periods(Every::DAY, date(2013, 4, 10), Some(date(2012, 4, 10))).expect("due");
        assert_eq!((due.skipped.len(), due.left_out), (31, 364 - 31));
        assert_eq!((due.skipped[0].start, due.skipped[30].start), (date(2013, 3, 10), date(2013, 4, 9)));
    }
}

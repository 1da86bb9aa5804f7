//! Whether a training range and a validation range share a day, as far as that can be told without a run.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::partition::{Days, PartitionRange};

/// What is known before any run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// They never share a day.
    Never,
    /// They share a day, whenever the run is.
    Always,
    /// They share a day for a run as of this one, and do not for others: months differ in length.
    On(Date),
    /// It depends on the day of the run; the run checks.
    Undecided,
}

/// First and last sample of `as_of`: four years hold every length of a month and a leap day; the samples around
/// them catch ranges with fixed ends.
const DAILY: (Date, Date) = (date(2023, 1, 1), date(2026, 12, 31));
/// One sample a year, far enough to see whether an end moves.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2150;

/// Compares two ranges of one dataset.
///
/// Ends are fixed (`2013-01`), relative to the run (`-1month`) or open. Without a relative end the answer is exact;
/// without a fixed one it is the same for every run but for the lengths of months, so that four years of days are
/// enough. With both, ranges that overlap whenever neither is empty are an error, and others are left to the run.
pub(crate) fn overlap(a: &PartitionRange, b: &PartitionRange) -> Overlap {
    let yearly = YEARS.filter_map(|year| Date::new(year, 7, 1).ok());
    let daily = DAILY.0.series(1.day()).take_while(|day| *day <= DAILY.1);
    let mut meets = None;
    let mut parts = None;
    for as_of in daily.chain(yearly) {
        let (a, b) = (a.resolve(as_of), b.resolve(as_of));
        if is_empty(&a) || is_empty(&b) {
            continue;
        }
        if a.overlaps(&b) {
            meets = meets.or(Some(as_of));
        } else {
            parts = parts.or(Some(as_of));
        }
    }
    let has_fixed_end = has_fixed_end(a) || has_fixed_end(b);
    match (meets, parts) {
        (None, _) => Overlap::Never,
        (Some(_), None) => Overlap::Always,
        (Some(as_of), Some(_)) if !has_fixed_end => Overlap::On(as_of),
        (Some(_), Some(_)) => Overlap::Undecided,
    }
}

fn is_empty(days: &Days) -> bool {
    matches!((days.from, days.until), (Some(from), Some(until)) if until <= from)
}

fn has_fixed_end(range: &PartitionRange) -> bool {
    let (early, late) = (range.resolve(date(1950, 1, 1)), range.resolve(date(2050, 1, 1)));
    let fixed = |early: Option<Date>, late: Option<Date>| early.is_some() && early == late;
    fixed(early.from, late.from) || fixed(early.until, late.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(train: &str, valid: &str) -> Overlap {
        let range = |text| PartitionRange::parse(text).expect(text);
        overlap(&range(train), &range(valid))
    }

    #[test]
    fn ranges_that_meet_without_sharing_a_day_are_fine() {
        assert_eq!(of("..-1month", "-1month.."), Overlap::Never);
        assert_eq!(of("-6months..-7days", "-7days.."), Overlap::Never);
        assert_eq!(of("2013-01..2013-03", "2013-03"), Overlap::Never);
        assert_eq!(of("2013-01..-1month", "-1month.."), Overlap::Never);
        assert_eq!(of("..2013-01", "2013-01.."), Overlap::Never);
    }

    #[test]
    fn a_shared_day_is_found() {
        assert_eq!(of("..=-1month", "-1month.."), Overlap::Always);
        assert_eq!(of("2013-01..=2013-03", "2013-03"), Overlap::Always);
        assert_eq!(of("2013-01..=-1month", "-1month.."), Overlap::Always);
        assert_eq!(of("..", "-1month.."), Overlap::Always);
    }

    #[test]
    fn months_are_not_thirty_days() {
        // Fine in August, one shared day after a month of 28: the run of that day would be wrong.
        assert!(matches!(of("..-1month", "-30days.."), Overlap::On(_)));
        assert_eq!(of("..-1month", "-28days.."), Overlap::Never);
    }

    #[test]
    fn what_depends_on_the_day_of_the_run_is_left_to_the_run() {
        assert_eq!(of("2013-01..2025-01", "-1month.."), Overlap::Undecided);
    }
}

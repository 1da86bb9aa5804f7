//! Objectives over time: how many partitions may break their promise, and how much of that is spent.
//!
//! An objective is an `availability` of a contract's `slaProperties`: `value` percent of the partitions of the last
//! `valueExt` days keep the contract. What the percentage leaves is the **error budget**: of 28 partitions at 90 % it
//! is 2.8. Each bad partition spends one. Below the objective the budget is exhausted.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::sla::{Sla, SlaProperty, parse_period};

/// The window of an objective that names none, in days.
pub const WINDOW_DAYS: u32 = 28;

/// The longest window, in days.
pub const WINDOW_DAYS_MAX: u32 = 3_650;

/// A ratio of good partitions over a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Percent of the partitions that keep the contract, from 0 to 100.
    pub percent: f64,
    /// The last so many days.
    pub window_days: u32,
}

impl Objective {
    /// The objective that an entry of `slaProperties` is, if it is one and can be read.
    pub fn of(sla: &Sla) -> Option<Self> {
        if sla.property != SlaProperty::Availability {
            return None;
        }
        let percent = sla.number().filter(|percent| (0.0..=100.0).contains(percent))?;
        let window_days = match &sla.value_ext {
            None => WINDOW_DAYS,
            Some(_) => sla.extended_days().filter(|days| (1..=WINDOW_DAYS_MAX).contains(days))?,
        };
        Some(Self { percent, window_days })
    }

    /// The first day of the window that ends with `today`.
    pub fn since(&self, today: Date) -> Date {
        today.saturating_sub((i64::from(self.window_days) - 1).days())
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % of the partitions of {} days", self.percent, self.window_days)
    }
}

/// One partition (or version) as far as its contract goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `2013-02-08`, or `version 3`.
    pub label: String,
    /// The day that it counts on.
    pub day: Date,
    /// Whether it kept its contract; none where nobody has checked.
    pub is_good: Option<bool>,
}

/// Where a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetState {
    /// Nothing in the window was checked.
    Unknown,
    /// The objective is met.
    Kept,
    /// The objective is met, and the next bad partition breaks it.
    Spent,
    /// The objective is broken.
    Exhausted,
}

impl BudgetState {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Kept => "kept",
            Self::Spent => "spent",
            Self::Exhausted => "exhausted",
        }
    }
}

/// An error budget at one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// What is promised.
    pub objective: Objective,
    /// First day of the window.
    pub since: Date,
    /// Last day of the window.
    pub until: Date,
    /// Partitions that kept their contract.
    pub good: u64,
    /// Those that did not, oldest first.
    pub bad: Vec<String>,
    /// Partitions that nobody has checked: they count as neither.
    pub unchecked: u64,
    /// Bad partitions that the objective allows among those checked; not whole.
    pub allowed: f64,
    /// What is left of them; below zero once the objective is broken.
    pub left: f64,
    /// How fast it burns: the share of bad partitions in the newest quarter of the window, over the share that the
    /// objective allows. At 1 the budget lasts exactly as long as the window. None where nothing was checked in that
    /// quarter, or nothing at all is allowed.
    pub burn: Option<f64>,
    /// Where that leaves it.
    pub state: BudgetState,
}

impl Budget {
    /// The budget on `today`, from what became of the partitions. Those outside the window do not count.
    #[allow(clippy::cast_precision_loss, reason = "counts of partitions")]
    pub fn of(objective: Objective, today: Date, outcomes: &[Outcome]) -> Self {
        let since = objective.since(today);
        let quarter = today.saturating_sub((i64::from(objective.window_days.div_ceil(4)) - 1).days());
        let mut inside: Vec<&Outcome> = outcomes.iter().filter(|o| (since..=today).contains(&o.day)).collect();
        inside.sort_by(|a, b| (a.day, &a.label).cmp(&(b.day, &b.label)));
        let good = inside.iter().filter(|outcome| outcome.is_good == Some(true)).count() as u64;
        let is_bad = |outcome: &&&Outcome| outcome.is_good == Some(false);
        let bad: Vec<String> = inside.iter().filter(is_bad).map(|outcome| outcome.label.clone()).collect();
        let checked = good + bad.len() as u64;
        let share = (100.0 - objective.percent) / 100.0;
        let allowed = checked as f64 * share;
        let left = allowed - bad.len() as f64;
        let recent: Vec<_> = inside.iter().filter(|o| o.day >= quarter && o.is_good.is_some()).collect();
        let recent_bad = recent.iter().filter(|outcome| outcome.is_good == Some(false)).count();
        let burn = (!recent.is_empty() && share > 0.0).then(|| recent_bad as f64 / recent.len() as f64 / share);
        // A ratio of 0.9 in ten partitions must not fail by the last bit of 0.1 × 10.
        let tolerance = 1e-9 * checked as f64;
        let state = if checked == 0 {
            BudgetState::Unknown
        } else if left < -tolerance {
            BudgetState::Exhausted
        } else if left < 1.0 - tolerance && share > 0.0 && !bad.is_empty() {
            BudgetState::Spent
        } else {
            BudgetState::Kept
        };
        Self {
            objective,
            since,
            until: today,
            good,
            unchecked: inside.iter().filter(|outcome| outcome.is_good.is_none()).count() as u64,
            bad,
            allowed,
            left,
            burn,
            state,
        }
    }

    /// Percent of the checked partitions that are good; none where none was checked.
    #[allow(clippy::cast_precision_loss, reason = "counts of partitions")]
    pub fn percent(&self) -> Option<f64> {
        let checked = self.good + self.bad.len() as u64;
        (checked > 0).then(|| 100.0 * self.good as f64 / checked as f64)
    }

    /// What is left, in percent of the whole budget, from 0 to 100. Where nothing may be bad, all or nothing.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
    pub fn left_percent(&self) -> u32 {
        let share =
            if self.allowed > 0.0 { self.left / self.allowed } else { f64::from(u8::from(self.bad.is_empty())) };
        (100.0 * share).clamp(0.0, 100.0).round() as u32
    }

    /// `26 of 28 partitions are good (92.9 %), 95 % are promised`.
    pub fn standing(&self) -> String {
        let Some(percent) = self.percent() else { return "no partition of the window was checked".to_owned() };
        let checked = self.good + self.bad.len() as u64;
        let promised = self.objective.percent;
        format!("{} of {checked} partitions are good ({percent:.1} %), {promised} % are promised", self.good)
    }

    /// The same, with what is left of the budget.
    pub fn sentence(&self) -> String {
        match self.state {
            BudgetState::Unknown => self.standing(),
            BudgetState::Exhausted => format!("{}: the budget of {:.1} is exhausted", self.standing(), self.allowed),
            BudgetState::Kept | BudgetState::Spent => {
                format!("{}: {:.1} of the budget of {:.1} is left", self.standing(), self.left.max(0.0), self.allowed)
            }
        }
    }
}

/// Whether a word is the unit of a percentage.
pub(super) fn is_percent(unit: &str) -> bool {
    matches!(unit.to_lowercase().as_str(), "%" | "percent" | "pct")
}

/// A number of days that `value` in `unit` is, rounded up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small number of days")]
pub(super) fn days(value: f64, unit: &str) -> Option<u32> {
    const DAY: f64 = 86_400.0;
    let days = (value * parse_period(unit)? / DAY).ceil();
    (days >= 0.0 && days <= f64::from(u32::MAX)).then_some(days as u32)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// A partition a day up to the 28th of March, newest last: `+` good, `-` bad, `?` unchecked.
    fn month(text: &str) -> Vec<Outcome> {
        let length = i64::try_from(text.len()).expect("a few days");
        let first = date(2013, 3, 28).saturating_sub((length - 1).days());
        let outcome = |(at, mark): (i64, char)| {
            let day = first.saturating_add(at.days());
            let is_good = match mark {
                '+' => Some(true),
                '-' => Some(false),
                _ => None,
            };
            Outcome { label: day.to_string(), day, is_good }
        };
        (0..).zip(text.chars()).map(outcome).collect()
    }

    #[test]
    fn each_bad_partition_spends_one() {
        use BudgetState::{Exhausted, Kept, Spent, Unknown};
        for (percent, window_days, marks, state, left, burn) in [
            (90.0, 10, "++++++++++", Kept, 1.0, Some(0.0)),
            // Exactly at the objective: nothing is left, and it is not broken.
            (90.0, 10, "++++-+++++", Spent, 0.0, Some(0.0)),
            (90.0, 10, "++-+-+++++", Exhausted, -1.0, Some(0.0)),
            // The newest three of ten days are the quarter that burn is measured on.
            (80.0, 10, "+++++++++-", Kept, 1.0, Some(1.0 / 3.0 / 0.2)),
            // What lies before the window is forgotten.
            (90.0, 5, "-----+++++", Kept, 0.5, Some(0.0)),
            (100.0, 5, "+++++", Kept, 0.0, None),
            (100.0, 5, "++-++", Exhausted, -1.0, None),
            (90.0, 5, "?????", Unknown, 0.0, None),
            (50.0, 4, "?-+?", Spent, 0.0, None),
            (90.0, 5, "", Unknown, 0.0, None),
        ] {
            let budget = Budget::of(Objective { percent, window_days }, date(2013, 3, 28), &month(marks));
            assert_eq!(budget.state, state, "{marks}: {budget:?}");
            assert!((budget.left - left).abs() < 1e-9, "{marks}: {budget:?}");
            match (budget.burn, burn) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{marks}: {found}"),
                (found, expected) => assert_eq!(found, expected, "{marks}"),
            }
        }
    }

    #[test]
    fn a_budget_says_what_is_left() {
        let budget = Budget::of(Objective { percent: 90.0, window_days: 10 }, date(2013, 3, 28), &month("++-+-+++++"));
        assert_eq!(
            budget.sentence(),
            "8 of 10 partitions are good (80.0 %), 90 % are promised: the budget of 1.0 is exhausted"
        );
        assert_eq!(budget.bad, ["2013-03-21", "2013-03-23"]);
    }

    proptest::proptest! {
        #[test]
        fn a_budget_is_exhausted_exactly_when_the_objective_is_missed(
            marks in "[+\\-?]{0,40}", percent in 0u32..=100, window_days in 1u32..60,
        ) {
            let objective = Objective { percent: f64::from(percent), window_days };
            let budget = Budget::of(objective, date(2013, 3, 28), &month(&marks));
            let counted = budget.good + budget.bad.len() as u64;
            // In whole numbers: good / counted < percent / 100.
            let is_missed = counted > 0 && budget.good * 100 < u64::from(percent) * counted;
            proptest::prop_assert_eq!(budget.state == BudgetState::Exhausted, is_missed, "{:?}", budget);
            proptest::prop_assert!(counted + budget.unchecked <= u64::from(window_days));
        }
    }
}

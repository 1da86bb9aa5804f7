//! Which columns a person looks at: those that moved most, and the rest in turn.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::DatasetName;

/// Every column is looked at once in so many days, if the duties are done.
pub const SEEN_WITHIN_DAYS: u32 = 14;

/// Why a column was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChosenAs {
    /// It moved most.
    Moved,
    /// It is its turn.
    Turn,
}

impl ChosenAs {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Turn => "turn",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Moved, Self::Turn].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A column that may be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnToSee {
    /// The dataset.
    pub dataset: DatasetName,
    /// The column.
    pub column: String,
    /// How much further it is from its history than usual; none without a history.
    pub moved: Option<f64>,
    /// When a person last looked at it.
    pub seen_at: Option<Timestamp>,
}

/// A column that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenColumn {
    /// The column.
    pub column: ColumnToSee,
    /// Why.
    pub because: ChosenAs,
}

/// Chooses the columns of one duty, `wanted` of them if that suffices. Half of them (the larger half) are those
/// that moved most; the others are those that were not looked at for longest, as many as it takes to see each
/// column once in [`SEEN_WITHIN_DAYS`] days with a duty every `period_days`. (With longer periods that cannot be,
/// and there are `wanted`.) In the order in which they are to be looked at; at most one of each.
pub fn choose(mut columns: Vec<ColumnToSee>, wanted: usize, period_days: u32) -> Vec<ChosenColumn> {
    let by_name = |a: &ColumnToSee, b: &ColumnToSee| (&a.dataset, &a.column).cmp(&(&b.dataset, &b.column));
    // Equal ones stay in order of name, so that everybody chooses the same.
    columns.sort_by(by_name);
    columns.dedup_by(|a, b| by_name(a, b).is_eq());
    let of_turn = turn_count(columns.len(), wanted, period_days);
    columns.sort_by(|a, b| by_movement(b.moved, a.moved));
    let has_moved = |column: &&ColumnToSee| column.moved.is_some_and(|moved| moved > 0.0);
    let moved_count = columns.iter().take(wanted.div_ceil(2)).take_while(has_moved).count();
    let mut rest = columns.split_off(moved_count);
    rest.sort_by(|a, b| a.seen_at.cmp(&b.seen_at).then_with(|| by_name(a, b)));
    // What did not move leaves its places to the others.
    let of_turn = of_turn.max(wanted.saturating_sub(moved_count));
    let chosen = |because| move |column| ChosenColumn { column, because };
    let moved = columns.into_iter().map(chosen(ChosenAs::Moved));
    moved.chain(rest.into_iter().take(of_turn).map(chosen(ChosenAs::Turn))).collect()
}

fn turn_count(columns: usize, wanted: usize, period_days: u32) -> usize {
    let half = wanted / 2;
    if period_days > SEEN_WITHIN_DAYS {
        return half;
    }
    let duties = (SEEN_WITHIN_DAYS / period_days.max(1)).max(1);
    half.max(columns.div_ceil(duties as usize))
}

fn by_movement(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::ToSpan as _;

    use super::*;

    fn column(name: &str, moved: Option<f64>, seen_day: Option<i64>) -> ColumnToSee {
        let dataset = DatasetName::parse("flights").expect("a name");
        let seen_at = seen_day.map(|day| Timestamp::UNIX_EPOCH + (day * 24).hours());
        ColumnToSee { dataset, column: name.to_owned(), moved, seen_at }
    }

    fn said(chosen: &[ChosenColumn]) -> String {
        let words: Vec<_> = chosen.iter().map(|c| format!("{}:{}", c.column.column, c.because.as_str())).collect();
        words.join(" ")
    }

    #[test]
    fn half_is_what_moved_most_and_the_rest_takes_turns() {
        let columns = || {
            vec![
                column("a", Some(0.1), Some(3)),
                column("b", Some(0.9), Some(9)),
                column("c", Some(0.4), Some(1)),
                column("d", Some(-0.2), None),
                column("e", None, Some(2)),
            ]
        };
        for (wanted, expected) in [
            (1, "b:moved d:turn"),
            (2, "b:moved d:turn"),
            (3, "b:moved c:moved d:turn"),
            (4, "b:moved c:moved d:turn e:turn"),
            (9, "b:moved c:moved a:moved d:turn e:turn"),
        ] {
            assert_eq!(said(&choose(columns(), wanted, 1)), expected, "{wanted} wanted");
        }
        assert_eq!(said(&choose(columns(), 2, 30)), "b:moved d:turn", "a long period asks for what is wanted");
        assert_eq!(choose(columns(), 2, 14).len(), 5, "all of them, every two weeks");
        assert_eq!(choose(Vec::new(), 8, 1), []);
    }

    #[test]
    fn without_a_history_all_take_turns() {
        let columns = vec![column("b", None, None), column("a", None, None), column("a", None, None)];
        assert_eq!(said(&choose(columns, 2, 1)), "a:turn b:turn");
    }

    #[test]
    fn every_column_is_seen_within_two_weeks_whatever_moves() {
        for (count, wanted, period) in [(60, 8, 1), (200, 8, 1), (13, 1, 1), (40, 4, 7), (5, 9, 3)] {
            let mut seen: BTreeMap<String, i64> = BTreeMap::new();
            for day in (0..100).step_by(period) {
                let columns = (0..count).map(|number| {
                    let name = format!("c{number:03}");
                    // The same few move all the time.
                    let moved = Some(if number < 20 { 1.0 } else { 0.1 } + f64::from(number) * 1e-6);
                    let seen_day = seen.get(&name).copied();
                    column(&name, moved, seen_day)
                });
                let period_days = u32::try_from(period).expect("small");
                for chosen in choose(columns.collect(), wanted, period_days) {
                    seen.insert(chosen.column.column, day);
                }
                if day >= 14 {
                    let oldest =
                        (0..count).map(|number| seen.get(&format!("c{number:03}")).copied().unwrap_or(-99)).min();
                    assert!(oldest > Some(day - 14), "{count} columns, {wanted} wanted, on day {day}: {oldest:?}");
                }
            }
        }
    }
}

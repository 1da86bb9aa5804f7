//! What a person should notice about a column that is held against another.

use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, ColumnProfile};
use super::scalar::Scalar;

/// A share of nulls that differs by at least this much is noticed.
const NULL_SHARE_NOTICED: f64 = 0.01;
/// New values that a note lists.
const NEW_VALUES_LISTED: usize = 5;

/// Something about a column that its reference does not have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Note {
    /// The reference has no such column.
    NewColumn,
    /// It holds another sort of values.
    OtherType {
        /// The reference's type.
        before: String,
    },
    /// The share of nulls moved by a hundredth or more.
    Nulls {
        /// Here, from 0 to 1.
        now: f64,
        /// In the reference.
        before: f64,
    },
    /// Values that the reference does not have, although all of its values are known.
    NewValues {
        /// The most frequent of them.
        first: Vec<Scalar>,
        /// How many different ones are known.
        kinds: u64,
        /// Rows that hold them.
        rows: u64,
    },
    /// Smaller values than the reference has.
    Below {
        /// The smallest here.
        now: Scalar,
        /// The smallest there.
        before: Scalar,
    },
    /// Larger values than the reference has.
    Above {
        /// The largest here.
        now: Scalar,
        /// The largest there.
        before: Scalar,
    },
}

/// What is to be noticed of `now` over `before`. Dates and instants move by nature: of them only nulls count.
pub fn notes(now: &ColumnProfile, before: &ColumnProfile) -> Vec<Note> {
    if now.kind.widen(before.kind).is_none() {
        return vec![Note::OtherType { before: before.data_type.clone() }];
    }
    let mut notes = Vec::new();
    let (nulls, nulls_before) = (now.null_share(), before.null_share());
    let has_rows = now.count > 0 && before.count > 0;
    if has_rows && (nulls - nulls_before).abs() >= NULL_SHARE_NOTICED {
        notes.push(Note::Nulls { now: nulls, before: nulls_before });
    }
    match now.kind {
        ColumnKind::Date | ColumnKind::Instant => {}
        ColumnKind::Int | ColumnKind::Float => notes.extend(beyond(now, before)),
        ColumnKind::Null
        | ColumnKind::Bool
        | ColumnKind::Time
        | ColumnKind::Text
        | ColumnKind::List
        | ColumnKind::Struct
        | ColumnKind::Other => notes.extend(new_values(now, before)),
    }
    notes
}

/// Numbers beyond those of the reference.
fn beyond(now: &ColumnProfile, before: &ColumnProfile) -> Vec<Note> {
    let mut notes = Vec::new();
    if let (Some(low), Some(low_before)) = (&now.min, &before.min)
        && low.order(low_before).is_lt()
    {
        notes.push(Note::Below { now: low.clone(), before: low_before.clone() });
    }
    if let (Some(high), Some(high_before)) = (&now.max, &before.max)
        && high.order(high_before).is_gt()
    {
        notes.push(Note::Above { now: high.clone(), before: high_before.clone() });
    }
    notes
}

/// Values of a column that are in no row of the reference. Where the reference has too many values to
/// know them all, none is called new.
fn new_values(now: &ColumnProfile, before: &ColumnProfile) -> Option<Note> {
    if !before.top.exact || before.non_null() == 0 {
        return None;
    }
    let is_new = |value: &Scalar| before.top.find_count(value) == Some(0);
    let new: Vec<_> = now.top.entries.iter().filter(|(value, _)| is_new(value)).collect();
    let first: Vec<Scalar> = new.iter().take(NEW_VALUES_LISTED).map(|(value, _)| value.clone()).collect();
    let (kinds, rows) = (new.len() as u64, new.iter().map(|(_, count)| count).sum());
    (!first.is_empty()).then_some(Note::NewValues { first, kinds, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ColumnBuilder;

    fn numbers(values: &[i64], nulls: u64) -> ColumnProfile {
        let mut builder = ColumnBuilder::new("x", "Int64", ColumnKind::Int);
        builder.ints(values);
        builder.nulls(nulls);
        builder.finish()
    }

    fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ColumnProfile {
        let mut builder = ColumnBuilder::new("x", "Utf8", ColumnKind::Text);
        values.into_iter().for_each(|value| builder.text(value));
        builder.finish()
    }

    #[test]
    fn numbers_beyond_the_reference_and_nulls_are_noticed() {
        let usual = numbers(&[1, 2, 3], 0);
        assert_eq!(notes(&usual, &usual), []);
        let [Note::Below { now: low, .. }, Note::Above { before: high, .. }] = &notes(&numbers(&[0, 9], 0), &usual)[..]
        else {
            panic!("both ends are beyond")
        };
        assert_eq!((low, high), (&Scalar::Int(0), &Scalar::Int(3)));
        assert_eq!(notes(&numbers(&[1, 3], 2), &usual), [Note::Nulls { now: 0.5, before: 0.0 }]);
        assert_eq!(notes(&numbers(&[], 0), &usual), [], "nothing is no change of nulls");
    }

    #[test]
    fn new_values_are_named_when_all_of_the_reference_is_known() {
        let text = |value: &str| Scalar::Text(value.to_owned());
        let found = notes(&texts(["UA", "UA", "XX", "YY"]), &texts(["AA", "UA"]));
        assert_eq!(found, [Note::NewValues { first: vec![text("XX"), text("YY")], kinds: 2, rows: 2 }]);
        let many: Vec<String> = (0..2_000).map(|at| format!("N{at}")).collect();
        let found = notes(&texts(["XX"]), &texts(many.iter().map(String::as_str)));
        assert_eq!(found, [], "of two thousand values not all are known");
        let found = notes(&texts(["1"]), &numbers(&[1], 0));
        assert_eq!(found, [Note::OtherType { before: "Int64".to_owned() }]);
    }

    #[test]
    fn of_times_only_nulls_are_noticed() {
        let times = |from: i64, nulls: u64| {
            let mut builder = ColumnBuilder::new("at", "Timestamp(us, UTC)", ColumnKind::Instant);
            builder.instants(&[from, from + 1]);
            builder.nulls(nulls);
            builder.finish()
        };
        assert_eq!(notes(&times(9_000, 0), &times(0, 0)), []);
        assert_eq!(notes(&times(9_000, 2), &times(0, 0)), [Note::Nulls { now: 0.5, before: 0.0 }]);
    }
}

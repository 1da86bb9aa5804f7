//! What `lamp.toml` itself says of the rows: which column dates them, and which columns tell them apart.
//!
//! These are said only when they do not hold: they are no rules of the contract.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lamp_core::check::{Check, Verdict};
use lamp_core::contract::{Contract, Property, SchemaObject};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_core::profile::{ColumnKind, ColumnProfile, Scalar};

/// The rule of rows that lie outside their partition.
const PARTITION_RULE: &str = "partition.column";

/// The rule of rows that share a key.
const KEY_RULE: &str = "key.unique";

/// A failed check when a row of `column` is of no day of the partition `key`, in `zone`. Only instants
/// and days are judged; of other columns nothing is said.
pub(super) fn outside(column: &ColumnProfile, key: &PartitionKey, zone: &TimeZone) -> Option<Check> {
    let ends = [column.min.as_ref(), column.max.as_ref()].map(|end| end.and_then(|end| date_of(column, end, zone)));
    let [Some(first), Some(last)] = ends else { return None };
    let is_inside = |date: Date| date >= key.start() && date < key.end();
    if is_inside(first) && is_inside(last) {
        return None;
    }
    let days = if first == last { format!("of {first}") } else { format!("from {first} to {last}") };
    Some(Check {
        rule: PARTITION_RULE.to_owned(),
        column: Some(column.name.clone()),
        verdict: Verdict::Failed,
        measured: None,
        bound: format!("in {key}"),
        message: format!("`{}` is {days}, outside the partition {key}", column.name),
        severity: None,
        dimension: Some("consistency".to_owned()),
        samples: Vec::new(),
    })
}

/// The civil day of a value: instants in `zone`, days and times without a zone as they stand.
fn date_of(column: &ColumnProfile, value: &Scalar, zone: &TimeZone) -> Option<Date> {
    let Scalar::Instant(micros) = value else { return None };
    let has_zone = column.kind == ColumnKind::Instant && column.data_type.contains(',');
    let at = Timestamp::from_microsecond(*micros).ok()?;
    Some(if has_zone { zone.to_datetime(at) } else { TimeZone::UTC.to_datetime(at) }.date())
}

/// The declared key as a contract, which the engine can measure. What is sensitive in `promised` is so here.
pub(super) fn key_contract(dataset: &DatasetName, key: &[String], promised: Option<&SchemaObject>) -> Contract {
    let is_sensitive = |name: &str| {
        let of_contract = promised.map(|object| &object.properties[..]).unwrap_or_default();
        of_contract.iter().any(|property| property.column() == name && property.sensitive)
    };
    let property = |(at, name): (i64, &String)| Property {
        name: name.clone(),
        sensitive: is_sensitive(name),
        primary_key: true,
        primary_key_position: at,
        ..Property::default()
    };
    let object = SchemaObject {
        name: dataset.to_string(),
        properties: (1..).zip(key).map(property).collect(),
        ..SchemaObject::default()
    };
    Contract { objects: vec![object], ..Contract::default() }
}

/// What a check of [`key_contract`] found broken of the key itself: rows that share it, or a column
/// that is not there.
pub(super) fn broken_key(checks: Vec<Check>, key: &[String]) -> Vec<Check> {
    let is_of_key = |check: &Check| check.rule.ends_with(".unique") || check.rule.ends_with(".present");
    let is_broken = |check: &Check| check.verdict == Verdict::Failed && is_of_key(check);
    let named = |check: Check| Check {
        rule: KEY_RULE.to_owned(),
        message: format!("key ({}): {}", key.join(", "), check.message),
        ..check
    };
    checks.into_iter().filter(is_broken).map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnKind, data_type: &str, min: &str, max: &str) -> ColumnProfile {
        let scalar = |text: &str| Scalar::Instant(text.parse::<Timestamp>().expect(text).as_microsecond());
        let mut column = lamp_core::profile::ColumnBuilder::new("at", data_type, kind).finish();
        (column.min, column.max) = (Some(scalar(min)), Some(scalar(max)));
        column
    }

    #[test]
    fn a_row_of_another_day_is_told_in_the_workspaces_zone() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let day = PartitionKey::parse("2013-03-28").expect("a day");
        let judged = |kind, data_type: &str, min: &str, max: &str| {
            outside(&column(kind, data_type, min, max), &day, &zone).map(|check| check.message)
        };
        let instants = |min, max| judged(ColumnKind::Instant, "Timestamp(us, UTC)", min, max);
        assert_eq!(instants("2013-03-28T04:00:00Z", "2013-03-29T03:59:59Z"), None, "the whole day in New York");
        assert_eq!(
            instants("2013-03-28T04:00:00Z", "2013-03-29T04:00:00Z").as_deref(),
            Some("`at` is from 2013-03-28 to 2013-03-29, outside the partition 2013-03-28")
        );
        assert!(instants("2013-03-28T03:59:59Z", "2013-03-28T12:00:00Z").is_some());
        let civil = |min, max| judged(ColumnKind::Instant, "Timestamp(us)", min, max);
        assert_eq!(civil("2013-03-28T00:00:00Z", "2013-03-28T23:59:59Z"), None, "without a zone it stands as it is");
        assert_eq!(judged(ColumnKind::Date, "Date32", "2013-03-28T00:00:00Z", "2013-03-28T00:00:00Z"), None);
    }
}

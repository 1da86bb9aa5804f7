//! Rules of our own, and foreign keys: from profiles where those know the number, else by a query.

use std::collections::BTreeSet;

use lamp_core::contract::{Evidence, OwnMetric, OwnRule, Relationship, SchemaObject, measure_own};
use lamp_core::profile::{ColumnKind, ColumnProfile, Scalar};

use super::{About, Draft, Need, RowQuery};
use crate::check::condition::{literal, quoted};
use crate::check::measure::{TABLE, other_table};

/// What is known before any row is read.
#[derive(Debug)]
pub(in crate::check) struct Facts<'a> {
    pub evidence: Evidence<'a>,
    /// The other datasets that can be looked into.
    pub others: BTreeSet<&'a str>,
}

type Planned = Result<(Need, Vec<String>), String>;

/// What a rule needs, and which columns are shown beside its own.
pub(super) fn need(
    rule: &OwnRule,
    column: Option<&ColumnProfile>,
    object: &SchemaObject,
    facts: &Facts<'_>,
) -> (Need, Vec<String>) {
    let known = measure_own(rule, column.map(|column| column.name.as_str()), &facts.evidence);
    let planned = match known {
        Some(Ok(number)) => Ok((Need::Measured(number), Vec::new())),
        Some(Err(why)) => Err(why),
        None => by_rows(&rule.metric, column, object, facts),
    };
    planned.unwrap_or_else(|why| (Need::Nothing(why), Vec::new()))
}

fn by_rows(metric: &OwnMetric, column: Option<&ColumnProfile>, object: &SchemaObject, facts: &Facts<'_>) -> Planned {
    let own = || column.ok_or_else(|| "it is about a column".to_owned());
    let other = |name: &str| {
        let column = object.column_of(name);
        facts.evidence.profile.find(column).ok_or_else(|| format!("there is no column `{column}`"))
    };
    match metric {
        OwnMetric::Violations { condition } => {
            let condition = format!("({})", super::substituted(condition, object, column));
            Ok((counted(condition), Vec::new()))
        }
        OwnMetric::Comparison { order, to } => {
            let (own, to) = (own()?, other(to)?);
            own.kind
                .widen(to.kind)
                .ok_or_else(|| format!("`{}` is {} and `{}` is {}", own.name, own.data_type, to.name, to.data_type))?;
            let condition = format!("NOT ({} {} {})", quoted(&own.name), order.as_str(), quoted(&to.name));
            Ok((Need::Count(condition), vec![to.name.clone()]))
        }
        OwnMetric::Correlation { with } => {
            let (own, with) = (own()?, other(with)?);
            let number = format!("SELECT corr({}, {}) FROM {TABLE}", quoted(&own.name), quoted(&with.name));
            Ok((rows(number, None, false), Vec::new()))
        }
        OwnMetric::Monotonic { order, by } => {
            let by = by.as_deref().map(other).transpose()?;
            Ok((monotonic(own()?, order.as_str(), by), Vec::new()))
        }
        OwnMetric::ForeignKey { columns, dataset, to } => {
            let columns = columns.iter().map(|name| other(name).map(|column| column.name.clone()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Ok((foreign_key(&columns, dataset, to, facts)?, columns))
        }
        OwnMetric::StaleGroups { by, seconds } => {
            let by = by.iter().map(|name| other(name).map(|column| quoted(&column.name)));
            Ok((stale_groups(own()?, &by.collect::<Result<Vec<_>, _>>()?, *seconds, facts)?, Vec::new()))
        }
        OwnMetric::Statistic(_)
        | OwnMetric::RowCount
        | OwnMetric::ColumnCount
        | OwnMetric::UnexpectedColumns
        | OwnMetric::SchemaChanges
        | OwnMetric::Drift(_)
        | OwnMetric::NewCategories
        | OwnMetric::LostCategories
        | OwnMetric::Freshness => Err("no rows tell it".to_owned()),
    }
}

/// A foreign key of the schema: no value without a row in the other table.
pub(super) fn relationship<'a>(
    to: &'a Relationship,
    column: Option<&ColumnProfile>,
    object: &SchemaObject,
    facts: &Facts<'_>,
) -> Draft<'a> {
    let columns: Vec<String> = to.from.iter().map(|name| object.column_of(name).to_owned()).collect();
    let missing = columns.iter().find(|name| facts.evidence.profile.find(name).is_none());
    let need = match missing {
        Some(missing) => Err(format!("there is no column `{missing}`")),
        None => foreign_key(&columns, &to.table, &to.to, facts),
    };
    let column = column.map_or_else(|| columns.join(", "), |column| column.name.clone());
    let is_one = columns.len() == 1;
    let about = About::Schema {
        rule: if is_one { format!("schema.{column}.relationship") } else { "schema.relationship".to_owned() },
        column,
        bound: format!("in {}.{}", to.table, to.to.join(", ")),
        complaint: format!("is in no row of `{}`", to.table),
    };
    Draft { need: need.unwrap_or_else(Need::Nothing), beside: columns, about }
}

fn rows(number: String, failing: Option<String>, in_order: bool) -> Need {
    Need::Rows(RowQuery { number, failing, in_order })
}

fn counted(condition: String) -> Need {
    rows(format!("SELECT count(*) FROM {TABLE} WHERE {condition}"), Some(condition), false)
}

/// Rows with a null are not compared with the row before, nor is the next row with them.
fn monotonic(column: &ColumnProfile, order: &str, by: Option<&ColumnProfile>) -> Need {
    let name = quoted(&column.name);
    let (over, filter) = match by {
        Some(by) => (format!("ORDER BY {}", quoted(&by.name)), format!(" AND {} IS NOT NULL", quoted(&by.name))),
        None => (String::new(), String::new()),
    };
    let pairs = format!(
        "SELECT {name} AS value, lag({name}) OVER ({over}) AS before FROM {TABLE} WHERE {name} IS NOT NULL{filter}"
    );
    rows(format!("SELECT count(*) FROM ({pairs}) WHERE NOT (value {order} before)"), None, by.is_none())
}

fn foreign_key(columns: &[String], dataset: &str, to: &[String], facts: &Facts<'_>) -> Result<Need, String> {
    if !facts.others.contains(dataset) {
        return Err(format!("there is no dataset `{dataset}` with a version here"));
    }
    let own = |name: &String| format!("{TABLE}.{}", quoted(name));
    let set: Vec<_> = columns.iter().map(|name| format!("{} IS NOT NULL", own(name))).collect();
    let equal: Vec<_> =
        columns.iter().zip(to).map(|(name, to)| format!("other.{} = {}", quoted(to), own(name))).collect();
    let found = format!("SELECT 1 FROM {} AS other WHERE {}", quoted(&other_table(dataset)), equal.join(" AND "));
    Ok(counted(format!("{} AND NOT EXISTS ({found})", set.join(" AND "))))
}

#[allow(clippy::cast_possible_truncation, reason = "microseconds of an age")]
fn stale_groups(column: &ColumnProfile, by: &[String], seconds: f64, facts: &Facts<'_>) -> Result<Need, String> {
    if !matches!(column.kind, ColumnKind::Instant | ColumnKind::Date) {
        return Err(format!("`{}` is {} and dates no row", column.name, column.data_type));
    }
    let has_zone = column.kind == ColumnKind::Instant && column.data_type.contains(',');
    let until = facts.evidence.until;
    let until = if has_zone {
        until.as_microsecond()
    } else {
        let civil = facts.evidence.zone.to_datetime(until);
        let as_utc = jiff::tz::TimeZone::UTC.to_zoned(civil).map_err(|e| e.to_string())?;
        as_utc.timestamp().as_microsecond()
    };
    let bound = Scalar::Instant(until.saturating_sub((seconds * 1e6) as i64));
    let name = quoted(&column.name);
    let newest =
        format!("SELECT max({name}) AS newest FROM {TABLE} WHERE {name} IS NOT NULL GROUP BY {}", by.join(", "));
    let bound = literal(&bound, &column.data_type);
    Ok(rows(format!("SELECT count(*) FROM ({newest}) WHERE newest < {bound}"), None, false))
}

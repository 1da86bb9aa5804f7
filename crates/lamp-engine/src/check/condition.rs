//! Conditions on single values, in two forms that mean the same: on a value that the profile
//! lists, and in SQL.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use lamp_core::contract::Bound;
use lamp_core::profile::{ColumnKind, ColumnProfile, Scalar};
use regex::Regex;
use serde_json::Value;

/// How far a quotient may be from a whole number for `multipleOf`.
const MULTIPLE_TOLERANCE: f64 = 1e-9;

/// What a value that is not null is counted for.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// It is one of these.
    In(Vec<Scalar>),
    /// It is none of these.
    NotIn(Vec<Scalar>),
    /// It is NaN.
    IsNan,
    /// It does not match.
    NotMatching(Regex),
    /// It is below (or, when not inclusive, also at) the bound. NaN counts.
    Below { bound: Scalar, also_equal: bool },
    /// It is above (or at) the bound. NaN counts.
    Above { bound: Scalar, also_equal: bool },
    /// It is no multiple. NaN counts.
    NotMultipleOf(f64),
    /// It has fewer characters.
    ShorterThan(u64),
    /// It has more characters.
    LongerThan(u64),
}

impl Condition {
    /// Whether a listed value (never NaN or infinite) is counted.
    pub(super) fn counts(&self, value: &Scalar) -> bool {
        match self {
            Self::In(values) => values.iter().any(|listed| listed.order(value).is_eq()),
            Self::NotIn(values) => !values.iter().any(|listed| listed.order(value).is_eq()),
            Self::IsNan => false,
            Self::NotMatching(pattern) => matches!(value, Scalar::Text(text) if !pattern.is_match(text)),
            Self::Below { bound, also_equal } => {
                let order = value.order(bound);
                order.is_lt() || (*also_equal && order.is_eq())
            }
            Self::Above { bound, also_equal } => {
                let order = value.order(bound);
                order.is_gt() || (*also_equal && order.is_eq())
            }
            Self::NotMultipleOf(step) => value.as_f64().is_some_and(|value| {
                let quotient = value / step;
                (quotient - quotient.round()).abs() > MULTIPLE_TOLERANCE
            }),
            Self::ShorterThan(length) => characters(value).is_some_and(|found| found < *length),
            Self::LongerThan(length) => characters(value).is_some_and(|found| found > *length),
        }
    }

    /// The same in SQL.
    pub(super) fn sql(&self, column: &str, kind: ColumnKind, data_type: &str) -> String {
        let name = quoted(column);
        let list =
            |values: &[Scalar]| values.iter().map(|value| literal(value, data_type)).collect::<Vec<_>>().join(", ");
        let or_nan = |sql: String| if kind == ColumnKind::Float { format!("{sql} OR isnan({name})") } else { sql };
        match self {
            Self::In(values) if values.is_empty() => "FALSE".to_owned(),
            Self::In(values) => format!("{name} IN ({})", list(values)),
            Self::NotIn(values) if values.is_empty() => format!("{name} IS NOT NULL"),
            Self::NotIn(values) => format!("{name} NOT IN ({})", list(values)),
            Self::IsNan if kind == ColumnKind::Float => format!("isnan({name})"),
            Self::IsNan => "FALSE".to_owned(),
            Self::NotMatching(pattern) => format!("NOT regexp_like({name}, {})", text_literal(pattern.as_str())),
            Self::Below { bound, also_equal } => {
                or_nan(format!("{name} {} {}", if *also_equal { "<=" } else { "<" }, literal(bound, data_type)))
            }
            Self::Above { bound, also_equal } => {
                or_nan(format!("{name} {} {}", if *also_equal { ">=" } else { ">" }, literal(bound, data_type)))
            }
            Self::NotMultipleOf(step) => {
                let quotient = format!("CAST({name} AS DOUBLE) / {}", number_literal(*step));
                or_nan(format!("abs({quotient} - round({quotient})) > {MULTIPLE_TOLERANCE:?}"))
            }
            Self::ShorterThan(length) => format!("character_length({name}) < {length}"),
            Self::LongerThan(length) => format!("character_length({name}) > {length}"),
        }
    }
}

fn characters(value: &Scalar) -> Option<u64> {
    match value {
        Scalar::Text(text) => Some(text.chars().count() as u64),
        _ => None,
    }
}

/// A value of a contract as a value of a column; none when the column can never hold it.
pub(super) fn scalar(value: &Value, kind: ColumnKind) -> Option<Scalar> {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        ColumnKind::Bool => value.as_bool().or_else(|| text().parse().ok()).map(Scalar::Bool),
        ColumnKind::Int | ColumnKind::Float => {
            let whole = value.as_i64().or_else(|| text().parse().ok()).map(Scalar::Int);
            whole.or_else(|| number(value).filter(|number| number.is_finite()).map(Scalar::Float))
        }
        ColumnKind::Date | ColumnKind::Instant => instant(&text()).map(Scalar::Instant),
        ColumnKind::Text | ColumnKind::Time => Some(Scalar::Text(text())),
        ColumnKind::Null | ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => None,
    }
}

/// Whether a value of a contract means NaN.
pub(super) fn is_nan(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("nan")) || number(value).is_some_and(f64::is_nan)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A bound of a contract as a value of a column. A time without an offset is read in `zone` where the column's
/// values are instants.
pub(super) fn bound(bound: &Bound, column: &ColumnProfile, zone: Option<&str>) -> Option<Scalar> {
    let text = match bound {
        Bound::Number(value) => return scalar(&Value::from(*value), column.kind),
        Bound::Text(text) => text,
    };
    let is_instant = column.kind == ColumnKind::Instant && column.data_type.contains(',');
    if let (Some(zone), true, Err(_)) = (zone, is_instant, text.parse::<Timestamp>()) {
        return civil_in(text, &TimeZone::get(zone).ok()?).map(Scalar::Instant);
    }
    scalar(&Value::from(text.as_str()), column.kind)
}

/// Microseconds since the epoch of an instant, of a time without a zone as if it were UTC, or of
/// the start of a day.
fn instant(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_microsecond());
    }
    civil_in(text, &TimeZone::UTC)
}

fn civil_in(text: &str, zone: &TimeZone) -> Option<i64> {
    let civil =
        text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from)).ok()?;
    zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn number_literal(value: f64) -> String {
    format!("CAST('{value:?}' AS DOUBLE)")
}

pub(super) fn literal(value: &Scalar, data_type: &str) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => format!("CAST('{value}' AS BIGINT)"),
        Scalar::Float(value) => number_literal(*value),
        Scalar::Text(text) => text_literal(text),
        Scalar::Instant(_) => {
            let arrow_type = if data_type.contains(',') {
                "Timestamp(Microsecond, Some(\"UTC\"))"
            } else {
                "Timestamp(Microsecond, None)"
            };
            let text = value.to_string();
            let text = if data_type.contains(',') { text.as_str() } else { text.trim_end_matches('Z') };
            format!("arrow_cast({}, {})", text_literal(text), text_literal(arrow_type))
        }
    }
}

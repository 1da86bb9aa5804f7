//! Types of columns: their names, what sort they are, and the type that holds two of them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use lamp_core::profile::ColumnKind;

/// The name that profiles, manifests and messages use: `Int64`, `Timestamp(us, UTC)`.
pub(crate) fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(unit, None) => format!("Timestamp({})", unit_name(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("Timestamp({}, {zone})", unit_name(*unit)),
        DataType::Dictionary(_, values) => name(values),
        other => other.to_string(),
    }
}

const fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

pub(crate) fn kind(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Null => ColumnKind::Null,
        DataType::Boolean => ColumnKind::Bool,
        DataType::Date32 | DataType::Date64 => ColumnKind::Date,
        DataType::Timestamp(..) => ColumnKind::Instant,
        DataType::Time32(_) | DataType::Time64(_) => ColumnKind::Time,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Text,
        DataType::Dictionary(_, values) => kind(values),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::ListView(_) => {
            ColumnKind::List
        }
        DataType::Struct(_) | DataType::Map(..) => ColumnKind::Struct,
        other if is_small_integer(other) => ColumnKind::Int,
        other if other.is_numeric() => ColumnKind::Float,
        _ => ColumnKind::Other,
    }
}

/// Integers that fit 64 bits with a sign.
fn is_small_integer(data_type: &DataType) -> bool {
    data_type.is_integer() && *data_type != DataType::UInt64
}

/// The type that holds the values of both; none when there is no such type.
pub(crate) fn unite(left: &DataType, right: &DataType) -> Option<DataType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => return Some(other.clone()),
        (DataType::Dictionary(_, values), other) | (other, DataType::Dictionary(_, values)) => {
            return unite(values, other);
        }
        (DataType::Timestamp(_, left), DataType::Timestamp(_, right)) => {
            return unite_zones(left.as_ref(), right.as_ref());
        }
        _ => {}
    }
    match (kind(left), kind(right)) {
        (ColumnKind::Int, ColumnKind::Int) => Some(DataType::Int64),
        (ColumnKind::Int | ColumnKind::Float, ColumnKind::Int | ColumnKind::Float) => Some(DataType::Float64),
        (ColumnKind::Text, ColumnKind::Text) => Some(DataType::Utf8),
        (ColumnKind::Date, ColumnKind::Date) => Some(DataType::Date32),
        (ColumnKind::Date, ColumnKind::Instant) => unite_zones(None, zone(right)).or_else(|| utc_if_zoned(right)),
        (ColumnKind::Instant, ColumnKind::Date) => unite(right, left),
        _ => None,
    }
}

fn zone(data_type: &DataType) -> Option<&Arc<str>> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.as_ref(),
        _ => None,
    }
}

fn utc_if_zoned(data_type: &DataType) -> Option<DataType> {
    zone(data_type).map(|zone| DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone))))
}

/// Instants in two zones become instants in UTC. A time without a zone beside one with a zone is
/// a conflict: nobody knows which instant it is.
fn unite_zones(left: Option<&Arc<str>>, right: Option<&Arc<str>>) -> Option<DataType> {
    let zone = match (left, right) {
        (None, None) => None,
        (Some(left), Some(right)) if left == right => Some(Arc::clone(left)),
        (Some(_), Some(_)) => Some(Arc::from("UTC")),
        _ => return None,
    };
    Some(DataType::Timestamp(TimeUnit::Microsecond, zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_two_files_are_united_or_refused() {
        let naive = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let berlin = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into()));
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        for (left, right, united) in [
            (DataType::Int8, DataType::UInt32, Some("Int64")),
            (DataType::Int64, DataType::Float32, Some("Float64")),
            (DataType::UInt64, DataType::Int64, Some("Float64")),
            (DataType::Null, DataType::Boolean, Some("Boolean")),
            (dictionary, DataType::LargeUtf8, Some("Utf8")),
            (DataType::Date32, naive.clone(), Some("Timestamp(us)")),
            (utc.clone(), DataType::Date32, Some("Timestamp(us, UTC)")),
            (utc.clone(), berlin, Some("Timestamp(us, UTC)")),
            (naive, utc, None),
            (DataType::Utf8, DataType::Int64, None),
            (DataType::Boolean, DataType::Int64, None),
        ] {
            assert_eq!(unite(&left, &right).as_ref().map(name).as_deref(), united, "{left} and {right}");
            assert_eq!(unite(&right, &left).as_ref().map(name).as_deref(), united, "{right} and {left}");
        }
    }
}

//! Promises of service.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_core::check::Check;
use lamp_core::contract::{Contract, Sla, SlaProperty};
use lamp_core::profile::{ColumnKind, ColumnProfile, Profile, Scalar};

use super::CheckContext;

/// One check for each promise.
pub(super) fn checks(contract: &Contract, profile: &Profile, context: &CheckContext, zone: &TimeZone) -> Vec<Check> {
    let check = |sla: &Sla| {
        let mut sla = sla.clone();
        if let SlaProperty::Other(name) = &sla.property {
            let message = format!("promises of `{name}` are not measured on data");
            return sla.not_evaluated(message);
        }
        let fallback = contract.sla_default_element.as_ref().or(context.newest_column.as_ref());
        sla.element = sla.element.or_else(|| fallback.cloned());
        latency(&sla, contract, profile, context, zone)
    };
    contract.sla.iter().map(check).collect()
}

fn latency(sla: &Sla, contract: &Contract, profile: &Profile, context: &CheckContext, zone: &TimeZone) -> Check {
    let object = contract.find_object(context.dataset.as_deref());
    if let (Some(table), Some(object)) = (sla.table(), object)
        && !object.is_called(table)
    {
        return sla.not_evaluated(format!("it is about the table `{table}`"));
    }
    let Some(property) = sla.column() else {
        return sla.not_evaluated("it names no column that dates the rows (`element`)".to_owned());
    };
    let column = object.map_or(property, |object| object.column_of(property));
    let Some(column) = profile.find(column) else {
        return sla.not_evaluated(format!("there is no column `{column}`"));
    };
    match newest(column, zone) {
        Some(newest_at) => sla.judge_latency(newest_at, context.now),
        None if column.non_null() == 0 => sla.not_evaluated(format!("`{}` has no value", column.name)),
        None => sla.not_evaluated(format!("`{}` is {} and dates no row", column.name, column.data_type)),
    }
}

/// The newest instant of a column. Days and times without a zone are read in `zone`: a day counts
/// from its start. Text counts when it reads as an instant with an offset.
fn newest(column: &ColumnProfile, zone: &TimeZone) -> Option<Timestamp> {
    let has_zone = column.kind == ColumnKind::Instant && column.data_type.contains(',');
    match column.max.as_ref()? {
        Scalar::Instant(micros) => {
            let as_utc = Timestamp::from_microsecond(*micros).ok()?;
            if has_zone {
                return Some(as_utc);
            }
            let civil = TimeZone::UTC.to_datetime(as_utc);
            zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp())
        }
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => None,
    }
}

//! What is wrong with a promise of service.

use super::fields::{Fields, Findings};
use crate::contract::budget::{Objective, WINDOW_DAYS, WINDOW_DAYS_MAX, is_percent};
use crate::contract::sla::{Sla, SlaProperty, parse_period};
use crate::contract::yaml::{Node, Place};

pub(super) fn lint(sla: &Sla, fields: &Fields<'_>, node: &Node, findings: &mut Findings) {
    match sla.property {
        SlaProperty::Latency
        | SlaProperty::Frequency
        | SlaProperty::TimeToDetect
        | SlaProperty::TimeToNotify
        | SlaProperty::TimeToRepair => length_of_time(sla, fields, node, findings),
        SlaProperty::Availability => objective(sla, fields, node, findings),
        SlaProperty::Other(_) => {}
    }
}

/// Of other tools' contracts nothing is refused that was never held against them: only a latency must be right.
fn say(sla: &Sla, place: Place, message: String, hint: &str, findings: &mut Findings) {
    if sla.property == SlaProperty::Latency {
        findings.error(place, message, Some(hint.to_owned()));
    } else {
        findings.warning(place, format!("{message}: it is not evaluated"), Some(hint.to_owned()));
    }
}

const UNITS: &str = "one of s, m, h, d, w, mo, y";

fn unknown_unit(sla: &Sla) -> String {
    format!("`{}` is not a unit of time", sla.unit.as_deref().unwrap_or_default())
}

fn length_of_time(sla: &Sla, fields: &Fields<'_>, node: &Node, findings: &mut Findings) {
    if sla.unit.as_deref().is_some_and(|unit| parse_period(unit).is_none()) {
        say(sla, fields.place("unit"), unknown_unit(sla), UNITS, findings);
    } else if sla.period().is_none() {
        let message = format!("`{}` is not a number", sla.value);
        say(sla, fields.place("value"), message, "value: 1\nunit: d", findings);
    } else if sla.unit.is_none() {
        let message = format!("a {} without a unit is taken for days", sla.property.as_str());
        findings.warning(node.place, message, Some("unit: d".to_owned()));
    }
}

fn objective(sla: &Sla, fields: &Fields<'_>, node: &Node, findings: &mut Findings) {
    let is_percentage = sla.number().is_some_and(|percent| (0.0..=100.0).contains(&percent));
    if !is_percentage {
        let message = format!("`{}` is no percentage of partitions", sla.value);
        say(sla, fields.place("value"), message, "value: 95", findings);
    } else if sla.unit.as_deref().is_some_and(|unit| !is_percent(unit) && parse_period(unit).is_none()) {
        say(sla, fields.place("unit"), unknown_unit(sla), UNITS, findings);
    } else if sla.value_ext.is_none() {
        let message = format!("an availability without `valueExt` is taken over {WINDOW_DAYS} days");
        findings.warning(node.place, message, Some(format!("valueExt: {WINDOW_DAYS}\nunit: d")));
    } else if Objective::of(sla).is_none() {
        let message = format!("`valueExt` is a window from 1 to {WINDOW_DAYS_MAX} days");
        say(sla, fields.place("valueExt"), message, "valueExt: 28\nunit: d", findings);
    }
}

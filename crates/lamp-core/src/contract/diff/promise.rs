//! Promises of columns, rules and service: which of two is the weaker one.

use std::cmp::Ordering;

use super::{Changes, Effect};
use crate::check::Severity;
use crate::contract::rule::{Metric, Operator, Rule, RuleKind};
use crate::contract::sla::{Sla, SlaProperty};
use crate::contract::types::{Bound, Contract, LogicalType, Property};

pub(super) fn property(subject: &str, before: &Property, after: &Property, changes: &mut Changes) {
    let line = after.line;
    let mut push = |what: &str, effect, message| changes.push(format!("{subject}{what}"), effect, message, line);
    if before.column() != after.column() {
        let message = format!("in files it was `{}` and is `{}`", before.column(), after.column());
        push("", Effect::Renamed, message);
    }
    let word = |text: Option<&str>| text.map_or_else(|| "any".to_owned(), |text| format!("`{text}`"));
    let types = [
        ("type", before.logical_type.map(LogicalType::as_str), after.logical_type.map(LogicalType::as_str)),
        ("physicalType", before.physical_type.as_deref(), after.physical_type.as_deref()),
        ("format", before.options.format.as_deref(), after.options.format.as_deref()),
    ];
    for (what, old, new) in types.into_iter().filter(|(_, old, new)| old != new) {
        let effect = match (old, new) {
            (None, _) => Effect::Tightened,
            (Some(_), None) => Effect::Loosened,
            (Some(_), Some(_)) => Effect::Retyped,
        };
        push(&format!(".{what}"), effect, format!("it was {} and is {}", word(old), word(new)));
    }
    for (what, old, new, dropped, added) in [
        ("required", before.required, after.required, "nulls may come", "nulls may not come any more"),
        ("unique", before.unique, after.unique, "values may repeat", "values may not repeat any more"),
    ] {
        match (old, new) {
            (true, false) => push(&format!(".{what}"), Effect::Loosened, dropped.to_owned()),
            (false, true) => push(&format!(".{what}"), Effect::Tightened, added.to_owned()),
            (true, true) | (false, false) => {}
        }
    }
    if before.classification != after.classification {
        let (old, new) = (word(before.classification.as_deref()), word(after.classification.as_deref()));
        push(".classification", Effect::Described, format!("its classification was {old} and is {new}"));
    }
    options(subject, before, after, changes);
    rules(subject, &before.quality, &after.quality, changes);
}

/// A bound as a number to compare by: numbers as they are, equal texts as equal, dates and times by their own order.
fn order(before: &Bound, after: &Bound) -> Option<Ordering> {
    match (before, after) {
        (Bound::Number(old), Bound::Number(new)) => old.partial_cmp(new),
        (Bound::Text(old), Bound::Text(new)) if old.len() == new.len() => Some(old.cmp(new)),
        (Bound::Text(_) | Bound::Number(_), _) => None,
    }
}

/// The effect of moving a bound. `is_upper` says that values stay below it.
fn moved(before: Option<&Bound>, after: Option<&Bound>, is_upper: bool) -> Option<Effect> {
    use Ordering::{Equal, Greater, Less};
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => Effect::Tightened,
        (Some(_), None) => Effect::Loosened,
        (Some(old), Some(new)) => match order(old, new) {
            Some(Equal) => return None,
            Some(Less) => {
                if is_upper {
                    Effect::Loosened
                } else {
                    Effect::Tightened
                }
            }
            Some(Greater) => {
                if is_upper {
                    Effect::Tightened
                } else {
                    Effect::Loosened
                }
            }
            None => Effect::Changed,
        },
    })
}

#[allow(clippy::cast_precision_loss, reason = "lengths of texts")]
fn options(subject: &str, before: &Property, after: &Property, changes: &mut Changes) {
    let (old, new) = (&before.options, &after.options);
    let length = |length: Option<u64>| length.map(|length| Bound::Number(length as f64));
    for (what, old, new, is_upper) in [
        ("minimum", old.minimum.clone(), new.minimum.clone(), false),
        ("exclusiveMinimum", old.exclusive_minimum.clone(), new.exclusive_minimum.clone(), false),
        ("maximum", old.maximum.clone(), new.maximum.clone(), true),
        ("exclusiveMaximum", old.exclusive_maximum.clone(), new.exclusive_maximum.clone(), true),
        ("minLength", length(old.min_length), length(new.min_length), false),
        ("maxLength", length(old.max_length), length(new.max_length), true),
    ] {
        if let Some(effect) = moved(old.as_ref(), new.as_ref(), is_upper) {
            let word = |bound: Option<Bound>| bound.map_or_else(|| "open".to_owned(), |bound| bound.to_string());
            let message = format!("{what} was {} and is {}", word(old), word(new));
            changes.push(format!("{subject}.{what}"), effect, message, after.line);
        }
    }
    let multiple = (old.multiple_of.map(|step| step.to_string()), new.multiple_of.map(|step| step.to_string()));
    for (what, (old, new)) in [("multipleOf", multiple), ("pattern", (old.pattern.clone(), new.pattern.clone()))] {
        let effect = match (&old, &new) {
            (old, new) if old == new => continue,
            (None, _) => Effect::Tightened,
            (_, None) => Effect::Loosened,
            // Whether one pattern takes in another cannot be told from their texts.
            (Some(_), Some(_)) => Effect::Changed,
        };
        let word = |text: Option<String>| text.unwrap_or_else(|| "open".to_owned());
        changes.push(
            format!("{subject}.{what}"),
            effect,
            format!("{what} was {} and is {}", word(old), word(new)),
            after.line,
        );
    }
}

/// Whether two rules are the same rule at different times.
fn is_same_rule(before: &Rule, after: &Rule) -> bool {
    match (&before.id, &after.id) {
        (Some(old), Some(new)) => old == new,
        (None, None) => match (&before.kind, &after.kind) {
            // A list or pattern may move while the rule stays.
            (RuleKind::Library(Metric::InvalidValues { .. }), RuleKind::Library(Metric::InvalidValues { .. })) => true,
            (old, new) => old == new && before.unit == after.unit,
        },
        (Some(_), None) | (None, Some(_)) => false,
    }
}

pub(super) fn rules(subject: &str, before: &[Rule], after: &[Rule], changes: &mut Changes) {
    let name = |rule: &Rule| format!("{subject}.{}", what(rule));
    let mut taken = vec![false; after.len()];
    let mut unmatched = Vec::new();
    // Rules that did not change are paired first: two of one metric must not be taken for each other.
    for old in before {
        let same =
            after.iter().enumerate().find(|(at, new)| !taken[*at] && is_same_rule(old, new) && is_unchanged(old, new));
        match same {
            Some((at, _)) => taken[at] = true,
            None => unmatched.push(old),
        }
    }
    for old in unmatched {
        let found =
            after.iter().enumerate().find(|(at, new)| !taken[*at] && is_same_rule(old, new) && is_same_way(old, new));
        let Some((at, new)) = found else {
            changes.push(name(old), Effect::Removed, format!("the rule is gone: {}", sentence(old)), old.line);
            continue;
        };
        taken[at] = true;
        let effect = compare(old, new);
        let message = format!("it was {} and is {}", sentence(old), sentence(new));
        changes.push(name(new), effect, message, new.line);
    }
    for (new, _) in after.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        changes.push(name(new), Effect::Tightened, format!("the rule is new: {}", sentence(new)), new.line);
    }
}

fn is_unchanged(old: &Rule, new: &Rule) -> bool {
    old.kind == new.kind && old.operators == new.operators && old.unit == new.unit && severity(old) == severity(new)
}

/// What is no error when it is broken is the weaker promise.
fn severity(rule: &Rule) -> Severity {
    rule.severity.as_deref().and_then(Severity::parse).unwrap_or(Severity::Error)
}

/// Whether both bound the same side, so that one can have become the other.
fn is_same_way(old: &Rule, new: &Rule) -> bool {
    old.id.is_some()
        || match (allowed(old), allowed(new)) {
            (Some(before), Some(after)) => {
                before.0.is_finite() == after.0.is_finite() || before.1.is_finite() == after.1.is_finite()
            }
            _ => true,
        }
}

fn what(rule: &Rule) -> String {
    rule.id.clone().unwrap_or_else(|| match &rule.kind {
        RuleKind::Library(metric) => metric.as_str().to_owned(),
        RuleKind::Text => "text".to_owned(),
        RuleKind::Sql { .. } => "sql".to_owned(),
        RuleKind::Own(own) => own.words(),
        RuleKind::Custom { .. } => "custom".to_owned(),
    })
}

fn sentence(rule: &Rule) -> String {
    let listed = match &rule.kind {
        RuleKind::Library(Metric::InvalidValues { valid: Some(valid), .. }) => {
            let valid: Vec<String> = valid.iter().map(ToString::to_string).collect();
            format!(" outside {}", valid.join(", "))
        }
        _ => String::new(),
    };
    let mild = match severity(rule) {
        Severity::Error => String::new(),
        mild => format!(" ({})", mild.as_str()),
    };
    format!("{} {}{listed}{mild}", what(rule), rule.bound()).trim_end().to_owned()
}

fn compare(old: &Rule, new: &Rule) -> Effect {
    let of_lists = match (&old.kind, &new.kind) {
        (
            RuleKind::Library(Metric::InvalidValues { valid: Some(before), pattern: old_pattern }),
            RuleKind::Library(Metric::InvalidValues { valid: Some(after), pattern: new_pattern }),
        ) if old_pattern == new_pattern => {
            let grew = after.iter().any(|value| !before.contains(value));
            let shrank = before.iter().any(|value| !after.contains(value));
            match (grew, shrank) {
                (false, false) => None,
                (true, false) => Some(Effect::Loosened),
                (false, true) => Some(Effect::Tightened),
                (true, true) => Some(Effect::Changed),
            }
        }
        (before, after) if before == after => None,
        _ => Some(Effect::Changed),
    };
    let of_bounds = if old.unit == new.unit { of_operators(old, new) } else { Some(Effect::Changed) };
    let of_severity = match severity(new).cmp(&severity(old)) {
        Ordering::Less => Some(Effect::Loosened),
        Ordering::Equal => None,
        Ordering::Greater => Some(Effect::Tightened),
    };
    let mut effects = [of_lists, of_bounds, of_severity].into_iter().flatten();
    let first = effects.next().unwrap_or(Effect::Described);
    if effects.all(|other| other == first) { first } else { Effect::Changed }
}

#[allow(clippy::float_cmp, reason = "bounds are written numbers; equality is meant")]
fn of_operators(old: &Rule, new: &Rule) -> Option<Effect> {
    if old.operators == new.operators {
        return None;
    }
    let (Some(before), Some(after)) = (allowed(old), allowed(new)) else { return Some(Effect::Changed) };
    let takes_in = |wide: Interval, narrow: Interval| {
        (wide.0 < narrow.0 || (wide.0 == narrow.0 && (wide.2 || !narrow.2)))
            && (wide.1 > narrow.1 || (wide.1 == narrow.1 && (wide.3 || !narrow.3)))
    };
    match (takes_in(after, before), takes_in(before, after)) {
        (true, true) => None,
        (true, false) => Some(Effect::Loosened),
        (false, true) => Some(Effect::Tightened),
        (false, false) => Some(Effect::Changed),
    }
}

/// Lower and upper end, and whether each is taken in.
type Interval = (f64, f64, bool, bool);

/// The numbers that all operators of a rule allow, where they are one interval.
#[allow(clippy::float_cmp, reason = "bounds are written numbers; equality is meant")]
fn allowed(rule: &Rule) -> Option<Interval> {
    let mut interval = (f64::NEG_INFINITY, f64::INFINITY, false, false);
    for operator in &rule.operators {
        let (low, high, takes_low, takes_high) = match *operator {
            Operator::MustBe(bound) => (bound, bound, true, true),
            Operator::MustBeGreaterThan(bound) => (bound, f64::INFINITY, false, false),
            Operator::MustBeGreaterOrEqualTo(bound) => (bound, f64::INFINITY, true, false),
            Operator::MustBeLessThan(bound) => (f64::NEG_INFINITY, bound, false, false),
            Operator::MustBeLessOrEqualTo(bound) => (f64::NEG_INFINITY, bound, false, true),
            Operator::MustBeBetween(low, high) => (low, high, true, true),
            Operator::MustNotBe(_) | Operator::MustNotBeBetween(..) => return None,
        };
        if low > interval.0 || (low == interval.0 && !takes_low) {
            (interval.0, interval.2) = (low, takes_low);
        }
        if high < interval.1 || (high == interval.1 && !takes_high) {
            (interval.1, interval.3) = (high, takes_high);
        }
    }
    Some(interval)
}

pub(super) fn service(old: &Contract, new: &Contract, changes: &mut Changes) {
    let is_same = |a: &Sla, b: &Sla| a.property == b.property && a.element == b.element;
    for before in &old.sla {
        let subject = format!("sla.{}", before.property.as_str());
        let Some(after) = new.sla.iter().find(|after| is_same(before, after)) else {
            changes.push(subject, Effect::Removed, format!("the promise of {} is gone", amount(before)), before.line);
            continue;
        };
        if let Some(effect) = of_service(before, after) {
            let message = format!("it was {} and is {}", amount(before), amount(after));
            changes.push(subject, effect, message, after.line);
        }
    }
    for after in new.sla.iter().filter(|after| !old.sla.iter().any(|before| is_same(before, after))) {
        let message = format!("the promise is new: {}", amount(after));
        changes.push(format!("sla.{}", after.property.as_str()), Effect::Tightened, message, after.line);
    }
}

fn amount(sla: &Sla) -> String {
    let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let extended = sla.value_ext.as_ref().map(|value| format!("over {}", word(value)));
    [Some(word(&sla.value)), extended, sla.unit.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Which way a promise of service is stronger: less of a delay, more of an availability.
fn is_better_when_less(property: &SlaProperty) -> Option<bool> {
    match property {
        SlaProperty::Latency
        | SlaProperty::Frequency
        | SlaProperty::TimeToDetect
        | SlaProperty::TimeToNotify
        | SlaProperty::TimeToRepair => Some(true),
        SlaProperty::Availability => Some(false),
        SlaProperty::Other(name) => match name.to_lowercase().as_str() {
            "errorrate" | "er" => Some(true),
            "throughput" | "retention" | "endofsupport" | "endoflife" | "th" | "re" | "es" | "el" => Some(false),
            _ => None,
        },
    }
}

#[allow(clippy::float_cmp, reason = "bounds are written numbers; equality is meant")]
fn of_service(before: &Sla, after: &Sla) -> Option<Effect> {
    if before.value_ext != after.value_ext {
        // Neither a longer nor a shorter window is the weaker promise.
        return Some(Effect::Changed);
    }
    let number = |sla: &Sla| match sla.period() {
        Some((value, unit)) => Some(value * unit),
        None => sla.value.as_f64().filter(|_| before.unit == after.unit),
    };
    let is_less = match (number(before), number(after)) {
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) => new < old,
        _ if before.value == after.value && before.unit == after.unit => return None,
        // Dates are compared as they are written.
        _ => match (before.value.as_str(), after.value.as_str()) {
            (Some(old), Some(new)) if old.len() == new.len() => new < old,
            _ => return Some(Effect::Changed),
        },
    };
    Some(match is_better_when_less(&before.property) {
        Some(less_is_better) if less_is_better == is_less => Effect::Tightened,
        Some(_) => Effect::Loosened,
        None => Effect::Changed,
    })
}

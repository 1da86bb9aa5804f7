//! The options of logical types: bounds, lengths, patterns and formats.

use lamp_core::contract::{Bound, LogicalType, Property, TypeOptions};
use lamp_core::profile::{ColumnKind, ColumnProfile, Scalar};

use super::{Draft, Need, compile, count, promise};
use crate::check::condition::{self, Condition};
use crate::error::EngineError;

/// Patterns for the formats that text can be held to.
const TEXT_FORMATS: [(&str, &str); 4] = [
    ("uuid", r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    ("email", r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"),
    ("ipv4", r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$"),
    ("hostname", r"(?i)^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"),
];

/// Names of the options that are set.
pub(super) fn names(options: &TypeOptions) -> Vec<&'static str> {
    [
        ("minimum", options.minimum.is_some()),
        ("maximum", options.maximum.is_some()),
        ("exclusiveMinimum", options.exclusive_minimum.is_some()),
        ("exclusiveMaximum", options.exclusive_maximum.is_some()),
        ("multipleOf", options.multiple_of.is_some()),
        ("minLength", options.min_length.is_some()),
        ("maxLength", options.max_length.is_some()),
        ("pattern", options.pattern.is_some()),
        ("format", options.format.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_set)| is_set.then_some(name))
    .collect()
}

/// One draft for each option.
pub(super) fn drafts(
    property: &Property,
    column: &ColumnProfile,
    drafts: &mut Vec<Draft<'_>>,
) -> Result<(), EngineError> {
    let options = &property.options;
    let name = column.name.as_str();
    let mut push = |what: &str, bound: String, complaint: &str, need: Need| {
        drafts.push(promise(&format!("schema.{name}.{what}"), name, &bound, complaint, need));
    };
    for (what, bound, word, is_low, is_exclusive) in [
        ("minimum", &options.minimum, ">=", true, false),
        ("exclusiveMinimum", &options.exclusive_minimum, ">", true, true),
        ("maximum", &options.maximum, "<=", false, false),
        ("exclusiveMaximum", &options.exclusive_maximum, "<", false, true),
    ] {
        if let Some(bound) = bound {
            let complaint = if is_low { "is too small" } else { "is too large" };
            push(what, format!("{word} {bound}"), complaint, beyond(column, bound, is_low, is_exclusive));
        }
    }
    if let Some(step) = options.multiple_of {
        let need = count(&[Condition::NotMultipleOf(step)], column);
        push("multipleOf", format!("multiples of {step}"), "is no multiple", need);
    }
    if let Some(length) = options.min_length {
        let is_kept = column.text.as_ref().is_some_and(|text| text.min_length >= length);
        let need = if is_kept { Need::known(0) } else { count(&[Condition::ShorterThan(length)], column) };
        push("minLength", format!(">= {length} characters"), "is too short", need);
    }
    if let Some(length) = options.max_length {
        let is_kept = column.text.as_ref().is_some_and(|text| text.max_length <= length);
        let need = if is_kept { Need::known(0) } else { count(&[Condition::LongerThan(length)], column) };
        push("maxLength", format!("<= {length} characters"), "is too long", need);
    }
    if let Some(pattern) = &options.pattern {
        let need = count(&[Condition::NotMatching(compile(pattern)?)], column);
        push("pattern", format!("matches {pattern}"), "does not match", need);
    }
    if let Some(word) = &options.format {
        push("format", word.clone(), "has another format", format(property, word, column)?);
    }
    for what in &options.unevaluated {
        push(what, what.clone(), "", Need::Nothing(format!("`{what}` is not evaluated")));
    }
    Ok(())
}

/// Values on the wrong side of a bound. When the extremes keep it, nothing needs counting.
fn beyond(column: &ColumnProfile, bound: &Bound, is_low: bool, is_exclusive: bool) -> Need {
    if column.non_null() == 0 {
        return Need::known(0);
    }
    if column.kind == ColumnKind::Time {
        return Need::Nothing("bounds of times of day are not evaluated".to_owned());
    }
    let Some(bound) = condition::bound(bound, column.kind) else {
        return Need::Nothing(format!("`{bound}` is not a value of {}", column.data_type));
    };
    let condition = if is_low {
        Condition::Below { bound, also_equal: is_exclusive }
    } else {
        Condition::Above { bound, also_equal: is_exclusive }
    };
    let extreme: Option<&Scalar> = if is_low { column.min.as_ref() } else { column.max.as_ref() };
    let odd =
        column.numbers.as_ref().map_or(0, |n| n.nan + if is_low { n.negative_infinite } else { n.positive_infinite });
    let is_kept = odd == 0 && extreme.is_some_and(|extreme| !condition.counts(extreme));
    if is_kept { Need::known(0) } else { count(&[condition], column) }
}

fn format(property: &Property, word: &str, column: &ColumnProfile) -> Result<Need, EngineError> {
    let not_evaluated = || Need::Nothing(format!("the format `{word}` is not evaluated"));
    match property.logical_type {
        Some(LogicalType::String) => {
            let known = TEXT_FORMATS.iter().find(|(name, _)| *name == word);
            known.map_or(Ok(not_evaluated()), |(_, pattern)| {
                Ok(count(&[Condition::NotMatching(compile(pattern)?)], column))
            })
        }
        Some(LogicalType::Integer) => Ok(integer_format(word, column).unwrap_or_else(not_evaluated)),
        // Every number of a file is a float of at most 64 bits.
        Some(LogicalType::Number) if word == "f64" => Ok(Need::known(0)),
        _ => Ok(not_evaluated()),
    }
}

/// Whether the extremes of an integer column fit the format's range.
fn integer_format(word: &str, column: &ColumnProfile) -> Option<Need> {
    let (low, high) = match word {
        "i8" => (i64::from(i8::MIN), i64::from(i8::MAX)),
        "i16" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "i32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        "i64" | "i128" => (i64::MIN, i64::MAX),
        "u8" => (0, i64::from(u8::MAX)),
        "u16" => (0, i64::from(u16::MAX)),
        "u32" => (0, i64::from(u32::MAX)),
        "u64" | "u128" => (0, i64::MAX),
        _ => return None,
    };
    if column.kind == ColumnKind::Float {
        // Unsigned 64-bit integers: only the unsigned formats of that width are sure to hold them.
        return matches!(word, "u64" | "u128" | "i128").then_some(Need::known(0));
    }
    let outside = [
        Condition::Below { bound: Scalar::Int(low), also_equal: false },
        Condition::Above { bound: Scalar::Int(high), also_equal: false },
    ];
    let fits = |extreme: Option<&Scalar>| extreme.is_none_or(|value| !outside.iter().any(|c| c.counts(value)));
    let all_fit = fits(column.min.as_ref()) && fits(column.max.as_ref());
    Some(if all_fit { Need::known(0) } else { count(&outside, column) })
}

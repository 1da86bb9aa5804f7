//! The options of logical types: bounds, lengths, patterns, formats and items.

use lamp_core::contract::{Bound, LogicalType, Property, TextFormat, TypeOptions, date_pattern, text_format};
use lamp_core::profile::{ColumnKind, ColumnProfile, Scalar};

use super::{Draft, Need, compile, count, promise};
use crate::check::condition::{self, Condition};
use crate::error::EngineError;

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
        ("timezone", options.timezone.is_some()),
        ("minItems", options.min_items.is_some()),
        ("maxItems", options.max_items.is_some()),
        ("uniqueItems", options.unique_items),
        ("minProperties", options.min_properties.is_some()),
        ("maxProperties", options.max_properties.is_some()),
        ("requiredProperties", !options.required_properties.is_empty()),
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
            let zone = options.default_timezone.as_deref();
            push(what, format!("{word} {bound}"), complaint, beyond(column, (bound, zone), is_low, is_exclusive));
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
    if let Some(is_wanted) = options.timezone {
        let has_zone = column.data_type.contains(',');
        let need = Need::known(if has_zone == is_wanted { 0 } else { column.non_null() });
        let (bound, complaint) = if is_wanted {
            ("with a time zone", "has no time zone")
        } else {
            ("without a time zone", "has a time zone")
        };
        push("timezone", bound.to_owned(), complaint, need);
    }
    items(options, name, &mut push);
    Ok(())
}

/// Promises on the length of lists.
fn items(options: &TypeOptions, name: &str, push: &mut impl FnMut(&str, String, &str, Need)) {
    let name = condition::quoted(name);
    let length = format!("coalesce(array_length({name}), 0)");
    if let Some(fewest) = options.min_items {
        let need = Need::Count(format!("{name} IS NOT NULL AND {length} < {fewest}"));
        push("minItems", format!(">= {fewest} items"), "has too few items", need);
    }
    if let Some(most) = options.max_items {
        let need = Need::Count(format!("{name} IS NOT NULL AND {length} > {most}"));
        push("maxItems", format!("<= {most} items"), "has too many items", need);
    }
    if options.unique_items {
        let different = format!("coalesce(array_length(array_distinct({name})), 0)");
        let need = Need::Count(format!("{name} IS NOT NULL AND {different} < {length}"));
        push("uniqueItems", "different items".to_owned(), "repeats an item", need);
    }
}

/// Values on the wrong side of a bound. When the extremes keep it, nothing needs counting. `zone` is that of a bound
/// which is written without an offset.
fn beyond(column: &ColumnProfile, (bound, zone): (&Bound, Option<&str>), is_low: bool, is_exclusive: bool) -> Need {
    if column.non_null() == 0 {
        return Need::known(0);
    }
    if column.kind == ColumnKind::Time {
        return beyond_time(column, bound, is_low, is_exclusive);
    }
    if column.kind == ColumnKind::Text {
        return Need::Nothing("bounds of days and times that are written as text are not evaluated".to_owned());
    }
    let Some(bound) = condition::bound(bound, column, zone) else {
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

/// The same for times of day, which profiles keep as text.
fn beyond_time(column: &ColumnProfile, bound: &Bound, is_low: bool, is_exclusive: bool) -> Need {
    let Ok(bound) = bound.to_string().parse::<jiff::civil::Time>() else {
        return Need::Nothing(format!("`{bound}` is not a time of day"));
    };
    let operator = match (is_low, is_exclusive) {
        (true, false) => "<",
        (true, true) => "<=",
        (false, false) => ">",
        (false, true) => ">=",
    };
    let name = condition::quoted(&column.name);
    let nanoseconds = "'Time64(Nanosecond)'";
    Need::Count(format!("arrow_cast({name}, {nanoseconds}) {operator} arrow_cast('{bound}', {nanoseconds})"))
}

fn format(property: &Property, word: &str, column: &ColumnProfile) -> Result<Need, EngineError> {
    let unknown = || Need::Nothing(format!("the format `{word}` is none that is known"));
    match property.logical_type {
        Some(LogicalType::String) => match text_format(word) {
            Some(TextFormat::Any) => Ok(Need::known(0)),
            Some(TextFormat::Pattern(pattern)) => Ok(count(&[Condition::NotMatching(compile(&pattern)?)], column)),
            None => Ok(unknown()),
        },
        Some(LogicalType::Integer) => Ok(integer_format(word, column).unwrap_or_else(unknown)),
        Some(LogicalType::Number) => Ok(number_format(word, column).unwrap_or_else(unknown)),
        // A day or an instant that is kept as one has no letters to hold to a pattern.
        Some(LogicalType::Date | LogicalType::Timestamp | LogicalType::Time) => match date_pattern(word) {
            Some(pattern) if column.kind == ColumnKind::Text => {
                Ok(count(&[Condition::NotMatching(compile(&pattern)?)], column))
            }
            Some(_) => Ok(Need::known(0)),
            None => Ok(unknown()),
        },
        Some(LogicalType::Object | LogicalType::Array | LogicalType::Boolean) | None => Ok(unknown()),
    }
}

/// Numbers of files are floats of at most 64 bits, so only 32 bits can be too few.
fn number_format(word: &str, column: &ColumnProfile) -> Option<Need> {
    match word {
        "f64" => Some(Need::known(0)),
        "f32" => {
            let limit = f64::from(f32::MAX);
            let outside = [
                Condition::Below { bound: Scalar::Float(-limit), also_equal: false },
                Condition::Above { bound: Scalar::Float(limit), also_equal: false },
            ];
            let fits = |extreme: Option<&Scalar>| {
                extreme.is_some_and(|value| !outside.iter().any(|condition| condition.counts(value)))
            };
            // Infinities and what is not a number are values of 32 bits too.
            let all_fit = column.kind == ColumnKind::Int || (fits(column.min.as_ref()) && fits(column.max.as_ref()));
            let name = condition::quoted(&column.name);
            let beyond = format!("abs({name}) > CAST('{limit:?}' AS DOUBLE)");
            let finite = format!("NOT isnan({name}) AND abs({name}) < CAST('Infinity' AS DOUBLE)");
            Some(if all_fit { Need::known(0) } else { Need::Count(format!("{beyond} AND {finite}")) })
        }
        _ => None,
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
    let fits = |extreme: Option<&Scalar>| {
        extreme.map_or(column.non_null() == 0, |value| !outside.iter().any(|c| c.counts(value)))
    };
    let all_fit = fits(column.min.as_ref()) && fits(column.max.as_ref());
    Some(if all_fit { Need::known(0) } else { count(&outside, column) })
}

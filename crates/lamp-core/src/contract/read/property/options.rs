//! `logicalTypeOptions`.

use jiff::tz::TimeZone;

use crate::contract::read::fields::{Fields, Findings};
use crate::contract::read::quality;
use crate::contract::types::{Bound, LogicalType, TypeOptions};
use crate::contract::yaml::Yaml;

/// The options that the standard knows for a type.
fn known_options(logical_type: LogicalType) -> &'static [&'static str] {
    match logical_type {
        LogicalType::String => &["minLength", "maxLength", "pattern", "format"],
        LogicalType::Date => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
        LogicalType::Timestamp | LogicalType::Time => {
            &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format", "timezone", "defaultTimezone"]
        }
        LogicalType::Number | LogicalType::Integer => {
            &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"]
        }
        LogicalType::Object => &["minProperties", "maxProperties", "required"],
        LogicalType::Array => &["minItems", "maxItems", "uniqueItems"],
        LogicalType::Boolean => &[],
    }
}

pub(super) fn read(fields: &mut Fields<'_>, logical_type: Option<LogicalType>, findings: &mut Findings) -> TypeOptions {
    let Some(node) = fields.take("logicalTypeOptions") else { return TypeOptions::default() };
    let Some(logical_type) = logical_type else {
        let hint = Some("logicalType: …".to_owned());
        findings.error(node.place, "`logicalTypeOptions` need a `logicalType`".to_owned(), hint);
        return TypeOptions::default();
    };
    let Some(mut fields) = Fields::of(node, "`logicalTypeOptions`", findings) else { return TypeOptions::default() };
    fields.unknown(known_options(logical_type), findings);
    let is_number = matches!(logical_type, LogicalType::Number | LogicalType::Integer);
    let mut bound = |key: &str| {
        if is_number {
            fields.number(key, findings).map(Bound::Number)
        } else {
            fields.text(key, findings).map(Bound::Text)
        }
    };
    let [minimum, maximum, exclusive_minimum, exclusive_maximum] =
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].map(&mut bound);
    let options = TypeOptions {
        minimum,
        maximum,
        exclusive_minimum,
        exclusive_maximum,
        multiple_of: fields.number("multipleOf", findings),
        min_length: fields.length("minLength", findings),
        max_length: fields.length("maxLength", findings),
        pattern: fields.text("pattern", findings),
        format: fields.text("format", findings),
        timezone: fields.take("timezone").is_some().then(|| fields.boolean("timezone", findings)),
        default_timezone: fields.text("defaultTimezone", findings),
        min_items: fields.length("minItems", findings),
        max_items: fields.length("maxItems", findings),
        unique_items: fields.boolean("uniqueItems", findings),
        min_properties: fields.length("minProperties", findings),
        max_properties: fields.length("maxProperties", findings),
        required_properties: names(&mut fields, findings),
    };
    lint(&options, &fields, findings);
    options
}

/// `required` of an object: names of its properties.
fn names(fields: &mut Fields<'_>, findings: &mut Findings) -> Vec<String> {
    let mut names = Vec::new();
    for node in fields.list("required", findings) {
        match &node.yaml {
            Yaml::Text(name) => names.push(name.clone()),
            _ => findings.error(node.place, "`required` lists names of properties".to_owned(), None),
        }
    }
    names
}

fn lint(options: &TypeOptions, fields: &Fields<'_>, findings: &mut Findings) {
    if options.multiple_of.is_some_and(|step| step <= 0.0) {
        findings.error(fields.place("multipleOf"), "`multipleOf` is above zero".to_owned(), None);
    }
    if let Some(pattern) = &options.pattern {
        quality::lint_pattern(pattern, fields.place("pattern"), findings);
    }
    if let (Some(Bound::Number(low)), Some(Bound::Number(high))) = (&options.minimum, &options.maximum)
        && low > high
    {
        findings.error(fields.place("minimum"), format!("no value is at least {low} and at most {high}"), None);
    }
    if let Some(zone) = &options.default_timezone
        && TimeZone::get(zone).is_err()
    {
        let hint = Some("defaultTimezone: Europe/Berlin".to_owned());
        findings.error(fields.place("defaultTimezone"), format!("`{zone}` is no zone of the IANA database"), hint);
    }
    for (low, high, key) in [
        (options.min_length, options.max_length, "minLength"),
        (options.min_items, options.max_items, "minItems"),
        (options.min_properties, options.max_properties, "minProperties"),
    ] {
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            findings.error(fields.place(key), format!("nothing is at least {low} and at most {high}"), None);
        }
    }
}

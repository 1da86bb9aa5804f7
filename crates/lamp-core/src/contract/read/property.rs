//! Columns and the bounds of their types.

mod sensitive;

use super::fields::{Fields, Findings};
use super::quality::{self, Subject};
use crate::contract::lint::nearest;
use crate::contract::types::{Bound, LogicalType, Property, TypeOptions};
use crate::contract::yaml::Node;

const PROPERTY_KEYS: &[&str] = &[
    "id",
    "name",
    "physicalName",
    "physicalType",
    "logicalType",
    "logicalTypeOptions",
    "businessName",
    "description",
    "authoritativeDefinitions",
    "tags",
    "customProperties",
    "primaryKey",
    "primaryKeyPosition",
    "required",
    "unique",
    "partitioned",
    "partitionKeyPosition",
    "classification",
    "encryptedName",
    "transformSourceObjects",
    "transformLogic",
    "transformDescription",
    "criticalDataElement",
    "examples",
    "relationships",
    "quality",
    "properties",
    "items",
];

pub(super) fn property(node: &Node, findings: &mut Findings) -> Option<Property> {
    let mut fields = Fields::of(node, "a property", findings)?;
    let name = fields.required_text("name", findings);
    let logical_type = logical_type(&mut fields, findings);
    let options = options(&mut fields, logical_type, findings);
    let quality = quality::rules(&mut fields, &Subject::Column { name: &name }, findings);
    let mut unevaluated = Vec::new();
    for key in ["relationships", "properties", "items"] {
        if fields.take(key).is_some() {
            findings.warning(fields.place(key), format!("`{key}` of `{name}` are not evaluated"), None);
            unevaluated.push(key.to_owned());
        }
    }
    let classification = fields.text("classification", findings);
    let sensitive = sensitive::is_sensitive(&mut fields, classification.as_deref(), findings);
    let property = Property {
        physical_name: fields.text("physicalName", findings),
        description: fields.text("description", findings),
        logical_type,
        physical_type: fields.text("physicalType", findings),
        options,
        required: fields.boolean("required", findings),
        unique: fields.boolean("unique", findings),
        primary_key: fields.boolean("primaryKey", findings),
        primary_key_position: fields.integer("primaryKeyPosition", findings).unwrap_or(-1),
        classification,
        sensitive,
        quality,
        unevaluated,
        line: node.place.line,
        name,
    };
    fields.unknown(PROPERTY_KEYS, findings);
    Some(property)
}

fn logical_type(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<LogicalType> {
    let word = fields.text("logicalType", findings)?;
    let known = LogicalType::parse(&word);
    if known.is_none() {
        let words = LogicalType::ALL.map(LogicalType::as_str);
        let hint = nearest(&word, &words)
            .map_or_else(|| format!("one of {}", words.join(", ")), |word| format!("did you mean `{word}`?"));
        findings.error(fields.place("logicalType"), format!("`{word}` is not a logical type"), Some(hint));
    }
    known
}

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

fn options(fields: &mut Fields<'_>, logical_type: Option<LogicalType>, findings: &mut Findings) -> TypeOptions {
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
        unevaluated: [
            "timezone",
            "defaultTimezone",
            "minProperties",
            "maxProperties",
            "required",
            "minItems",
            "maxItems",
            "uniqueItems",
        ]
        .into_iter()
        .filter(|key| fields.take(key).is_some())
        .map(str::to_owned)
        .collect(),
    };
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
    options
}

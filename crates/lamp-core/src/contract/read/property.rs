//! Columns and the bounds of their types.

mod options;
mod sensitive;

use super::fields::{Fields, Findings};
use super::quality::{self, Subject};
use super::relationship;
use crate::contract::lint::nearest;
use crate::contract::types::{LogicalType, Property};
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

/// How deep properties may lie in each other.
const DEPTH_MAX: usize = 16;

/// What the one property of `items` is called.
const ITEM: &str = "[]";

pub(super) fn property(node: &Node, findings: &mut Findings) -> Option<Property> {
    nested_property(node, false, DEPTH_MAX, findings)
}

/// A property; of `items`, which need no name, when `is_item`.
fn nested_property(node: &Node, is_item: bool, depth: usize, findings: &mut Findings) -> Option<Property> {
    let mut fields = Fields::of(node, "a property", findings)?;
    if depth == 0 {
        findings.error(node.place, format!("properties lie deeper than {DEPTH_MAX} in each other"), None);
        return None;
    }
    let name = if is_item { ITEM.to_owned() } else { fields.required_text("name", findings) };
    let logical_type = logical_type(&mut fields, findings);
    let options = options::read(&mut fields, logical_type, findings);
    let quality = quality::rules(&mut fields, &Subject::Column { name: &name }, findings);
    let classification = fields.text("classification", findings);
    let sensitive = sensitive::is_sensitive(&mut fields, classification.as_deref(), findings);
    let (properties, items) = children(&mut fields, logical_type, depth, findings);
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
        properties,
        items: items.map(Box::new),
        relationships: relationship::of_column(&mut fields, &name, findings),
        line: node.place.line,
        name,
    };
    fields.unknown(PROPERTY_KEYS, findings);
    Some(property)
}

/// The fields of a struct, and what the items of a list are.
fn children(
    fields: &mut Fields<'_>,
    logical_type: Option<LogicalType>,
    depth: usize,
    findings: &mut Findings,
) -> (Vec<Property>, Option<Property>) {
    for (key, wanted) in [("properties", LogicalType::Object), ("items", LogicalType::Array)] {
        let is_other = logical_type.is_some_and(|found| found != wanted);
        if is_other && fields.take(key).is_some() {
            let hint = Some(format!("logicalType: {wanted}"));
            findings.warning(fields.place(key), format!("`{key}` belong to a property of type {wanted}"), hint);
        }
    }
    let nodes = fields.list("properties", findings);
    let properties: Vec<_> =
        nodes.iter().filter_map(|node| nested_property(node, false, depth - 1, findings)).collect();
    super::repeated(properties.iter().map(|property| (property.name.as_str(), property.line)), "property", findings);
    let items = fields.take("items").and_then(|node| nested_property(node, true, depth - 1, findings));
    (properties, items)
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

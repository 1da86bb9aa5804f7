//! Promises on what lies inside structs and lists.
//!
//! Each struct's fields, and each list's items, are the columns of a query of their own, so that a promise on
//! `address.street` is judged like one on a column. Profiles do not look inside, so everything is counted.

use datafusion::arrow::datatypes::{DataType, Schema};
use lamp_core::contract::{Metric, Property, Rule, RuleKind, SchemaObject};
use lamp_core::profile::{ColumnBuilder, ColumnKind, ColumnProfile};

use super::{About, Draft, Need, decided, invalid, missing, promise};
use crate::check::condition::quoted;
use crate::error::EngineError;
use crate::types;
use lamp_core::check::Verdict;

/// Drafts about the columns of one query.
#[derive(Debug)]
pub(in crate::check) struct Group<'a> {
    /// What to select from, as SQL.
    pub from: String,
    pub drafts: Vec<Draft<'a>>,
}

/// Whether the contract promises something inside a column.
pub(in crate::check) fn is_nested(object: &SchemaObject) -> bool {
    object.properties.iter().any(|property| {
        let options = &property.options;
        let has_fields = options.min_properties.is_some()
            || options.max_properties.is_some()
            || !options.required_properties.is_empty();
        has_fields || property.items.is_some() || !property.properties.is_empty()
    })
}

/// Everything that is promised inside the columns of `schema`, which the table `table` has.
pub(in crate::check) fn plan<'a>(
    object: &'a SchemaObject,
    schema: &Schema,
    table: &str,
) -> Result<Vec<Group<'a>>, EngineError> {
    let mut groups = Vec::new();
    for property in &object.properties {
        if let Ok(field) = schema.field_with_name(property.column()) {
            let at = Place { name: property.column().to_owned(), from: table.to_owned() };
            inside(property, field.data_type(), &at, &mut groups)?;
        }
    }
    Ok(groups)
}

/// A column of a query.
struct Place {
    name: String,
    from: String,
}

fn inside<'a>(
    property: &'a Property,
    data_type: &DataType,
    at: &Place,
    groups: &mut Vec<Group<'a>>,
) -> Result<(), EngineError> {
    match data_type {
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            groups.push(Group { from: at.from.clone(), drafts: of_struct(property, &names, at) });
            let expression = |child: &Property| {
                let path = format!("{}.{}", at.name, child.column());
                format!("{}[{}] AS {}", quoted(&at.name), text(child.column()), quoted(&path))
            };
            let present: Vec<_> = property.properties.iter().filter(|p| names.contains(&p.column())).collect();
            let columns: Vec<_> = present.iter().map(|child| expression(child)).collect();
            let from =
                format!("(SELECT {} FROM {} WHERE {} IS NOT NULL)", columns.join(", "), at.from, quoted(&at.name));
            for child in present {
                let Some(field) = fields.iter().find(|field| field.name() == child.column()) else { continue };
                let at = Place { name: format!("{}.{}", at.name, child.column()), from: from.clone() };
                one(child, field.data_type(), &at, groups)?;
            }
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let Some(of_item) = &property.items else { return Ok(()) };
            let name = format!("{}{}", at.name, of_item.name);
            let of_list = quoted(&at.name);
            let from =
                format!("(SELECT unnest({of_list}) AS {} FROM {} WHERE {of_list} IS NOT NULL)", quoted(&name), at.from);
            one(of_item, item.data_type(), &Place { name, from }, groups)?;
        }
        _ => {
            let whole = |what: &str| {
                let need = Need::Nothing(format!("`{}` is {} and is not looked into", at.name, types::name(data_type)));
                promise(&format!("schema.{}.{what}", at.name), &at.name, what, "", need)
            };
            let parts = [("properties", !property.properties.is_empty()), ("items", property.items.is_some())];
            let drafts =
                parts.into_iter().filter(|(_, is_promised)| *is_promised).map(|(what, _)| whole(what)).collect();
            groups.push(Group { from: at.from.clone(), drafts });
        }
    }
    Ok(())
}

/// A field or an item, and what lies inside it.
fn one<'a>(
    property: &'a Property,
    data_type: &DataType,
    at: &Place,
    groups: &mut Vec<Group<'a>>,
) -> Result<(), EngineError> {
    let column = unprofiled(&at.name, data_type);
    let mut drafts = Vec::new();
    super::schema(property, &column, false, &mut drafts)?;
    for draft in &mut drafts {
        let is_required = matches!(&draft.about, About::Schema { rule, .. } if rule.ends_with(".required"));
        if is_required {
            draft.need = Need::Count(format!("{} IS NULL", quoted(&at.name)));
        }
    }
    for rule in &property.quality {
        let need = of_rule(rule, &column)?;
        drafts.push(Draft { need, beside: Vec::new(), about: About::Quality { rule, column: Some(at.name.clone()) } });
    }
    groups.push(Group { from: at.from.clone(), drafts });
    inside(property, data_type, at, groups)
}

/// A column of which nothing is known but its type.
fn unprofiled(name: &str, data_type: &DataType) -> ColumnProfile {
    let mut column = ColumnBuilder::new(name, &types::name(data_type), types::kind(data_type)).finish();
    column.top.exact = false;
    (column.text, column.numbers) = (None, None);
    (column.count, column.nulls) = if column.kind == ColumnKind::Null { (0, 0) } else { (1, 0) };
    column
}

fn of_rule(rule: &Rule, column: &ColumnProfile) -> Result<Need, EngineError> {
    Ok(match &rule.kind {
        RuleKind::Text => Need::Nothing("a rule in words, for people to check".to_owned()),
        RuleKind::Library(Metric::NullValues) => Need::Count(format!("{} IS NULL", quoted(&column.name))),
        RuleKind::Library(Metric::MissingValues { values }) => match missing(values, column) {
            Need::Count(sql) if values.contains(&serde_json::Value::Null) => {
                Need::Count(format!("{sql} OR {} IS NULL", quoted(&column.name)))
            }
            other => other,
        },
        RuleKind::Library(Metric::InvalidValues { valid, pattern }) => {
            invalid(valid.as_deref(), pattern.as_deref(), column)?
        }
        RuleKind::Library(Metric::DuplicateValues { properties }) if properties.is_empty() => {
            Need::Duplicates(vec![column.name.clone()])
        }
        RuleKind::Library(Metric::DuplicateValues { .. } | Metric::RowCount)
        | RuleKind::Sql { .. }
        | RuleKind::Own(_)
        | RuleKind::Custom { .. } => Need::Nothing("it is no rule on values inside a column".to_owned()),
    })
}

/// Which fields a struct has, and how many of them are set.
fn of_struct<'a>(property: &'a Property, names: &[&str], at: &Place) -> Vec<Draft<'a>> {
    let own = quoted(&at.name);
    let field = |name: &str| format!("{own}[{}]", text(name));
    let mut drafts = Vec::new();
    for child in property.properties.iter().filter(|child| !names.contains(&child.column())) {
        let path = format!("{}.{}", at.name, child.column());
        let message = format!("there is no field `{path}`");
        let rule = format!("schema.{path}.present");
        drafts.push(decided(rule, Some(&path), (Verdict::Failed, None), "present".to_owned(), message));
    }
    let options = &property.options;
    let mut push = |what: &str, bound: String, complaint: &str, sql: String| {
        let need = Need::Count(format!("{own} IS NOT NULL AND ({sql})"));
        drafts.push(promise(&format!("schema.{}.{what}", at.name), &at.name, &bound, complaint, need));
    };
    for name in &options.required_properties {
        let is_there = names.contains(&name.as_str());
        let sql = if is_there { format!("{} IS NULL", field(name)) } else { "TRUE".to_owned() };
        push(&format!("required.{name}"), format!("has `{name}`"), &format!("lacks `{name}`"), sql);
    }
    let set: Vec<_> = names.iter().map(|name| format!("CASE WHEN {} IS NULL THEN 0 ELSE 1 END", field(name))).collect();
    let set = if set.is_empty() { "0".to_owned() } else { set.join(" + ") };
    if let Some(fewest) = options.min_properties {
        push("minProperties", format!(">= {fewest} fields"), "has too few fields", format!("{set} < {fewest}"));
    }
    if let Some(most) = options.max_properties {
        push("maxProperties", format!("<= {most} fields"), "has too many fields", format!("{set} > {most}"));
    }
    drafts
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

//! From a contract and a profile to what must be measured. Pure.

use lamp_core::check::{Check, Verdict};
use lamp_core::contract::{self, Metric, Property, Rule, RuleKind, SchemaObject, date_pattern};
use lamp_core::profile::{ColumnKind, ColumnProfile, Profile};
use regex::Regex;
use serde_json::Value;

use super::condition::{self, Condition};
use crate::error::EngineError;

pub(super) mod nested;
mod options;
mod own;

pub(super) use own::Facts;

/// What a draft still needs.
#[derive(Debug, Clone)]
pub(super) enum Need {
    /// Nothing: the profile knows the number. What would have measured it, where rows can be shown.
    Known(u64, Option<Box<Self>>),
    /// Nothing: this is the number.
    Measured(f64),
    /// The number of rows for which this SQL is true.
    Count(String),
    /// The number of rows beyond the first of each value of these columns.
    Duplicates(Vec<String>),
    /// The number that a rule's own query gives.
    Query(String),
    /// The same, of a query that we wrote.
    Rows(RowQuery),
    /// It cannot be evaluated.
    Nothing(String),
}

/// A query of its own for one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowQuery {
    /// It gives the number.
    pub number: String,
    /// True for the rows that are counted, where it counts rows.
    pub failing: Option<String>,
    /// Whether the rows must come in the order of the files.
    pub in_order: bool,
}

/// A check without its number yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub need: Need,
    /// Columns that are shown with rows that break it, beside its own.
    pub beside: Vec<String>,
    about: About<'a>,
}

impl Need {
    fn known(count: u64) -> Self {
        Self::Known(count, None)
    }

    /// The SQL that is true for the rows that are counted; false where there is none.
    fn predicate(self) -> String {
        match self {
            Self::Count(sql) => sql,
            Self::Known(..)
            | Self::Measured(_)
            | Self::Duplicates(_)
            | Self::Query(_)
            | Self::Rows(_)
            | Self::Nothing(_) => "FALSE".to_owned(),
        }
    }
}

#[derive(Debug)]
enum About<'a> {
    /// A promise of the schema: the count of rows that break it is zero.
    Schema { rule: String, column: String, bound: String, complaint: String },
    /// A quality rule.
    Quality { rule: &'a Rule, column: Option<String> },
    /// Decided already.
    Decided(Check),
}

/// Rows that break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing<'a> {
    /// Those for which this SQL is true.
    Where(&'a str),
    /// Those that share their values in these columns.
    Repeated(&'a [String]),
}

/// The number that was measured, or why there is none.
pub(super) type Measured = Result<f64, String>;

impl Draft<'_> {
    /// The rows that break it, for a check that was found broken by them.
    pub(super) fn failing(&self, check: &Check) -> Option<Failing<'_>> {
        let is_by_count = match &self.about {
            About::Schema { .. } => true,
            About::Quality { rule, .. } => check.measured.is_some_and(|measured| rule.wants_fewer_than(measured)),
            About::Decided(_) => false,
        };
        if check.verdict != Verdict::Failed || !is_by_count {
            return None;
        }
        match &self.need {
            Need::Count(sql) => Some(Failing::Where(sql)),
            Need::Duplicates(columns) => Some(Failing::Repeated(columns)),
            Need::Known(_, Some(measure)) => match measure.as_ref() {
                Need::Count(sql) => Some(Failing::Where(sql)),
                Need::Duplicates(columns) => Some(Failing::Repeated(columns)),
                Need::Known(..) | Need::Measured(_) | Need::Query(_) | Need::Rows(_) | Need::Nothing(_) => None,
            },
            Need::Rows(query) => query.failing.as_deref().map(Failing::Where),
            Need::Known(_, None) | Need::Measured(_) | Need::Query(_) | Need::Nothing(_) => None,
        }
    }

    /// The check, given its number.
    pub(super) fn finish(&self, measured: Measured, rows: u64) -> Check {
        match (&self.about, measured) {
            (About::Decided(check), _) => check.clone(),
            (About::Quality { rule, column }, Ok(count)) => contract::judge(rule, column.as_deref(), count, rows),
            (About::Quality { rule, column }, Err(why)) => contract::not_evaluated(rule, column.as_deref(), &why),
            (About::Schema { rule, column, bound, complaint }, measured) => {
                let (verdict, message) = match &measured {
                    Ok(count) => {
                        let verdict = if *count > 0.0 { Verdict::Failed } else { Verdict::Passed };
                        (verdict, format!("`{column}` {complaint} in {count} of {rows} rows"))
                    }
                    Err(why) => (Verdict::NotEvaluated, why.clone()),
                };
                Check {
                    rule: rule.clone(),
                    column: Some(column.clone()),
                    verdict,
                    measured: measured.ok(),
                    bound: bound.clone(),
                    message,
                    severity: None,
                    dimension: Some(dimension_of(rule).to_owned()),
                    samples: Vec::new(),
                }
            }
        }
    }
}

/// The dimension of a promise of the schema, by the last part of its name.
fn dimension_of(rule: &str) -> &'static str {
    match rule.rsplit_once('.').map_or(rule, |(_, what)| what) {
        "required" | "present" | "columns" => "completeness",
        "unique" => "uniqueness",
        _ => "conformity",
    }
}

/// Everything that the contract promises of the table, in the contract's order.
pub(super) fn plan<'a>(object: &'a SchemaObject, facts: &Facts<'_>) -> Result<Vec<Draft<'a>>, EngineError> {
    let profile = facts.evidence.profile;
    let mut drafts = Vec::new();
    let key = object.primary_key();
    for property in &object.properties {
        match profile.find(property.column()) {
            Some(column) => {
                let is_key = key.len() == 1 && property.primary_key;
                schema(property, column, is_key, &mut drafts)?;
                for rule in &property.quality {
                    drafts.push(quality(rule, Some(column), object, facts)?);
                }
                let relationships = property.relationships.iter();
                drafts.extend(relationships.map(|to| own::relationship(to, Some(column), object, facts)));
            }
            None => missing_column(property, &mut drafts),
        }
    }
    if key.len() > 1 {
        let columns: Vec<String> = key.iter().map(|property| property.column().to_owned()).collect();
        drafts.push(unique("schema.key.unique", &columns, profile));
    }
    for rule in &object.quality {
        drafts.push(quality(rule, None, object, facts)?);
    }
    drafts.extend(object.relationships.iter().map(|to| own::relationship(to, None, object, facts)));
    drafts.extend(extra_columns(object, profile));
    Ok(drafts)
}

fn missing_column<'a>(property: &'a Property, drafts: &mut Vec<Draft<'a>>) {
    let column = property.column();
    let rule = format!("schema.{column}.present");
    let message = format!("there is no column `{column}`");
    drafts.push(decided(rule, Some(column), (Verdict::Failed, None), "present".to_owned(), message));
    for rule in &property.quality {
        let need = Need::Nothing(format!("there is no column `{column}`"));
        drafts.push(Draft {
            need,
            beside: Vec::new(),
            about: About::Quality { rule, column: Some(column.to_owned()) },
        });
    }
}

/// A promise of the schema that needs no counting.
fn decided<'a>(
    rule: String,
    column: Option<&str>,
    (verdict, measured): (Verdict, Option<f64>),
    bound: String,
    message: String,
) -> Draft<'a> {
    let dimension = Some(dimension_of(&rule).to_owned());
    let column = column.map(str::to_owned);
    let check =
        Check { rule, column, verdict, measured, bound, message, severity: None, dimension, samples: Vec::new() };
    Draft { need: Need::known(0), beside: Vec::new(), about: About::Decided(check) }
}

/// Columns that the contract does not name are allowed, and said.
fn extra_columns<'a>(object: &SchemaObject, profile: &Profile) -> Option<Draft<'a>> {
    let is_promised = |name: &str| object.properties.iter().any(|property| property.column() == name);
    let extra: Vec<&str> =
        profile.columns.iter().map(|column| column.name.as_str()).filter(|name| !is_promised(name)).collect();
    let says_something = !extra.is_empty() && !object.properties.is_empty();
    says_something.then(|| {
        let measured = Some(f64::from(u32::try_from(extra.len()).unwrap_or(u32::MAX)));
        let message = format!("warning: the contract does not name {}", extra.join(", "));
        let bound = "further columns are allowed".to_owned();
        decided("schema.columns".to_owned(), None, (Verdict::Passed, measured), bound, message)
    })
}

/// Type, nulls, uniqueness and the options of the type. `is_key` says that the column alone is the key.
fn schema<'a>(
    property: &'a Property,
    column: &ColumnProfile,
    is_key: bool,
    drafts: &mut Vec<Draft<'a>>,
) -> Result<(), EngineError> {
    let name = column.name.as_str();
    let is_kept = property.logical_type.is_none_or(|promised| promised.accepts(column.kind, &column.data_type))
        || is_written_out(property, column);
    if let Some(logical_type) = property.logical_type {
        let verdict = if is_kept { Verdict::Passed } else { Verdict::Failed };
        let message = format!("`{name}` is {}{}", column.data_type, type_advice(property, column, is_kept));
        let rule = format!("schema.{name}.type");
        drafts.push(decided(rule, Some(name), (verdict, None), logical_type.to_string(), message));
    }
    if property.required || property.primary_key {
        let need = nulls(column);
        drafts.push(promise(&format!("schema.{name}.required"), name, "no nulls", "is null", need));
    }
    if property.unique || is_key {
        drafts.push(unique_column(name, column));
    }
    if is_kept {
        options::drafts(property, column, drafts)?;
    } else {
        drafts.extend(options::names(&property.options).into_iter().map(|what| {
            let need = Need::Nothing(format!("`{name}` has another type"));
            promise(&format!("schema.{name}.{what}"), name, what, "", need)
        }));
    }
    Ok(())
}

/// Whether the column is text in which days or times are written as the contract's `format` says.
fn is_written_out(property: &Property, column: &ColumnProfile) -> bool {
    use lamp_core::contract::LogicalType;
    let is_time = matches!(property.logical_type, Some(LogicalType::Date | LogicalType::Timestamp | LogicalType::Time));
    let has_pattern = property.options.format.as_deref().is_some_and(|format| date_pattern(format).is_some());
    is_time && has_pattern && column.kind == ColumnKind::Text
}

fn type_advice(property: &Property, column: &ColumnProfile, is_kept: bool) -> &'static str {
    use lamp_core::contract::LogicalType;
    let is_one_of = |types: &[LogicalType]| !is_kept && property.logical_type.is_some_and(|one| types.contains(&one));
    let is_text = column.kind == ColumnKind::Text;
    if column.kind == ColumnKind::Float && is_one_of(&[LogicalType::Integer]) {
        "; integers with nulls written by pandas become floats: promise `number`, or write them as Int64"
    } else if is_text && is_one_of(&[LogicalType::Date, LogicalType::Timestamp, LogicalType::Time]) {
        "; say in `logicalTypeOptions.format` how the text is written"
    } else if is_text && is_one_of(&[LogicalType::Object, LogicalType::Array]) {
        "; JSON in text is not looked into: write it as a struct or a list"
    } else {
        ""
    }
}

fn promise<'a>(rule: &str, column: &str, bound: &str, complaint: &str, need: Need) -> Draft<'a> {
    let about = About::Schema {
        rule: rule.to_owned(),
        column: column.to_owned(),
        bound: bound.to_owned(),
        complaint: complaint.to_owned(),
    };
    Draft { need, beside: Vec::new(), about }
}

fn unique_column<'a>(name: &str, column: &ColumnProfile) -> Draft<'a> {
    promise(&format!("schema.{name}.unique"), name, "unique", "repeats an earlier row", duplicates_of(column))
}

fn unique<'a>(rule: &str, columns: &[String], profile: &Profile) -> Draft<'a> {
    let need = duplicates(columns, profile);
    promise(rule, &columns.join(", "), "unique", "repeats an earlier row", need)
}

/// Repetitions in one column: known when the profile lists every value.
fn duplicates_of(column: &ColumnProfile) -> Need {
    let odd = column.numbers.as_ref().map_or(0, |n| n.nan + n.positive_infinite + n.negative_infinite);
    let measure = Need::Duplicates(vec![column.name.clone()]);
    if column.top.exact && odd == 0 {
        return Need::Known(column.non_null() - column.distinct().estimate, Some(Box::new(measure)));
    }
    measure
}

fn nulls(column: &ColumnProfile) -> Need {
    let measure = Need::Count(format!("{} IS NULL", condition::quoted(&column.name)));
    Need::Known(column.nulls, Some(Box::new(measure)))
}

fn duplicates(columns: &[String], profile: &Profile) -> Need {
    if let Some(missing) = columns.iter().find(|column| profile.find(column).is_none()) {
        return Need::Nothing(format!("there is no column `{missing}`"));
    }
    match columns {
        [] => Need::Nothing("the table has no columns".to_owned()),
        [only] => profile.find(only).map_or_else(|| Need::Duplicates(columns.to_vec()), duplicates_of),
        _ => Need::Duplicates(columns.to_vec()),
    }
}

fn quality<'a>(
    rule: &'a Rule,
    column: Option<&ColumnProfile>,
    object: &'a SchemaObject,
    facts: &Facts<'_>,
) -> Result<Draft<'a>, EngineError> {
    let mut beside = Vec::new();
    let need = match &rule.kind {
        RuleKind::Own(own) => {
            let (need, more) = own::need(own, column, object, facts);
            beside = more;
            need
        }
        RuleKind::Text => Need::Nothing("a rule in words, for people to check".to_owned()),
        RuleKind::Custom { engine, .. } => Need::Nothing(format!("rules of the engine `{engine}` are not evaluated")),
        RuleKind::Sql { query } => Need::Query(substituted(query, object, column)),
        RuleKind::Library(metric) => library(metric, column, object, facts.evidence.profile)?,
    };
    let column = column.map(|column| column.name.clone());
    Ok(Draft { need, beside, about: About::Quality { rule, column } })
}

/// `{object}` and `{property}`, also called `{table}` and `{column}` and with or without a dollar sign before them,
/// as names in SQL.
fn substituted(query: &str, object: &SchemaObject, column: Option<&ColumnProfile>) -> String {
    let mut sql = query.trim().trim_end_matches(';').to_owned();
    let column = column.map(|column| condition::quoted(&column.name)).unwrap_or_default();
    let table = condition::quoted(&object.name);
    for (word, value) in [("object", &table), ("table", &table), ("property", &column), ("column", &column)] {
        sql = sql.replace(&format!("${{{word}}}"), value).replace(&format!("{{{word}}}"), value);
    }
    sql
}

fn library(
    metric: &Metric,
    column: Option<&ColumnProfile>,
    object: &SchemaObject,
    profile: &Profile,
) -> Result<Need, EngineError> {
    let on_table = || Need::Nothing(format!("`{}` is about a column", metric.as_str()));
    Ok(match (metric, column) {
        (Metric::RowCount, _) => Need::known(profile.rows),
        (Metric::DuplicateValues { properties }, None) if properties.is_empty() => {
            duplicates(&profile.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), profile)
        }
        (Metric::DuplicateValues { properties }, Some(column)) if properties.is_empty() => duplicates_of(column),
        (Metric::DuplicateValues { properties }, _) => {
            let columns: Vec<_> = properties.iter().map(|name| object.column_of(name).to_owned()).collect();
            duplicates(&columns, profile)
        }
        (Metric::NullValues, Some(column)) => nulls(column),
        (Metric::MissingValues { values }, Some(column)) => missing(values, column),
        (Metric::InvalidValues { valid, pattern }, Some(column)) => {
            invalid(valid.as_deref(), pattern.as_deref(), column)?
        }
        (Metric::NullValues | Metric::MissingValues { .. } | Metric::InvalidValues { .. }, None) => on_table(),
    })
}

fn missing(values: &[Value], column: &ColumnProfile) -> Need {
    let nulls = if values.contains(&Value::Null) { column.nulls } else { 0 };
    let listed: Vec<_> = values.iter().filter(|value| !value.is_null()).collect();
    let mut conditions = Vec::new();
    let scalars: Vec<_> = listed.iter().filter_map(|value| condition::scalar(value, column.kind)).collect();
    if !scalars.is_empty() {
        conditions.push(Condition::In(scalars));
    }
    if column.kind == ColumnKind::Float && listed.iter().any(|value| condition::is_nan(value)) {
        conditions.push(Condition::IsNan);
    }
    let or_null = |sql: String| match nulls {
        0 => sql,
        _ => format!("{sql} OR {} IS NULL", condition::quoted(&column.name)),
    };
    match count(&conditions, column) {
        Need::Known(found, measure) => {
            let counted = measure.map_or_else(|| "FALSE".to_owned(), |measure| measure.predicate());
            Need::Known(found + nulls, Some(Box::new(Need::Count(or_null(counted)))))
        }
        Need::Count(sql) => Need::Count(or_null(sql)),
        other => other,
    }
}

fn invalid(valid: Option<&[Value]>, pattern: Option<&str>, column: &ColumnProfile) -> Result<Need, EngineError> {
    let mut conditions = Vec::new();
    if let Some(valid) = valid {
        conditions
            .push(Condition::NotIn(valid.iter().filter_map(|value| condition::scalar(value, column.kind)).collect()));
    }
    if let Some(pattern) = pattern {
        if column.kind != ColumnKind::Text && column.kind != ColumnKind::Null {
            return Ok(Need::Nothing(format!("a pattern is about text, and the column is {}", column.data_type)));
        }
        conditions.push(Condition::NotMatching(compile(pattern)?));
    }
    Ok(count(&conditions, column))
}

fn compile(pattern: &str) -> Result<Regex, EngineError> {
    Regex::new(pattern).map_err(|error| EngineError::Pattern {
        pattern: pattern.to_owned(),
        reason: error.to_string().lines().last().unwrap_or_default().to_owned(),
    })
}

/// The number of values that any of the conditions counts: from the listed values when they are
/// all listed, else by SQL.
fn count(conditions: &[Condition], column: &ColumnProfile) -> Need {
    if conditions.is_empty() || column.non_null() == 0 {
        return Need::known(0);
    }
    let odd = column.numbers.as_ref().map_or(0, |n| n.nan + n.positive_infinite + n.negative_infinite);
    let is_countable =
        !matches!(column.kind, ColumnKind::List | ColumnKind::Struct | ColumnKind::Other | ColumnKind::Time);
    let sql = |c: &Condition| format!("({})", c.sql(&column.name, column.kind, &column.data_type));
    let measure = is_countable.then(|| Need::Count(conditions.iter().map(sql).collect::<Vec<_>>().join(" OR ")));
    if column.top.exact && odd == 0 {
        let counted = column.top.entries.iter().filter(|(value, _)| conditions.iter().any(|c| c.counts(value)));
        return Need::Known(counted.map(|(_, count)| count).sum(), measure.map(Box::new));
    }
    measure.unwrap_or_else(|| Need::Nothing(format!("values of {} are not compared", column.data_type)))
}

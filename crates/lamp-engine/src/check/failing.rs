//! Some of the rows that break a rule, for a person to look at.

use lamp_core::check::{Check, MASK, SAMPLES_MAX, SampleCell, SampleRow};
use lamp_core::contract::SchemaObject;
use lamp_core::profile::{ColumnKind, Profile};
use lamp_core::table::{Table, Values};

use super::CheckContext;
use super::condition::quoted;
use super::measure::{TABLE, Tables};
use super::plan::{Draft, Failing};
use crate::error::EngineError;
use crate::query;

/// Rules of one table whose rows are shown; further ones say only how many they are.
const SAMPLED_RULES_MAX: usize = 20;
/// Columns shown beside the rule's own.
const KEY_COLUMNS_MAX: usize = 6;
/// Longer values are cut after so many characters.
const VALUE_CHARACTERS_MAX: usize = 60;

/// Adds rows to the checks that are broken by some. `checks` are those of `drafts`, in order.
pub(super) async fn add_samples(
    tables: &Tables<'_>,
    object: &SchemaObject,
    (profile, context): (&Profile, &CheckContext),
    drafts: &[Draft<'_>],
    checks: &mut [Check],
) -> Result<(), EngineError> {
    let mut wanted = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        if let Some(failing) = checks.get(place).and_then(|check| draft.failing(check)) {
            wanted.push((place, failing));
        }
    }
    let tables = tables.in_order();
    for (place, failing) in wanted.into_iter().take(SAMPLED_RULES_MAX) {
        let columns = match failing {
            Failing::Where(_) => {
                let own = checks[place].column.iter().chain(&drafts[place].beside);
                shown(object, profile, context, own)
            }
            Failing::Repeated(columns) => columns.to_vec(),
        };
        let sql = select(&failing, &columns, |column| is_hidden(object, profile, column));
        // The verdict stands; it must not be lost because a row cannot be shown.
        if let Ok(table) = query::run(tables.session().await?, &sql, SAMPLES_MAX).await {
            checks[place].samples = rows(&table, &columns);
        }
    }
    Ok(())
}

/// What tells a row apart (the key, and the column that dates it), and the columns that are wrong.
fn shown<'a>(
    object: &SchemaObject,
    profile: &Profile,
    context: &CheckContext,
    own: impl Iterator<Item = &'a String>,
) -> Vec<String> {
    let of_contract = object.primary_key().into_iter().map(|property| property.column().to_owned());
    let mut key: Vec<String> = of_contract.collect();
    if key.is_empty() {
        key.clone_from(&context.key);
    }
    key.extend(context.newest_column.clone());
    key.truncate(KEY_COLUMNS_MAX);
    let mut own: Vec<String> = own.cloned().collect();
    key.retain(|column| !own.contains(column));
    key.append(&mut own);
    let mut columns = Vec::new();
    for column in key {
        if profile.find(&column).is_some() && !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// Hidden values do not leave the query: only whether they are null does.
fn select(failing: &Failing<'_>, columns: &[String], is_hidden: impl Fn(&str) -> bool) -> String {
    let expression = |column: &String| {
        let name = quoted(column);
        if is_hidden(column) { format!("CASE WHEN {name} IS NULL THEN NULL ELSE '{MASK}' END") } else { name }
    };
    let aliased = |(place, column): (usize, &String)| format!("{} AS c{place}", expression(column));
    let list = columns.iter().enumerate().map(aliased).collect::<Vec<_>>().join(", ");
    match failing {
        Failing::Where(condition) if list.is_empty() => format!("SELECT 1 AS c0 FROM {TABLE} WHERE {condition}"),
        Failing::Where(condition) => format!("SELECT {list} FROM {TABLE} WHERE {condition}"),
        Failing::Repeated(columns) => {
            let names: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
            // As the rule counts: nulls of a single column are not compared with each other.
            let filter =
                if let [only] = names.as_slice() { format!("WHERE {only} IS NOT NULL") } else { String::new() };
            let by = names.join(", ");
            format!(
                "SELECT {list}, count(*) AS times FROM {TABLE} {filter} GROUP BY {by} HAVING count(*) > 1 \
                 ORDER BY times DESC, {by} LIMIT {SAMPLES_MAX}"
            )
        }
    }
}

/// Sensitive values, and those that are no single word.
fn is_hidden(object: &SchemaObject, profile: &Profile, column: &str) -> bool {
    let is_sensitive = object.properties.iter().any(|property| property.column() == column && property.sensitive);
    let kind = profile.find(column).map(|column| column.kind);
    is_sensitive || kind.is_some_and(|kind| matches!(kind, ColumnKind::Struct | ColumnKind::Other))
}

fn rows(table: &Table, columns: &[String]) -> Vec<SampleRow> {
    if columns.is_empty() {
        return Vec::new();
    }
    let name = |place: usize| columns.get(place).map_or("rows", String::as_str);
    let cell = |row: usize| {
        move |(place, column): (usize, &lamp_core::table::Column)| SampleCell {
            column: name(place).to_owned(),
            value: text(&column.values, row),
        }
    };
    (0..table.rows()).map(|row| SampleRow(table.columns.iter().enumerate().map(cell(row)).collect())).collect()
}

fn text(values: &Values, row: usize) -> Option<String> {
    let text = match values {
        Values::Bool(values) => values.get(row).copied().flatten()?.to_string(),
        Values::Int(values) => values.get(row).copied().flatten()?.to_string(),
        Values::Float(values) => values.get(row).copied().flatten()?.to_string(),
        Values::Instant(values) => lamp_core::profile::Scalar::Instant(values.get(row).copied().flatten()?).to_string(),
        Values::Text(values) => values.get(row).cloned().flatten()?,
    };
    let is_long = text.chars().count() > VALUE_CHARACTERS_MAX;
    Some(if is_long { text.chars().take(VALUE_CHARACTERS_MAX).chain(['…']).collect() } else { text })
}

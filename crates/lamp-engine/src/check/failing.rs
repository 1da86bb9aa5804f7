//! Some of the rows that break a rule, for a person to look at.

use lamp_core::check::{Check, MASK, SAMPLES_MAX, SampleCell, SampleRow};
use lamp_core::contract::SchemaObject;
use lamp_core::profile::Profile;
use lamp_core::table::{Table, Values};

use super::CheckContext;
use super::condition::quoted;
use super::measure::TABLE;
use super::plan::{Draft, Failing};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::query;
use crate::source::Source;

/// Rules of one table whose rows are shown; further ones say only how many they are.
const SAMPLED_RULES_MAX: usize = 20;
/// Columns shown beside the rule's own.
const KEY_COLUMNS_MAX: usize = 6;
/// Longer values are cut after so many characters.
const VALUE_CHARACTERS_MAX: usize = 60;

/// Adds rows to the checks that are broken by some. `checks` are those of `drafts`, in order.
pub(super) async fn add_samples(
    engine: &Engine,
    files: &[DataFile],
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
    if wanted.is_empty() {
        return Ok(());
    }
    let one = engine.in_order();
    let session = one.session();
    one.register(&session, TABLE, Source::open_async(files).await?)?;
    for (place, failing) in wanted.into_iter().take(SAMPLED_RULES_MAX) {
        let own = checks[place].column.clone();
        let columns = match failing {
            Failing::Where(_) => shown(object, profile, context, own.as_deref()),
            Failing::Repeated(columns) => columns.to_vec(),
        };
        let table = query::run(&session, &select(&failing, &columns, object), SAMPLES_MAX).await?;
        checks[place].samples = rows(&table, &columns);
    }
    Ok(())
}

/// What tells a row apart (the key, and the column that dates it), and the column that is wrong.
fn shown(object: &SchemaObject, profile: &Profile, context: &CheckContext, own: Option<&str>) -> Vec<String> {
    let of_contract = object.primary_key().into_iter().map(|property| property.column().to_owned());
    let mut columns: Vec<String> = of_contract.collect();
    if columns.is_empty() {
        columns.clone_from(&context.key);
    }
    columns.extend(context.newest_column.clone());
    columns.retain(|column| profile.find(column).is_some() && Some(column.as_str()) != own);
    columns.dedup();
    columns.truncate(KEY_COLUMNS_MAX);
    columns.extend(own.filter(|own| profile.find(own).is_some()).map(str::to_owned));
    columns
}

/// Sensitive values do not leave the query: only whether they are null does.
fn select(failing: &Failing<'_>, columns: &[String], object: &SchemaObject) -> String {
    let expression = |column: &String| {
        let name = quoted(column);
        if is_sensitive(object, column) {
            format!("CASE WHEN {name} IS NULL THEN NULL ELSE '{MASK}' END")
        } else {
            name
        }
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

fn is_sensitive(object: &SchemaObject, column: &str) -> bool {
    object.properties.iter().any(|property| property.column() == column && property.sensitive)
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

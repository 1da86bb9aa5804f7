//! Measuring what the profile does not know.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::prelude::SessionContext;
use lamp_core::contract::SchemaObject;
use lamp_core::table::{Table, Values};

use super::condition::quoted;
use super::plan::{Draft, Measured, Need};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::query;
use crate::source::Source;

/// How long the query of one rule may take.
const RULE_QUERY_MAX: Duration = Duration::from_mins(5);
/// The table's name in our own queries, and one more name for it in those of rules.
pub(super) const TABLE: &str = "data";

/// A session in which the files are tables, `data` and what the contract calls them.
pub(super) async fn session(
    engine: &Engine,
    files: &[DataFile],
    object: &SchemaObject,
) -> Result<SessionContext, EngineError> {
    let session = engine.session();
    let source = Source::open_async(files).await?;
    let mut names = vec![TABLE, object.name.as_str()];
    names.extend(object.physical_name.as_deref());
    names.sort_unstable();
    names.dedup();
    for name in names {
        engine.register(&session, name, source.clone())?;
    }
    Ok(session)
}

/// Whether any of these needs the rows themselves.
fn needs_scan(drafts: &[Draft<'_>]) -> bool {
    drafts.iter().any(|draft| !matches!(draft.need, Need::Known(..) | Need::Nothing(_)))
}

/// One number for each draft, in order.
pub(super) async fn measure(
    engine: &Engine,
    files: &[DataFile],
    object: &SchemaObject,
    drafts: &[Draft<'_>],
) -> Result<Vec<Measured>, EngineError> {
    if !needs_scan(drafts) {
        return Ok(drafts.iter().map(|draft| known(&draft.need).unwrap_or(Ok(0.0))).collect());
    }
    let session = session(engine, files, object).await?;
    let mut counts = all_counts(&session, drafts).await?.into_iter();
    let duplicates = all_duplicates(&session, drafts).await?;
    let mut measured = Vec::with_capacity(drafts.len());
    for draft in drafts {
        measured.push(match &draft.need {
            Need::Count(_) => counts.next().ok_or_else(|| "not measured".to_owned()),
            Need::Duplicates(columns) => duplicates.get(columns).copied().ok_or_else(|| "not measured".to_owned()),
            Need::Query(sql) => rule_query(&session, sql).await,
            other => known(other).unwrap_or_else(|| Err("not measured".to_owned())),
        });
    }
    Ok(measured)
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn known(need: &Need) -> Option<Measured> {
    match need {
        Need::Known(count, _) => Some(Ok(*count as f64)),
        Need::Nothing(why) => Some(Err(why.clone())),
        Need::Count(_) | Need::Duplicates(_) | Need::Query(_) => None,
    }
}

/// All counts in one scan.
async fn all_counts(session: &SessionContext, drafts: &[Draft<'_>]) -> Result<Vec<f64>, EngineError> {
    let mut columns = Vec::new();
    for draft in drafts {
        if let Need::Count(condition) = &draft.need {
            columns.push(format!("count(*) FILTER (WHERE {condition}) AS c{}", columns.len()));
        }
    }
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {} FROM {TABLE}", columns.join(", "));
    let table = query::run(session, &sql, 1).await?;
    table.columns.iter().map(|column| first_number(&column.values).ok_or_else(|| no_number(&sql))).collect()
}

/// One group-by for each set of columns; it spills to disk when memory runs short.
async fn all_duplicates(
    session: &SessionContext,
    drafts: &[Draft<'_>],
) -> Result<BTreeMap<Vec<String>, f64>, EngineError> {
    let mut measured = BTreeMap::new();
    for draft in drafts {
        let Need::Duplicates(columns) = &draft.need else { continue };
        if measured.contains_key(columns) {
            continue;
        }
        let names: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
        // Nulls of a single column are not compared with each other.
        let filter = if let [only] = names.as_slice() { format!("WHERE {only} IS NOT NULL") } else { String::new() };
        let sql = format!(
            "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {TABLE} {filter} GROUP BY {})",
            names.join(", ")
        );
        let table = query::run(session, &sql, 1).await?;
        measured.insert(columns.clone(), only_number(&table).ok_or_else(|| no_number(&sql))?);
    }
    Ok(measured)
}

/// The number that a rule's own query gives. A query that fails is the contract's mistake, and
/// must not hide the verdicts of the other rules.
async fn rule_query(session: &SessionContext, sql: &str) -> Measured {
    let answered = tokio::time::timeout(RULE_QUERY_MAX, query::run(session, sql, 2)).await;
    let table = match answered {
        Ok(Ok(table)) => table,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("the query took longer than {} s", RULE_QUERY_MAX.as_secs())),
    };
    if table.rows() != 1 || table.columns.len() != 1 {
        let (rows, columns) = (table.rows(), table.columns.len());
        return Err(format!("the query gives {rows} rows of {columns} columns, and one number is wanted"));
    }
    only_number(&table).ok_or_else(|| "the query gives no number".to_owned())
}

fn no_number(sql: &str) -> EngineError {
    EngineError::Internal(format!("`{sql}` gave no number"))
}

fn only_number(table: &Table) -> Option<f64> {
    table.columns.first().and_then(|column| first_number(&column.values))
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn first_number(values: &Values) -> Option<f64> {
    match values {
        Values::Int(values) => values.first().copied().flatten().map(|value| value as f64),
        Values::Float(values) => values.first().copied().flatten(),
        Values::Bool(values) => values.first().copied().flatten().map(|value| f64::from(u8::from(value))),
        Values::Text(_) | Values::Instant(_) => None,
    }
}

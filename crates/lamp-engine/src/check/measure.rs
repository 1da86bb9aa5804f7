//! Measuring what the profile does not know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionContext;
use lamp_core::contract::SchemaObject;
use lamp_core::table::{Table, Values};

use super::condition::quoted;
use super::plan::{Draft, Measured, Need, RowQuery};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::query;
use crate::source::Source;

/// The table's name in our own queries, and one more name for it in those of rules.
pub(super) const TABLE: &str = "data";

/// What another dataset is called in queries; no contract's table can be called so by accident.
pub(super) fn other_table(dataset: &str) -> String {
    format!("dataset {dataset}")
}

/// The files as tables, `data` and what the contract calls them. Opened when first needed.
pub(super) struct Tables<'a> {
    engine: Engine,
    files: &'a [DataFile],
    object: &'a SchemaObject,
    /// Other datasets.
    others: &'a [(String, Vec<DataFile>)],
    opened: tokio::sync::OnceCell<(SessionContext, SchemaRef)>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        engine: Engine,
        files: &'a [DataFile],
        object: &'a SchemaObject,
        others: &'a [(String, Vec<DataFile>)],
    ) -> Self {
        Self { engine, files, object, others, opened: tokio::sync::OnceCell::new() }
    }

    /// The same tables, read from one end to the other.
    pub(super) fn in_order(&self) -> Self {
        Self::new(self.engine.in_order(), self.files, self.object, self.others)
    }

    pub(super) async fn session(&self) -> Result<&SessionContext, EngineError> {
        Ok(&self.opened().await?.0)
    }

    async fn opened(&self) -> Result<&(SessionContext, SchemaRef), EngineError> {
        self.opened.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<(SessionContext, SchemaRef), EngineError> {
        let session = self.engine.session();
        let source = Source::open_async(self.files).await?;
        let mut names = vec![TABLE, self.object.name.as_str()];
        names.extend(self.object.physical_name.as_deref());
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.engine.register(&session, name, Arc::clone(&source))?;
        }
        for (name, files) in self.others {
            self.engine.register(&session, &other_table(name), Source::open_async(files).await?)?;
        }
        Ok((session, Arc::clone(source.schema())))
    }

    /// The types of the columns.
    pub(super) async fn schema(&self) -> Result<&SchemaRef, EngineError> {
        Ok(&self.opened().await?.1)
    }

    /// One number for each draft, in order.
    pub(super) async fn measure(&self, drafts: &[Draft<'_>]) -> Result<Vec<Measured>, EngineError> {
        let needs_scan = drafts.iter().any(|draft| known(&draft.need).is_none());
        if !needs_scan {
            return Ok(drafts.iter().map(|draft| known(&draft.need).unwrap_or(Ok(0.0))).collect());
        }
        let mut measured = measure(self.session().await?, self.engine.settings.rule_query_max, TABLE, drafts).await?.0;
        let in_order = self.in_order();
        for (place, draft) in drafts.iter().enumerate() {
            if let Need::Rows(RowQuery { number, in_order: true, .. }) = &draft.need {
                measured[place] =
                    rule_query(in_order.session().await?, number, self.engine.settings.rule_query_max).await;
            }
        }
        Ok(measured)
    }

    /// One number for each draft about the columns of a query, and how many rows that has.
    pub(super) async fn measure_in(
        &self,
        from: &str,
        drafts: &[Draft<'_>],
    ) -> Result<(Vec<Measured>, u64), EngineError> {
        measure(self.session().await?, self.engine.settings.rule_query_max, from, drafts).await
    }
}

async fn measure(
    session: &SessionContext,
    longest: Duration,
    from: &str,
    drafts: &[Draft<'_>],
) -> Result<(Vec<Measured>, u64), EngineError> {
    let (counts, rows) = all_counts(session, from, drafts).await?;
    let mut counts = counts.into_iter();
    let duplicates = all_duplicates(session, from, drafts).await?;
    let mut measured = Vec::with_capacity(drafts.len());
    for draft in drafts {
        measured.push(match &draft.need {
            Need::Count(_) => counts.next().ok_or_else(|| "not measured".to_owned()),
            Need::Duplicates(columns) => duplicates.get(columns).copied().ok_or_else(|| "not measured".to_owned()),
            Need::Query(sql) | Need::Rows(RowQuery { number: sql, in_order: false, .. }) => {
                rule_query(session, sql, longest).await
            }
            other => known(other).unwrap_or_else(|| Err("not measured".to_owned())),
        });
    }
    Ok((measured, rows))
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn known(need: &Need) -> Option<Measured> {
    match need {
        Need::Known(count, _) => Some(Ok(*count as f64)),
        Need::Measured(number) => Some(Ok(*number)),
        Need::Nothing(why) => Some(Err(why.clone())),
        Need::Count(_) | Need::Duplicates(_) | Need::Query(_) | Need::Rows(_) => None,
    }
}

/// All counts in one scan, and the number of rows; that is 0 where nobody asks for it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
async fn all_counts(
    session: &SessionContext,
    from: &str,
    drafts: &[Draft<'_>],
) -> Result<(Vec<f64>, u64), EngineError> {
    let mut columns = Vec::new();
    for draft in drafts {
        if let Need::Count(condition) = &draft.need {
            columns.push(format!("count(*) FILTER (WHERE {condition}) AS c{}", columns.len()));
        }
    }
    let nobody_asks = from == TABLE || drafts.iter().all(|draft| known(&draft.need).is_some());
    if columns.is_empty() && nobody_asks {
        return Ok((Vec::new(), 0));
    }
    columns.push("count(*) AS n".to_owned());
    let sql = format!("SELECT {} FROM {from}", columns.join(", "));
    let table = query::run(session, &sql, 1).await?;
    let numbers = table.columns.iter().map(|column| first_number(&column.values).ok_or_else(|| no_number(&sql)));
    let mut numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let rows = numbers.pop().unwrap_or_default() as u64;
    Ok((numbers, rows))
}

/// One group-by for each set of columns; it spills to disk when memory runs short.
async fn all_duplicates(
    session: &SessionContext,
    from: &str,
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
            "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {from} {filter} GROUP BY {})",
            names.join(", ")
        );
        let table = query::run(session, &sql, 1).await?;
        measured.insert(columns.clone(), only_number(&table).ok_or_else(|| no_number(&sql))?);
    }
    Ok(measured)
}

/// The number that a rule's own query gives. A query that fails is the contract's mistake, and
/// must not hide the verdicts of the other rules.
async fn rule_query(session: &SessionContext, sql: &str, longest: Duration) -> Measured {
    let answered = tokio::time::timeout(longest, query::run(session, sql, 2)).await;
    let table = match answered {
        Ok(Ok(table)) => table,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("the query took longer than {} s", longest.as_secs_f64())),
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

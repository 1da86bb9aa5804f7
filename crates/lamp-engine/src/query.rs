//! Read-only SQL over files.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use futures::StreamExt;
use lamp_core::table::Table;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::provider::{SourceTable, unwrap_error};
use crate::source::Source;
use crate::values;

/// The most rows that a query gives, whatever its caller asks for.
pub const QUERY_ROWS_MAX: usize = 100_000;

impl Engine {
    /// Runs one SELECT over the tables and gives at most `limit` rows (and at most
    /// [`QUERY_ROWS_MAX`]). Rows come in the order that the query asks for, else in any.
    pub async fn query(
        &self,
        sql: &str,
        tables: &[(String, Vec<DataFile>)],
        limit: usize,
    ) -> Result<Table, EngineError> {
        let session = self.session();
        for (name, files) in tables {
            let source = Source::open_async(files).await?;
            self.register(&session, name, source)?;
        }
        run(&session, sql, limit).await
    }

    /// Makes a source known to a session under a name.
    pub(crate) fn register(
        &self,
        session: &SessionContext,
        name: &str,
        source: Arc<Source>,
    ) -> Result<(), EngineError> {
        let table = Arc::new(SourceTable::new(source, self.settings.threads));
        let reference = datafusion::common::TableReference::bare(name);
        session.register_table(reference, table).map_err(|e| unwrap_error(e, name))?;
        Ok(())
    }
}

/// Runs one SELECT in a session.
pub(crate) async fn run(session: &SessionContext, sql: &str, limit: usize) -> Result<Table, EngineError> {
    check_is_one_select(sql)?;
    let only_reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = session.sql_with_options(sql, only_reading).await.map_err(|e| unwrap_error(e, sql))?;
    let limit = limit.min(QUERY_ROWS_MAX);
    let frame = frame.limit(0, Some(limit)).map_err(|e| unwrap_error(e, sql))?;
    let schema = Arc::clone(frame.schema().inner());
    let mut stream = frame.execute_stream().await.map_err(|e| unwrap_error(e, sql))?;
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(|e| unwrap_error(e, sql))?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    table(&batches).map_err(|reason| EngineError::Sql { sql: sql.to_owned(), reason })
}

fn check_is_one_select(sql: &str) -> Result<(), EngineError> {
    let statements = DFParser::parse_sql_with_dialect(sql, &GenericDialect {})
        .map_err(|e| EngineError::Sql { sql: sql.to_owned(), reason: e.strip_backtrace() })?;
    let refuse = |reason: &str| Err(EngineError::NotReadOnly { reason: reason.to_owned() });
    if statements.len() != 1 {
        return refuse(&format!("there are {} statements", statements.len()));
    }
    match statements.front() {
        Some(Statement::Statement(statement)) if matches!(**statement, ast::Statement::Query(_)) => Ok(()),
        _ => refuse("it is not a SELECT"),
    }
}

pub(crate) fn table(batches: &[RecordBatch]) -> Result<Table, String> {
    let mut table = Table::default();
    let Some(first) = batches.first() else { return Ok(table) };
    for (index, field) in first.schema_ref().fields().iter().enumerate() {
        let arrays: Vec<ArrayRef> = batches.iter().map(|batch| Arc::clone(batch.column(index))).collect();
        table.push(field.name(), values::of_all(&arrays)?);
    }
    Ok(table)
}

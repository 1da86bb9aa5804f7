//! A [`Source`] as a table that DataFusion can query.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use crate::error::EngineError;
use crate::source::{Piece, Source};

/// Batches read ahead of the query, for each partition.
const BATCHES_AHEAD: usize = 2;

#[derive(Debug)]
pub(crate) struct SourceTable {
    source: Arc<Source>,
    /// Partitions to offer.
    threads: usize,
}

impl SourceTable {
    pub(crate) fn new(source: Arc<Source>, threads: usize) -> Self {
        Self { source, threads }
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.source.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.source.schema().fields().len()).collect();
        let projection: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = self.source.projected(&projection);
        let pieces = self.source.pieces();
        let share = pieces.len().div_ceil(self.threads).max(1);
        let stretch = |pieces: &[Piece]| {
            Arc::new(Stretch {
                source: Arc::clone(&self.source),
                pieces: pieces.to_vec(),
                projection: projection.clone(),
                schema: Arc::clone(&schema),
            }) as Arc<dyn PartitionStream>
        };
        let mut stretches: Vec<_> = pieces.chunks(share).map(stretch).collect();
        if stretches.is_empty() {
            stretches.push(stretch(&[]));
        }
        let plan = StreamingTableExec::try_new(schema, stretches, None, None, false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// Consecutive pieces, read by one thread.
#[derive(Debug)]
struct Stretch {
    source: Arc<Source>,
    pieces: Vec<Piece>,
    projection: Vec<usize>,
    schema: SchemaRef,
}

impl PartitionStream for Stretch {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_AHEAD);
        let sender = stream.tx();
        let (source, pieces, projection) = (Arc::clone(&self.source), self.pieces.clone(), self.projection.clone());
        stream.spawn_blocking(move || {
            for piece in &pieces {
                // A receiver that is gone (a limit was reached) ends the reading.
                let mut goes_on = true;
                let read = source.read(piece, &projection, |batch| {
                    goes_on = sender.blocking_send(Ok(batch.rows)).is_ok();
                    Ok(goes_on)
                });
                read.map_err(|error| DataFusionError::External(Box::new(error)))?;
                if !goes_on {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

/// The engine's own error inside one of DataFusion's, where there is one.
pub(crate) fn unwrap_error(error: DataFusionError, sql: &str) -> EngineError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<EngineError>() {
            Ok(ours) => *ours,
            Err(other) => failed(sql, other.to_string()),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => unwrap_error(*inner, sql),
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => unwrap_error(inner, sql),
            Err(shared) => failed(sql, first_line(&shared.to_string())),
        },
        DataFusionError::ArrowError(inner, _) => match *inner {
            datafusion::arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => unwrap_error(*inner, sql),
                Err(other) => failed(sql, other.to_string()),
            },
            other => failed(sql, other.to_string()),
        },
        DataFusionError::ResourcesExhausted(reason) => EngineError::Memory(first_line(&reason)),
        other => failed(sql, first_line(&other.strip_backtrace())),
    }
}

fn failed(sql: &str, reason: String) -> EngineError {
    EngineError::Sql { sql: sql.to_owned(), reason }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

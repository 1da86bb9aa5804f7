//! Whole tables through a model, for evaluation on held-out data.

use std::sync::Arc;

use lamp_core::error::{Classified, Kind};
use lamp_core::table::Table;

use crate::model::{Model, PredictError};
use crate::outputs::Outputs;
use crate::signature::{BATCH_ROWS_MAX, Batch, InputError, Rejection, check_answer};

/// Why a table has no predictions.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row is not an input that the signature allows.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The model gave no answer.
    #[error("no answer for rows {first} to {last}: {source}")]
    Predict {
        /// First row of the chunk, from 0.
        first: usize,
        /// Last row of the chunk.
        last: usize,
        /// Why.
        #[source]
        source: PredictError,
    },
    /// The answer is not what the signature says.
    #[error("the answer for rows {first} to {last} is not valid: {source}")]
    Answer {
        /// First row of the chunk, from 0.
        first: usize,
        /// Last row of the chunk.
        last: usize,
        /// Why.
        #[source]
        source: Rejection,
    },
}

impl Classified for TableError {
    fn kind(&self) -> Kind {
        match self {
            Self::Input(_) | Self::Answer { .. } => Kind::Invalid,
            Self::Predict { .. } => Kind::Unavailable,
        }
    }
}

/// Predicts every row of `table`, `chunk_rows` at a time (between 1 and 10,000), in order. Input
/// columns are found by name and other columns left out. One row that the signature refuses, or
/// one invalid answer, fails the whole: half an evaluation is none.
pub async fn predict_table(model: &dyn Model, table: &Table, chunk_rows: usize) -> Result<Outputs, TableError> {
    let chunk = chunk_rows.clamp(1, BATCH_ROWS_MAX);
    let mut all = Outputs::default();
    let mut first = 0;
    while first < table.rows() {
        let end = (first + chunk).min(table.rows());
        let last = end - 1;
        let batch = Arc::new(Batch::from_table(model.signature(), table, first..end)?);
        let outputs = model.predict(batch).await.map_err(|source| TableError::Predict { first, last, source })?;
        check_answer(model.signature(), end - first, &outputs).map_err(|source| TableError::Answer {
            first,
            last,
            source,
        })?;
        all.append(outputs);
        first = end;
    }
    Ok(all)
}

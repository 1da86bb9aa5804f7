//! Requests and answers held against a signature.

mod answer;
mod cell;
mod rows;
mod tensors;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use lamp_core::error::{Classified, Kind};
use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::table::{Table, Values};
use serde_json::Value;

pub use answer::check_answer;
pub use tensors::{Tensor, TensorData};

/// Most rows that one batch may have.
pub const BATCH_ROWS_MAX: usize = 10_000;

/// An input that the signature does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct InputError {
    /// Where, for example `rows[3].temp`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl InputError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

impl Classified for InputError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
}

/// An answer that the signature does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejection {
    /// The word under which it is counted.
    pub reason: FallbackReason,
    /// What is wrong, for people.
    pub detail: String,
}

impl Rejection {
    /// A rejection for `reason`.
    pub fn new(reason: FallbackReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Validated input rows, in columns, in the order of the signature's inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    signature: Arc<Signature>,
    rows: usize,
    columns: Vec<Values>,
}

impl Batch {
    /// Reads `[{"carrier": "UA", …}, …]`. Unknown fields, missing ones that are not nullable,
    /// wrong types and values outside the declared ranges and classes are refused with their
    /// path (`rows[3].temp`).
    pub fn from_rows(signature: &Arc<Signature>, rows: &[Value]) -> Result<Self, InputError> {
        rows::read(signature, rows)
    }

    /// Reads the protocol's tensors, one per input, all with the same number of rows.
    pub fn from_tensors(signature: &Arc<Signature>, tensors: &[Tensor]) -> Result<Self, InputError> {
        tensors::read(signature, tensors)
    }

    /// Reads rows `range` of a table by column name; other columns are left out. Integers are
    /// taken where floats are asked for, whole floats where integers are, NaN as null, and
    /// instants as RFC 3339 text.
    pub fn from_table(signature: &Arc<Signature>, table: &Table, range: Range<usize>) -> Result<Self, InputError> {
        rows::read_table(signature, table, range)
    }

    /// A batch of no row. No request makes one; tests ask what a model does with it.
    pub fn empty(signature: &Arc<Signature>) -> Self {
        let column = |field: &Field| match field.datatype {
            Datatype::Bool => Values::Bool(Vec::new()),
            Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => Values::Int(Vec::new()),
            Datatype::Fp32 | Datatype::Fp64 => Values::Float(Vec::new()),
            Datatype::Bytes => Values::Text(Vec::new()),
        };
        Self::assemble(signature, 0, signature.inputs.iter().map(column).collect())
    }

    pub(crate) fn assemble(signature: &Arc<Signature>, rows: usize, columns: Vec<Values>) -> Self {
        Self { signature: Arc::clone(signature), rows, columns }
    }

    /// Number of rows; at least one, but for [`Batch::empty`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The signature that it was validated against.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// The inputs with their values: as many as rows times the product of the input's shape.
    pub fn inputs(&self) -> impl Iterator<Item = (&Field, &Values)> {
        self.signature.inputs.iter().zip(&self.columns)
    }

    /// Finds the values of an input by name.
    pub fn find(&self, name: &str) -> Option<&Values> {
        self.inputs().find(|(field, _)| field.name == name).map(|(_, values)| values)
    }

    /// Row `row` by input name, as the log keeps it.
    pub fn row(&self, row: usize) -> BTreeMap<String, Value> {
        self.inputs()
            .map(|(field, values)| {
                let value = if field.shape.is_empty() {
                    values.json(row)
                } else {
                    let width: usize = field.shape.iter().product();
                    Value::Array((row * width..(row + 1) * width).map(|at| values.json(at)).collect())
                };
                (field.name.clone(), value)
            })
            .collect()
    }
}

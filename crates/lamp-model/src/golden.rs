//! The parity check: does a model in service say of the golden rows what training's own
//! predictor said?

use std::collections::BTreeMap;
use std::sync::Arc;

use lamp_core::error::{Classified, Kind};
use lamp_core::package::{Field, Package, Signature};
use serde_json::Value;

use crate::model::{Model, PredictError};
use crate::outputs::{Outputs, flatten};
use crate::signature::{Batch, InputError, Rejection, check_answer};

/// Why the golden rows prove nothing, or prove a difference that is not a number.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// There are no rows, or not as many answers as rows.
    #[error("the package has {rows} golden rows and {answers} answers")]
    Count {
        /// Rows.
        rows: usize,
        /// Answers.
        answers: usize,
    },
    /// A golden row is not an input that the signature allows.
    #[error("golden {0}")]
    Input(#[from] InputError),
    /// The model gave no answer.
    #[error("the model did not answer its golden rows ({how}): {source}")]
    Predict {
        /// In which order and size of batch.
        how: &'static str,
        /// Why.
        #[source]
        source: PredictError,
    },
    /// The answer is not what the signature says.
    #[error("the answer to the golden rows is not valid ({how}): {source}")]
    Answer {
        /// In which order and size of batch.
        how: &'static str,
        /// Why.
        #[source]
        source: Rejection,
    },
    /// An answer differs in kind: text, a boolean, a missing value or another shape.
    #[error("golden row {row}: `{output}` should be {expected}, is {got} ({how})")]
    Different {
        /// Row, from 0.
        row: usize,
        /// Output.
        output: String,
        /// In the package.
        expected: String,
        /// From the model.
        got: String,
        /// In which order and size of batch.
        how: &'static str,
    },
}

impl Classified for GoldenError {
    fn kind(&self) -> Kind {
        match self {
            Self::Count { .. } | Self::Input(_) | Self::Answer { .. } | Self::Different { .. } => Kind::Invalid,
            Self::Predict { .. } => Kind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Count { .. } | Self::Input(_) => Some("save golden rows with the package and train again".to_owned()),
            Self::Predict { .. } | Self::Answer { .. } | Self::Different { .. } => None,
        }
    }
}

/// Asks the model for its golden rows: all in one batch, one at a time, and in another order.
/// Returns the largest absolute difference from the package's answers over all numbers; text and
/// booleans must be equal.
pub async fn golden_difference(model: &dyn Model, package: &Package) -> Result<f64, GoldenError> {
    let rows: Vec<Value> =
        package.golden.rows.iter().map(|row| Value::Object(row.clone().into_iter().collect())).collect();
    let count = rows.len();
    if count == 0 || package.golden.answers.len() != count {
        return Err(GoldenError::Count { rows: count, answers: package.golden.answers.len() });
    }
    let mut largest = ask(model, package, &rows, &(0..count).collect::<Vec<_>>(), "in one batch").await?;
    for at in 0..count {
        largest = largest.max(ask(model, package, &rows, &[at], "one at a time").await?);
    }
    largest = largest.max(ask(model, package, &rows, &shuffled(count), "shuffled").await?);
    Ok(largest)
}

/// A fixed permutation: odd places backwards, then even places. Random order would make a failing
/// check hard to repeat.
fn shuffled(count: usize) -> Vec<usize> {
    let odd = (0..count).rev().filter(|at| at % 2 == 1);
    let even = (0..count).filter(|at| at % 2 == 0);
    odd.chain(even).collect()
}

async fn ask(
    model: &dyn Model,
    package: &Package,
    rows: &[Value],
    order: &[usize],
    how: &'static str,
) -> Result<f64, GoldenError> {
    let asked: Vec<Value> = order.iter().filter_map(|at| rows.get(*at).cloned()).collect();
    let batch = Arc::new(Batch::from_rows(model.signature(), &asked)?);
    let outputs = model.predict(batch).await.map_err(|source| GoldenError::Predict { how, source })?;
    check_answer(model.signature(), order.len(), &outputs).map_err(|source| GoldenError::Answer { how, source })?;
    let mut largest = 0.0_f64;
    for (place, row) in order.iter().enumerate() {
        for field in &model.signature().outputs {
            let expected = package.golden.answers.get(*row).and_then(|answer| answer.get(&field.name));
            let difference = difference(field, expected.unwrap_or(&Value::Null), &outputs, place);
            let difference = difference.map_err(|got| GoldenError::Different {
                row: *row,
                output: field.name.clone(),
                expected: expected.map_or_else(|| "absent".to_owned(), Value::to_string),
                got,
                how,
            })?;
            largest = largest.max(difference);
        }
    }
    Ok(largest)
}

/// The largest difference of a row's numbers from an answer of an earlier time, over all outputs of the signature;
/// text and booleans must be equal. The error is what was said instead of something comparable.
pub fn answer_difference(
    signature: &Signature,
    then: &BTreeMap<String, Value>,
    outputs: &Outputs,
    row: usize,
) -> Result<f64, String> {
    signature.outputs.iter().try_fold(0.0_f64, |largest, field| {
        let expected = then.get(&field.name).unwrap_or(&Value::Null);
        Ok(largest.max(difference(field, expected, outputs, row)?))
    })
}

/// The largest difference within one output of one row, or what the model said instead.
fn difference(field: &Field, expected: &Value, outputs: &Outputs, row: usize) -> Result<f64, String> {
    let got = outputs.find(&field.name).map_or(Value::Null, |column| column.json(row));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    flatten(std::slice::from_ref(expected), &mut left);
    flatten(std::slice::from_ref(&got), &mut right);
    if left.len() != right.len() {
        return Err(got.to_string());
    }
    let mut largest = 0.0_f64;
    for (a, b) in left.into_iter().zip(right) {
        match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => largest = largest.max((a - b).abs()),
            (None, None) if a == b && !a.is_null() => {}
            (_, None) | (None, _) => return Err(got.to_string()),
        }
    }
    Ok(largest)
}

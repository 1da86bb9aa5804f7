//! Parts of the held-out rows: a model may be better on the whole and worse where it hurts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::beside::{Exam, gain};
use crate::metric::{MetricError, Reweighted, loss};
use crate::table::{Column, Values};

/// Fewer rows say nothing of a part.
pub const SLICE_ROWS_MIN: u64 = 50;

/// Most parts that a report lists.
pub const SLICES_MAX: usize = 20;

/// A column with more values than that is not cut by them.
const VALUES_MAX: usize = 24;

/// Most parts that are measured, over all columns.
const SLICES_SEEN_MAX: usize = 500;

/// One part of the rows: those with one value in one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceDifference {
    /// The column.
    pub column: String,
    /// The value; none for rows without one.
    pub value: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// Whether there are enough of them.
    pub sufficient: bool,
    /// The metric.
    pub metric: String,
    /// The candidate's value; none where the metric is undefined on these rows.
    pub candidate: Option<f64>,
    /// The serving model's value.
    pub serving: Option<f64>,
}

impl SliceDifference {
    /// Candidate minus serving.
    pub fn difference(&self) -> Option<f64> {
        Some(self.candidate? - self.serving?)
    }

    /// How much better the candidate is: below zero is worse.
    pub fn gain(&self) -> Option<f64> {
        Some(gain(&self.metric, self.candidate?, self.serving?))
    }
}

/// The parts worth listing, the worst change first and those with too few rows last; and how many were measured.
pub(super) fn compare(exam: &Exam<'_>) -> Result<(Vec<SliceDifference>, u32), MetricError> {
    let metric = exam.gate.unwrap_or(loss(exam.task));
    let Some((candidate, serving)) = exam.prepare(metric)? else { return Ok((Vec::new(), 0)) };
    let mut slices = Vec::new();
    'columns: for column in &exam.inputs.columns {
        for (value, rows) in parts(column) {
            if slices.len() == SLICES_SEEN_MAX {
                break 'columns;
            }
            slices.push(measure(&column.name, value, &rows, metric, (&candidate, &serving), exam.inputs.rows()));
        }
    }
    let seen = u32::try_from(slices.iter().filter(|slice| slice.sufficient).count()).unwrap_or(u32::MAX);
    let order = |slice: &SliceDifference| (!slice.sufficient, slice.gain().unwrap_or(f64::INFINITY));
    slices.sort_by(|a, b| {
        let ((a_last, a_gain), (b_last, b_gain)) = (order(a), order(b));
        let further = a_last.cmp(&b_last).then(a_gain.total_cmp(&b_gain));
        further.then_with(|| (&a.column, &a.value).cmp(&(&b.column, &b.value)))
    });
    slices.truncate(SLICES_MAX);
    Ok((slices, seen))
}

/// The rows of each value of a column of words, truths or whole numbers; nothing for a column of other values, of one
/// value, or of too many.
fn parts(column: &Column) -> BTreeMap<Option<String>, Vec<usize>> {
    let mut parts: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    let text = |row: usize| match &column.values {
        Values::Text(values) => values[row].clone(),
        Values::Int(values) => values[row].map(|value| value.to_string()),
        Values::Bool(values) => values[row].map(|value| value.to_string()),
        Values::Float(_) | Values::Instant(_) => None,
    };
    let is_cut = match &column.values {
        Values::Text(_) | Values::Int(_) | Values::Bool(_) => true,
        Values::Float(_) | Values::Instant(_) => false,
    };
    let rows = if is_cut { column.values.len() } else { 0 };
    for row in 0..rows {
        parts.entry(text(row)).or_default().push(row);
        if parts.len() > VALUES_MAX {
            return BTreeMap::new();
        }
    }
    if parts.len() < 2 { BTreeMap::new() } else { parts }
}

fn measure(
    column: &str,
    value: Option<String>,
    rows: &[usize],
    metric: &str,
    (candidate, serving): (&Reweighted, &Reweighted),
    all: usize,
) -> SliceDifference {
    let mut weights = vec![0.0; all];
    for row in rows {
        weights[*row] = 1.0;
    }
    let sufficient = rows.len() as u64 >= SLICE_ROWS_MIN;
    let of = |model: &Reweighted| if sufficient { model.value(&weights) } else { None };
    SliceDifference {
        column: column.to_owned(),
        value,
        rows: rows.len() as u64,
        sufficient,
        metric: metric.to_owned(),
        candidate: of(candidate),
        serving: of(serving),
    }
}

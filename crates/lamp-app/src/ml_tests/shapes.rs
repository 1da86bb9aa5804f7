//! Do answers have the declared shape, and does a row's answer depend on that row alone?

use std::sync::Arc;
use std::time::Instant;

use lamp_core::ml_test::sampling::Choices;
use lamp_core::ml_test::{Judgement, Outcome, TestName, TestResult};
use lamp_core::package::Package;
use lamp_core::table::Table;
use lamp_model::{Batch, Model, Outputs, PredictError, check_answer, golden_difference};

use super::TestError;
use super::learn::largest_difference;
use super::model::{Natural, Results};
use super::session::Session;
use super::trial::{Trial, Tried};
use crate::training::reproduce::find_distance;

/// Rows that are asked together.
const TOGETHER_MAX: usize = 256;
/// Rows that are asked alone.
const ALONE_MAX: usize = 16;

impl Session<'_> {
    /// Asks a model that was trained on a whole sample about held-out rows.
    pub async fn test_shapes(
        &self,
        tried: Tried<'_>,
        full: Option<&Trial>,
        written: &Natural,
        results: &mut Results,
    ) -> Result<(), TestError> {
        let Some((trial, package)) = full.and_then(|trial| Some((trial, trial.package.as_ref().ok()?))) else {
            let why = full.and_then(|trial| trial.package.as_ref().err());
            let because = why.map(|why| format!(": {why}")).unwrap_or_default();
            results.skip(TestName::Shapes, format!("no training on a sample left a package{because}"));
            return Ok(());
        };
        (self.say)(&format!("{}: asking for shapes", tried.name));
        let started = Instant::now();
        let judgement = match self.inputs_of(&written.valid, &package.signature).await {
            Err(error) => Judgement::new(Outcome::Failed, error.to_string()),
            Ok(table) => match self.mount_trial(tried, trial).await? {
                Err(why) => Judgement::new(Outcome::Failed, why),
                Ok(model) => judge(&*model, package, &table).await,
            },
        };
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        results.add(TestName::Shapes, TestResult::of(TestName::Shapes.as_str(), judgement, took));
        Ok(())
    }
}

async fn judge(model: &dyn Model, package: &Package, table: &Table) -> Judgement {
    match look(model, package, table).await {
        Ok(reason) => Judgement::new(Outcome::Passed, reason),
        Err(reason) => Judgement::new(Outcome::Failed, reason),
    }
}

async fn look(model: &dyn Model, package: &Package, table: &Table) -> Result<String, String> {
    let tolerance = package.golden.tolerance;
    let golden = golden_difference(model, package).await.map_err(|error| with_causes(&error))?;
    if golden > tolerance {
        return Err(format!("served answers to the golden rows differ by {golden:.3e}, more than {tolerance:.0e}"));
    }
    let rows = table.rows().min(TOGETHER_MAX);
    let together = ask(model, table, rows).await?;
    let order = Choices::of(1).permutation(rows);
    let shuffled = ask(model, &reordered(table, &order), rows).await?;
    let back: Vec<usize> = inverse(&order);
    let distance = row_distance(package, &together, &shuffled, |row| back[row], 0..rows);
    agree(distance, tolerance, "when the same rows come in another order")?;
    let alone = rows.min(ALONE_MAX);
    for at in 0..alone {
        let row = at * rows / alone;
        let answer = ask(model, &reordered(table, &[row]), 1).await?;
        agree(row_distance(package, &together, &answer, |_| 0, row..row + 1), tolerance, "when a row comes alone")?;
    }
    let none = ask_nothing(model).await?;
    let again = ask(model, table, rows).await.map_err(|why| format!("after a request of no row: {why}"))?;
    agree(largest_difference(package, &together, &again, rows), tolerance, "when they are asked again")?;
    Ok(format!("answers fit the signature: {rows} rows together, in another order, {alone} alone; no row {none}"))
}

fn agree(distance: Option<f64>, tolerance: f64, when: &str) -> Result<(), String> {
    match distance {
        Some(distance) if distance <= tolerance => Ok(()),
        Some(distance) => Err(format!("answers differ by {distance:.3e} {when}, more than {tolerance:.0e}")),
        None => Err(format!("answers are not alike {when}")),
    }
}

/// The first rows of a table, asked at once.
async fn ask(model: &dyn Model, table: &Table, rows: usize) -> Result<Outputs, String> {
    let batch = Batch::from_table(model.signature(), table, 0..rows).map_err(|error| format!("input {error}"))?;
    let outputs = model.predict(Arc::new(batch)).await.map_err(|error| with_causes(&error))?;
    check_answer(model.signature(), rows, &outputs).map_err(|error| error.to_string())?;
    Ok(outputs)
}

/// No row at all: an empty answer, or a plain refusal. Never rows that nobody asked for, and never a crash.
async fn ask_nothing(model: &dyn Model) -> Result<String, String> {
    match model.predict(Arc::new(Batch::empty(model.signature()))).await {
        Ok(outputs) => match check_answer(model.signature(), 0, &outputs) {
            Ok(()) => Ok("gives no answer".to_owned()),
            Err(error) => Err(format!("a request of no row is answered wrongly: {error}")),
        },
        Err(PredictError::Failed { message }) => Ok(format!("is refused ({})", short(&message))),
        Err(PredictError::Rejected(error)) => Err(format!("a request of no row is answered wrongly: {error}")),
        Err(error @ (PredictError::Gone { .. } | PredictError::Timeout { .. } | PredictError::Overload { .. })) => {
            Err(format!("a request of no row is too much: {error}"))
        }
    }
}

/// The start of a message's first line.
fn short(message: &str) -> String {
    const CHARS: usize = 60;
    let line = message.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(CHARS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn row_distance(
    package: &Package,
    one: &Outputs,
    other: &Outputs,
    place: impl Fn(usize) -> usize,
    rows: std::ops::Range<usize>,
) -> Option<f64> {
    let mut largest = 0.0_f64;
    for field in &package.signature.outputs {
        let (one, other) = (one.find(&field.name)?, other.find(&field.name)?);
        for row in rows.clone() {
            largest = largest.max(find_distance(&one.json(row), &other.json(place(row)))?);
        }
    }
    Some(largest)
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    for (place, row) in order.iter().enumerate() {
        back[*row] = place;
    }
    back
}

fn reordered(table: &Table, order: &[usize]) -> Table {
    let mut rows = Table::default();
    for column in &table.columns {
        rows.push(&column.name, column.values.rows(order));
    }
    rows
}

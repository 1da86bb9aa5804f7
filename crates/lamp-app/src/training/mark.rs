//! Marking: a model, brought to life, is asked about rows whose truth is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use lamp_core::ids::RunId;
use lamp_core::metric::{Predictions, Targets, score};
use lamp_core::package::{Package, Task};
use lamp_core::registry::ModelVersion;
use lamp_core::registry::beside::Answers;
use lamp_core::run::PinnedInput;
use lamp_core::table::Values;
use lamp_engine::{DataFile, LabelledTable};
use lamp_model::{Model, Outputs, predict_table};
use serde_json::Value;

use super::RunError;
use super::mount::MountSpec;
use crate::app::App;

/// Rows asked of a model at once.
const CHUNK_ROWS: usize = 4_096;

/// What a model said of some rows, beside the truth.
pub(crate) struct Marked {
    /// The rows.
    pub table: LabelledTable,
    /// The truth, as the model numbers its classes.
    pub targets: Targets,
    /// What it said.
    pub predictions: Predictions,
    /// The same, as it was said: all outputs, whatever their type.
    pub outputs: Outputs,
    /// Names of its classes, in order; none where the task has none.
    pub classes: Vec<String>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
}

impl Marked {
    pub(crate) fn answers(&self) -> Answers<'_> {
        Answers { targets: &self.targets, predictions: &self.predictions, classes: &self.classes }
    }
}

impl App {
    /// The files that a pinned input used, as the engine reads them.
    pub(crate) async fn pinned_files(&self, input: &PinnedInput) -> Result<Vec<DataFile>, RunError> {
        let manifest = self.store().manifest(&input.digest).await?;
        let files: Vec<_> = manifest.files.into_iter().filter(|file| input.takes(file.partition.as_ref())).collect();
        Ok(self.data_files(&files).await?)
    }

    /// Asks a model about every row of `files` and scores it.
    pub(crate) async fn mark(
        &self,
        model: &dyn Model,
        package: &Package,
        target: &str,
        files: &[DataFile],
        run: RunId,
    ) -> Result<Marked, RunError> {
        let columns: Vec<_> =
            package.signature.inputs.iter().map(|field| (field.name.clone(), field.datatype)).collect();
        let table = self.engine().read_table(files, &columns, Some(target)).await?;
        let truth = table.target.as_ref().ok_or_else(|| bad(run, "the target was not read"))?;
        let targets = targets_of(package, truth).map_err(|why| bad(run, &why))?;
        let outputs = predict_table(model, &table.inputs, CHUNK_ROWS).await?;
        let predictions = predictions_of(package, &outputs, table.inputs.rows()).map_err(|why| bad(run, &why))?;
        let classes = match package.task {
            Task::Multiclass => {
                classes_of(package).map_err(|why| bad(run, &why))?.iter().map(ToString::to_string).collect()
            }
            Task::Binary | Task::Regression => Vec::new(),
        };
        let metrics = score(package.task, &targets, &predictions)?;
        Ok(Marked { table, targets, predictions, outputs, classes, metrics })
    }

    /// The same for a version of the registry.
    pub(crate) async fn mark_version(
        &self,
        version: &ModelVersion,
        target: &str,
        files: &[DataFile],
        run: RunId,
    ) -> Result<Marked, RunError> {
        let spec =
            MountSpec { package: version.package, commit: version.commit.clone(), project: version.project.clone() };
        let model: Arc<dyn Model> = self.mount(&spec, &|_| {}).await?;
        let package = self.package(&version.package).await?;
        self.mark(&*model, &package, target, files, run).await
    }
}

pub(super) fn bad(run: RunId, why: &str) -> RunError {
    RunError::BadOutput { run, why: why.to_owned() }
}

pub(crate) fn targets_of(package: &Package, values: &Values) -> Result<Targets, String> {
    let rows = 0..values.len();
    match package.task {
        Task::Binary => rows.map(|row| truth(&values.json(row))).collect::<Result<_, _>>().map(Targets::Binary),
        Task::Regression => {
            let number = |row| values.json(row).as_f64().ok_or_else(|| format!("target of row {row} is not a number"));
            rows.map(number).collect::<Result<_, _>>().map(Targets::Numbers)
        }
        Task::Multiclass => {
            let classes = classes_of(package)?;
            let index = |row| classes.iter().position(|class| same_class(class, &values.json(row)));
            Ok(Targets::Classes(rows.map(index).collect()))
        }
    }
}

fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(true),
        other => Err(format!("a binary target is true, false, 0 or 1, not {other}")),
    }
}

fn classes_of(package: &Package) -> Result<&[Value], String> {
    let classes = package.signature.outputs.first().and_then(|output| output.classes.as_deref());
    classes.ok_or_else(|| "the first output of a multiclass model needs `classes`".to_owned())
}

/// `1` and `1.0` are the same class; `1` and `"1"` are not.
fn same_class(class: &Value, value: &Value) -> bool {
    class == value || class.as_f64().is_some_and(|a| value.as_f64().is_some_and(|b| (a - b).abs() < f64::EPSILON))
}

fn predictions_of(package: &Package, outputs: &Outputs, rows: usize) -> Result<Predictions, String> {
    let first = package.signature.outputs.first().ok_or("the signature has no output")?;
    let column = outputs.find(&first.name).ok_or_else(|| format!("the model gave no output `{}`", first.name))?;
    let all: Vec<Vec<f64>> = (0..rows).map(|row| column.numbers(row)).collect();
    let single = |numbers: Vec<f64>| match numbers[..] {
        [number] => Ok(number),
        _ => Err(format!("output `{}` has {} values a row, expected one", first.name, numbers.len())),
    };
    match package.task {
        Task::Binary => all.into_iter().map(single).collect::<Result<_, _>>().map(Predictions::Probabilities),
        Task::Regression => all.into_iter().map(single).collect::<Result<_, _>>().map(Predictions::Numbers),
        Task::Multiclass => Ok(Predictions::ClassProbabilities(all)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn binary_targets_are_truths_or_zero_and_one() {
        assert_eq!(truth(&json!(1)), Ok(true));
        assert_eq!(truth(&json!(0.0)), Ok(false));
        assert_eq!(truth(&json!(false)), Ok(false));
        assert!(truth(&json!(2)).is_err());
        assert!(truth(&json!("yes")).is_err());
    }

    #[test]
    fn classes_are_equal_as_numbers_but_not_across_kinds() {
        assert!(same_class(&json!(1), &json!(1.0)));
        assert!(same_class(&json!("JFK"), &json!("JFK")));
        assert!(!same_class(&json!("1"), &json!(1)));
    }
}

//! The exam: Lamplighter runs the package on the held-out version and marks it itself.

use std::collections::BTreeMap;

use lamp_core::config::ModelConfig;
use lamp_core::package::Package;
use lamp_core::partition::PartitionKey;
use lamp_core::registry::beside::{BesideServing, Exam, contamination};
use lamp_core::registry::{Evidence, ModelVersion};
use lamp_core::route::ModelRef;
use lamp_core::run::{PinnedInput, Purpose, RunManifest};
use lamp_engine::DataFile;
use lamp_model::{Model, golden_difference};

use super::RunError;
use super::mark::{Marked, bad};
use crate::app::App;

/// The model that serves: its version, its metrics, and the candidate beside it.
type Serving = ((ModelRef, BTreeMap<String, f64>), Option<BesideServing>);

/// What a report is made from.
struct Exams<'a> {
    config: &'a ModelConfig,
    manifest: &'a RunManifest,
    valid: &'a PinnedInput,
    files: &'a [DataFile],
}

impl App {
    /// Evaluates a mounted package on the run's held-out data, beside what serves now.
    pub(crate) async fn evaluate(
        &self,
        model: &dyn Model,
        package: &Package,
        config: &ModelConfig,
        manifest: &RunManifest,
    ) -> Result<Evidence, RunError> {
        let run = manifest.run;
        let valid = manifest.inputs.get("valid").ok_or_else(|| bad(run, "it has no input `valid`"))?;
        let golden = golden_difference(model, package).await?;
        if golden > package.golden.tolerance {
            let tolerance = package.golden.tolerance;
            return Err(bad(
                run,
                &format!("served answers to the golden rows differ by {golden:.3e}, more than {tolerance:.3e}"),
            ));
        }
        let slice = format!("{}@{} as {}", valid.dataset, valid.version, valid.slice);
        let in_evaluation =
            |error: RunError| RunError::Evaluation { run, slice: slice.clone(), source: Box::new(error) };
        let files = self.pinned_files(valid).await.map_err(in_evaluation)?;
        let marked = self.mark(model, package, &config.target, &files, run).await.map_err(in_evaluation)?;
        let gate = config.gate.as_ref().map(|gate| gate.judge(&marked.metrics)).transpose()?;
        let exams = Exams { config, manifest, valid, files: &files };
        let (serving, beside) = self.serving_beside(&exams, &marked).await?.unzip();
        Ok(Evidence {
            format: 1,
            valid: slice,
            rows: marked.table.inputs.rows() as u64,
            null_targets: marked.table.null_targets,
            metrics: marked.metrics,
            gate,
            serving,
            golden_difference: Some(golden),
            beside: beside.flatten(),
            data_checks: self.data_checks(manifest).await?,
        })
    }

    /// The model of the same name that serves now, on the same rows; none if it cannot take them.
    async fn serving_beside(&self, exams: &Exams<'_>, candidate: &Marked) -> Result<Option<Serving>, RunError> {
        let Purpose::Train(name) = &exams.manifest.purpose else { return Ok(None) };
        let Some(serving) = self.serving_version(name).await? else { return Ok(None) };
        let marked = self.mark_version(&serving, &exams.config.target, exams.files, exams.manifest.run).await;
        let marked = match marked {
            Ok(marked) => marked,
            Err(error) => {
                tracing::warn!(model = %serving.id, %error, "the serving model could not be scored on the new held-out rows");
                return Ok(None);
            }
        };
        let beside = self.compare_with(exams, candidate, &serving, &marked).await?;
        Ok(Some(((serving.id, marked.metrics), beside)))
    }

    async fn compare_with(
        &self,
        exams: &Exams<'_>,
        candidate: &Marked,
        serving: &ModelVersion,
        marked: &Marked,
    ) -> Result<Option<BesideServing>, RunError> {
        let is_the_same_exam = candidate.table.rows_of_files == marked.table.rows_of_files;
        let task = exams.config.task;
        if !is_the_same_exam || serving.task != task {
            return Ok(None);
        }
        let trained = self.ledger().find_run(serving.run).await?.and_then(|run| run.manifest);
        let seen = trained.as_ref().and_then(|manifest| contamination(manifest.inputs.get("train")?, exams.valid));
        let partitions = self.partition_of_row(exams.valid, &candidate.table.rows_of_files).await?;
        let exam = Exam {
            task,
            gate: exams.config.gate.as_ref().map(|gate| gate.metric.as_str()),
            candidate: candidate.answers(),
            serving: marked.answers(),
            inputs: &candidate.table.inputs,
            partition_of_row: &partitions,
        };
        // The run's id is the seed: who asks again gets the same intervals.
        Ok(Some(exam.compare(exams.manifest.run.0.as_bytes(), seen)?))
    }

    /// Numbers the partitions of the held-out data, row by row; empty if it has none.
    async fn partition_of_row(
        &self,
        valid: &PinnedInput,
        rows_of_files: &[(String, usize)],
    ) -> Result<Vec<usize>, RunError> {
        let files = self.store().manifest(&valid.digest).await?.files;
        let keys: BTreeMap<&str, &PartitionKey> =
            files.iter().filter_map(|file| Some((file.path.as_str(), file.partition.as_ref()?))).collect();
        let mut numbers: BTreeMap<&PartitionKey, usize> = BTreeMap::new();
        let mut partition_of_row = Vec::new();
        for (file, rows) in rows_of_files {
            let Some(key) = keys.get(file.as_str()) else { return Ok(Vec::new()) };
            let next = numbers.len();
            let number = *numbers.entry(key).or_insert(next);
            partition_of_row.extend(std::iter::repeat_n(number, *rows));
        }
        Ok(partition_of_row)
    }
}

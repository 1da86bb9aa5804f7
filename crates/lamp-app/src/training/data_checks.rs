//! Whether the data that went into a training had kept its contracts by then: a line for the one who signs.

use lamp_core::check::{CheckRecord, Verdict};
use lamp_core::registry::DataChecks;
use lamp_core::run::{PinnedInput, RunManifest};
use lamp_ledger::LedgerError;

use super::RunError;
use crate::app::App;

/// Broken rules that a report names.
const EXAMPLES_MAX: usize = 5;

/// Most dataset versions that are looked at, through all builds.
const VERSIONS_MAX: usize = 32;

impl App {
    /// What the ledger knows now of the contracts of a run's inputs, and of what these were built from.
    pub(crate) async fn data_checks(&self, manifest: &RunManifest) -> Result<Vec<DataChecks>, RunError> {
        let mut found = Vec::new();
        for slices in &self.inputs_through_builds(manifest).await? {
            let records = self.ledger().checks(&slices[0].dataset, slices[0].version).await?;
            found.push(summary(slices, &records));
        }
        Ok(found)
    }

    /// A run's inputs and what these were built from: one entry a version, with the slices of it that were used.
    pub(crate) async fn inputs_through_builds(
        &self,
        manifest: &RunManifest,
    ) -> Result<Vec<Vec<PinnedInput>>, LedgerError> {
        let mut waiting: Vec<PinnedInput> = manifest.inputs.values().rev().cloned().collect();
        let mut versions: Vec<Vec<PinnedInput>> = Vec::new();
        while let Some(input) = waiting.pop() {
            let same = |slices: &&mut Vec<PinnedInput>| slices.iter().any(|known| known.digest == input.digest);
            if let Some(slices) = versions.iter_mut().find(same) {
                slices.push(input);
                continue;
            }
            let version = self.ledger().find_version(&input.dataset, input.version).await?;
            versions.push(vec![input]);
            if versions.len() == VERSIONS_MAX {
                break;
            }
            let Some(run) = version.and_then(|version| version.run) else { continue };
            let made_by = self.ledger().find_run(run).await?.and_then(|run| run.manifest);
            waiting.extend(made_by.into_iter().flat_map(|manifest| manifest.inputs.into_values()));
        }
        Ok(versions)
    }
}

/// The verdicts on the partitions that were used, and on the version as a whole.
fn summary(slices: &[PinnedInput], records: &[CheckRecord]) -> DataChecks {
    let is_used = |record: &&CheckRecord| {
        let is_verdict = record.check.verdict != Verdict::NotEvaluated;
        is_verdict && slices.iter().any(|slice| slice.takes(record.partition.as_ref()))
    };
    let used: Vec<_> = records.iter().filter(is_used).collect();
    let broken: Vec<_> = used.iter().filter(|record| record.check.is_breaking()).collect();
    let example = |record: &&&CheckRecord| match &record.partition {
        Some(partition) => format!("{partition} {}", record.check.rule),
        None => record.check.rule.clone(),
    };
    DataChecks {
        dataset: slices[0].dataset.clone(),
        version: slices[0].version,
        checked: used.len() as u64,
        broken: broken.len() as u64,
        examples: broken.iter().take(EXAMPLES_MAX).map(example).collect(),
    }
}

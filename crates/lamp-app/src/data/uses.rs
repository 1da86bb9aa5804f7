//! Who used a version: runs, what they built, and the models that came of them.

use lamp_core::dataset::{DatasetVersion, VersionNumber};
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::run::Purpose;
use serde::{Deserialize, Serialize};

use super::DataError;
use crate::app::App;

/// A run that read a version, or something that was built from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The run.
    pub run: RunId,
    /// What it made.
    pub purpose: Purpose,
    /// What it read of the version, as written: `trips[..-1month]`. None when it read only what was built from it.
    pub slice: Option<String>,
    /// The versions that it made.
    pub datasets: Vec<String>,
    /// The model that it made.
    pub model: Option<String>,
}

impl App {
    /// The runs that used a version, directly or through derived datasets, oldest first.
    pub(crate) async fn uses_of(&self, version: &DatasetVersion) -> Result<Vec<Use>, DataError> {
        let mut touched = vec![(version.dataset.clone(), version.version)];
        let mut uses = Vec::new();
        // Runs are listed newest first; what a build made comes before what was trained on it.
        let runs = self.ledger().runs(u32::MAX).await?;
        for run in runs.iter().rev() {
            let Some(manifest) = &run.manifest else { continue };
            let reads = |(dataset, number): &(DatasetName, VersionNumber)| {
                manifest.inputs.values().find(|input| &input.dataset == dataset && input.version == *number)
            };
            if !touched.iter().any(|version| reads(version).is_some()) {
                continue;
            }
            let made = self.ledger().versions_made_by(run.id).await?;
            touched.extend(made.iter().map(|made| (made.dataset.clone(), made.version)));
            uses.push(Use {
                run: run.id,
                purpose: run.purpose.clone(),
                slice: reads(&touched[0]).map(|input| input.slice.clone()),
                datasets: made.iter().map(|made| format!("{}@{}", made.dataset, made.version)).collect(),
                model: self.ledger().find_model_of_run(run.id).await?.map(|model| model.id.to_string()),
            });
        }
        Ok(uses)
    }
}

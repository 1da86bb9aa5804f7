//! `lamp data verify`: every byte is hashed again.

use std::sync::Arc;

use lamp_core::access::Permission;
use lamp_core::dataset::{DatasetVersion, VersionNumber};
use lamp_core::names::DatasetName;
use lamp_store::{Damage, Progress};
use serde::{Deserialize, Serialize};

use super::DataError;
use crate::app::App;

/// What a verification found of one version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verified {
    /// The version.
    pub version: DatasetVersion,
    /// Files hashed.
    pub files: u64,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// Models whose runs used this version, when there is damage.
    pub models: Vec<String>,
}

impl App {
    /// Verifies the versions named, or every version of every dataset. Nothing changes; it is asked of those who may
    /// check data, since it reads all of it.
    pub async fn verify_data(
        &self,
        references: &[String],
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<Verified>, DataError> {
        self.authorize(Permission::Watch)?;
        let mut versions = Vec::new();
        for reference in references {
            versions.push(self.dataset_version(reference).await?);
        }
        if references.is_empty() {
            for summary in self.ledger().datasets().await? {
                versions.extend(self.ledger().versions(&summary.latest.dataset).await?);
            }
        }
        let mut found = Vec::new();
        for version in versions {
            let manifest = self.manifest(&version).await?;
            let damage = self.store().verify(&manifest, Arc::clone(&progress)).await?;
            let models = if damage.is_empty() { Vec::new() } else { self.models_using(&version).await? };
            found.push(Verified { files: manifest.files.len() as u64, version, damage, models });
        }
        Ok(found)
    }

    /// Models whose training data came from this version, directly or through derived datasets.
    async fn models_using(&self, version: &DatasetVersion) -> Result<Vec<String>, DataError> {
        let mut touched = vec![(version.dataset.clone(), version.version)];
        let mut models = Vec::new();
        // Runs are listed newest first; what a build made comes before what was trained on it.
        let runs = self.ledger().runs(u32::MAX).await?;
        for run in runs.iter().rev() {
            let Some(manifest) = &run.manifest else { continue };
            let is_touched = |(dataset, number): &(DatasetName, VersionNumber)| {
                manifest.inputs.values().any(|input| &input.dataset == dataset && input.version == *number)
            };
            if !touched.iter().any(is_touched) {
                continue;
            }
            for made in self.ledger().versions_made_by(run.id).await? {
                touched.push((made.dataset, made.version));
            }
            if let Some(model) = self.ledger().find_model_of_run(run.id).await? {
                models.push(model.id.to_string());
            }
        }
        Ok(models)
    }
}

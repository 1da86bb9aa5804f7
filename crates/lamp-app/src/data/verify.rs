//! `lamp data verify`: every byte is hashed again.

use std::sync::Arc;

use lamp_core::dataset::DatasetVersion;
use lamp_store::{Damage, Progress};

use super::DataError;
use crate::app::App;

/// What a verification found of one version.
#[derive(Debug, Clone)]
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
    /// Verifies the versions named, or every version of every dataset.
    pub async fn verify_data(
        &self,
        references: &[String],
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<Verified>, DataError> {
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

    async fn models_using(&self, version: &DatasetVersion) -> Result<Vec<String>, DataError> {
        let mut models = Vec::new();
        for model in self.ledger().model_versions(None).await? {
            let Some(run) = self.ledger().find_run(model.run).await? else { continue };
            let uses_it = run.manifest.is_some_and(|manifest| {
                manifest
                    .inputs
                    .values()
                    .any(|input| input.dataset == version.dataset && input.version == version.version)
            });
            if uses_it {
                models.push(model.id.to_string());
            }
        }
        Ok(models)
    }
}

//! `lamp data verify`: every byte is hashed again.

use std::sync::Arc;

use lamp_core::access::Permission;
use lamp_core::dataset::{DatasetVersion, Manifest};
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
    /// What was damaged, and is whole again.
    #[serde(default)]
    pub repaired: Vec<Damage>,
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
        let mut found = Vec::new();
        for version in self.versions_to_verify(references).await? {
            let manifest = self.manifest(&version).await?;
            let damage = self.store().verify(&manifest, Arc::clone(&progress)).await?;
            found.push(self.verified(version, &manifest, damage, Vec::new()).await?);
        }
        Ok(found)
    }

    pub(super) async fn versions_to_verify(&self, references: &[String]) -> Result<Vec<DatasetVersion>, DataError> {
        let mut versions = Vec::new();
        for reference in references {
            versions.push(self.dataset_version(reference).await?);
        }
        if references.is_empty() {
            for summary in self.ledger().datasets().await? {
                versions.extend(self.ledger().versions(&summary.latest.dataset).await?);
            }
        }
        Ok(versions)
    }

    /// What was found, with the models that it concerns.
    pub(super) async fn verified(
        &self,
        version: DatasetVersion,
        manifest: &Manifest,
        damage: Vec<Damage>,
        repaired: Vec<Damage>,
    ) -> Result<Verified, DataError> {
        let uses = if damage.is_empty() { Vec::new() } else { self.uses_of(&version).await? };
        let models = uses.into_iter().filter_map(|used| used.model).collect();
        Ok(Verified { files: manifest.files.len() as u64, version, damage, repaired, models })
    }
}

//! `lamp data verify --repair`: what is damaged here is fetched from a remote.

use std::sync::Arc;

use lamp_core::access::Permission;
use lamp_core::dataset::{DatasetVersion, Manifest};
use lamp_core::names::RemoteName;
use lamp_store::{Damage, Progress, Store, StoreError};
use serde_json::json;

use super::DataError;
use super::verify::Verified;
use crate::app::App;

impl App {
    /// Verifies the versions named, or all, and repairs them from a remote, or the only one. What cannot be had
    /// there stays damaged.
    pub async fn repair_data(
        &self,
        references: &[String],
        remote: Option<&RemoteName>,
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<Verified>, DataError> {
        self.authorize(Permission::Work)?;
        let (name, remote) = self.find_remote(remote)?;
        let there = Store::open_existing(&remote.url, self.root(), &self.layout().remote_cache(name)).await?;
        let mut found = Vec::new();
        for version in self.versions_to_verify(references).await? {
            let (manifest, was_lost) = self.manifest_from(&there, &version).await?;
            let before = self.store().verify(&manifest, Arc::clone(&progress)).await?;
            let mut damage = before.clone();
            // What is fetched may lean on what turns out to be damaged too, and is set aside then. Each round names
            // other packs, or it is the last.
            while !damage.is_empty() {
                self.fetch_lost(&there, &manifest, Arc::clone(&progress)).await?;
                let found = self.store().verify(&manifest, Arc::clone(&progress)).await?;
                if std::mem::replace(&mut damage, found.clone()) == found {
                    break;
                }
            }
            let is_left = |lost: &Damage| damage.iter().any(|left| left.path == lost.path);
            let repaired: Vec<Damage> = before.into_iter().filter(|lost| !is_left(lost)).collect();
            if was_lost || !repaired.is_empty() {
                self.record_repair(name, &version, &repaired).await?;
            }
            found.push(self.verified(version, &manifest, damage, repaired).await?);
        }
        Ok(found)
    }

    /// The list of a version's files, fetched if it is lost or unreadable here; and whether it was.
    async fn manifest_from(&self, there: &Store, version: &DatasetVersion) -> Result<(Manifest, bool), DataError> {
        match self.store().manifest(&version.digest).await {
            Ok(manifest) => Ok((manifest, false)),
            Err(StoreError::ManifestMissing { .. } | StoreError::ManifestUnreadable { .. }) => {
                let manifest = there.manifest(&version.digest).await?;
                self.store().put_manifest(&manifest).await?;
                Ok((manifest, true))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches the lost files one by one: one that the remote has not either does not hold up the others.
    async fn fetch_lost(
        &self,
        there: &Store,
        manifest: &Manifest,
        progress: Arc<dyn Progress>,
    ) -> Result<(), DataError> {
        for file in &manifest.files {
            let alone = Manifest { files: vec![file.clone()], ..manifest.clone() };
            match self.store().repair_from(there, &alone, Arc::clone(&progress)).await {
                Ok(_) | Err(StoreError::ObjectMissing { .. } | StoreError::ObjectDamaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn record_repair(
        &self,
        remote: &RemoteName,
        version: &DatasetVersion,
        repaired: &[Damage],
    ) -> Result<(), DataError> {
        let subject = format!("{}@{}", version.dataset, version.version);
        let details = json!({"remote": remote, "files": repaired.len()});
        let mut tx = self.ledger().begin().await?;
        tx.audit(&self.entry("data.repaired", subject, details)).await?;
        Ok(tx.commit().await?)
    }
}

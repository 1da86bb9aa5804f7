//! `lamp data gc`: what nothing refers to goes to the trash, and from there for good when its time is over.
//!
//! Everything that the ledger knows is referred to: every version of every dataset, every model's package, every
//! run's inputs. A lock file adds what it pins, on whatever branch it lies. So what goes is what work that never
//! came to its end has left: files of an add that was killed, the package of a model that was refused.

use std::collections::BTreeSet;

use lamp_core::access::Permission;
use lamp_core::digest::Digest;
use lamp_core::lock::{LOCK_FILE, LockFile};
use lamp_store::{Collected, Roots, Stats, StoreError, Trashed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{DataError, lockfile};
use crate::app::App;

/// What a collection did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// What was moved and removed, or would be.
    pub collected: Collected,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What stays, and for whose sake.
    pub kept: Kept,
    /// What the store consists of now.
    pub store: Stats,
    /// What is in the trash now, the next to go first.
    pub trash: Vec<Trashed>,
}

/// What a collection leaves alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Versions of datasets.
    pub versions: u64,
    /// Packages of models.
    pub packages: u64,
    /// Different pins of lock files.
    pub pins: u64,
    /// Refs of the repository that have a lock file.
    pub refs: u64,
    /// Pins of versions that neither this ledger nor this store knows: they belong to another one.
    pub foreign: Vec<String>,
}

impl App {
    /// Collects what nothing refers to, or says what that would do. A manifest or a lock file that cannot be read
    /// stops it before anything is moved.
    pub async fn collect_garbage(&self, dry_run: bool) -> Result<Collection, DataError> {
        self.authorize(Permission::Administer)?;
        let (roots, kept) = self.roots().await?;
        let collected = if dry_run {
            self.store().foresee_gc(&roots).await?
        } else {
            self.store().gc(&roots).await?.ok_or(DataError::StoreBusy)?
        };
        let is_worth_a_line = !dry_run && collected != Collected::default();
        if is_worth_a_line {
            let mut tx = self.ledger().begin().await?;
            tx.audit(&self.entry("store.collected", self.store().location(), json!(collected))).await?;
            tx.commit().await?;
        }
        let (store, trash) = (self.store().stats().await?, self.store().trash().await?);
        Ok(Collection { collected, dry_run, kept, store, trash })
    }

    /// Everything that the ledger or a lock file refers to.
    async fn roots(&self) -> Result<(Roots, Kept), DataError> {
        let mut manifests = BTreeSet::new();
        for summary in self.ledger().datasets().await? {
            let versions = self.ledger().versions(&summary.latest.dataset).await?;
            manifests.extend(versions.into_iter().map(|version| version.digest));
        }
        let versions = manifests.len() as u64;
        let packages: BTreeSet<Digest> =
            self.ledger().model_versions(None).await?.into_iter().map(|model| model.package).collect();
        for run in self.ledger().runs(u32::MAX).await? {
            let inputs = run.manifest.into_iter().flat_map(|manifest| manifest.inputs.into_values());
            manifests.extend(inputs.map(|input| input.digest));
        }
        let mut kept = Kept { versions, packages: packages.len() as u64, ..Kept::default() };
        manifests.extend(packages);
        self.add_pins(&mut manifests, &mut kept).await?;
        Ok((Roots { manifests, ..Roots::default() }, kept))
    }

    /// What lock files pin: that of the working tree, and those at the tip of every ref.
    async fn add_pins(&self, manifests: &mut BTreeSet<Digest>, kept: &mut Kept) -> Result<(), DataError> {
        let mut locks = vec![lockfile::read(self.root())?];
        for file in self.repo().file_at_every_ref(LOCK_FILE).await? {
            kept.refs += file.refs.len() as u64;
            let unreadable = |why: String| DataError::LockUnreadable { at: file.refs[0].clone(), why };
            let text = std::str::from_utf8(&file.bytes).map_err(|error| unreadable(error.to_string()))?;
            locks.push(LockFile::parse(text, LOCK_FILE).map_err(|error| unreadable(error.to_string()))?);
        }
        let pins: BTreeSet<_> =
            locks.iter().flat_map(|lock| &lock.datasets).map(|(name, pin)| (name, pin.version, pin.digest)).collect();
        kept.pins = pins.len() as u64;
        for (dataset, version, digest) in pins {
            if manifests.contains(&digest) || self.is_in_store(digest).await? {
                manifests.insert(digest);
            } else {
                kept.foreign.push(format!("{dataset}@{version}"));
            }
        }
        Ok(())
    }

    /// Whether the store has a manifest. One that cannot be read is an error.
    async fn is_in_store(&self, digest: Digest) -> Result<bool, DataError> {
        match self.store().manifest(&digest).await {
            Ok(_) => Ok(true),
            Err(StoreError::ManifestMissing { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

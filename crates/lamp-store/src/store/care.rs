//! Keeping a store small and sound, and bringing it elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lamp_core::dataset::{Manifest, VersionNumber};
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::error::StoreError;
use crate::gc::{self, Collected, Needed, Roots};
use crate::layout::{PACKS, QUARANTINE, TRASH};
use crate::progress::Progress;
use crate::repack::{self, Repacked};
use crate::transfer::{self, Sent};
use crate::trash::{self, Trashed};
use crate::workers::blocking;

/// What a store consists of, in bytes unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Number of packs.
    pub packs: u64,
    /// All packs.
    pub pack_bytes: u64,
    /// Number of packs that came in since the last [repack](Store::repack).
    pub new_packs: u64,
    /// Their bytes.
    pub new_bytes: u64,
    /// Number of different chunks.
    pub chunks: u64,
    /// Whole files kept here for reading in place, which can be made anew.
    pub cache_bytes: u64,
    /// What nothing needs any more.
    pub trash_bytes: u64,
    /// Damaged packs.
    pub quarantine_bytes: u64,
}

impl Store {
    /// Limits the whole files that are kept for reading in place, in bytes (32 GiB if this is never
    /// called). Beyond it, those go that nobody asked for within a week, the oldest first.
    pub fn limit_cache(&self, bytes: u64) {
        self.inner.kept.set_limit(bytes);
    }

    /// What the store consists of now.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let (packs, kept) = (Arc::clone(&self.inner.packs), self.inner.kept.clone());
        blocking(move || {
            packs.refresh()?;
            let bytes =
                |prefix| Ok::<_, StoreError>(packs.backend.list_aged(prefix)?.iter().map(|aged| aged.bytes).sum());
            let sizes = packs.backend.pack_sizes()?;
            let new: Vec<Digest> = packs.index().new_packs().map(|pack| pack.name).collect();
            Ok(Stats {
                packs: sizes.len() as u64,
                pack_bytes: bytes(PACKS)?,
                new_packs: new.len() as u64,
                new_bytes: new.iter().filter_map(|name| sizes.get(name)).sum(),
                chunks: packs.index().chunks() as u64,
                cache_bytes: kept.bytes(),
                trash_bytes: bytes(TRASH)?,
                quarantine_bytes: bytes(QUARANTINE)?,
            })
        })
        .await
    }

    /// Writes the packs that came in since the last time anew, smaller: what changed between versions
    /// is kept as a difference. Takes its time, and can be cut short at any moment; readers and other
    /// additions go on meanwhile. The packs that were replaced stay in the trash for a day. Does
    /// nothing while another process repacks or collects.
    pub async fn repack(&self) -> Result<Repacked, StoreError> {
        Ok(self.repack_some(u64::MAX).await?.unwrap_or_default())
    }

    /// [`repack`](Self::repack) in steps: the oldest packs first, up to `at_most` bytes of them, but one at
    /// least. Nothing is returned if another process repacks or collects.
    pub async fn repack_some(&self, at_most: u64) -> Result<Option<Repacked>, StoreError> {
        let packs = Arc::clone(&self.inner.packs);
        blocking(move || repack::repack(&packs, at_most)).await
    }

    /// [`repack_some`](Self::repack_some) if that is worth it by now: many packs or bytes came in, and the
    /// last repack is a day ago, by this machine's clock. Nothing is returned otherwise.
    pub async fn repack_if_due(&self, at_most: u64) -> Result<Option<Repacked>, StoreError> {
        let stats = self.stats().await?;
        let repacked_at_us = self.inner.packs.index().repacked_at_us();
        let repacked_at = repacked_at_us.map(|microseconds| UNIX_EPOCH + Duration::from_micros(microseconds));
        if !repack::is_due(stats.new_packs, stats.new_bytes, repacked_at, SystemTime::now()) {
            return Ok(None);
        }
        self.repack_some(at_most).await
    }

    /// What is in the trash and until when, the next to go first.
    pub async fn trash(&self) -> Result<Vec<Trashed>, StoreError> {
        let packs = Arc::clone(&self.inner.packs);
        blocking(move || trash::list(&packs.backend)).await
    }

    /// Moves to the trash what is in no published version and not among `roots`, and was not written
    /// or used lately. A manifest among those that cannot be read, or a list of chunks, stops it before
    /// anything is moved. Nothing is done, and nothing returned, while another process repacks or collects.
    pub async fn gc(&self, roots: &Roots) -> Result<Option<Collected>, StoreError> {
        let needed = self.needed(roots).await?;
        let (packs, roots) = (Arc::clone(&self.inner.packs), roots.clone());
        blocking(move || gc::collect(&packs, &needed, &roots)).await
    }

    /// What [`gc`](Self::gc) would do now. Nothing is changed.
    pub async fn foresee_gc(&self, roots: &Roots) -> Result<Collected, StoreError> {
        let needed = self.needed(roots).await?;
        let (packs, roots) = (Arc::clone(&self.inner.packs), roots.clone());
        blocking(move || gc::foresee(&packs, &needed, &roots)).await
    }

    async fn needed(&self, roots: &Roots) -> Result<Needed, StoreError> {
        let (packs, wanted) = (Arc::clone(&self.inner.packs), roots.clone());
        let mut manifests = blocking(move || gc::young_manifests(&packs, &wanted)).await?;
        manifests.extend(&roots.manifests);
        for series in self.series().await? {
            manifests.extend(self.published(&series).await?.into_iter().map(|(_, digest)| digest));
        }
        let mut files = Vec::new();
        for digest in &manifests {
            files.extend(self.manifest(digest).await?.files);
        }
        Ok(Needed { manifests, files, others: roots.files.clone() })
    }

    /// Sends the versions of a series, up to the one numbered `up_to` if that is given, to another store,
    /// where they get the same numbers; those that have their names there already are left alone. Cut short, it goes on where it ended. A number that means
    /// another version there is a conflict, and is found before anything is sent.
    pub async fn push_to(
        &self,
        to: &Self,
        series: &str,
        up_to: Option<VersionNumber>,
        progress: Arc<dyn Progress>,
    ) -> Result<Sent, StoreError> {
        let (mut here, there) = (self.published(series).await?, to.published(series).await?);
        here.retain(|(version, _)| up_to.is_none_or(|last| *version <= last));
        for (version, digest) in &here {
            let taken = there.iter().find(|(other, existing)| other == version && existing != digest);
            if let Some((version, existing)) = taken {
                let (series, version, existing) = (series.to_owned(), *version, *existing);
                return Err(StoreError::VersionTaken { series, version, existing, wanted: *digest });
            }
        }
        // A name comes last, so a version that has it there is whole there.
        here.retain(|version| !there.contains(version));
        let known: BTreeSet<Digest> = there.into_iter().map(|(_, digest)| digest).collect();
        let mut all = Sent::default();
        for (version, digest) in here {
            let sent = self.push_manifest_to(to, &digest, Arc::clone(&progress)).await?;
            to.publish(series, version, &digest).await?;
            all += Sent { versions: u64::from(!known.contains(&digest)), ..sent };
        }
        Ok(all)
    }

    /// Sends one manifest and its files to another store, without a name.
    pub async fn push_manifest_to(
        &self,
        to: &Self,
        digest: &Digest,
        progress: Arc<dyn Progress>,
    ) -> Result<Sent, StoreError> {
        let manifest = self.manifest(digest).await?;
        let sent = transfer::send(&self.inner.packs, &to.inner.packs, &manifest, progress).await?;
        to.put_manifest(&manifest).await?;
        Ok(sent)
    }

    /// Fetches from another store what this one has lost of a manifest's files: run
    /// [`verify`](Self::verify) first, which sets damaged packs aside.
    pub async fn repair_from(
        &self,
        other: &Self,
        manifest: &Manifest,
        progress: Arc<dyn Progress>,
    ) -> Result<Sent, StoreError> {
        transfer::send(&other.inner.packs, &self.inner.packs, manifest, progress).await
    }
}

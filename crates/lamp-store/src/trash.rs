//! Packs and manifests that nothing needs any more go to the trash first.
//!
//! Their key there begins with the second, since the epoch, until which they stay. A pack that
//! somebody began to rely on in the very moment in which it was taken away is put back.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::backend::{Aged, Backend};
use crate::error::StoreError;
use crate::layout::{TRASH, manifest_key, pack_key, trash_key};

/// Moves a pack to the trash until `until`; false if it was used since `unused_since` and stays.
///
/// Whoever relies on a pack marks it as used and then asks whether it is still there. Here it is
/// moved first and the mark read afterwards, so one of the two notices.
pub(crate) fn discard_pack(
    backend: &Backend,
    pack: Digest,
    unused_since: SystemTime,
    until: SystemTime,
) -> Result<bool, StoreError> {
    let (from, to) = (pack_key(pack), trash_key(until, &format!("{pack}.pack")));
    if backend.used_at(pack)?.is_none_or(|used_at| used_at > unused_since) {
        return Ok(false);
    }
    if !backend.rename(&from, &to)? {
        return Ok(false);
    }
    let was_used_meanwhile = backend.used_at_in(pack, &to)?.is_some_and(|used_at| used_at > unused_since);
    if was_used_meanwhile {
        backend.rename(&to, &from)?;
        return Ok(false);
    }
    Ok(true)
}

/// Moves a manifest to the trash until `until`; false if it was stored since `unused_since`, perhaps for
/// the second time, and stays. Whoever names one looks for it afterwards and puts it back.
pub(crate) fn discard_manifest(
    backend: &Backend,
    digest: Digest,
    unused_since: SystemTime,
    until: SystemTime,
) -> Result<bool, StoreError> {
    let (from, to) = (manifest_key(digest), trash_key(until, &format!("{digest}.json")));
    let is_young = backend.modified_at(&from)?.is_none_or(|modified_at| modified_at > unused_since);
    Ok(!is_young && backend.rename(&from, &to)?)
}

/// What is in the trash until the same second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trashed {
    /// In seconds since the epoch. The next collection or repack after that removes it for good.
    pub until: u64,
    /// Packs and manifests.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is in the trash, the next to go first.
pub(crate) fn list(backend: &Backend) -> Result<Vec<Trashed>, StoreError> {
    let mut found: BTreeMap<u64, Trashed> = BTreeMap::new();
    for aged in backend.list_aged(TRASH)? {
        let Some(until) = until(&aged) else { continue };
        let line = found.entry(until).or_insert(Trashed { until, count: 0, bytes: 0 });
        line.count += 1;
        line.bytes += aged.bytes;
    }
    Ok(found.into_values().collect())
}

/// The second in the key of something in the trash.
fn until(aged: &Aged) -> Option<u64> {
    aged.key.split('/').nth(1)?.parse().ok()
}

/// What has been in the trash for long enough.
pub(crate) fn overdue(backend: &Backend, now: SystemTime) -> Result<Vec<Aged>, StoreError> {
    let mut found = backend.list_aged(TRASH)?;
    found.retain(|aged| until(aged).is_some_and(|seconds| UNIX_EPOCH + Duration::from_secs(seconds) < now));
    Ok(found)
}

/// Removes for good what has been in the trash for long enough, and says how many bytes that was.
pub(crate) fn empty(backend: &Backend, now: SystemTime) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for found in overdue(backend, now)? {
        backend.remove(&found.key)?;
        bytes += found.bytes;
    }
    backend.remove_empty_folders(TRASH);
    Ok(bytes)
}

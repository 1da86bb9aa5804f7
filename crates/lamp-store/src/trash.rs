//! Packs and manifests that nothing needs any more go to the trash first.
//!
//! Their key there begins with the second, since the epoch, until which they stay. A pack that
//! somebody began to rely on in the very moment in which it was taken away is put back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lamp_core::digest::Digest;

use crate::backend::Backend;
use crate::error::StoreError;
use crate::layout::{TRASH, pack_key, trash_key};

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

/// Removes for good what has been in the trash for long enough, and says how many bytes that was.
pub(crate) fn empty(backend: &Backend, now: SystemTime) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for found in backend.list_aged(TRASH)? {
        let until = found.key.split('/').nth(1).and_then(|seconds| seconds.parse().ok());
        let is_over = until.is_some_and(|seconds| UNIX_EPOCH + Duration::from_secs(seconds) < now);
        if is_over {
            backend.remove(&found.key)?;
            bytes += found.bytes;
        }
    }
    backend.remove_empty_folders(TRASH);
    Ok(bytes)
}

//! Where things are in a store. Keys are relative, with `/` between their parts.

use std::time::{SystemTime, UNIX_EPOCH};

use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::document::DocumentKind;
use crate::error::StoreError;

/// The layout that this build writes and reads.
const LAYOUT: u32 = 2;

/// Key of the format marker.
pub(crate) const MARKER: &str = "lamp-store.json";

/// Largest record that is read, in bytes.
pub(crate) const RECORD_MAX: u64 = 1 << 30;

/// Folder of files being written (folders only).
pub(crate) const TMP: &str = "tmp";

/// Folder of the packs.
pub(crate) const PACKS: &str = "packs";

/// How the name of a pack's file ends.
const PACK_SUFFIX: &str = ".pack";

/// Folder of whole files made from packs (not in the store, but here beside it).
pub(crate) const FILES: &str = "files";

/// Folder of records that say when a pack was last used (buckets only).
const STAMPS: &str = "stamps";

/// Folder of the tables of packs in a bucket (here, beside the store).
const TABLES: &str = "tables";

/// Folder of the manifests.
pub(crate) const MANIFESTS: &str = "manifests";

/// Folder of what nothing needs any more.
pub(crate) const TRASH: &str = "trash";

/// The file whose lock is held while packs are written anew (folders only).
pub(crate) const REPACK_LOCK: &str = "repack.lock";

/// Folder of damaged packs.
pub(crate) const QUARANTINE: &str = "quarantine";

/// Folder of the published names.
const SERIES: &str = "series";

#[derive(Serialize, Deserialize)]
struct Marker {
    layout: u32,
}

/// The format marker's content.
pub(crate) fn marker() -> Vec<u8> {
    format!("{{\"layout\":{LAYOUT}}}\n").into_bytes()
}

/// Refuses a layout that this build does not know.
pub(crate) fn check_marker(location: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let refuse = |why: String| Err(StoreError::Layout { location: location.to_owned(), why });
    match serde_json::from_slice::<Marker>(bytes) {
        Ok(Marker { layout: LAYOUT }) => Ok(()),
        Ok(Marker { layout }) => refuse(format!("it is layout {layout}, and this build knows layout {LAYOUT}")),
        Err(error) => refuse(format!("`{MARKER}` cannot be read: {error}")),
    }
}

fn fanned(folder: &str, digest: Digest, suffix: &str) -> String {
    let hex = digest.to_hex();
    let (first, rest) = hex.split_at(2);
    format!("{folder}/{first}/{rest}{suffix}")
}

/// Key of a pack. Packs are few, so they lie in one folder.
pub(crate) fn pack_key(name: Digest) -> String {
    format!("{PACKS}/{name}{PACK_SUFFIX}")
}

/// The name of a pack, from the name of its file; none for another file.
pub(crate) fn parse_pack_name(file: &str) -> Option<Digest> {
    Digest::parse(file.strip_suffix(PACK_SUFFIX)?).ok()
}

/// Key of the record that says when a pack was last used.
pub(crate) fn stamp_key(name: Digest) -> String {
    format!("{STAMPS}/{name}")
}

/// Key of a whole file that is kept for reading.
pub(crate) fn file_key(digest: Digest) -> String {
    fanned(FILES, digest, "")
}

/// Key of the table of a pack.
pub(crate) fn table_key(name: Digest) -> String {
    format!("{TABLES}/{name}")
}

/// Key of a manifest.
pub(crate) fn manifest_key(digest: Digest) -> String {
    fanned(MANIFESTS, digest, ".json")
}

/// The digest of a manifest, from its key; none for another key.
pub(crate) fn parse_manifest_key(key: &str) -> Option<Digest> {
    let hex = key.strip_prefix(MANIFESTS)?.strip_suffix(".json")?.replace('/', "");
    Digest::parse(&hex).ok()
}

/// Key of something in the trash, which stays there until `until`.
pub(crate) fn trash_key(until: SystemTime, name: &str) -> String {
    let seconds = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{TRASH}/{seconds}/{name}")
}

/// Key of a damaged pack.
pub(crate) fn quarantine_key(name: Digest) -> String {
    format!("{QUARANTINE}/{name}{PACK_SUFFIX}")
}

/// Key of a document.
pub(crate) fn document_key(kind: DocumentKind, key: Digest) -> String {
    fanned(&format!("documents/{}", kind.as_str()), key, ".json")
}

/// The folder of a series' versions.
pub(crate) fn series_folder(series: &str) -> String {
    format!("{SERIES}/{series}")
}

/// Key of a published name. Eight digits, so that keys sort as versions do.
pub(crate) fn version_key(series: &str, version: VersionNumber) -> String {
    format!("{SERIES}/{series}/{version:08}.json")
}

/// The series and version of a published name's key; none for a key of another kind.
pub(crate) fn parse_version_key(key: &str) -> Option<(&str, VersionNumber)> {
    let (series, file) = key.strip_prefix(SERIES)?.strip_prefix('/')?.rsplit_once('/')?;
    let version = file.strip_suffix(".json")?.parse().ok()?;
    (version_key(series, version) == key).then_some((series, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_keys_are_read_back_and_others_left_alone() {
        assert_eq!(parse_version_key("series/datasets/flights/00000007.json"), Some(("datasets/flights", 7)));
        assert_eq!(parse_version_key(&version_key("models/a", 123_456_789)), Some(("models/a", 123_456_789)));
        for other in ["series/datasets/flights/7.json", "series/datasets/flights/x.json", "packs/ab.pack", "series"] {
            assert_eq!(parse_version_key(other), None, "{other}");
        }
    }

    #[test]
    fn a_newer_or_unreadable_layout_is_refused() {
        assert!(check_marker("here", &marker()).is_ok());
        for other in [&b"{\"layout\":1}"[..], b"{\"layout\":3}", b"{}", b"", b"layout 1"] {
            assert!(matches!(check_marker("here", other), Err(StoreError::Layout { .. })));
        }
    }
}

//! The store itself: what everybody else calls.

mod care;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_core::dataset::{FileEntry, MANIFEST_FORMAT, Manifest, VersionNumber};
use lamp_core::digest::Digest;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};

use crate::add;
use crate::backend::Backend;
use crate::bucket::{AT_ONCE, Bucket};
use crate::checkout::{self, Checkout, Overwrite};
use crate::document::{DOCUMENT_MAX, DocumentKind};
use crate::error::StoreError;
use crate::folder::{Created, Folder};
use crate::kept::Kept;
use crate::layout::{
    MARKER, check_marker, document_key, manifest_key, marker, parse_version_key, series_folder, version_key,
};
use crate::local::local_paths;
use crate::location::{Place, connect, parse};
use crate::names::{check_file_names, check_series};
use crate::packs::Packs;
use crate::progress::{NoProgress, Progress};
use crate::source::SourceFile;
use crate::verify::{self, Damage};
use crate::workers::blocking;
pub use care::Stats;

/// Largest manifest that is accepted, in bytes: a few million files.
const MANIFEST_MAX: usize = 1 << 30;

/// A manifest that was stored within this time need not be stored again to be young: much less than the
/// age at which one may be collected.
const MANIFEST_YOUNG_FOR: Duration = Duration::from_hours(24);
/// Folder in the cache of what belongs to the store.
const HERE: &str = "store";

/// A content-addressed store: a folder on this machine or a bucket. Cheap to clone.
///
/// Futures of its methods may be dropped at any time; nothing half-done becomes visible.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    location: String,
    packs: Arc<Packs>,
    kept: Kept,
    cache_dir: PathBuf,
}

/// What to do where there is no store yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Refuse,
}

/// The content of a published name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    digest: Digest,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.inner.location).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store at `location`, creating it if nothing is there yet: a path (relative ones
    /// count from `workspace_root`), `file://…`, `s3://bucket/prefix`, `gs://bucket/prefix` or
    /// `az://container/prefix`. Credentials and endpoints of buckets come from the usual
    /// environment variables. `cache_dir` holds what can be made anew: whole files for
    /// reading in place, and the stat cache that spares unchanged files a second hashing.
    pub async fn open(location: &str, workspace_root: &Path, cache_dir: &Path) -> Result<Self, StoreError> {
        Self::open_as(IfMissing::Create, location, workspace_root, cache_dir).await
    }

    /// [`open`](Self::open) of a store that must be there already.
    pub async fn open_existing(location: &str, workspace_root: &Path, cache_dir: &Path) -> Result<Self, StoreError> {
        Self::open_as(IfMissing::Refuse, location, workspace_root, cache_dir).await
    }

    async fn open_as(
        if_missing: IfMissing,
        location: &str,
        workspace_root: &Path,
        cache_dir: &Path,
    ) -> Result<Self, StoreError> {
        match parse(location, workspace_root)? {
            Place::Folder(root) => {
                let (folder, shown) = (Folder::new(root), location.to_owned());
                let here = Folder::new(cache_dir.join(HERE));
                let folder = blocking(move || {
                    here.sweep();
                    if if_missing == IfMissing::Refuse && folder.find_record(MARKER)?.is_none() {
                        return Err(StoreError::NoStore { location: shown });
                    }
                    open_folder(folder, &shown)
                });
                let folder = folder.await?;
                Ok(Self::with_backend(location, Backend::Folder(folder), cache_dir))
            }
            Place::Bucket { provider, bucket, prefix } => {
                let client = connect(location, provider, &bucket, &prefix)?;
                Self::open_bucket(if_missing, location, client, cache_dir).await
            }
        }
    }

    /// Opens the store in a bucket that a client was made for.
    pub(crate) async fn open_bucket(
        if_missing: IfMissing,
        location: &str,
        client: Arc<dyn ObjectStore>,
        cache_dir: &Path,
    ) -> Result<Self, StoreError> {
        let bucket = Bucket::new(client, location, Folder::new(cache_dir.join(HERE)));
        let found = match bucket.find_record(MARKER).await? {
            Some(found) => Created::Existing(found),
            None if if_missing == IfMissing::Refuse => {
                return Err(StoreError::NoStore { location: location.to_owned() });
            }
            None => bucket.create_record(MARKER, marker()).await?,
        };
        if let Created::Existing(found) = found {
            check_marker(location, &found)?;
        }
        let here = bucket.here().clone();
        blocking(move || {
            here.sweep();
            Ok(())
        })
        .await?;
        Ok(Self::with_backend(location, Backend::Bucket(bucket), cache_dir))
    }

    fn with_backend(location: &str, backend: Backend, cache_dir: &Path) -> Self {
        let kept = Kept::new(Folder::new(cache_dir.join(HERE)));
        let (location, packs, cache_dir) = (location.to_owned(), Arc::new(Packs::new(backend)), cache_dir.to_owned());
        Self { inner: Arc::new(Inner { location, packs, kept, cache_dir }) }
    }

    fn backend(&self) -> &Backend {
        &self.inner.packs.backend
    }

    /// Where it is, as it was named when it was opened.
    pub fn location(&self) -> &str {
        &self.inner.location
    }

    /// Takes files into the store and says what they are, in the order given. The sources are
    /// only read; one that changes meanwhile is refused. Symbolic links become entries with
    /// their target as text, and are not followed.
    pub async fn add_files(
        &self,
        files: Vec<SourceFile>,
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<FileEntry>, StoreError> {
        add::add_files(&self.inner.packs, &self.inner.cache_dir, files, progress).await
    }

    /// Stores a manifest under its digest. Its files were added before.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<Digest, StoreError> {
        check_file_names(manifest.files.iter().map(|file| file.path.as_str()))?;
        let bytes = manifest.to_bytes();
        check_size("a manifest", bytes.len(), MANIFEST_MAX)?;
        let digest = Digest::of(&bytes);
        let key = manifest_key(digest);
        if let Created::Existing(found) = self.backend().create(key.clone(), bytes.clone()).await? {
            if found == bytes {
                self.keep_young(key, bytes).await?;
            } else {
                // What is there under this digest is damaged; these are the right bytes.
                self.backend().replace(key, bytes).await?;
            }
        }
        Ok(digest)
    }

    /// An old manifest is written once more, so that a collection that began before its version has a
    /// name does not take it away.
    async fn keep_young(&self, key: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        let modified_at = self.modified_at(key.clone()).await?;
        let is_young = modified_at.is_some_and(|at| at.elapsed().is_ok_and(|age| age < MANIFEST_YOUNG_FOR));
        if is_young {
            return Ok(());
        }
        match self.backend().replace(key, bytes).await {
            // On a read-only store nothing is collected.
            Ok(()) | Err(StoreError::Denied { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn modified_at(&self, key: String) -> Result<Option<SystemTime>, StoreError> {
        let backend = self.backend().clone();
        blocking(move || backend.modified_at(&key)).await
    }

    /// The manifest of that digest, its bytes checked against it.
    pub async fn manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        let digest = *digest;
        let unreadable = |why: String| StoreError::ManifestUnreadable { digest, why };
        let found = self.backend().find(manifest_key(digest)).await?;
        let bytes = found.ok_or(StoreError::ManifestMissing { digest })?;
        let actual = Digest::of(&bytes);
        if actual != digest {
            return Err(unreadable(format!("its bytes have digest {actual}")));
        }
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if manifest.format != MANIFEST_FORMAT {
            let format = manifest.format;
            return Err(unreadable(format!("it has format {format}, and this build knows format {MANIFEST_FORMAT}")));
        }
        Ok(manifest)
    }

    /// Gives a stored manifest its name, once and for all: `series` is `datasets/flights` or
    /// `models/delay`. The same digest again is fine; another one is a conflict.
    pub async fn publish(&self, series: &str, version: VersionNumber, digest: &Digest) -> Result<(), StoreError> {
        check_series(series)?;
        let key = version_key(series, version);
        let has_name = self.backend().find(key.clone()).await?.is_some_and(|found| names(&found, digest));
        if has_name && self.modified_at(manifest_key(*digest)).await?.is_some() {
            return Ok(());
        }
        let manifest = self.manifest(digest).await?;
        let content = format!("{{\"digest\":\"{digest}\"}}\n").into_bytes();
        let Created::Existing(found) = self.backend().create(key.clone(), content).await? else {
            // A collection that did not see the name yet may have taken the manifest away meanwhile.
            let is_there = self.modified_at(manifest_key(*digest)).await?.is_some();
            return if is_there { Ok(()) } else { self.put_manifest(&manifest).await.map(|_| ()) };
        };
        let existing = parse_published(&key, &found)?;
        if existing == *digest {
            return Ok(());
        }
        Err(StoreError::VersionTaken { series: series.to_owned(), version, existing, wanted: *digest })
    }

    /// The published versions of a series, in order; none for an unknown series.
    pub async fn published(&self, series: &str) -> Result<Vec<(VersionNumber, Digest)>, StoreError> {
        check_series(series)?;
        let backend = self.backend();
        let mut names = Vec::new();
        for key in backend.list(series_folder(series)).await? {
            if let Some((_, version)) = parse_version_key(&key).filter(|(of, _)| *of == series) {
                names.push((version, key));
            }
        }
        names.sort();
        let reads = futures::stream::iter(names).map(|(version, key)| async move {
            let content = backend.find(key.clone()).await?.unwrap_or_default();
            Ok((version, parse_published(&key, &content)?))
        });
        reads.buffered(AT_ONCE).try_collect().await
    }

    /// The names of all series with a published version, in order. With
    /// [`published`](Self::published), enough to rebuild a lost ledger.
    pub async fn series(&self) -> Result<Vec<String>, StoreError> {
        let keys = self.backend().list(series_folder("")).await?;
        let mut series: Vec<_> =
            keys.iter().filter_map(|key| parse_version_key(key)).map(|(series, _)| series.to_owned()).collect();
        series.sort();
        series.dedup();
        Ok(series)
    }

    /// Whether the store has a file whole, without reading it or putting it together.
    pub async fn has(&self, entry: &FileEntry) -> Result<bool, StoreError> {
        let (packs, digest, size) = (Arc::clone(&self.inner.packs), entry.digest, entry.size);
        if entry.link.is_some() {
            return Ok(true);
        }
        blocking(move || {
            let is_known = packs.find_file(&digest, size)?.is_some();
            if is_known {
                return Ok(true);
            }
            packs.refresh()?;
            Ok(packs.find_file(&digest, size)?.is_some())
        })
        .await
    }

    /// A path where the file's bytes can be read in place. It must not be written to.
    pub async fn local_path(&self, entry: &FileEntry) -> Result<PathBuf, StoreError> {
        let mut paths = self.local_paths(std::slice::from_ref(entry), Arc::new(NoProgress)).await?;
        paths.pop().ok_or(StoreError::Interrupted)
    }

    /// [`local_path`](Self::local_path) for many files, a few at a time, in the order given.
    pub async fn local_paths(
        &self,
        entries: &[FileEntry],
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        local_paths(&self.inner.packs, &self.inner.kept, entries, progress).await
    }

    /// Writes files out under `to`, byte for byte and writable. Files that have the right content
    /// are left alone. Each file appears whole; nothing is written outside of `to`.
    pub async fn checkout(
        &self,
        entries: &[FileEntry],
        to: &Path,
        overwrite: Overwrite,
        progress: Arc<dyn Progress>,
    ) -> Result<Checkout, StoreError> {
        checkout::checkout(&self.inner.packs, &self.inner.kept, entries, to, overwrite, progress).await
    }

    /// Hashes every file of a manifest again and lists what is not as it should be, in the manifest's
    /// order. Damaged packs are set aside, so that what they held can be added again or
    /// [fetched](Self::repair_from). Files kept for reading in place are hashed too, and those with
    /// other bytes thrown away: what [`local_paths`](Self::local_paths) names next is right.
    pub async fn verify(&self, manifest: &Manifest, progress: Arc<dyn Progress>) -> Result<Vec<Damage>, StoreError> {
        verify::verify(&self.inner.packs, &self.inner.kept, manifest, progress).await
    }

    /// Stores a document, in place of the one there.
    pub async fn put_document(&self, kind: DocumentKind, key: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        check_size("a document", bytes.len(), DOCUMENT_MAX)?;
        self.backend().replace(document_key(kind, *key), bytes.to_vec()).await
    }

    /// The document of that kind and key, if there is one.
    pub async fn find_document(&self, kind: DocumentKind, key: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.backend().find(document_key(kind, *key)).await
    }
}

fn open_folder(folder: Folder, location: &str) -> Result<Folder, StoreError> {
    if folder.root().exists() && !folder.root().is_dir() {
        return Err(StoreError::Location { location: location.to_owned(), why: "it is a file".to_owned() });
    }
    // Asked first: a store that another process is making has its marker before anything else.
    let has_other_things = folder.has_other_things()?;
    if let Some(found) = folder.find_record(MARKER)? {
        check_marker(location, &found)?;
        folder.sweep();
        return Ok(folder);
    }
    if has_other_things {
        return Err(StoreError::NotAStore { location: location.to_owned() });
    }
    folder.prepare()?;
    if let Created::Existing(found) = folder.create_record(MARKER, &marker())? {
        check_marker(location, &found)?;
    }
    Ok(folder)
}

/// Whether the content of a published name says that digest.
fn names(content: &[u8], digest: &Digest) -> bool {
    serde_json::from_slice::<Published>(content).is_ok_and(|published| published.digest == *digest)
}

fn parse_published(key: &str, content: &[u8]) -> Result<Digest, StoreError> {
    let parsed = serde_json::from_slice::<Published>(content);
    parsed
        .map(|published| published.digest)
        .map_err(|error| StoreError::NameUnreadable { key: key.to_owned(), why: error.to_string() })
}

fn check_size(what: &'static str, bytes: usize, max: usize) -> Result<(), StoreError> {
    if bytes > max {
        return Err(StoreError::TooLarge { what, bytes: bytes as u64, max: max as u64 });
    }
    Ok(())
}

//! `lamp data get`: a version comes back byte for byte.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamp_core::dataset::DatasetVersion;
use lamp_core::digest::Digest;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_store::{Checkout, Overwrite, Progress, StoreError};
use serde::{Deserialize, Serialize};

use super::resolve::Slice;
use super::{DataError, lockfile, sources};
use crate::app::App;
use crate::parts::PartError;

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct GetData {
    /// `NAME@V` or `NAME@V[RANGE]`; a bare name means the version that `lamp.lock` pins, or the latest.
    pub reference: String,
    /// Target folder; none means the folder of the dataset's `source`.
    pub to: Option<PathBuf>,
    /// Replace files with other content.
    pub overwrite: Overwrite,
}

/// A file of some version, by its name and its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptFile {
    /// Path relative to the dataset's root.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub digest: Digest,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Got {
    /// The version.
    pub version: DatasetVersion,
    /// The partitions that came, in order.
    pub partitions: Vec<PartitionKey>,
    /// Where it is.
    pub to: PathBuf,
    /// Counts.
    pub checkout: Checkout,
}

impl App {
    /// Brings one version back.
    pub async fn get_data(&self, request: GetData, progress: Arc<dyn Progress>) -> Result<Got, DataError> {
        let slice = self.slice_of(&request.reference).await?;
        let to = match request.to {
            Some(folder) => folder,
            None => sources::home(self.workspace(), self.root(), &slice.version.dataset)?,
        };
        let checkout = self.lay_out(&slice, &to, request.overwrite, progress).await?;
        Ok(Got { partitions: slice.partitions(), version: slice.version, to, checkout })
    }

    /// Writes a slice's files. A file in the way that is itself of some version of the dataset is
    /// replaced unasked: its bytes are in the store, so nothing is lost.
    async fn lay_out(
        &self,
        slice: &Slice,
        to: &Path,
        overwrite: Overwrite,
        progress: Arc<dyn Progress>,
    ) -> Result<Checkout, DataError> {
        let put = |overwrite| self.store().checkout(&slice.files, to, overwrite, Arc::clone(&progress));
        let (folder, files) = match put(overwrite).await {
            Err(StoreError::WouldOverwrite { to, files }) => (to, files),
            done => return Ok(done?),
        };
        if self.are_kept(&slice.version.dataset, &folder, &files).await? {
            return Ok(put(Overwrite::Replace).await?);
        }
        Err(StoreError::WouldOverwrite { to: folder, files }.into())
    }

    /// Whether each of these files holds what some version of the dataset has under its name.
    async fn are_kept(&self, dataset: &DatasetName, folder: &Path, files: &[String]) -> Result<bool, DataError> {
        let kept = self.kept_files(dataset).await?;
        are_among(&kept, folder, files).await
    }

    /// Every file that some version of a dataset has.
    pub async fn kept_files(&self, dataset: &DatasetName) -> Result<BTreeSet<KeptFile>, DataError> {
        let mut kept = BTreeSet::new();
        for version in self.ledger().versions(dataset).await? {
            let of_version = self.manifest(&version).await?.files.into_iter();
            kept.extend(of_version.map(|file| KeptFile { path: file.path, size: file.size, digest: file.digest }));
        }
        Ok(kept)
    }

    /// Every dataset that `lamp.lock` pins and that has a home in the working tree.
    pub fn locked_datasets(&self) -> Result<Vec<String>, DataError> {
        let lock = lockfile::read(self.root())?;
        let has_home = |dataset: &DatasetName| sources::home(self.workspace(), self.root(), dataset).is_ok();
        Ok(lock.datasets.iter().filter(|(name, _)| has_home(name)).map(|(name, _)| name.to_string()).collect())
    }
}

/// Whether each of these files in `folder` is one of those that are kept: then it may be replaced unasked.
pub async fn are_among(kept: &BTreeSet<KeptFile>, folder: &Path, files: &[String]) -> Result<bool, DataError> {
    for name in files {
        let path = folder.join(name);
        let size = tokio::fs::metadata(&path).await.map(|metadata| metadata.len()).unwrap_or_default();
        let may_be_kept = kept.iter().any(|file| file.path == *name && file.size == size);
        // Only what may be kept is read, so no file is larger than one that was added.
        if !may_be_kept {
            return Ok(false);
        }
        let digest = digest_of_file(&path).await?;
        if !kept.contains(&KeptFile { path: name.clone(), size, digest }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The digest of a file, read in blocks on a thread that may wait for the disk.
async fn digest_of_file(path: &Path) -> Result<Digest, PartError> {
    let hashed = tokio::task::spawn_blocking({
        let path = path.to_owned();
        move || {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(File::open(path)?)?;
            Ok::<_, io::Error>(Digest::from_bytes(*hasher.finalize().as_bytes()))
        }
    });
    let hashed = hashed.await.map_err(|error| PartError::file("read", path)(io::Error::other(error)))?;
    hashed.map_err(PartError::file("read", path))
}

//! `lamp data get`: a version comes back byte for byte.

use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::dataset::DatasetVersion;
use lamp_core::names::DatasetName;
use lamp_store::{Checkout, Overwrite, Progress};

use super::{DataError, lockfile, sources};
use crate::app::App;

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct GetData {
    /// `NAME@V`; a bare name means the version that `lamp.lock` pins, or the latest.
    pub reference: String,
    /// Target folder; none means the folder of the dataset's `source`.
    pub to: Option<PathBuf>,
    /// Replace files with other content.
    pub overwrite: Overwrite,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Got {
    /// The version.
    pub version: DatasetVersion,
    /// Where it is.
    pub to: PathBuf,
    /// Counts.
    pub checkout: Checkout,
}

impl App {
    /// Brings one version back.
    pub async fn get_data(&self, request: GetData, progress: Arc<dyn Progress>) -> Result<Got, DataError> {
        let version = self.wanted_version(&request.reference).await?;
        let to = match request.to {
            Some(folder) => folder,
            None => self.home_of(&version.dataset)?,
        };
        let manifest = self.manifest(&version).await?;
        let checkout = self.store().checkout(&manifest.files, &to, request.overwrite, progress).await?;
        Ok(Got { version, to, checkout })
    }

    /// Every dataset that `lamp.lock` pins and that has a home in the working tree.
    pub fn locked_datasets(&self) -> Result<Vec<String>, DataError> {
        let lock = lockfile::read(self.root())?;
        let has_home = |dataset: &DatasetName| self.home_of(dataset).is_ok();
        Ok(lock.datasets.iter().filter(|(name, _)| has_home(name)).map(|(name, _)| name.to_string()).collect())
    }

    async fn wanted_version(&self, reference: &str) -> Result<DatasetVersion, DataError> {
        if !reference.contains('@') {
            let dataset = DatasetName::parse(reference)?;
            let lock = lockfile::read(self.root())?;
            if lock.datasets.contains_key(&dataset) {
                return self.locked_version(&lock, &dataset).await;
            }
        }
        self.dataset_version(reference).await
    }

    fn home_of(&self, dataset: &DatasetName) -> Result<PathBuf, DataError> {
        let undeclared = || DataError::Undeclared { dataset: dataset.clone() };
        let (project, config) = self.workspace().dataset(dataset).ok_or_else(undeclared)?;
        let glob = config.source().ok_or_else(undeclared)?;
        Ok(self.root().join(&project.dir).join(sources::fixed_prefix(glob)))
    }
}

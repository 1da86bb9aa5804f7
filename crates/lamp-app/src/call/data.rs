//! Calls about data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lamp_core::contract::suggest::{Settings, Suggestion};
use lamp_core::dataset::{DatasetVersion, FileEntry, Manifest, VersionNumber};
use lamp_core::digest::Digest;
use lamp_core::names::{DatasetName, RemoteName};
use lamp_runner::Progress;
use lamp_store::NoProgress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::check::CheckReport;
use crate::data::DataError;
use crate::data::add::Added;
use crate::data::diff::VersionDifference;
use crate::data::get::KeptFile;
use crate::data::list::{DatasetLine, VersionLine};
use crate::data::show::VersionView;
use crate::data::uploads::Uploaded;
use crate::data::verify::Verified;
use crate::profile::{ProfileContrast, ProfileView};
use crate::sla::ServiceLevel;

/// What the sender's `lamp.lock` pins. A server's own lock is of no interest to them.
pub type Pins = BTreeMap<DatasetName, VersionNumber>;

/// `lamp data ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDatasets {
    /// By the sender's lock.
    pub locked: Pins,
}

impl Call for ListDatasets {
    const NAME: &'static str = "list-datasets";
    type Answer = Vec<DatasetLine>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let mut lines = app.list_datasets().await.map_err(failed)?;
        for line in &mut lines {
            line.locked = self.locked.get(&line.dataset).copied();
        }
        Ok(lines)
    }
}

/// `lamp data log`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataHistory {
    /// The dataset.
    pub dataset: DatasetName,
    /// By the sender's lock.
    pub locked: Option<VersionNumber>,
}

impl Call for DataHistory {
    const NAME: &'static str = "data-log";
    type Answer = Vec<VersionLine>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let mut lines = app.data_log(&self.dataset).await.map_err(failed)?;
        for line in &mut lines {
            line.locked = self.locked == Some(line.version.version);
        }
        Ok(lines)
    }
}

/// `lamp data get`, before the files are fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindManifest {
    /// `NAME@V` or `NAME@latest`.
    pub reference: String,
}

/// A version and what it is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FoundManifest {
    /// The version.
    pub version: DatasetVersion,
    /// Its files.
    pub manifest: Manifest,
}

impl Call for FindManifest {
    const NAME: &'static str = "find-manifest";
    type Answer = FoundManifest;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let version = app.dataset_version(&self.reference).await.map_err(failed)?;
        let manifest = app.manifest(&version).await.map_err(failed)?;
        Ok(FoundManifest { version, manifest })
    }
}

/// Every file that some version of a dataset has: what `lamp data get` may replace unasked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptFiles {
    /// The dataset.
    pub dataset: DatasetName,
}

impl Call for KeptFiles {
    const NAME: &'static str = "kept-files";
    type Answer = BTreeSet<KeptFile>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.kept_files(&self.dataset).await.map_err(failed)
    }
}

/// Asks which of these contents must be sent before they can be added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfferFiles {
    /// The dataset that they are for.
    pub dataset: DatasetName,
    /// The version on which they are to be added.
    pub base: Option<VersionNumber>,
    /// The files.
    pub files: Vec<FileEntry>,
}

/// Contents that are to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Missing {
    /// By digest, each once.
    pub digests: Vec<Digest>,
}

impl Call for OfferFiles {
    const NAME: &'static str = "offer-files";
    type Answer = Missing;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let digests = app.missing_uploads(&self.dataset, self.base, &self.files).await.map_err(failed)?;
        Ok(Missing { digests })
    }
}

/// `lamp data add`, after the files were sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddUploaded {
    /// What they are to become.
    #[serde(flatten)]
    pub files: Uploaded,
}

impl Call for AddUploaded {
    const NAME: &'static str = "add-data";
    type Answer = Added;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.add_uploaded(self.files).await.map_err(failed)
    }
}

/// Which datasets `lamp check` means when it is given none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkable {}

impl Call for Checkable {
    const NAME: &'static str = "checkable";
    type Answer = Vec<String>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.checkable().await.map_err(failed)
    }
}

/// `lamp check`, of one dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckDataset {
    /// `NAME` or `NAME@V`.
    pub reference: String,
}

impl Call for CheckDataset {
    const NAME: &'static str = "check";
    type Answer = CheckReport;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let said = |done: usize, of: usize| say(&format!("checking {}: {done} of {of}", self.reference));
        app.check(&self.reference, &said).await.map_err(failed)
    }
}

/// `lamp sla`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowServiceLevels {
    /// Of this dataset; none for all that promise any.
    pub dataset: Option<DatasetName>,
}

impl Call for ShowServiceLevels {
    const NAME: &'static str = "service-levels";
    type Answer = Vec<ServiceLevel>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.service_levels(self.dataset.as_ref()).await.map_err(failed)
    }
}

/// `lamp contract suggest`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuggestContract {
    /// `NAME`, `NAME@V` or `NAME[RANGE]`.
    pub data: String,
    /// Alarms a partition that one promise may have had in the back-test, from 0 to 1.
    pub alarms_max: f64,
}

impl Call for SuggestContract {
    const NAME: &'static str = "suggest-contract";
    type Answer = Suggestion;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let said = |done: usize, of: usize| say(&format!("looking at the history of {}: {done} of {of}", self.data));
        let settings = Settings { alarms_max: self.alarms_max };
        app.suggest_contract(&self.data, settings, &said).await.map_err(failed)
    }
}

/// `lamp profile`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowProfile {
    /// `NAME`, `NAME@V`, `NAME[RANGE]` or `NAME@V[RANGE]`.
    pub data: String,
}

impl Call for ShowProfile {
    const NAME: &'static str = "profile";
    type Answer = ProfileView;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let said = |done: usize, of: usize| say(&format!("profiling: {done} of {of}"));
        app.profile(&self.data, &said).await.map_err(failed)
    }
}

/// `lamp data verify`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifyData {
    /// `NAME@V` or `NAME`, the latest; every version of every dataset if there is none.
    pub references: Vec<String>,
    /// Fetch what is damaged.
    #[serde(default)]
    pub repair: bool,
    /// From this remote, or the only one.
    #[serde(default)]
    pub from: Option<RemoteName>,
}

impl Call for VerifyData {
    const NAME: &'static str = "verify-data";
    type Answer = Vec<Verified>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        self.verify(app, Arc::new(NoProgress)).await.map_err(failed)
    }
}

/// `lamp data show`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowVersion {
    /// `NAME@V` or `NAME@V[RANGE]`.
    pub reference: String,
}

impl Call for ShowVersion {
    const NAME: &'static str = "show-version";
    type Answer = VersionView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_version(&self.reference).await.map_err(failed)
    }
}

/// `lamp data diff`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiffVersions {
    /// The earlier one, as `NAME@V` or `NAME@V[RANGE]`; the version before `after` if there is none.
    pub before: Option<String>,
    /// The later one.
    pub after: String,
}

impl Call for DiffVersions {
    const NAME: &'static str = "diff-versions";
    type Answer = VersionDifference;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let said = |done: usize, of: usize| say(&format!("comparing: {done} of {of}"));
        app.difference(self.before.as_deref(), &self.after, &said).await.map_err(failed)
    }
}

/// `lamp profile --against`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContrastProfiles {
    /// `NAME`, `NAME@V`, `NAME[RANGE]` or `NAME@V[RANGE]`.
    pub data: String,
    /// The reference, likewise.
    pub against: String,
}

impl Call for ContrastProfiles {
    const NAME: &'static str = "contrast-profiles";
    type Answer = ProfileContrast;

    async fn answer(self, app: &App, say: Progress<'_>) -> Result<Self::Answer, CallError> {
        let said = |done: usize, of: usize| say(&format!("profiling: {done} of {of}"));
        app.profile_contrast(&self.data, &self.against, &said).await.map_err(failed)
    }
}

impl VerifyData {
    /// The same, watched.
    pub async fn verify(&self, app: &App, progress: Arc<dyn lamp_store::Progress>) -> Result<Vec<Verified>, DataError> {
        if self.repair {
            return app.repair_data(&self.references, self.from.as_ref(), progress).await;
        }
        app.verify_data(&self.references, progress).await
    }
}

//! Other stores: `lamp data push` and `lamp data pull`.
//!
//! A remote keeps versions under the numbers that they have here, so it belongs to one history: what a number means
//! there and here must be the same, and that is asked before anything moves. The name of a version comes last at
//! either end, so whatever was cut short goes on where it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lamp_core::access::Permission;
use lamp_core::config::Remote;
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::names::{DatasetName, RemoteName};
use lamp_core::reference::{Reference, Selector};
use lamp_ledger::NewVersion;
use lamp_store::{Progress, Sent, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DataError;
use crate::app::App;

/// Folder of the store in which the versions of datasets have their names.
const DATASETS: &str = "datasets/";

/// Which versions to move, and between here and where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Between {
    /// The remote; none means the only one that there is.
    pub remote: Option<RemoteName>,
    /// `NAME@V`, with all versions before it, or `NAME`, all of them; none means every dataset.
    pub references: Vec<String>,
}

/// What was moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Moved {
    /// The remote.
    pub remote: RemoteName,
    /// Where it is.
    pub url: String,
    /// What was moved of each dataset, by name.
    pub datasets: Vec<MovedDataset>,
}

/// What was moved of one dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovedDataset {
    /// The dataset.
    pub dataset: DatasetName,
    /// The newest version that both ends have now.
    pub version: VersionNumber,
    /// What the other end did not have.
    pub sent: Sent,
}

impl App {
    /// Sends versions to a remote.
    pub async fn push_data(&self, request: &Between, progress: Arc<dyn Progress>) -> Result<Moved, DataError> {
        self.authorize(Permission::Work)?;
        let (name, remote) = self.find_remote(request.remote.as_ref())?;
        let wanted = self.versions_to_push(&request.references).await?;
        let there = Store::open(&remote.url, self.root(), &self.layout().remote_cache(name)).await?;
        let mut datasets = Vec::new();
        for (dataset, version) in wanted {
            self.publish_missing(&dataset).await?;
            let series = series_of(&dataset);
            let sent = self.store().push_to(&there, &series, Some(version), Arc::clone(&progress)).await;
            let sent = sent.map_err(|error| match error {
                StoreError::VersionTaken { version, .. } => disagrees(&dataset, version, name),
                other => other.into(),
            })?;
            datasets.push(MovedDataset { dataset, version, sent });
        }
        let moved = Moved { remote: name.clone(), url: remote.url.clone(), datasets };
        if moved.datasets.iter().any(|dataset| dataset.sent.versions > 0) {
            let mut tx = self.ledger().begin().await?;
            tx.audit(&self.entry("data.pushed", name, json!(moved))).await?;
            tx.commit().await?;
        }
        Ok(moved)
    }

    /// Brings versions from a remote here, into store and ledger. `lamp.lock` stays as it is.
    pub async fn pull_data(&self, request: &Between, progress: Arc<dyn Progress>) -> Result<Moved, DataError> {
        self.authorize(Permission::Work)?;
        let (name, remote) = self.find_remote(request.remote.as_ref())?;
        let there = Store::open_existing(&remote.url, self.root(), &self.layout().remote_cache(name)).await?;
        let wanted = versions_to_pull(&there, &request.references).await?;
        let mut datasets = Vec::new();
        for (dataset, up_to) in wanted {
            let lacking = self.lacking(&there, name, &dataset, up_to).await?;
            let (mut sent, mut newest) = (Sent::default(), lacking.newest);
            for (version, digest) in lacking.versions {
                let one = there.push_manifest_to(self.store(), &digest, Arc::clone(&progress)).await?;
                self.record_pulled(name, &dataset, version, digest).await?;
                sent += Sent { versions: 1, ..one };
                newest = newest.max(version);
            }
            datasets.push(MovedDataset { dataset, version: newest, sent });
        }
        Ok(Moved { remote: name.clone(), url: remote.url.clone(), datasets })
    }

    /// The remote of that name, or the only one.
    pub(super) fn find_remote(&self, name: Option<&RemoteName>) -> Result<(&RemoteName, &Remote), DataError> {
        let remotes = &self.workspace().root.remotes;
        let known = || remotes.keys().map(ToString::to_string).collect::<Vec<_>>();
        match name {
            Some(name) => {
                remotes.get_key_value(name).ok_or_else(|| DataError::NoRemote { remote: name.clone(), known: known() })
            }
            None if remotes.len() > 1 => Err(DataError::WhichRemote { known: known() }),
            None => remotes.first_key_value().ok_or(DataError::NoRemotes),
        }
    }

    /// The newest version to send of each dataset.
    async fn versions_to_push(&self, references: &[String]) -> Result<BTreeMap<DatasetName, VersionNumber>, DataError> {
        let mut wanted = BTreeMap::new();
        for reference in references {
            let version = self.dataset_version(reference).await?;
            let newest = wanted.entry(version.dataset).or_insert(version.version);
            *newest = version.version.max(*newest);
        }
        if references.is_empty() {
            let summaries = self.ledger().datasets().await?;
            wanted.extend(summaries.into_iter().map(|summary| (summary.latest.dataset, summary.latest.version)));
        }
        Ok(wanted)
    }

    /// Names versions in the store that an add, cut short after the ledger had them, left without a name.
    async fn publish_missing(&self, dataset: &DatasetName) -> Result<(), DataError> {
        let series = series_of(dataset);
        let published: BTreeSet<VersionNumber> =
            self.store().published(&series).await?.into_iter().map(|(version, _)| version).collect();
        for version in self.ledger().versions(dataset).await? {
            if !published.contains(&version.version) {
                self.store().publish(&series, version.version, &version.digest).await?;
            }
        }
        Ok(())
    }

    /// The versions of a dataset at a remote that the ledger lacks. A number that means something else here, or a
    /// gap, stops it.
    async fn lacking(
        &self,
        there: &Store,
        remote: &RemoteName,
        dataset: &DatasetName,
        up_to: Option<VersionNumber>,
    ) -> Result<Lacking, DataError> {
        let mut published = there.published(&series_of(dataset)).await?;
        published.retain(|(version, _)| up_to.is_none_or(|last| *version <= last));
        let last = published.last().map(|(version, _)| *version);
        let lacks = |version| {
            let (dataset, remote) = (dataset.clone(), remote.clone());
            DataError::NotAtRemote { dataset, version, remote }
        };
        let is_there = last.is_some() && up_to.is_none_or(|wanted| last == Some(wanted));
        if !is_there {
            return Err(lacks(up_to));
        }
        let newest = self.ledger().latest_version(dataset).await?.map_or(0, |version| version.version);
        let known: BTreeMap<VersionNumber, Digest> =
            self.ledger().versions(dataset).await?.into_iter().map(|known| (known.version, known.digest)).collect();
        let mut versions = Vec::new();
        for (version, digest) in published {
            match known.get(&version) {
                Some(here) if *here == digest => {}
                Some(_) => return Err(disagrees(dataset, version, remote)),
                None => versions.push((version, digest)),
            }
        }
        let gap = (newest + 1..).zip(&versions).find(|(expected, (version, _))| expected != version);
        match gap {
            Some((missing, _)) => Err(lacks(Some(missing))),
            None => Ok(Lacking { versions, newest }),
        }
    }

    /// Records a version that was fetched, under the number that it has at the remote; then it gets its name here.
    async fn record_pulled(
        &self,
        remote: &RemoteName,
        dataset: &DatasetName,
        version: VersionNumber,
        digest: Digest,
    ) -> Result<(), DataError> {
        let manifest = self.store().manifest(&digest).await?;
        let mut tx = self.ledger().begin().await?;
        let added = tx
            .add_version(NewVersion {
                dataset: dataset.clone(),
                digest,
                files: manifest.files.len() as u64,
                bytes: manifest.bytes(),
                rows: manifest.rows(),
                run: None,
                created_by: self.actor().clone(),
                created_at: self.now(),
                note: Some(format!("pulled from {remote}")),
            })
            .await?;
        if added.version.version != version {
            // Somebody added meanwhile, or the same bytes have another number here.
            tx.rollback().await?;
            return Err(disagrees(dataset, version, remote));
        }
        if added.is_new {
            let details = json!({"digest": digest, "remote": remote});
            tx.audit(&self.entry("data.pulled", format!("{dataset}@{version}"), details)).await?;
        }
        tx.commit().await?;
        self.publish_version(&added.version).await
    }
}

/// What a pull has to bring.
struct Lacking {
    /// In order.
    versions: Vec<(VersionNumber, Digest)>,
    /// The newest version here; 0 if there is none.
    newest: VersionNumber,
}

fn disagrees(dataset: &DatasetName, version: VersionNumber, remote: &RemoteName) -> DataError {
    DataError::RemoteDisagrees { dataset: dataset.clone(), version, remote: remote.clone() }
}

/// The name of a dataset in a store.
pub(super) fn series_of(dataset: &DatasetName) -> String {
    format!("{DATASETS}{dataset}")
}

/// The newest version to fetch of each dataset; none means the newest that there is.
async fn versions_to_pull(
    there: &Store,
    references: &[String],
) -> Result<BTreeMap<DatasetName, Option<VersionNumber>>, DataError> {
    let mut wanted = BTreeMap::new();
    for reference in references {
        let Reference { name, selector } = Reference::parse(reference)?;
        let dataset = DatasetName::parse(&name)?;
        let up_to = match selector {
            Selector::Number(version) => Some(version),
            Selector::Latest => None,
            Selector::Production => return Err(DataError::NotServed { dataset }),
        };
        wanted.insert(dataset, up_to);
    }
    if references.is_empty() {
        for series in there.series().await? {
            if let Some(dataset) = series.strip_prefix(DATASETS) {
                wanted.insert(DatasetName::parse(dataset)?, None);
            }
        }
    }
    Ok(wanted)
}

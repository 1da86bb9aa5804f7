//! `lamp data add`: the working tree's files become an immutable version.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::access::Permission;
use lamp_core::dataset::{DatasetVersion, FileEntry, Manifest, SchemaColumn, VersionNumber};
use lamp_core::digest::Digest;
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::partition::{PartitionBy, PartitionKey};
use lamp_engine::{DataFile, FileFormat};
use lamp_ledger::NewVersion;
use lamp_store::{Progress, SourceFile};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::carry::{carried_over, partition_of, partitions_of};
use super::remotes::series_of;
use super::{DataError, lockfile, sources};
use crate::app::App;

/// How often an add starts over because others added first.
const BASE_MOVED_MAX: u32 = 20;

/// What to add.
#[derive(Debug, Clone)]
pub struct AddData {
    /// The dataset.
    pub dataset: DatasetName,
    /// Files and folders; none means the `source` of `lamp.toml`.
    pub paths: Vec<PathBuf>,
    /// Make the version of these files alone, instead of carrying the other partitions over.
    pub replace: bool,
    /// Commit `lamp.lock`.
    pub commit: bool,
    /// Why, in a person's words.
    pub note: Option<String>,
}

/// What was added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Added {
    /// The version.
    pub version: DatasetVersion,
    /// Whether it was made now; the same bytes give back the version they had.
    pub is_new: bool,
    /// Partitions that these files brought.
    pub partitions: Vec<PartitionKey>,
    /// Files carried over from `base`.
    pub carried_over: u64,
    /// The version that files were carried over from, if there was one to carry over from.
    pub base: Option<VersionNumber>,
}

/// Files on their way into a version.
pub(crate) struct Incoming {
    pub dataset: DatasetName,
    pub files: Vec<SourceFile>,
    pub partition_by: Option<PartitionBy>,
    pub replace: bool,
    pub run: Option<RunId>,
    pub note: Option<String>,
}

impl Incoming {
    /// Whether partitions of the base that did not come again stay.
    fn carries_over(&self) -> bool {
        self.partition_by.is_some() && !self.replace
    }
}

impl App {
    /// Adds a version. The source files are only ever read.
    pub async fn add_data(&self, request: AddData, progress: Arc<dyn Progress>) -> Result<Added, DataError> {
        self.authorize(Permission::Work)?;
        self.refuse_not_added(&request.dataset)?;
        let files = sources::of(self.workspace(), self.root(), &request.dataset, &request.paths)?;
        let declared = self.workspace().dataset(&request.dataset);
        let partition_by = declared.and_then(|(_, config)| config.partition.clone());
        let incoming = Incoming {
            dataset: request.dataset,
            files,
            partition_by,
            replace: request.replace,
            run: None,
            note: request.note,
        };
        let entries = self.store().add_files(incoming.files.clone(), progress).await?;
        // From the base that is read to the pin that is written, adders in this workspace take turns:
        // each carries over what the one before it pinned, and the lock never runs backwards.
        let guard = lockfile::guard(self.root()).await?;
        let added = match self.pinned_base(&incoming.dataset).await? {
            Some(base) => self.add_onto(&incoming, entries, Some(base), IfMoved::Stay).await?,
            None => self.add_onto_latest(&incoming, entries).await.map(Some)?,
        };
        let added = added.ok_or(DataError::Busy { dataset: incoming.dataset })?;
        lockfile::pin(&guard, self.root(), self.repo(), &added.version, request.commit).await?;
        Ok(added)
    }

    /// Logs and derived datasets are made otherwise.
    pub(super) fn refuse_not_added(&self, dataset: &DatasetName) -> Result<(), DataError> {
        if dataset.as_str().starts_with("predictions/") {
            return Err(DataError::Log { dataset: dataset.clone() });
        }
        let declared = self.workspace().dataset(dataset);
        if declared.is_some_and(|(_, config)| config.build().is_some()) {
            return Err(DataError::Derived { dataset: dataset.clone() });
        }
        Ok(())
    }

    /// The version that `lamp.lock` pins, if this ledger knows it with that digest.
    async fn pinned_base(&self, dataset: &DatasetName) -> Result<Option<DatasetVersion>, DataError> {
        match self.locked_version(&lockfile::read(self.root())?, dataset).await {
            Ok(version) => Ok(Some(version)),
            Err(DataError::NotLocked { .. } | DataError::LedgerLacks { .. } | DataError::LockDisagrees { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Stores files and records the version that they make, carrying over from the latest; the last
    /// step is one transaction.
    pub(crate) async fn take_in(&self, incoming: Incoming, progress: Arc<dyn Progress>) -> Result<Added, DataError> {
        let entries = self.store().add_files(incoming.files.clone(), progress).await?;
        self.add_onto_latest(&incoming, entries).await
    }

    /// Somebody else may add at the same time: then what is carried over comes from their version.
    pub(super) async fn add_onto_latest(
        &self,
        incoming: &Incoming,
        entries: Vec<FileEntry>,
    ) -> Result<Added, DataError> {
        for _ in 0..BASE_MOVED_MAX {
            let base = self.ledger().latest_version(&incoming.dataset).await?;
            if let Some(added) = self.add_onto(incoming, entries.clone(), base, IfMoved::StartOver).await? {
                return Ok(added);
            }
        }
        Err(DataError::Busy { dataset: incoming.dataset.clone() })
    }

    /// One attempt; none when the latest version moved meanwhile, and that matters.
    pub(super) async fn add_onto(
        &self,
        incoming: &Incoming,
        entries: Vec<FileEntry>,
        base: Option<DatasetVersion>,
        if_moved: IfMoved,
    ) -> Result<Option<Added>, DataError> {
        let Incoming { dataset, partition_by, .. } = incoming;
        let before = match &base {
            Some(version) => Some(self.store().manifest(&version.digest).await?),
            None => None,
        };
        let entries = self.describe(dataset, entries, partition_by.as_ref(), before.as_ref()).await?;
        let partitions = partitions_of(&entries);
        let mut all = match &before {
            Some(before) if incoming.carries_over() => carried_over(dataset, before, &entries, partition_by.as_ref())?,
            _ => Vec::new(),
        };
        let carried_over = all.len() as u64;
        all.extend(entries);
        all.sort_by(|a, b| a.path.cmp(&b.path));
        let schema = self.schema_of_first(&all, before.as_ref()).await?;
        let manifest = Manifest::new(all, partition_by.clone(), schema);
        let may_have_moved = incoming.carries_over() && if_moved == IfMoved::StartOver;
        let unchanged = base.as_ref().filter(|_| !may_have_moved && before.as_ref() == Some(&manifest));
        let recorded = match unchanged {
            Some(version) => {
                self.publish_version(version).await?;
                Some((version.clone(), false))
            }
            None => self.record_version(incoming, &manifest, base.as_ref(), if_moved).await?,
        };
        let base = base.filter(|_| incoming.carries_over()).map(|version| version.version);
        Ok(recorded.map(|(version, is_new)| Added { version, is_new, partitions, carried_over, base }))
    }

    /// Fills in the partition and the row count of each file; known bytes are not opened again.
    async fn describe(
        &self,
        dataset: &DatasetName,
        entries: Vec<FileEntry>,
        partition_by: Option<&PartitionBy>,
        before: Option<&Manifest>,
    ) -> Result<Vec<FileEntry>, DataError> {
        let was_cut_alike = before.is_some_and(|manifest| manifest.partition_by.as_ref() == partition_by);
        let of_before = before.filter(|_| was_cut_alike).map(|manifest| &manifest.files[..]).unwrap_or_default();
        // Of two files with the same bytes the first counts.
        let known: HashMap<Digest, &FileEntry> = of_before.iter().rev().map(|file| (file.digest, file)).collect();
        let mut described = Vec::with_capacity(entries.len());
        for mut entry in entries {
            entry.partition = match partition_by {
                Some(by) => Some(partition_of(dataset, &entry.path, by.by)?),
                None => None,
            };
            entry.rows = match known.get(&entry.digest) {
                Some(file) => file.rows,
                None => match self.inspect(&entry).await? {
                    Some(facts) => {
                        refuse_undated(dataset, &entry.path, &facts.schema, partition_by)?;
                        facts.rows
                    }
                    None => None,
                },
            };
            described.push(entry);
        }
        Ok(described)
    }

    async fn inspect(&self, entry: &FileEntry) -> Result<Option<lamp_engine::FileFacts>, DataError> {
        if entry.link.is_some() || !is_table(&entry.path) {
            return Ok(None);
        }
        let path = self.store().local_path(entry).await?;
        Ok(Some(self.engine().inspect(&DataFile { path, name: entry.path.clone() }).await?))
    }

    /// The schema is the first file's: a function of the files alone, so that the same bytes
    /// give the same version whichever way they came in.
    async fn schema_of_first(
        &self,
        files: &[FileEntry],
        before: Option<&Manifest>,
    ) -> Result<Vec<SchemaColumn>, DataError> {
        let Some(first) = files.iter().find(|file| file.link.is_none() && is_table(&file.path)) else {
            return Ok(Vec::new());
        };
        let same_first = before.filter(|manifest| {
            let old = manifest.files.iter().find(|file| file.link.is_none() && is_table(&file.path));
            old.is_some_and(|old| old.digest == first.digest && old.path == first.path)
        });
        if let Some(manifest) = same_first {
            return Ok(manifest.schema.clone());
        }
        Ok(self.inspect(first).await?.map(|facts| facts.schema).unwrap_or_default())
    }

    /// Records a version; none when it carries files over from `base`, and that had to be the latest
    /// and is it no more.
    async fn record_version(
        &self,
        incoming: &Incoming,
        manifest: &Manifest,
        base: Option<&DatasetVersion>,
        if_moved: IfMoved,
    ) -> Result<Option<(DatasetVersion, bool)>, DataError> {
        let Incoming { dataset, run, note, .. } = incoming;
        let digest = self.store().put_manifest(manifest).await?;
        let mut tx = self.ledger().begin().await?;
        if incoming.carries_over() && if_moved == IfMoved::StartOver {
            let latest = tx.latest_version(dataset).await?;
            if latest.as_ref().map(|version| version.version) != base.map(|version| version.version) {
                tx.rollback().await?;
                return Ok(None);
            }
        }
        let added = tx
            .add_version(NewVersion {
                dataset: dataset.clone(),
                digest,
                files: manifest.files.len() as u64,
                bytes: manifest.bytes(),
                rows: manifest.rows(),
                run: *run,
                created_by: self.actor().clone(),
                created_at: self.now(),
                note: note.clone(),
            })
            .await?;
        if added.is_new {
            let subject = format!("{dataset}@{}", added.version.version);
            let details = json!({"digest": digest, "files": manifest.files.len(), "bytes": manifest.bytes()});
            tx.audit(&self.entry("data.added", subject, details)).await?;
        }
        tx.commit().await?;
        self.publish_version(&added.version).await?;
        Ok(Some((added.version, added.is_new)))
    }

    /// The name in the store comes after the ledger and lets a lost ledger be rebuilt. An add that
    /// stopped between the two left its version without one: the next add names that first.
    pub(super) async fn publish_version(&self, version: &DatasetVersion) -> Result<(), DataError> {
        let series = series_of(&version.dataset);
        let earlier = match version.version.checked_sub(1) {
            Some(number) => self.ledger().find_version(&version.dataset, number).await?,
            None => None,
        };
        for version in earlier.iter().chain([version]) {
            self.store().publish(&series, version.version, &version.digest).await?;
        }
        Ok(())
    }
}

/// What to do when another version became the latest while ours was being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMoved {
    /// Its files are to be carried over: start over.
    StartOver,
    /// The lock says what is carried over, whatever else there is.
    Stay,
}

/// Whether the engine can read a file of that name.
pub(crate) fn is_table(name: &str) -> bool {
    FileFormat::find(name).is_some()
}

/// A table of a dataset with partitions has the column that dates its rows.
fn refuse_undated(
    dataset: &DatasetName,
    file: &str,
    schema: &[SchemaColumn],
    partition_by: Option<&PartitionBy>,
) -> Result<(), DataError> {
    let Some(by) = partition_by.filter(|by| schema.iter().all(|column| column.name != by.column)) else {
        return Ok(());
    };
    let columns = schema.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    Err(DataError::NoColumn { file: file.to_owned(), column: by.column.clone(), columns, dataset: dataset.clone() })
}

//! `lamp data add`: the working tree's files become an immutable version.

use std::path::PathBuf;
use std::sync::Arc;

use lamp_core::dataset::{DatasetVersion, FileEntry, Manifest, SchemaColumn};
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::partition::{PartitionBy, PartitionKey, Period};
use lamp_engine::{DataFile, FileFormat};
use lamp_ledger::NewVersion;
use lamp_store::{Progress, SourceFile};
use serde_json::json;

use super::DataError;
use super::sources;
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
#[derive(Debug, Clone)]
pub struct Added {
    /// The version.
    pub version: DatasetVersion,
    /// Whether it was made now; the same bytes give back the version they had.
    pub is_new: bool,
    /// Partitions that these files brought.
    pub partitions: Vec<PartitionKey>,
    /// Files carried over from the version before.
    pub carried_over: u64,
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
    /// Whether partitions of the version before that did not come again stay.
    fn carries_over(&self) -> bool {
        self.partition_by.is_some() && !self.replace
    }
}

impl App {
    /// Adds a version. The source files are only ever read.
    pub async fn add_data(&self, request: AddData, progress: Arc<dyn Progress>) -> Result<Added, DataError> {
        let declared = self.workspace().dataset(&request.dataset);
        if declared.is_some_and(|(_, config)| config.build().is_some()) {
            return Err(DataError::Derived { dataset: request.dataset });
        }
        let source = declared.and_then(|(project, config)| {
            config.source().map(|glob| (self.root().join(&project.dir), glob.to_owned()))
        });
        let files = match (&request.paths[..], &source) {
            ([], Some((folder, glob))) => sources::matching(folder, glob)?,
            ([], None) => return Err(DataError::Undeclared { dataset: request.dataset }),
            (paths, source) => {
                let base = source.as_ref().map(|(folder, glob)| folder.join(sources::fixed_prefix(glob)));
                sources::explicit(paths, base.as_deref())?
            }
        };
        let partition_by = declared.and_then(|(_, config)| config.partition.clone());
        let incoming = Incoming {
            dataset: request.dataset,
            files,
            partition_by,
            replace: request.replace,
            run: None,
            note: request.note,
        };
        let added = self.take_in(incoming, progress).await?;
        self.pin(&added.version, request.commit).await?;
        Ok(added)
    }

    /// Stores files and records the version that they make; the last step is one transaction.
    pub(crate) async fn take_in(&self, incoming: Incoming, progress: Arc<dyn Progress>) -> Result<Added, DataError> {
        let entries = self.store().add_files(incoming.files.clone(), progress).await?;
        // Somebody else may add at the same time: then what is carried over comes from their version.
        for _ in 0..BASE_MOVED_MAX {
            if let Some(added) = self.add_onto_latest(&incoming, entries.clone()).await? {
                return Ok(added);
            }
        }
        Err(DataError::Busy { dataset: incoming.dataset })
    }

    /// One attempt; none when the latest version moved meanwhile.
    async fn add_onto_latest(&self, incoming: &Incoming, entries: Vec<FileEntry>) -> Result<Option<Added>, DataError> {
        let Incoming { dataset, partition_by, .. } = incoming;
        let base = self.ledger().latest_version(dataset).await?;
        let before = match &base {
            Some(version) => Some(self.store().manifest(&version.digest).await?),
            None => None,
        };
        let entries = self.describe(dataset, entries, partition_by.as_ref(), before.as_ref()).await?;
        let partitions = partitions_of(&entries);
        let mut all = match &before {
            Some(before) if incoming.carries_over() => carried_over(before, &entries),
            _ => Vec::new(),
        };
        let carried_over = all.len() as u64;
        all.extend(entries);
        all.sort_by(|a, b| a.path.cmp(&b.path));
        let schema = self.schema_of_first(&all, before.as_ref()).await?;
        let manifest = Manifest::new(all, partition_by.clone(), schema);
        let recorded = self.record_version(incoming, &manifest, base.as_ref()).await?;
        Ok(recorded.map(|(version, is_new)| Added { version, is_new, partitions, carried_over }))
    }

    /// Fills in the partition and the row count of each file; known bytes are not opened again.
    async fn describe(
        &self,
        dataset: &DatasetName,
        entries: Vec<FileEntry>,
        partition_by: Option<&PartitionBy>,
        before: Option<&Manifest>,
    ) -> Result<Vec<FileEntry>, DataError> {
        let mut described = Vec::with_capacity(entries.len());
        for mut entry in entries {
            entry.partition = match partition_by {
                Some(by) => Some(partition_of(dataset, &entry.path, by.by)?),
                None => None,
            };
            let known = before.and_then(|manifest| manifest.files.iter().find(|file| file.digest == entry.digest));
            entry.rows = match known {
                Some(file) => file.rows,
                None => self.inspect(&entry).await?.and_then(|facts| facts.rows),
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

    /// Records a version; none when it carries files over from `base` and that is the latest no more.
    async fn record_version(
        &self,
        incoming: &Incoming,
        manifest: &Manifest,
        base: Option<&DatasetVersion>,
    ) -> Result<Option<(DatasetVersion, bool)>, DataError> {
        let Incoming { dataset, run, note, .. } = incoming;
        let digest = self.store().put_manifest(manifest).await?;
        let mut tx = self.ledger().begin().await?;
        if incoming.carries_over() {
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
        // The name in the store comes after the ledger: it lets a lost ledger be rebuilt, and is
        // repeated harmlessly by the next add if we stop here.
        self.store().publish(&format!("datasets/{dataset}"), added.version.version, &added.version.digest).await?;
        Ok(Some((added.version, added.is_new)))
    }
}

/// Whether the engine can read a file of that name.
pub(crate) fn is_table(name: &str) -> bool {
    FileFormat::find(name).is_some()
}

fn partition_of(dataset: &DatasetName, path: &str, period: Period) -> Result<PartitionKey, DataError> {
    PartitionKey::find_in_path(path, period).ok_or_else(|| DataError::NoPartition {
        file: path.to_owned(),
        period: match period {
            Period::Day => "day",
            Period::Month => "month",
        },
        dataset: dataset.clone(),
    })
}

fn partitions_of(entries: &[FileEntry]) -> Vec<PartitionKey> {
    let mut keys: Vec<_> = entries.iter().filter_map(|entry| entry.partition.clone()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Files of the version before whose partition (and path) the new files do not bring.
fn carried_over(before: &Manifest, incoming: &[FileEntry]) -> Vec<FileEntry> {
    let brought = partitions_of(incoming);
    let stays = |file: &&FileEntry| {
        let partition_is_brought = file.partition.as_ref().is_some_and(|key| brought.contains(key));
        !partition_is_brought && !incoming.iter().any(|entry| entry.path == file.path)
    };
    before.files.iter().filter(stays).cloned().collect()
}

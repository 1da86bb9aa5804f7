//! Data between a clone and its server: what the other does not have is sent, and nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_app::call::{AddUploaded, FindManifest, FoundManifest, KeptFiles, OfferFiles};
use lamp_app::data::add::{AddData, Added};
use lamp_app::data::get::{GetData, Got, are_among};
use lamp_app::data::resolve::{files_within, split_range};
use lamp_app::data::uploads::Uploaded;
use lamp_app::data::{DataError, lockfile, sources};
use lamp_core::dataset::{DatasetVersion, FileEntry};
use lamp_core::digest::Digest;
use lamp_core::lock::LockEntry;
use lamp_core::names::DatasetName;
use lamp_store::{Checkout, NoProgress, Overwrite, Progress, SourceFile, StoreError};

use super::Remote;
use crate::clock::for_workspace;
use crate::failure::Failure;
use crate::ui;

/// Files under way at a time.
const AT_ONCE: usize = 4;

/// How often what is missing is sent again: what was sent may have become part of somebody else's version,
/// or be forgotten, before it could be added.
const ROUNDS_MAX: usize = 3;

impl Remote {
    /// Adds a version of this clone's files to the server, and pins it in this clone's `lamp.lock`.
    pub async fn add_data(&self, request: AddData) -> Result<Added, Failure> {
        let files = sources::of(&self.workspace, &self.root, &request.dataset, &request.paths)?;
        // They are copied aside first: what is sent cannot change on its way.
        let entries = self.store.add_files(files, ui::byte_bar()).await?;
        let guard = lockfile::guard(&self.root).await?;
        let base = lockfile::read(&self.root)?.datasets.get(&request.dataset).copied();
        let declared = self.workspace.dataset(&request.dataset);
        let call = AddUploaded {
            files: Uploaded {
                dataset: request.dataset,
                base: base.map(|entry| (entry.version, entry.digest)),
                files: entries,
                partition_by: declared.and_then(|(_, config)| config.partition.clone()),
                replace: request.replace,
                note: request.note,
            },
        };
        let added = self.send_and_add(&call, base).await?;
        lockfile::pin(&guard, &self.root, &self.repo, &added.version, request.commit).await?;
        Ok(added)
    }

    async fn send_and_add(&self, call: &AddUploaded, base: Option<LockEntry>) -> Result<Added, Failure> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            self.send_missing(&call.files, base).await?;
            match self.client.call(call).await? {
                Ok(added) => return Ok(added),
                Err(error) => {
                    let is_worth_another = self.is_missing_something(&call.files, base).await?;
                    if rounds == ROUNDS_MAX || !is_worth_another {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    async fn send_missing(&self, files: &Uploaded, base: Option<LockEntry>) -> Result<(), Failure> {
        let missing = self.missing(files, base).await?;
        let by_digest: BTreeMap<Digest, &FileEntry> =
            files.files.iter().filter(|file| file.link.is_none()).map(|file| (file.digest, file)).collect();
        let entries: Vec<&FileEntry> = missing.iter().filter_map(|digest| by_digest.get(digest).copied()).collect();
        let progress = ui::byte_bar();
        progress.begin(entries.len() as u64, entries.iter().map(|entry| entry.size).sum());
        let sending = futures::stream::iter(entries).map(|entry| {
            let progress = Arc::clone(&progress);
            async move {
                let path = self.store.local_path(entry).await?;
                self.client.upload(entry, &path, progress.as_ref()).await?;
                progress.file_done(&entry.path);
                Ok::<_, Failure>(())
            }
        });
        sending.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn missing(&self, files: &Uploaded, base: Option<LockEntry>) -> Result<Vec<Digest>, Failure> {
        let call = OfferFiles {
            dataset: files.dataset.clone(),
            base: base.map(|entry| entry.version),
            files: files.files.clone(),
        };
        Ok(self.client.call(&call).await??.digests)
    }

    async fn is_missing_something(&self, files: &Uploaded, base: Option<LockEntry>) -> Result<bool, Failure> {
        Ok(!self.missing(files, base).await?.is_empty())
    }

    /// Brings one version from the server into this clone.
    pub async fn get_data(&self, request: GetData) -> Result<Got, Failure> {
        let (reference, range) = split_range(&request.reference)?;
        let mut found = self.find_version(reference).await?;
        let today = for_workspace(&self.root)?.now().to_zoned(self.workspace.root.time_zone.clone()).date();
        found.manifest.files = files_within(&found.manifest, range.resolve(today));
        if found.manifest.files.is_empty() {
            let FoundManifest { version, .. } = found;
            let (dataset, version) = (version.dataset, version.version);
            return Err(DataError::EmptySlice { slice: request.reference, dataset, version }.into());
        }
        let to = match request.to {
            Some(folder) => folder,
            None => sources::home(&self.workspace, &self.root, &found.version.dataset)?,
        };
        self.fetch(&found).await?;
        let checkout = self.lay_out(&found, &to, request.overwrite).await?;
        Ok(Got { partitions: found.manifest.partitions(), version: found.version, to, checkout })
    }

    /// Brings the versions that this clone's lock pins of some datasets into its cache, each with its list of files.
    /// What it does not pin is left out.
    pub async fn bring(
        &self,
        datasets: BTreeSet<DatasetName>,
    ) -> Result<BTreeMap<DatasetName, DatasetVersion>, Failure> {
        let lock = lockfile::read(&self.root)?;
        let mut brought = BTreeMap::new();
        for dataset in datasets.into_iter().filter(|dataset| lock.datasets.contains_key(dataset)) {
            let found = self.find_version(dataset.as_str()).await?;
            self.fetch(&found).await?;
            self.store.put_manifest(&found.manifest).await?;
            brought.insert(dataset, found.version);
        }
        Ok(brought)
    }

    /// A bare name means what this clone's lock pins; the server must have it with the same digest.
    async fn find_version(&self, reference: &str) -> Result<FoundManifest, Failure> {
        let lock = lockfile::read(&self.root)?;
        let dataset = DatasetName::parse(reference).ok();
        let pinned = dataset.and_then(|dataset| lock.datasets.get(&dataset).map(|entry| (dataset.clone(), *entry)));
        let asked = match &pinned {
            Some((dataset, entry)) => format!("{dataset}@{}", entry.version),
            None => reference.to_owned(),
        };
        let found = self.client.call(&FindManifest { reference: asked }).await??;
        let is_intact = found.manifest.digest() == found.version.digest;
        match pinned {
            Some((dataset, entry)) if found.version.digest != entry.digest => {
                Err(DataError::LockDisagrees { dataset, version: entry.version }.into())
            }
            _ if !is_intact => Err(Failure::operation("the server's list of files is not the one of that version")),
            _ => Ok(found),
        }
    }

    /// Fetches the contents that are not here yet.
    async fn fetch(&self, found: &FoundManifest) -> Result<(), Failure> {
        let mut absent = BTreeMap::new();
        for file in found.manifest.files.iter().filter(|file| file.link.is_none()) {
            if !self.store.has(file).await? {
                absent.insert(file.digest, file);
            }
        }
        let folder = self.root.join(".lamp/cache/arriving");
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::operation(format!("cannot create `{}`: {error}", folder.display())))?;
        let progress = ui::byte_bar();
        progress.begin(absent.len() as u64, absent.values().map(|file| file.size).sum());
        let reference = format!("{}@{}", found.version.dataset, found.version.version);
        let fetching = futures::stream::iter(absent.into_values()).map(|file| {
            let (progress, reference, folder) = (Arc::clone(&progress), &reference, &folder);
            async move { self.fetch_one(reference, file, folder, progress.as_ref()).await }
        });
        fetching.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn fetch_one(
        &self,
        reference: &str,
        file: &FileEntry,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        let path = folder.join(format!("{}-{}", file.digest, std::process::id()));
        let arrived = async {
            self.client.download(reference, file.digest, &path, progress).await?;
            let source = SourceFile { path: path.clone(), name: "arrived".to_owned() };
            Ok::<_, Failure>(self.store.add_files(vec![source], Arc::new(NoProgress)).await?)
        };
        let arrived = arrived.await;
        // One that stays costs space in the cache.
        let _ = tokio::fs::remove_file(&path).await;
        let is_as_it_should_be = arrived?.iter().all(|entry| entry.digest == file.digest);
        progress.file_done(&file.path);
        if is_as_it_should_be {
            return Ok(());
        }
        Err(Failure::operation(format!("`{}` arrived damaged", file.path)).with_hint("the same command again"))
    }

    async fn lay_out(&self, found: &FoundManifest, to: &Path, overwrite: Overwrite) -> Result<Checkout, Failure> {
        let put = |overwrite| self.store.checkout(&found.manifest.files, to, overwrite, Arc::new(NoProgress));
        let (folder, files) = match put(overwrite).await {
            Err(StoreError::WouldOverwrite { to, files }) => (to, files),
            done => return Ok(done?),
        };
        let kept = self.client.call(&KeptFiles { dataset: found.version.dataset.clone() }).await??;
        if are_among(&kept, &folder, &files).await? {
            return Ok(put(Overwrite::Replace).await?);
        }
        Err(DataError::from(StoreError::WouldOverwrite { to: folder, files }).into())
    }
}

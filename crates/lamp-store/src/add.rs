//! Taking files in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_core::dataset::FileEntry;

use crate::backend::Backend;
use crate::bucket::{AT_ONCE, Bucket};
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::folder::{Folder, Unsynced};
use crate::hashing::{Sums, read_block};
use crate::names::check_file_names;
use crate::progress::Progress;
use crate::source::{Found, Identity, OpenSource, SourceFile, look};
use crate::stat_cache::{Seen, StatCache};
use crate::workers::{blocking, on_each};

/// A source that was looked at.
#[derive(Clone)]
struct Job {
    /// Absolute, so that the stat cache can be asked for it.
    path: PathBuf,
    name: String,
    found: Found,
}

/// What became of it.
struct Done {
    entry: FileEntry,
    /// To be remembered by the stat cache.
    seen: Option<Seen>,
}

/// See [`Store::add_files`](crate::Store::add_files).
pub(crate) async fn add_files(
    backend: &Backend,
    cache_dir: &Path,
    files: Vec<SourceFile>,
    progress: Arc<dyn Progress>,
) -> Result<Vec<FileEntry>, StoreError> {
    check_file_names(files.iter().map(|file| file.name.as_str()))?;
    let jobs = on_each(files, |file, _| {
        let path = std::path::absolute(&file.path).map_err(|error| StoreError::source(&file.path, error))?;
        Ok(Job { found: look(&path)?, path, name: file.name.clone() })
    })
    .await?;
    progress.begin(jobs.len() as u64, jobs.iter().map(Job::size).sum());

    let cache_dir = cache_dir.to_owned();
    let cache = Arc::new(blocking(move || Ok(StatCache::load(&cache_dir))).await?);
    let done = match backend {
        Backend::Folder(folder) => add_to_folder(folder.clone(), jobs, Arc::clone(&cache), progress).await?,
        Backend::Bucket(bucket) => add_to_bucket(bucket, jobs, &cache, progress.as_ref()).await?,
    };
    let (entries, seen): (Vec<_>, Vec<_>) = done.into_iter().map(|done| (done.entry, done.seen)).unzip();
    let seen = seen.into_iter().flatten().collect();
    blocking(move || {
        cache.save(seen);
        Ok(())
    })
    .await?;
    Ok(entries)
}

impl Job {
    fn size(&self) -> u64 {
        match &self.found {
            Found::File(identity) => identity.size,
            Found::Link(target) => target.len() as u64,
        }
    }

    /// The entry of a link: its text is its content.
    fn link(&self, target: &str, progress: &dyn Progress) -> Done {
        let sums = Sums::of(target.as_bytes());
        progress.advance(sums.size);
        Done { entry: entry(&self.name, sums, Some(target.to_owned())), seen: None }
    }

    /// The entry of a file with these sums; nothing is remembered.
    fn known(&self, sums: Sums) -> Done {
        Done { entry: entry(&self.name, sums, None), seen: None }
    }

    /// The entry of a file that was read just now.
    fn read(&self, identity: Identity, sums: Sums, is_settled: bool) -> Done {
        let seen = is_settled.then(|| Seen { path: self.path.clone(), identity, sums: sums.clone() });
        Done { entry: entry(&self.name, sums, None), seen }
    }
}

fn entry(name: &str, sums: Sums, link: Option<String>) -> FileEntry {
    let Sums { size, digest, sha256 } = sums;
    FileEntry { path: name.to_owned(), size, digest, sha256, partition: None, rows: None, link }
}

async fn add_to_folder(
    folder: Folder,
    jobs: Vec<Job>,
    cache: Arc<StatCache>,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Done>, StoreError> {
    let unsynced = Arc::new(Unsynced::default());
    let noted = Arc::clone(&unsynced);
    let root = folder.root().to_owned();
    let done = on_each(jobs, move |job, block| {
        let done = match &job.found {
            Found::Link(target) => job.link(target, progress.as_ref()),
            Found::File(identity) => match find_known(&folder, &cache, &job.path, identity)? {
                Some(sums) => {
                    progress.advance(sums.size);
                    job.known(sums)
                }
                None => absorb(&folder, job, *identity, &noted, progress.as_ref(), block)?,
            },
        };
        progress.file_done(&job.name);
        Ok(done)
    })
    .await?;
    blocking(move || {
        unsynced.sync()?;
        passed(Step::NamesSynced, &root);
        Ok(())
    })
    .await?;
    Ok(done)
}

/// What the stat cache knows of a file, if the folder still has its object. (The cache was saved
/// after the object's name was synced, so there is nothing to sync.)
fn find_known(
    folder: &Folder,
    cache: &StatCache,
    path: &Path,
    identity: &Identity,
) -> Result<Option<Sums>, StoreError> {
    let Some(sums) = cache.find(path, identity) else { return Ok(None) };
    let is_there = folder.find_object_size(sums.digest)? == Some(sums.size);
    Ok(is_there.then_some(sums))
}

/// Copies one file in: read and hash, sync, look at the source again, name.
fn absorb(
    folder: &Folder,
    job: &Job,
    identity: Identity,
    unsynced: &Unsynced,
    progress: &dyn Progress,
    block: &mut [u8],
) -> Result<Done, StoreError> {
    let mut source = OpenSource::open(&job.path, identity)?;
    passed(Step::Opened, &job.path);
    let mut incoming = folder.incoming()?;
    let mut size = 0;
    loop {
        let count = read_block(&mut source.file, block).map_err(|error| StoreError::source(&job.path, error))?;
        if count == 0 {
            break;
        }
        size += count as u64;
        let has_grown = size > identity.size;
        if has_grown {
            return Err(source.changed());
        }
        incoming.write(&block[..count])?;
        progress.advance(count as u64);
        passed(Step::BlockCopied, &job.path);
    }
    let arrived = incoming.whole();
    let is_new = !folder.has_already(&arrived.sums, unsynced)?;
    if is_new {
        arrived.sync()?;
    }
    source.check_unchanged()?;
    let sums = arrived.sums.clone();
    if is_new {
        folder.name_object(arrived, unsynced)?;
    }
    Ok(job.read(identity, sums, identity.would_show_a_write_since(source.reading_began_ns)))
}

async fn add_to_bucket(
    bucket: &Bucket,
    jobs: Vec<Job>,
    cache: &StatCache,
    progress: &dyn Progress,
) -> Result<Vec<Done>, StoreError> {
    let additions = futures::stream::iter(jobs).map(|job| async move {
        let done = match &job.found {
            Found::Link(target) => job.link(target, progress),
            Found::File(identity) => send(bucket, &job, *identity, cache, progress).await?,
        };
        progress.file_done(&job.name);
        Ok(done)
    });
    additions.buffered(AT_ONCE).try_collect().await
}

async fn send(
    bucket: &Bucket,
    job: &Job,
    identity: Identity,
    cache: &StatCache,
    progress: &dyn Progress,
) -> Result<Done, StoreError> {
    if let Some(sums) = cache.find(&job.path, &identity) {
        let is_there = bucket.find_object_size(sums.digest).await? == Some(sums.size);
        if is_there {
            progress.advance(sums.size);
            return Ok(job.known(sums));
        }
    }
    let read = bucket.absorb(job.path.clone(), identity, progress).await?;
    Ok(job.read(identity, read.sums, read.is_settled))
}

//! Taking files in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamp_core::dataset::FileEntry;

use crate::aside::with_threads_aside;
use crate::chunker::cut;
use crate::error::StoreError;
use crate::faults::{Step, passed};
use crate::hashing::{Summing, Sums};
use crate::names::check_file_names;
use crate::pack::codec::QUICK;
use crate::packing::Packing;
use crate::packs::Packs;
use crate::progress::{NoProgress, Progress};
use crate::source::{Found, Identity, OpenSource, SourceFile, look};
use crate::stat_cache::{Seen, StatCache};
use crate::workers::{blocking, on_each, on_each_with, threads_for_disk};

/// Size in bytes from which a file gets threads of its own.
const LARGE: u64 = 16 << 20;

/// How often an addition is begun again when packs are taken away under it.
const ATTEMPTS_MAX: usize = 3;

/// A source that was looked at.
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
    packs: &Arc<Packs>,
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

    let (cache_dir, known) = (cache_dir.to_owned(), Arc::clone(packs));
    let cache = blocking(move || {
        known.refresh()?;
        Ok(StatCache::load(&cache_dir))
    });
    let cache = Arc::new(cache.await?);
    let done = add_all(packs, jobs, &cache, progress).await?;
    let (entries, seen): (Vec<_>, Vec<_>) = done.into_iter().map(|done| (done.entry, done.seen)).unzip();
    let seen: Vec<Seen> = seen.into_iter().flatten().collect();
    blocking(move || {
        cache.save(&seen);
        Ok(())
    })
    .await?;
    Ok(entries)
}

/// Packs what is not there yet. If a pack that was relied on is taken away meanwhile, because it
/// was written anew or its content was in no version for long, all is looked at again.
async fn add_all(
    packs: &Arc<Packs>,
    jobs: Vec<Job>,
    cache: &Arc<StatCache>,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Done>, StoreError> {
    let mut watched = progress;
    let jobs = Arc::new(jobs);
    for _ in 0..ATTEMPTS_MAX {
        let packing = Arc::new(Packing::new(Arc::clone(packs), false, QUICK));
        let (known, cached, into) = (Arc::clone(packs), Arc::clone(cache), Arc::clone(&packing));
        let (telling, all) = (Arc::clone(&watched), Arc::clone(&jobs));
        let places = (0..jobs.len()).collect();
        let done = on_each_with(places, threads_for_disk(), Vec::new, move |place: &usize, buffer| {
            let job = &all[*place];
            let done = job.take_in(&known, &cached, &into, telling.as_ref(), buffer)?;
            telling.file_done(&job.name);
            Ok(done)
        });
        let done = done.await?;
        if blocking(move || packing.finish()).await? {
            return Ok(done);
        }
        let again = Arc::clone(packs);
        blocking(move || again.refresh()).await?;
        watched = Arc::new(NoProgress);
    }
    Err(StoreError::Interrupted)
}

impl Job {
    fn size(&self) -> u64 {
        match &self.found {
            Found::File(identity) => identity.size,
            Found::Link(target) => target.len() as u64,
        }
    }

    /// Does what has to be done for it.
    fn take_in(
        &self,
        packs: &Arc<Packs>,
        cache: &StatCache,
        packing: &Packing,
        progress: &dyn Progress,
        buffer: &mut Vec<u8>,
    ) -> Result<Done, StoreError> {
        let identity = match &self.found {
            Found::Link(target) => return Ok(self.link(target, progress)),
            Found::File(identity) => *identity,
        };
        if let Some(sums) = cache.find(&self.path, &identity)
            && let Some(used) = packs.find_file(&sums.digest, sums.size)?
        {
            packing.note_used(&used);
            progress.advance(sums.size);
            return Ok(Done { entry: entry(&self.name, sums, None), seen: None });
        }
        self.absorb(identity, packing, progress, buffer)
    }

    /// Reads the file: hash and cut, pack, look at it again.
    fn absorb(
        &self,
        identity: Identity,
        packing: &Packing,
        progress: &dyn Progress,
        buffer: &mut Vec<u8>,
    ) -> Result<Done, StoreError> {
        let mut source = OpenSource::open(&self.path, identity)?;
        passed(Step::Opened, &self.path);
        let mut parts = Vec::new();
        let mut block = packing.block();
        let is_large = identity.size >= LARGE;
        let sums = if is_large {
            with_threads_aside(packing, |aside| {
                let hash = |bytes: &[u8]| aside.hash(bytes);
                self.cut_up(&mut source, identity, progress, buffer, hash, |chunk| {
                    let (part, full) = packing.chunk(chunk, &mut block);
                    parts.push(part);
                    full.map_or(Ok(()), |full| aside.write(full))
                })
            })?
        } else {
            let mut summing = Summing::default();
            let hash = |bytes: &[u8]| summing.update(bytes);
            self.cut_up(&mut source, identity, progress, buffer, hash, |chunk| {
                let (part, full) = packing.chunk(chunk, &mut block);
                parts.push(part);
                full.map_or(Ok(()), |full| packing.write(full))
            })?;
            summing.finish()
        };
        packing.put_back(block);
        source.check_unchanged()?;
        packing.recipe(sums.digest, &parts);
        Ok(self.read(identity, sums, identity.would_show_a_write_since(source.reading_began_ns)))
    }

    /// Reads the file to its end, in blocks for `hash` and in chunks for `take`.
    fn cut_up(
        &self,
        source: &mut OpenSource<'_>,
        identity: Identity,
        progress: &dyn Progress,
        buffer: &mut Vec<u8>,
        mut hash: impl FnMut(&[u8]),
        take: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut size = 0;
        let each = |read: io::Result<&[u8]>| {
            let bytes = read.map_err(|error| StoreError::source(&self.path, error))?;
            size += bytes.len() as u64;
            let has_grown = size > identity.size;
            if has_grown {
                return Err(StoreError::SourceChanged { path: self.path.clone() });
            }
            hash(bytes);
            progress.advance(bytes.len() as u64);
            passed(Step::BlockCopied, &self.path);
            Ok(())
        };
        cut(&mut source.file, identity.size, buffer, each, take)
    }

    /// The entry of a link: its text is its content.
    fn link(&self, target: &str, progress: &dyn Progress) -> Done {
        let sums = Sums::of(target.as_bytes());
        progress.advance(sums.size);
        Done { entry: entry(&self.name, sums, Some(target.to_owned())), seen: None }
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

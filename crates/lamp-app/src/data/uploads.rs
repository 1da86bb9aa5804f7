//! Contents that clients send: kept aside under their digest until they become part of a version.
//!
//! What arrives is hashed on its way in and named by what it is, so a file can be sent again at any
//! time and is never replaced. What was sent and not added is forgotten after a day.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lamp_core::access::Permission;
use lamp_core::dataset::{DatasetVersion, FileEntry, VersionNumber};
use lamp_core::digest::Digest;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionBy;
use lamp_store::{NoProgress, SourceFile, why_it_leads_out};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::DataError;
use super::add::{Added, IfMoved, Incoming};
use crate::app::App;
use crate::parts::PartError;

/// Most bytes that wait to be added. More are refused until some are added or forgotten.
pub const WAITING_MAX: u64 = 256 << 30;

/// How long they wait.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// Most files in one version.
const FILES_MAX: usize = 200_000;

/// Blocks on their way to the disk.
const BLOCKS_MAX: usize = 16;

/// Files that were sent, to become a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Uploaded {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version that the sender's lock pins, with the digest of its manifest.
    pub base: Option<(VersionNumber, Digest)>,
    /// The files, as the sender hashed them.
    pub files: Vec<FileEntry>,
    /// How the sender's configuration cuts the dataset.
    pub partition_by: Option<PartitionBy>,
    /// Make the version of these files alone.
    pub replace: bool,
    /// Why, in a person's words.
    pub note: Option<String>,
}

impl App {
    /// Which contents must be sent before these files can be added: those that neither wait here nor
    /// are part of the base.
    pub async fn missing_uploads(
        &self,
        dataset: &DatasetName,
        base: Option<VersionNumber>,
        files: &[FileEntry],
    ) -> Result<Vec<Digest>, DataError> {
        self.authorize(Permission::Work)?;
        refuse_too_many(files)?;
        let folder = self.layout().incoming();
        on_disk(&folder, forget_old).await?;
        let base = match base {
            Some(version) => Some(self.exact_version(dataset, version).await?),
            None => None,
        };
        let known = self.entries_of(base.as_ref()).await?;
        let mut missing = BTreeSet::new();
        for file in files.iter().filter(|file| file.link.is_none()) {
            if known.find(file).is_none() && find_waiting(&folder, file).is_none() {
                missing.insert(file.digest);
            }
        }
        Ok(missing.into_iter().collect())
    }

    /// Opens a place for a content of `size` bytes.
    pub async fn begin_upload(&self, digest: Digest, size: u64) -> Result<Upload, DataError> {
        self.authorize(Permission::Work)?;
        let folder = self.layout().incoming();
        let waiting = on_disk(&folder, |folder| {
            std::fs::create_dir_all(folder)?;
            bytes_in(folder)
        });
        if waiting.await?.saturating_add(size) > WAITING_MAX {
            return Err(DataError::NoRoom { size });
        }
        Ok(Upload::start(folder, digest, size))
    }

    /// Makes a version of files that were sent.
    pub async fn add_uploaded(&self, request: Uploaded) -> Result<Added, DataError> {
        self.authorize(Permission::Work)?;
        self.refuse_not_added(&request.dataset)?;
        refuse_too_many(&request.files)?;
        let base = match request.base {
            Some((version, digest)) => {
                let found = self.exact_version(&request.dataset, version).await?;
                if found.digest != digest {
                    return Err(DataError::LockDisagrees { dataset: request.dataset, version });
                }
                Some(found)
            }
            None => None,
        };
        let entries = self.entries_of_uploaded(&request.files, base.as_ref()).await?;
        let incoming = Incoming {
            dataset: request.dataset,
            files: Vec::new(),
            partition_by: request.partition_by,
            replace: request.replace,
            run: None,
            note: request.note,
        };
        let added = match base {
            Some(base) => self.add_onto(&incoming, entries, Some(base), IfMoved::Stay).await?,
            None => Some(self.add_onto_latest(&incoming, entries).await?),
        };
        let added = added.ok_or(DataError::Busy { dataset: incoming.dataset })?;
        self.forget_uploads(&request.files).await;
        Ok(added)
    }

    /// Where a file of a version is on this machine: what a client fetches.
    pub async fn data_file(&self, reference: &str, digest: Digest) -> Result<(PathBuf, u64), DataError> {
        let version = self.dataset_version(reference).await?;
        let manifest = self.manifest(&version).await?;
        let entry = manifest.files.iter().find(|file| file.digest == digest && file.link.is_none());
        let entry = entry.ok_or_else(|| DataError::NotThatFile { reference: reference.to_owned(), digest })?;
        Ok((self.store().local_path(entry).await?, entry.size))
    }

    /// Every entry by what arrived here or is kept already, and never by the sender's word.
    async fn entries_of_uploaded(
        &self,
        files: &[FileEntry],
        base: Option<&DatasetVersion>,
    ) -> Result<Vec<FileEntry>, DataError> {
        let known = self.entries_of(base).await?;
        let folder = self.layout().incoming();
        let links = tempfile::tempdir().map_err(PartError::file("make a folder for", Path::new("links")))?;
        let mut entries = Vec::with_capacity(files.len());
        let mut sources = Vec::new();
        for (number, file) in files.iter().enumerate() {
            if let Some(target) = &file.link {
                if why_it_leads_out(&file.path, target).is_some() {
                    return Err(DataError::LinkLeadsOut { file: file.path.clone().into(), target: target.into() });
                }
                let path = links.path().join(number.to_string());
                std::os::unix::fs::symlink(target, &path).map_err(PartError::file("make", &path))?;
                sources.push(SourceFile { path, name: file.path.clone() });
            } else if let Some(kept) = known.find(file) {
                entries.push(FileEntry { path: file.path.clone(), partition: None, rows: None, ..kept.clone() });
            } else {
                let path = find_waiting(&folder, file).ok_or(DataError::NotSent { digest: file.digest })?;
                sources.push(SourceFile { path, name: file.path.clone() });
            }
        }
        entries.extend(self.store().add_files(sources, Arc::new(NoProgress)).await?);
        let by_path: HashMap<&str, &FileEntry> = entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
        let is_as_said = |file: &FileEntry| {
            let entry = by_path.get(file.path.as_str());
            entry.is_some_and(|entry| entry.digest == file.digest && entry.link == file.link)
        };
        match files.iter().find(|file| !is_as_said(file)) {
            Some(file) => Err(DataError::NotAsSaid { file: file.path.clone() }),
            None => Ok(entries),
        }
    }

    async fn entries_of(&self, version: Option<&DatasetVersion>) -> Result<Known, DataError> {
        let files = match version {
            Some(version) => self.manifest(version).await?.files,
            None => Vec::new(),
        };
        let files = files.into_iter().filter(|file| file.link.is_none());
        Ok(Known(files.map(|file| ((file.digest, file.size), file)).collect()))
    }

    /// What was added need not wait any longer. One that stays costs space for a day.
    async fn forget_uploads(&self, files: &[FileEntry]) {
        let paths: Vec<PathBuf> =
            files.iter().map(|file| waiting_path(&self.layout().incoming(), file.digest)).collect();
        for path in paths {
            match tokio::fs::remove_file(&path).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove what was sent"),
            }
        }
    }
}

fn refuse_too_many(files: &[FileEntry]) -> Result<(), DataError> {
    if files.is_empty() {
        return Err(DataError::NothingToAdd { what: "the request".to_owned() });
    }
    if files.len() > FILES_MAX {
        return Err(DataError::TooManyFiles { files: files.len() });
    }
    Ok(())
}

/// The files of the base by their content: both hashes, and the size.
struct Known(HashMap<(Digest, u64), FileEntry>);

impl Known {
    fn find(&self, file: &FileEntry) -> Option<&FileEntry> {
        self.0.get(&(file.digest, file.size)).filter(|entry| entry.sha256 == file.sha256)
    }
}

fn waiting_path(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(digest.to_hex())
}

fn find_waiting(folder: &Path, file: &FileEntry) -> Option<PathBuf> {
    let path = waiting_path(folder, file.digest);
    let is_whole = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size);
    is_whole.then_some(path)
}

/// What clients have sent stays for a day; the machine's clock counts, as for all temporary files.
fn forget_old(folder: &Path) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in entries(folder)? {
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let is_old = metadata.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > WAIT_MAX));
        if is_old && metadata.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn bytes_in(folder: &Path) -> io::Result<u64> {
    let sizes = entries(folder)?.into_iter().map(|entry| entry.metadata().map_or(0, |metadata| metadata.len()));
    Ok(sizes.sum())
}

fn entries(folder: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn on_disk<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, PartError> {
    let path = folder.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(PartError::file("look into", folder))
}

/// A content on its way in. Dropped before the end, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    blocks: mpsc::Sender<Vec<u8>>,
    writing: JoinHandle<Result<(), DataError>>,
}

impl Upload {
    fn start(folder: PathBuf, digest: Digest, size: u64) -> Self {
        let (blocks, arriving) = mpsc::channel(BLOCKS_MAX);
        let writing = tokio::task::spawn_blocking(move || write(&folder, digest, size, arriving));
        Self { blocks, writing }
    }

    /// Takes in the next bytes.
    pub async fn write(&mut self, block: Vec<u8>) -> Result<(), DataError> {
        // The writer that ended has said why, which `finish` gives back.
        let _ = self.blocks.send(block).await;
        Ok(())
    }

    /// Keeps what arrived, if it is what it was said to be.
    pub async fn finish(self) -> Result<(), DataError> {
        drop(self.blocks);
        match self.writing.await {
            Ok(written) => written,
            Err(error) => Err(PartError::file("write", Path::new("an upload"))(io::Error::other(error)).into()),
        }
    }
}

/// Writes and hashes; names the file only when all is as it was said to be.
fn write(folder: &Path, digest: Digest, size: u64, mut arriving: mpsc::Receiver<Vec<u8>>) -> Result<(), DataError> {
    let failed = |error| DataError::from(PartError::file("write", folder)(error));
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut arrived = 0;
    while let Some(block) = arriving.blocking_recv() {
        arrived += block.len() as u64;
        if arrived > size {
            return Err(DataError::NotAsSaid { file: digest.short() });
        }
        hasher.update(&block);
        file.write_all(&block).map_err(failed)?;
    }
    let is_as_said = arrived == size && Digest::from_bytes(*hasher.finalize().as_bytes()) == digest;
    if !is_as_said {
        return Err(DataError::NotAsSaid { file: digest.short() });
    }
    file.as_file().sync_all().map_err(failed)?;
    keep(file, &waiting_path(folder, digest)).map_err(failed)
}

/// Never replaces: a file of that name has the same bytes.
fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    match file.persist_noclobber(path) {
        Ok(_) => File::open(path.parent().unwrap_or(path))?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(folder: &Path, said: &[u8], size: u64, sent: &[&[u8]]) -> Result<(), DataError> {
        let mut upload = Upload::start(folder.to_owned(), Digest::of(said), size);
        for block in sent {
            upload.write(block.to_vec()).await?;
        }
        upload.finish().await
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = entries(folder).expect("a folder").into_iter();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[tokio::test]
    async fn only_what_was_said_is_kept_and_it_can_be_sent_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for (size, sent) in [(4, &b"good"[..3]), (4, b"evil"), (4, b"good and more"), (3, b"good"), (5, b"good")] {
            let refused = send(folder, b"good", size, &[sent]).await;
            assert!(matches!(refused, Err(DataError::NotAsSaid { .. })), "{size} {sent:?}");
            assert_eq!(names(folder), [] as [&str; 0], "nothing stays");
        }
        for _ in 0..2 {
            send(folder, b"good", 4, &[b"go", b"", b"od"]).await.expect("kept");
            assert_eq!(names(folder), [Digest::of(b"good").to_hex()]);
        }
        assert_eq!(bytes_in(folder).expect("counted"), 4);
    }

    #[tokio::test]
    async fn what_nobody_adds_is_forgotten_after_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        send(folder.path(), b"old", 3, &[b"old"]).await.expect("kept");
        send(folder.path(), b"new", 3, &[b"new"]).await.expect("kept");
        let path = waiting_path(folder.path(), Digest::of(b"old"));
        let yesterday = SystemTime::now() - WAIT_MAX - Duration::from_secs(1);
        File::options().write(true).open(path).expect("opens").set_modified(yesterday).expect("set back");
        forget_old(folder.path()).expect("swept");
        assert_eq!(names(folder.path()), [Digest::of(b"new").to_hex()]);
        forget_old(&folder.path().join("none")).expect("nothing to sweep");
    }
}

//! What a user of the store would notice, on real files.

mod bucket;
mod checkout;
mod crash;
mod damage;
mod disk;
mod gc;
mod records;
mod repack;
mod round_trip;
mod stat_cache;
mod transfer;

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lamp_core::dataset::{FileEntry, Manifest};
use tempfile::TempDir;

use crate::{NoProgress, Overwrite, Progress, SourceFile, Store, StoreError};

/// A workspace with sources, a store and a place to check out to.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(bench.sources()).expect("a folder for sources");
        bench
    }

    fn sources(&self) -> PathBuf {
        self.dir.path().join("sources")
    }

    fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn cache_dir(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    async fn open(&self) -> Store {
        Store::open("store", self.dir.path(), &self.cache_dir()).await.expect("the store opens")
    }

    /// Writes a source and returns its path.
    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.sources().join(name);
        fs::create_dir_all(path.parent().expect("sources have a parent")).expect("folders");
        fs::write(&path, content).expect("a source is written");
        path
    }

    /// The sources of these names.
    fn files(&self, names: &[&str]) -> Vec<SourceFile> {
        names.iter().map(|name| SourceFile { path: self.sources().join(name), name: (*name).to_owned() }).collect()
    }

    async fn add(&self, store: &Store, names: &[&str]) -> Result<Vec<FileEntry>, StoreError> {
        store.add_files(self.files(names), quiet()).await
    }

    /// The store's packs, in no particular order.
    fn packs(&self) -> Vec<PathBuf> {
        let folder = self.store_dir().join("packs");
        if folder.exists() { names_in(&folder).into_iter().map(|name| folder.join(name)).collect() } else { Vec::new() }
    }

    /// Names in the store's `tmp/`.
    fn left_behind(&self) -> Vec<String> {
        names_in(&self.store_dir().join("tmp"))
    }
}

fn quiet() -> Arc<dyn Progress> {
    Arc::new(NoProgress)
}

fn manifest(entries: Vec<FileEntry>) -> Manifest {
    Manifest::new(entries, None, Vec::new())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Bytes that do not repeat and differ by seed.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Changes a file in place and restores its mode and times.
fn tamper(path: &Path, change: impl FnOnce(&fs::File)) {
    let before = fs::metadata(path).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("writable");
    let file = fs::File::options().write(true).open(path).expect("opens");
    change(&file);
    file.set_modified(before.modified().expect("a time")).expect("its time");
    fs::set_permissions(path, before.permissions()).expect("its mode");
}

/// Makes a file look a month old.
fn age(path: &Path) {
    let a_month_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(24 * 30);
    let file = fs::File::open(path).expect("opens");
    file.set_modified(a_month_ago).expect("its time");
}

/// Flips one bit of a file where it holds `bytes`.
fn flip_in(path: &Path, bytes: &[u8]) {
    let content = fs::read(path).expect("a file");
    let at = content.windows(bytes.len()).position(|window| window == bytes).expect("it holds them");
    tamper(path, |file| file.write_all_at(&[content[at] ^ 1], at as u64).expect("flipped"));
}

/// Damages the last block of a pack: the lists of chunks, if there are any.
fn damage_the_last_block(pack: &Path) {
    let bytes = fs::read(pack).expect("a pack");
    let length = u32::from_le_bytes(bytes[bytes.len() - 12..bytes.len() - 8].try_into().expect("four bytes"));
    let end = bytes.len() - 44 - length as usize;
    tamper(pack, |file| file.write_all_at(&[0; 16], end as u64 - 16).expect("damaged"));
}

async fn check_out(store: &Store, entries: &[FileEntry], to: &Path) -> Result<crate::Checkout, StoreError> {
    store.checkout(entries, to, Overwrite::Refuse, quiet()).await
}

/// Progress that remembers what it was told.
#[derive(Default)]
struct Watched {
    promised: Mutex<(u64, u64)>,
    bytes: AtomicU64,
    files: Mutex<Vec<String>>,
}

impl Progress for Watched {
    fn begin(&self, total_files: u64, total_bytes: u64) {
        *self.promised.lock().expect("unpoisoned") = (total_files, total_bytes);
    }

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    fn file_done(&self, name: &str) {
        self.files.lock().expect("unpoisoned").push(name.to_owned());
    }
}

impl Watched {
    /// Whether exactly what was promised was done.
    fn kept_its_promise(&self) -> bool {
        let done = (self.files.lock().expect("unpoisoned").len() as u64, self.bytes.load(Ordering::SeqCst));
        *self.promised.lock().expect("unpoisoned") == done
    }
}

/// Callers spawn these on many threads. That it compiles is the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_can_be_spawned() {
    let bench = Bench::new();
    bench.write("a", b"a");
    let (root, cache, out, files) = (bench.dir.path().to_owned(), bench.cache_dir(), bench.out(), bench.files(&["a"]));
    let task = tokio::spawn(async move {
        let store = Store::open("store", &root, &cache).await?;
        let entries = store.add_files(files, quiet()).await?;
        let digest = store.put_manifest(&manifest(entries.clone())).await?;
        store.publish("datasets/a", 1, &digest).await?;
        store.published("datasets/a").await?;
        store.series().await?;
        store.local_path(&entries[0]).await?;
        store.checkout(&entries, &out, Overwrite::Refuse, quiet()).await?;
        store.verify(&store.manifest(&digest).await?, quiet()).await?;
        store.put_document(crate::DocumentKind::Profile, &digest, b"{}").await?;
        store.repack().await?;
        store.gc(&crate::Roots::default()).await?;
        store.push_to(&store, "datasets/a", None, quiet()).await?;
        store.stats().await?;
        store.find_document(crate::DocumentKind::Profile, &digest).await
    });
    let document = task.await.expect("no panic").expect("no error");
    assert_eq!(document.as_deref(), Some(&b"{}"[..]));
}

//! Measures a store in a folder: `measure SCRATCH VERSIONS [LARGE]`.
//!
//! SCRATCH is a folder to work in (it must not exist yet; a tmpfs measures the store, not the disk),
//! VERSIONS a folder of files that are taken, in the order of their names, for versions of one
//! growing file, and LARGE one large file. Each figure is of a single process, once.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lamp_core::dataset::{FileEntry, Manifest};
use lamp_store::{NoProgress, SourceFile, Store};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

/// Number and size, in bytes, of the many small files.
const SMALL: (u64, usize) = (20_000, 10_000);

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (Some(scratch), Some(versions)) = (arguments.first(), arguments.get(1)) else {
        return Err("measure SCRATCH VERSIONS [LARGE]".into());
    };
    std::fs::create_dir(scratch)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        small_files(scratch).await?;
        growing_file(scratch, versions).await?;
        match arguments.get(2) {
            Some(large) => large_file(scratch, large).await,
            None => Ok(()),
        }
    })
}

/// A store of its own below `scratch`.
async fn open(scratch: &Path, name: &str) -> Done<Store> {
    Ok(Store::open(&format!("{name}-store"), scratch, &scratch.join(format!("{name}-cache"))).await?)
}

async fn small_files(scratch: &Path) -> Done<()> {
    let folder = scratch.join("small");
    std::fs::create_dir(&folder)?;
    let (count, size) = SMALL;
    let mut files = Vec::new();
    for number in 0..count {
        let mut bytes = vec![0; size];
        blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
        let (path, name) = (folder.join(number.to_string()), number.to_string());
        std::fs::write(&path, bytes)?;
        files.push(SourceFile { path, name });
    }
    let began = Began::now();
    let copied = std::process::Command::new("cp").arg("-r").arg(&folder).arg(scratch.join("copy")).status()?;
    report(&format!("cp -r of {count} files of {size} bytes (successful: {})", copied.success()), began, 0);

    for what in ["add them", "add them again"] {
        let began = Began::now();
        let store = open(scratch, "small").await?;
        let entries = store.add_files(files.clone(), Arc::new(NoProgress)).await?;
        report(what, began, bytes_in(&scratch.join("small-store"))?);
        if what == "add them again" {
            let began = Began::now();
            store.local_paths(&entries, Arc::new(NoProgress)).await?;
            report("local paths of all of them", began, 0);
        }
    }
    Ok(())
}

async fn growing_file(scratch: &Path, versions: &Path) -> Done<()> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(versions)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let written = bytes_in(versions)?;
    let store = open(scratch, "growing").await?;
    let began = Began::now();
    let mut entries: Vec<FileEntry> = Vec::new();
    for (version, path) in (1..).zip(&paths) {
        let source = scratch.join("growing.parquet");
        std::fs::copy(path, &source)?;
        let files = vec![SourceFile { path: source, name: "growing.parquet".to_owned() }];
        let added = store.add_files(files, Arc::new(NoProgress)).await?;
        let digest = store.put_manifest(&Manifest::new(added.clone(), None, Vec::new())).await?;
        store.publish("datasets/growing", version, &digest).await?;
        entries.extend(added);
    }
    let kept = bytes_in(&scratch.join("growing-store"))?;
    report(&format!("{} versions of a growing file, {written} bytes", paths.len()), began, kept);
    percent(kept, written);
    let began = Began::now();
    let repacked = store.repack().await?;
    report(&format!("repack {} packs", repacked.packs), began, repacked.bytes_after);
    let small = store.stats().await?.pack_bytes;
    percent(small, written);
    let began = Began::now();
    let last = entries[entries.len() - 1].clone();
    store.local_path(&last).await?;
    report(&format!("local path of the last of them, {} bytes", last.size), began, 0);
    let mut different: Vec<FileEntry> = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        different.push(FileEntry { path: number.to_string(), ..entry });
    }
    let began = Began::now();
    let damage = store.verify(&Manifest::new(different, None, Vec::new()), Arc::new(NoProgress)).await?;
    report(&format!("verify all of them: {} damaged", damage.len()), began, 0);
    Ok(())
}

async fn large_file(scratch: &Path, large: &Path) -> Done<()> {
    let bytes = std::fs::metadata(large)?.len();
    let began = Began::now();
    std::fs::copy(large, scratch.join("large-copy"))?;
    report(&format!("copy a file of {bytes} bytes"), began, 0);
    let began = Began::now();
    let store = open(scratch, "large").await?;
    let files = vec![SourceFile { path: large.to_owned(), name: "large".to_owned() }];
    let entries = store.add_files(files, Arc::new(NoProgress)).await?;
    report("add it", began, bytes_in(&scratch.join("large-store"))?);
    let began = Began::now();
    store.local_path(&entries[0]).await?;
    report("its local path", began, 0);
    Ok(())
}

fn bytes_in(folder: &Path) -> Done<u64> {
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(folder) {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}

/// When something began, and the processor time of this process and its children until then.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    processor_seconds: f64,
}

impl Began {
    fn now() -> Self {
        Self { at: Instant::now(), processor_seconds: processor_seconds() }
    }
}

fn processor_seconds() -> f64 {
    let of = |who| {
        let usage = getrusage(who).ok()?;
        let seconds = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs()).as_secs_f64();
        Some(seconds(usage.user_time()) + seconds(usage.system_time()))
    };
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].into_iter().filter_map(of).sum()
}

/// Elapsed and processor time, and the bytes that a store has afterwards.
fn report(what: &str, began: Began, bytes: u64) {
    let (seconds, processor) = (began.at.elapsed().as_secs_f64(), processor_seconds() - began.processor_seconds);
    eprintln!("{seconds:8.3} s  {processor:8.3} s of processors  {bytes:>12} bytes  {what}");
}

fn percent(part: u64, whole: u64) {
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    let percent = 100.0 * part as f64 / whole as f64;
    eprintln!("{percent:8.1} %");
}

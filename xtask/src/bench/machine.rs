//! The machine that figures come from, and the folder that the work is done in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Setting;

/// A memory file system, where a machine has one.
const MEMORY: &str = "/dev/shm";

/// What a bench may need there, in kilobytes.
const NEEDED_KB: u64 = 6 << 20;

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Where it is.
    pub path: PathBuf,
}

impl Scratch {
    /// In memory if there is room, so that tools are measured and not a disk; else below `kept`.
    pub(super) fn make(kept: &Path) -> Result<Self> {
        let memory = Path::new(MEMORY);
        let has_room = file_system(memory).is_some_and(|found| found.kind == "tmpfs" && found.free_kb >= NEEDED_KB);
        let parent = if has_room { memory } else { kept };
        let path = parent.join(format!("lamp-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct FileSystem {
    kind: String,
    free_kb: u64,
}

fn file_system(path: &Path) -> Option<FileSystem> {
    let output = Command::new("df").args(["-kPT"]).arg(path).output().ok()?;
    parse_df(&String::from_utf8_lossy(&output.stdout))
}

/// The type and the free kilobytes in the second line of `df -kPT`.
fn parse_df(text: &str) -> Option<FileSystem> {
    let words: Vec<&str> = text.lines().nth(1)?.split_whitespace().collect();
    Some(FileSystem { kind: (*words.get(1)?).to_owned(), free_kb: words.get(4)?.parse().ok()? })
}

/// Date, machine and file system, in two sentences.
pub(super) fn describe(setting: &Setting<'_>) -> Result<String> {
    let kind = file_system(&setting.scratch.path).map_or_else(|| "unknown".to_owned(), |found| found.kind);
    Ok(format!(
        "Measured on {} with {}: {}; all work on {kind}. {} Seconds are the best of {} and their median; peak MB is \
         the resident memory of the largest process, mapped files included.",
        date()?,
        super::lamp::version(&setting.lamp)?,
        hardware(),
        load(),
        setting.options.repeat,
    ))
}

/// Now.
pub(super) fn date() -> Result<String> {
    said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).context("`date` does not work")
}

/// Cores, memory and system.
pub(super) fn hardware() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| gigabytes(&text));
    let memory = memory.map_or_else(|| "memory unknown".to_owned(), |gigabytes| format!("{gigabytes} GB of memory"));
    format!("{cores} cores ({processor}), {memory}, {}", std::env::consts::OS)
}

/// How busy the machine was.
pub(super) fn load() -> String {
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().nth(2).unwrap_or("unknown");
    format!("The load of the last quarter of an hour, this work included, was {load} at its end.")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

pub(super) fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The value of `name: value` in a file of /proc.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Of `24684092 kB`, rounded.
fn gigabytes(text: &str) -> Option<u64> {
    let kilobytes: u64 = text.strip_suffix("kB")?.trim().parse().ok()?;
    Some((kilobytes + (1 << 19)) >> 20)
}

/// Bytes of all files below a folder; nothing where there is none.
pub(super) fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_what_the_system_says() {
        let df = "Filesystem Type 1024-blocks Used Available Capacity Mounted on\ntmpfs tmpfs 24684092 0 24684000 0% /dev/shm\n";
        assert_eq!(parse_df(df), Some(FileSystem { kind: "tmpfs".to_owned(), free_kb: 24_684_000 }));
        assert_eq!(parse_df("df: no such folder\n"), None);
        assert_eq!(field("processor\t: 0\nmodel name\t: Fast One\n", "model name").as_deref(), Some("Fast One"));
        assert_eq!(gigabytes("24684092 kB"), Some(24));
    }

    #[test]
    fn the_scratch_folder_goes_away() {
        let kept = std::env::temp_dir();
        let scratch = Scratch::make(&kept).expect("a folder");
        let path = scratch.path.clone();
        std::fs::create_dir(path.join("deep")).expect("a folder");
        std::fs::write(path.join("deep/file"), "four").expect("a file");
        assert_eq!(bytes_in(&path), 4);
        drop(scratch);
        assert!(!path.exists());
    }
}

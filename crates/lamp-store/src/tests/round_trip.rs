//! Bytes come back as they went in.

use std::os::unix::fs::symlink;
use std::process::Command;

use lamp_core::error::{Classified, Kind};

use super::*;
use crate::faults::{self, Step};

const AWKWARD: [&str; 6] = ["plain.csv", "with space.csv", "münchen/日本 🛫.csv", "empty", "a\nb", "back\\slash"];

fn write_awkward(bench: &Bench) {
    for (seed, name) in AWKWARD.iter().enumerate() {
        let length = if *name == "empty" { 0 } else { 1_000 + seed };
        bench.write(name, &noise(length, seed as u64));
    }
}

#[tokio::test]
async fn files_come_back_byte_for_byte() {
    let bench = Bench::new();
    write_awkward(&bench);
    bench.write("large.bin", &noise(8 << 20, 99));
    symlink("large.bin", bench.sources().join("latest")).expect("a link");
    let names: Vec<&str> = AWKWARD.into_iter().chain(["large.bin", "latest"]).collect();

    let store = bench.open().await;
    let watched = Arc::new(Watched::default());
    let entries = store.add_files(bench.files(&names), watched.clone()).await.expect("added");
    assert!(watched.kept_its_promise());
    assert_eq!(entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), names);

    let digest = store.put_manifest(&manifest(entries)).await.expect("stored");
    let read = bench.open().await.manifest(&digest).await.expect("read");
    let watched = Arc::new(Watched::default());
    let done = store.checkout(&read.files, &bench.out(), Overwrite::Refuse, watched.clone()).await.expect("out");
    assert_eq!((done.written, done.unchanged), (8, 0));
    assert!(watched.kept_its_promise());
    for name in names.iter().filter(|name| **name != "latest") {
        let (before, after) = (bench.sources().join(name), bench.out().join(name));
        assert_eq!(fs::read(before).expect("source"), fs::read(&after).expect("copy"), "{name}");
        let mode = fs::metadata(&after).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name} is the user's to change");
    }
    assert_eq!(fs::read_link(bench.out().join("latest")).expect("a link").to_str(), Some("large.bin"));
    assert_eq!(bench.left_behind(), Vec::<String>::new());
}

#[tokio::test]
async fn sha256_is_the_one_that_other_tools_compute() {
    let bench = Bench::new();
    let path = bench.write("a.bin", &noise(3_000_000, 1));
    let store = bench.open().await;
    let entries = bench.add(&store, &["a.bin"]).await.expect("added");
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    let theirs = String::from_utf8(output.stdout).expect("text");
    assert_eq!(theirs.split_whitespace().next(), Some(entries[0].sha256.as_str()));
}

#[tokio::test]
async fn same_bytes_are_kept_once() {
    let bench = Bench::new();
    for name in ["a", "b"] {
        bench.write(name, b"the same");
    }
    let store = bench.open().await;
    let entries = bench.add(&store, &["a", "b"]).await.expect("added");
    assert_eq!(entries[0].digest, entries[1].digest);
    let paths = store.local_paths(&entries, quiet()).await.expect("paths");
    assert_eq!(paths[0], paths[1]);
    for path in bench.packs().iter().chain(&paths) {
        let mode = fs::metadata(path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "nobody is to change it");
    }
}

#[tokio::test]
async fn what_is_there_can_be_asked_without_reading_it() {
    let bench = Bench::new();
    for (name, length) in [("empty", 0), ("small", 100), ("large", 100_000)] {
        bench.write(name, &noise(length, 1));
    }
    let store = bench.open().await;
    for entry in bench.add(&store, &["empty", "small", "large"]).await.expect("added") {
        assert!(bench.open().await.has(&entry).await.expect("asked"), "{}", entry.path);
        let longer = FileEntry { size: entry.size + 1, ..entry.clone() };
        assert!(!store.has(&longer).await.expect("asked"), "{} of another size", entry.path);
        let other = FileEntry { digest: lamp_core::digest::Digest::of(b"never added"), size: 9, ..entry };
        assert!(!store.has(&other).await.expect("asked"));
    }
}

#[tokio::test]
async fn an_overwritten_source_is_another_entry_and_the_old_one_comes_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("day.csv", b"first");
    let first = bench.add(&store, &["day.csv"]).await.expect("added");
    bench.write("day.csv", b"other");
    let second = bench.add(&store, &["day.csv"]).await.expect("added");
    assert_ne!(first[0].digest, second[0].digest);
    check_out(&store, &first, &bench.out()).await.expect("out");
    assert_eq!(fs::read(bench.out().join("day.csv")).expect("copy"), b"first");
    assert_eq!(fs::read(bench.sources().join("day.csv")).expect("source"), b"other");
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_read_is_refused() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("appended", |path| {
            use std::io::Write as _;
            let mut file = fs::OpenOptions::new().append(true).open(path).expect("opens");
            file.write_all(b"more").expect("written");
        }),
        ("rewritten with its old times", |path| {
            let before = fs::metadata(path).expect("metadata");
            let file = fs::OpenOptions::new().write(true).open(path).expect("opens");
            std::os::unix::fs::FileExt::write_all_at(&file, b"X", 0).expect("written");
            file.set_modified(before.modified().expect("a time")).expect("time set back");
        }),
        ("replaced", |path| {
            let other = path.with_extension("new");
            fs::copy(path, &other).and_then(|_| fs::rename(&other, path)).expect("replaced");
        }),
        ("removed", |path| fs::remove_file(path).expect("removed")),
    ];
    for (what, change) in changes {
        let bench = Bench::new();
        let path = bench.write("day.bin", &noise(3 << 20, 5));
        let store = bench.open().await;
        let source = path.clone();
        faults::at(Step::BlockCopied, &path, move || change(&source));
        let error = bench.add(&store, &["day.bin"]).await.expect_err(what);
        assert!(matches!(&error, StoreError::SourceChanged { path: named } if *named == path), "{what}: {error}");
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(bench.left_behind(), Vec::<String>::new(), "{what}");
        assert_eq!(bench.packs(), Vec::<PathBuf>::new(), "{what}: nothing came in");
    }
}

#[tokio::test]
async fn links_are_kept_as_text_even_those_that_lead_nowhere() {
    let bench = Bench::new();
    symlink("/etc/passwd", bench.sources().join("absolute")).expect("a link");
    symlink("../../gone", bench.sources().join("dangling")).expect("a link");
    let store = bench.open().await;
    let entries = bench.add(&store, &["absolute", "dangling"]).await.expect("added");
    assert_eq!(entries[0].link.as_deref(), Some("/etc/passwd"));
    assert_eq!(entries[0].digest, lamp_core::digest::Digest::of(b"/etc/passwd"));
    assert_eq!((entries[1].link.as_deref(), entries[1].size), (Some("../../gone"), 10));
    let error = store.local_path(&entries[0]).await.expect_err("it has no content");
    assert!(matches!(error, StoreError::IsLink { .. }));
}

#[tokio::test]
async fn pipes_folders_missing_files_and_bad_names_are_refused_before_anything_is_copied() {
    let bench = Bench::new();
    bench.write("good", b"good");
    bench.write("folder/file", b"file");
    let made = Command::new("mkfifo").arg(bench.sources().join("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let store = bench.open().await;
    for bad in ["pipe", "folder"] {
        let error = bench.add(&store, &["good", bad]).await.expect_err(bad);
        assert!(matches!(error, StoreError::SourceUnsupported { .. }), "{error}");
    }
    let error = bench.add(&store, &["good", "missing"]).await.expect_err("missing");
    assert_eq!(error.kind(), Kind::NotFound);
    for bad in ["../good", "/good", "a//b", ""] {
        let files = vec![SourceFile { path: bench.sources().join("good"), name: bad.to_owned() }];
        let error = store.add_files(files, quiet()).await.expect_err(bad);
        assert!(matches!(error, StoreError::Name { .. }), "{error}");
    }
    let error = bench.add(&store, &["good", "good"]).await.expect_err("twice");
    assert!(matches!(error, StoreError::Name { .. }), "{error}");
    assert_eq!(bench.packs(), Vec::<PathBuf>::new(), "nothing came in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_adds_at_once_both_succeed() {
    let bench = Bench::new();
    let names: Vec<String> = (0..40).map(|n| format!("file-{n}")).collect();
    for (seed, name) in names.iter().enumerate() {
        bench.write(name, &noise(20_000, seed as u64));
    }
    bench.write("mine", b"mine");
    bench.write("yours", b"yours");
    let shared: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut ours, mut theirs) = (shared.clone(), shared);
    ours.push("mine");
    theirs.push("yours");

    // Two handles opened at once, as two processes would.
    let (first, second) = tokio::join!(bench.open(), bench.open());
    let (ours, theirs) = tokio::join!(bench.add(&first, &ours), bench.add(&second, &theirs));
    let (ours, theirs) = (ours.expect("added"), theirs.expect("added"));
    assert_eq!(ours[..40], theirs[..40]);
    for entries in [ours, theirs] {
        assert_eq!(first.verify(&manifest(entries), quiet()).await.expect("verified"), Vec::new());
    }
    assert_eq!(bench.left_behind(), Vec::<String>::new());
}

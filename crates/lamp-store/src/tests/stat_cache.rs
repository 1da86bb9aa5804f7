//! Unchanged files are not read again, and changed ones always are.

use std::time::{Duration, SystemTime};

use super::*;
use crate::faults::{self, Step};

/// Adds `name` and says whether the file was read for it.
async fn was_read(bench: &Bench, store: &Store, name: &str) -> (bool, FileEntry) {
    let read = Arc::new(AtomicU64::new(0));
    let (counted, path) = (Arc::clone(&read), bench.sources().join(name));
    faults::at(Step::Opened, &path, move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let entries = bench.add(store, &[name]).await.expect("added");
    faults::forget(&path);
    (read.load(Ordering::SeqCst) > 0, entries[0].clone())
}

#[tokio::test]
async fn an_unchanged_file_is_read_once_while_the_store_has_it() {
    let bench = Bench::new();
    bench.write("a", b"content");
    let store = bench.open().await;
    let (read, first) = was_read(&bench, &store, "a").await;
    assert!(read);
    let (read, second) = was_read(&bench, &bench.open().await, "a").await;
    assert!(!read, "not even by the next process");
    assert_eq!(first, second);

    fs::remove_file(&bench.packs()[0]).expect("removed");
    assert!(was_read(&bench, &store, "a").await.0, "the store lost it");
    fs::write(bench.cache_dir().join(crate::stat_cache::FILE), b"not a cache").expect("damaged");
    assert!(was_read(&bench, &store, "a").await.0, "the cache is damaged");
    assert!(!was_read(&bench, &store, "a").await.0, "and mended");
}

#[tokio::test]
async fn a_rewrite_of_the_same_size_with_the_same_times_is_seen() {
    let bench = Bench::new();
    let path = bench.write("a", b"AAAA");
    let an_hour_ago = SystemTime::now() - Duration::from_hours(1);
    let set_time = || fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(an_hour_ago));
    set_time().expect("its time");
    let store = bench.open().await;
    let (_, first) = was_read(&bench, &store, "a").await;
    fs::write(&path, b"BBBB").expect("rewritten in place");
    set_time().expect("its time");
    let (read, second) = was_read(&bench, &store, "a").await;
    assert!(read);
    assert_ne!(first.digest, second.digest);
}

/// Rewrites right after an addition fall into the same tick of the clock most easily.
#[tokio::test]
async fn rewrites_in_quick_succession_are_all_seen() {
    let bench = Bench::new();
    let path = bench.write("a", b"0000");
    let store = bench.open().await;
    for round in 0..50_u32 {
        let content = format!("{round:04}");
        fs::write(&path, &content).expect("rewritten");
        let entries = bench.add(&store, &["a"]).await.expect("added");
        assert_eq!(entries[0].digest, lamp_core::digest::Digest::of(content.as_bytes()), "round {round}");
    }
}

#[tokio::test]
async fn a_file_stamped_in_the_future_is_not_trusted() {
    let bench = Bench::new();
    let path = bench.write("a", b"AAAA");
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(tomorrow)).expect("its time");
    let store = bench.open().await;
    assert!(was_read(&bench, &store, "a").await.0);
    assert!(was_read(&bench, &store, "a").await.0);
}

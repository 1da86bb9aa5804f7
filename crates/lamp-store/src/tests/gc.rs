//! Nothing goes that something refers to, and nothing goes at once.

use std::time::Duration;

use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};

use super::*;
use crate::Roots;

fn everything_old() -> Roots {
    Roots { unused_for: Duration::ZERO, ..Roots::default() }
}

/// Adds one file of noise in a pack of its own that looks old, and says what it is.
async fn add_old(bench: &Bench, store: &Store, name: &str, seed: u64) -> FileEntry {
    let before = bench.packs();
    bench.write(name, &noise(40_000, seed));
    let entries = bench.add(store, &[name]).await.expect("added");
    for pack in bench.packs().iter().filter(|pack| !before.contains(pack)) {
        age(pack);
    }
    entries[0].clone()
}

async fn put_old_manifest(bench: &Bench, store: &Store, entries: Vec<FileEntry>) -> Digest {
    let digest = store.put_manifest(&manifest(entries)).await.expect("stored");
    let hex = digest.to_hex();
    age(&bench.store_dir().join(format!("manifests/{}/{}.json", &hex[..2], &hex[2..])));
    digest
}

async fn is_there(store: &Store, entry: &FileEntry) -> bool {
    store.verify(&manifest(vec![entry.clone()]), quiet()).await.expect("verified").is_empty()
}

#[tokio::test]
async fn only_what_nothing_refers_to_goes_and_to_the_trash_first() {
    let bench = Bench::new();
    let store = bench.open().await;
    let published = add_old(&bench, &store, "published", 1).await;
    let digest = put_old_manifest(&bench, &store, vec![published.clone()]).await;
    store.publish("datasets/a", 1, &digest).await.expect("published");
    let leased = add_old(&bench, &store, "leased", 2).await;
    let lease = put_old_manifest(&bench, &store, vec![leased.clone()]).await;
    let uploaded = add_old(&bench, &store, "uploaded", 3).await;
    let orphan = add_old(&bench, &store, "orphan", 4).await;
    let dropped = put_old_manifest(&bench, &store, vec![orphan.clone()]).await;
    bench.write("young", &noise(40_000, 5));
    let young = bench.add(&store, &["young"]).await.expect("added").remove(0);

    let roots = Roots { manifests: [lease].into(), files: [uploaded.digest].into(), ..everything_old() };
    let packs = bench.packs();
    let foreseen = store.foresee_gc(&roots).await.expect("foreseen");
    assert_eq!(bench.packs(), packs, "nothing is moved");
    let done = store.gc(&roots).await.expect("collected").expect("alone");
    assert_eq!((done.packs, done.manifests, done.bytes_rewritten, done.bytes_removed), (1, 1, 0, 0));
    assert_eq!(done, foreseen);
    let store = bench.open().await;
    for entry in [&published, &leased, &uploaded, &young] {
        assert!(is_there(&store, entry).await, "{}", entry.path);
    }
    assert!(!is_there(&store, &orphan).await);
    assert!(store.manifest(&dropped).await.is_err());
    assert!(store.stats().await.expect("stats").trash_bytes >= done.bytes);

    // Until its time is over, it can be put back by hand.
    let trash = bench.store_dir().join("trash");
    let until = trash.join(names_in(&trash).remove(0));
    let pack = names_in(&until).into_iter().find(|name| name.contains(".pack")).expect("the pack");
    fs::copy(until.join(&pack), bench.store_dir().join("packs").join(&pack)).expect("put back");
    assert!(is_there(&bench.open().await, &orphan).await);
    fs::rename(&until, trash.join("1000")).expect("long ago");
    let done = store.gc(&roots).await.expect("collected").expect("alone");
    assert!(done.bytes_removed > 40_000, "{done:?}");
    assert!(!trash.join("1000").exists());
}

#[tokio::test]
async fn what_is_needed_of_a_pack_that_is_mostly_dead_is_written_anew() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("needed", &noise(40_000, 1));
    bench.write("dead", &noise(400_000, 2));
    let entries = bench.add(&store, &["needed", "dead"]).await.expect("added");
    age(&bench.packs()[0]);
    let roots = Roots { files: [entries[0].digest].into(), ..everything_old() };
    let done = store.gc(&roots).await.expect("collected").expect("alone");
    assert!(done.packs == 1 && (40_000..60_000).contains(&done.bytes_rewritten), "{done:?}");
    let store = bench.open().await;
    assert!(is_there(&store, &entries[0]).await);
    assert!(!is_there(&store, &entries[1]).await);
}

#[tokio::test]
async fn an_unreadable_manifest_stops_it() {
    let bench = Bench::new();
    let store = bench.open().await;
    let kept = add_old(&bench, &store, "kept", 1).await;
    add_old(&bench, &store, "orphan", 2).await;
    let digest = put_old_manifest(&bench, &store, vec![kept]).await;
    store.publish("datasets/a", 1, &digest).await.expect("published");
    let hex = digest.to_hex();
    flip_in(&bench.store_dir().join(format!("manifests/{}/{}.json", &hex[..2], &hex[2..])), b"kept");
    let packs = bench.packs();
    let error = store.gc(&everything_old()).await.expect_err("stopped");
    assert!(matches!(error, StoreError::ManifestUnreadable { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Conflict);
    let missing = Roots { manifests: [Digest::of(b"a lost one")].into(), ..everything_old() };
    store.gc(&missing).await.expect_err("a root that is not there stops it too");
    assert_eq!(bench.packs(), packs);
}

#[tokio::test]
async fn what_is_used_again_is_young_again() {
    let bench = Bench::new();
    let store = bench.open().await;
    let first = add_old(&bench, &store, "first", 1).await;
    bench.write("second", &noise(40_000, 1));
    bench.add(&store, &["second"]).await.expect("the same bytes under another name");
    store.gc(&everything_old()).await.expect("collected");
    assert!(is_there(&store, &first).await);
}

#[tokio::test]
async fn what_is_put_aside_while_it_is_used_is_sent_again() {
    let bench = Bench::new();
    let store = bench.open().await;
    let path = bench.write("a", &noise(40_000, 1));
    bench.add(&store, &["a"]).await.expect("added");
    bench.write("b", &noise(40_000, 1));
    // After the store was asked what it has, another process takes it away.
    let (pack, aside) = (bench.packs().remove(0), bench.dir.path().join("aside"));
    crate::faults::at(crate::faults::Step::Opened, &path.with_file_name("b"), move || {
        fs::rename(&pack, &aside).expect("taken away");
    });
    let entries = bench.add(&store, &["b"]).await.expect("added");
    assert!(is_there(&bench.open().await, &entries[0]).await);
}

#[tokio::test]
async fn what_is_found_in_a_pack_that_stays_can_be_read() {
    let bench = Bench::new();
    let store = bench.open().await;
    // The second file leans on the first, in a pack that stays for the sake of a third.
    let (base, mut grown) = (noise(100_000, 1), noise(100_000, 1));
    grown.splice(50_000..50_000, *b"something new");
    bench.write("base", &base);
    bench.add(&store, &["base"]).await.expect("added");
    store.repack().await.expect("a pack of its own");
    bench.write("grown", &grown);
    bench.write("needed", &noise(400_000, 3));
    let entries = bench.add(&store, &["grown", "needed"]).await.expect("added");
    store.repack().await.expect("against the first");
    for pack in bench.packs() {
        age(&pack);
    }
    let roots = Roots { files: [entries[1].digest].into(), ..everything_old() };
    let done = store.gc(&roots).await.expect("collected").expect("alone");
    assert!(done.packs <= 1 && bench.packs().len() == 2, "{done:?}");
    // The chunk that is new in the second file is still found; whoever relies on it can read it.
    let entries = bench.add(&bench.open().await, &["grown", "needed"]).await.expect("added again");
    let store = bench.open().await;
    assert_eq!(store.verify(&manifest(entries), quiet()).await.expect("verified"), Vec::new());
}

#[tokio::test]
async fn a_list_of_chunks_that_cannot_be_read_stops_it() {
    let bench = Bench::new();
    let store = bench.open().await;
    let kept = add_old(&bench, &store, "kept", 1).await;
    add_old(&bench, &store, "orphan", 2).await;
    let digest = put_old_manifest(&bench, &store, vec![kept.clone()]).await;
    store.publish("datasets/a", 1, &digest).await.expect("published");
    // Lists of chunks are the last block before the table; this one is of the pack that holds `kept`.
    let pack = bench.packs().into_iter().find(|pack| is_in(pack, &noise(40_000, 1)[..500]));
    let pack = pack.expect("the pack of `kept`");
    damage_the_last_block(&pack);
    age(&pack);
    let packs = bench.packs();
    let error = bench.open().await.gc(&everything_old()).await.expect_err("stopped");
    assert!(matches!(error, StoreError::ObjectDamaged { .. }), "{error}");
    assert_eq!(bench.packs(), packs);
}

fn is_in(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).expect("a pack").windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn a_manifest_that_is_stored_again_is_young_again() {
    let bench = Bench::new();
    let store = bench.open().await;
    let entry = add_old(&bench, &store, "a", 1).await;
    let digest = put_old_manifest(&bench, &store, vec![entry.clone()]).await;
    let again = store.put_manifest(&manifest(vec![entry])).await.expect("stored again");
    assert_eq!(again, digest);
    store.gc(&everything_old()).await.expect("collected");
    store.publish("datasets/a", 1, &digest).await.expect("it is still there");
}

#[tokio::test]
async fn a_manifest_that_is_taken_away_while_it_gets_its_name_is_put_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    let entry = add_old(&bench, &store, "a", 1).await;
    let digest = store.put_manifest(&manifest(vec![entry])).await.expect("stored");
    let hex = digest.to_hex();
    let path = bench.store_dir().join(format!("manifests/{}/{}.json", &hex[..2], &hex[2..]));
    let name = bench.store_dir().join("series/datasets/a/00000001.json");
    crate::faults::at(crate::faults::Step::RecordNamed, &name, move || fs::remove_file(&path).expect("taken away"));
    store.publish("datasets/a", 1, &digest).await.expect("published");
    bench.open().await.manifest(&digest).await.expect("put back");
}

#[tokio::test]
async fn a_small_pack_that_is_needed_stays_as_it_is() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("tiny", b"a few bytes, and a table that is longer");
    let entries = bench.add(&store, &["tiny"]).await.expect("added");
    age(&bench.packs()[0]);
    let roots = Roots { files: [entries[0].digest].into(), ..everything_old() };
    assert_eq!(store.gc(&roots).await.expect("collected"), Some(crate::Collected::default()));
    let done = store.gc(&everything_old()).await.expect("collected").expect("alone");
    assert_eq!((done.packs, done.bytes_rewritten), (1, 0), "and goes when it is not");
}

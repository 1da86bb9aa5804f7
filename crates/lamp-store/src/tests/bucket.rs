//! A store in a bucket, over an in-memory one.

use futures::TryStreamExt as _;
use lamp_core::digest::Digest;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::*;
use crate::faults::{self, Step};
use crate::store::IfMissing;
use crate::{DamageKind, DocumentKind};

async fn open(bench: &Bench, client: &Arc<InMemory>) -> Store {
    let client: Arc<dyn ObjectStore> = client.clone();
    Store::open_bucket(IfMissing::Create, "s3://team/ml", client, &bench.cache_dir()).await.expect("opens")
}

/// The keys of all packs.
async fn packs(client: &InMemory) -> Vec<Key> {
    let listed = client.list(Some(&Key::from("packs")));
    listed.map_ok(|meta| meta.location).try_collect().await.expect("listed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_comes_back_from_the_bucket() {
    let bench = Bench::new();
    let contents = [("small file", noise(1_000, 1)), ("ü/empty", Vec::new()), ("large", noise((20 << 20) + 7, 2))];
    for (name, content) in &contents {
        bench.write(name, content);
    }
    std::os::unix::fs::symlink("large", bench.sources().join("link")).expect("a link");
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let watched = Arc::new(Watched::default());
    let files = bench.files(&["small file", "ü/empty", "large", "link"]);
    let entries = store.add_files(files, watched.clone()).await.expect("added");
    assert!(entries.iter().zip(&contents).all(|(entry, (_, content))| entry.digest == Digest::of(content)));
    let digest = store.put_manifest(&manifest(entries.clone())).await.expect("stored");
    store.publish("datasets/flights", 1, &digest).await.expect("published");
    store.publish("datasets/flights", 1, &digest).await.expect("the same again is fine");
    assert_eq!(store.series().await.expect("listed"), ["datasets/flights"]);

    let elsewhere = Bench::new();
    let store = open(&elsewhere, &client).await;
    let published = store.published("datasets/flights").await.expect("listed");
    assert_eq!(published, [(1, digest)]);
    let read = store.manifest(&digest).await.expect("read");
    assert_eq!(store.verify(&read, quiet()).await.expect("verified"), Vec::new());
    let fetched = Arc::new(Watched::default());
    store.checkout(&read.files, &elsewhere.out(), Overwrite::Refuse, fetched.clone()).await.expect("out");
    assert!(watched.kept_its_promise() && fetched.kept_its_promise());
    for (name, content) in &contents {
        assert_eq!(&fs::read(elsewhere.out().join(name)).expect("a copy"), content, "{name}");
    }
    store.local_path(&entries[2]).await.expect("fetched");
    for pack in packs(&client).await {
        client.delete(&pack).await.expect("deleted");
    }
    let path = store.local_path(&entries[2]).await.expect("fetched before");
    assert_eq!(fs::read(path).expect("in the cache"), contents[2].1);
}

#[tokio::test]
async fn what_the_bucket_has_is_not_sent_again_and_many_files_are_few_objects() {
    let bench = Bench::new();
    let names: Vec<String> = (0..500).map(|n| format!("file-{n}")).collect();
    for (seed, name) in names.iter().enumerate() {
        bench.write(name, &noise(2_000, seed as u64));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    bench.add(&store, &names).await.expect("added");
    let before = packs(&client).await;
    assert_eq!(before.len(), 1);
    bench.add(&store, &names).await.expect("known to the stat cache");
    bench.write("other name", &noise(2_000, 7));
    bench.add(&store, &["other name"]).await.expect("known to the bucket");
    assert_eq!(packs(&client).await, before);
    client.delete(&before[0]).await.expect("deleted");
    bench.add(&store, &names).await.expect("sent again");
    assert_eq!(packs(&client).await.len(), 1);
}

#[tokio::test]
async fn a_version_in_a_bucket_is_named_once_and_for_all() {
    let bench = Bench::new();
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let mut digests = Vec::new();
    for name in ["a", "b"] {
        bench.write(name, name.as_bytes());
        let entries = bench.add(&store, &[name]).await.expect("added");
        digests.push(store.put_manifest(&manifest(entries)).await.expect("stored"));
    }
    let (mine, yours) =
        tokio::join!(store.publish("models/delay", 1, &digests[0]), store.publish("models/delay", 1, &digests[1]));
    assert!(mine.is_ok() != yours.is_ok());
    let loser = mine.err().or(yours.err()).expect("one of them lost");
    assert!(matches!(loser, StoreError::VersionTaken { .. }), "{loser}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_source_that_changes_while_it_is_sent_leaves_nothing_in_the_bucket() {
    let bench = Bench::new();
    let content = noise(10 << 20, 3);
    let path = bench.write("large", &content);
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    for _ in 0..5 {
        faults::at(Step::BlockCopied, &path, || {});
    }
    let changed = path.clone();
    faults::at(Step::BlockCopied, &path, move || {
        let file = fs::File::options().write(true).open(&changed).expect("opens");
        std::os::unix::fs::FileExt::write_all_at(&file, b"X", (9 << 20) + 5).expect("written");
    });
    let error = bench.add(&store, &["large"]).await.expect_err("changed");
    assert!(matches!(error, StoreError::SourceChanged { .. }), "{error}");
    assert_eq!(packs(&client).await, [], "nothing came in");
}

#[tokio::test]
async fn what_arrives_damaged_is_refused_and_found_by_verify() {
    let bench = Bench::new();
    bench.write("a", b"good bytes");
    bench.write("b", b"gone");
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let mut entries = bench.add(&store, &["a"]).await.expect("added");
    let tampered = packs(&client).await.remove(0);
    entries.extend(bench.add(&store, &["b"]).await.expect("added"));
    let deleted = packs(&client).await.into_iter().find(|pack| *pack != tampered).expect("another pack");
    let mut bytes = client.get(&tampered).await.expect("there").bytes().await.expect("read").to_vec();
    bytes[12] ^= 1;
    client.put(&tampered, bytes.into()).await.expect("tampered");
    client.delete(&deleted).await.expect("deleted");

    let store = open(&bench, &client).await;
    for _ in 0..6 {
        let error = store.local_path(&entries[0]).await.expect_err("damaged");
        assert!(matches!(error, StoreError::ObjectDamaged { .. }), "{error}");
    }
    let error = store.local_path(&entries[1]).await.expect_err("missing");
    assert!(matches!(error, StoreError::ObjectMissing { .. }), "{error}");
    assert!(!bench.cache_dir().join("store/files").exists(), "nothing stays in the cache");

    let damages = store.verify(&manifest(entries), quiet()).await.expect("verified");
    let kinds: Vec<_> = damages.into_iter().map(|damage| damage.kind).collect();
    assert!(matches!(&kinds[..], [DamageKind::Unreadable { .. }, DamageKind::Missing]), "{kinds:?}");
}

#[tokio::test]
async fn packs_in_a_bucket_are_written_anew_too() {
    let bench = Bench::new();
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let mut entries = Vec::new();
    for version in 0..4 {
        let name = format!("version-{version}");
        bench.write(&name, &noise(400_000, 1)[..300_000 + 1_500 * version]);
        entries.extend(bench.add(&store, &[&name]).await.expect("added"));
    }
    let done = store.repack().await.expect("repacked");
    assert!(done.packs == 4 && done.bytes_after < 320_000, "{done:?}");
    assert_eq!(packs(&client).await.len(), 1);
    let elsewhere = Bench::new();
    let store = open(&elsewhere, &client).await;
    assert_eq!(store.verify(&manifest(entries.clone()), quiet()).await.expect("verified"), Vec::new());
    store.gc(&crate::Roots::default()).await.expect("collected");
    assert_eq!(store.verify(&manifest(entries), quiet()).await.expect("young things stay"), Vec::new());
}

#[tokio::test]
async fn documents_and_the_layout_are_kept_in_the_bucket() {
    let bench = Bench::new();
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let key = Digest::of(b"a partition");
    assert_eq!(store.find_document(DocumentKind::Checks, &key).await.expect("asked"), None);
    for text in [&b"{}"[..], b"[]"] {
        store.put_document(DocumentKind::Checks, &key, text).await.expect("stored");
        assert_eq!(store.find_document(DocumentKind::Checks, &key).await.expect("asked").as_deref(), Some(text));
    }
    client.put(&Key::from("lamp-store.json"), "{\"layout\":3}".into()).await.expect("rewritten");
    let newer =
        Store::open_bucket(IfMissing::Create, "s3://team/ml", client, &bench.cache_dir()).await.expect_err("newer");
    assert!(matches!(newer, StoreError::Layout { .. }), "{newer}");
}

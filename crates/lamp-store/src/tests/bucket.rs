//! A store in a bucket, over an in-memory one.

use lamp_core::digest::Digest;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::*;
use crate::faults::{self, Step};
use crate::{DamageKind, DocumentKind};

async fn open(bench: &Bench, client: &Arc<InMemory>) -> Store {
    let client: Arc<dyn ObjectStore> = client.clone();
    Store::open_bucket("s3://team/ml", client, &bench.cache_dir()).await.expect("opens")
}

fn object_key(digest: Digest) -> Key {
    let hex = digest.to_hex();
    Key::from(format!("objects/{}/{}", &hex[..2], &hex[2..]))
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
    client.delete(&object_key(entries[2].digest)).await.expect("deleted");
    let path = store.local_path(&entries[2]).await.expect("fetched before");
    assert_eq!(fs::read(path).expect("in the cache"), contents[2].1);
}

#[tokio::test]
async fn what_the_bucket_has_is_not_sent_again() {
    let bench = Bench::new();
    bench.write("a", b"content");
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    let key = object_key(entries[0].digest);
    let before = client.head(&key).await.expect("there");
    bench.add(&store, &["a"]).await.expect("known to the stat cache");
    bench.write("b", b"content");
    bench.add(&store, &["b"]).await.expect("known to the bucket");
    assert_eq!(client.head(&key).await.expect("there").e_tag, before.e_tag);
    client.delete(&key).await.expect("deleted");
    bench.add(&store, &["a"]).await.expect("sent again");
    assert_eq!(client.head(&key).await.expect("there").size, 7);
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
    // The first reading has ten blocks; the hook after the eleventh is in the second reading.
    for _ in 0..10 {
        faults::at(Step::BlockCopied, &path, || {});
    }
    let changed = path.clone();
    faults::at(Step::BlockCopied, &path, move || {
        let file = fs::File::options().write(true).open(&changed).expect("opens");
        std::os::unix::fs::FileExt::write_all_at(&file, b"X", (9 << 20) + 5).expect("written");
    });
    let error = bench.add(&store, &["large"]).await.expect_err("changed");
    assert!(matches!(error, StoreError::SourceChanged { .. }), "{error}");
    assert!(client.head(&object_key(Digest::of(&content))).await.is_err(), "nothing came in");
}

#[tokio::test]
async fn what_arrives_damaged_is_refused_and_found_by_verify() {
    let bench = Bench::new();
    bench.write("a", b"good bytes");
    bench.write("b", b"gone");
    let client = Arc::new(InMemory::new());
    let store = open(&bench, &client).await;
    let entries = bench.add(&store, &["a", "b"]).await.expect("added");
    client.put(&object_key(entries[0].digest), "evil bytes".into()).await.expect("tampered");
    client.delete(&object_key(entries[1].digest)).await.expect("deleted");

    let error = store.local_path(&entries[0]).await.expect_err("damaged");
    assert!(matches!(error, StoreError::ObjectDamaged { .. }), "{error}");
    let error = store.local_path(&entries[1]).await.expect_err("missing");
    assert!(matches!(error, StoreError::ObjectMissing { .. }), "{error}");
    assert!(!bench.cache_dir().join("fetched/objects").exists(), "nothing stays in the cache");

    let damages = store.verify(&manifest(entries), quiet()).await.expect("verified");
    let kinds: Vec<_> = damages.into_iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Corrupt { found: Digest::of(b"evil bytes") }, DamageKind::Missing]);
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
    client.put(&Key::from("lamp-store.json"), "{\"layout\":2}".into()).await.expect("rewritten");
    let newer = Store::open_bucket("s3://team/ml", client, &bench.cache_dir()).await.expect_err("newer");
    assert!(matches!(newer, StoreError::Layout { .. }), "{newer}");
}

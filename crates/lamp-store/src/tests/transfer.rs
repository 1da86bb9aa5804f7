//! Versions get from store to store, whatever happens on the way.

use std::fmt;
use std::sync::atomic::AtomicI64;

use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;
use crate::store::IfMissing;

/// A bucket whose connection is cut after some more puts.
#[derive(Debug)]
struct Frail {
    bucket: InMemory,
    puts_left: AtomicI64,
}

impl fmt::Display for Frail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frail connection")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Frail {
    async fn put_opts(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.puts_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(Error::Generic { store: "frail", source: "connection reset".into() });
        }
        self.bucket.put_opts(key, payload, options).await
    }

    async fn put_multipart_opts(&self, key: &Key, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.bucket.put_multipart_opts(key, options).await
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        self.bucket.get_opts(key, options).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        self.bucket.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.bucket.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.bucket.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.bucket.copy_opts(from, to, options).await
    }
}

async fn bucket(bench: &Bench, client: &Arc<Frail>) -> Store {
    let client: Arc<dyn ObjectStore> = client.clone();
    Store::open_bucket(IfMissing::Create, "s3://team/ml", client, &bench.dir.path().join("remote-cache"))
        .await
        .expect("opens")
}

fn frail() -> Arc<Frail> {
    Arc::new(Frail { bucket: InMemory::new(), puts_left: AtomicI64::new(i64::MAX) })
}

async fn two_versions(bench: &Bench, store: &Store) -> Vec<Manifest> {
    let mut manifests = Vec::new();
    for version in 1..=2_u32 {
        bench.write("large", &noise(600_000 + 1_000 * version as usize, 1));
        bench.write("a/small", &noise(100, u64::from(version)));
        bench.write("empty", b"");
        let added = manifest(bench.add(store, &["large", "a/small", "empty"]).await.expect("added"));
        let digest = store.put_manifest(&added).await.expect("stored");
        store.publish("datasets/a", version, &digest).await.expect("published");
        manifests.push(added);
    }
    manifests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_pushed_and_pulled_and_only_what_is_lacking_moves() {
    let (bench, client) = (Bench::new(), frail());
    let store = bench.open().await;
    let manifests = two_versions(&bench, &store).await;
    store.repack().await.expect("repacked");
    let remote = bucket(&bench, &client).await;
    let watched = Arc::new(Watched::default());
    let sent = store.push_to(&remote, "datasets/a", None, watched.clone()).await.expect("pushed");
    assert_eq!((sent.versions, sent.files), (2, 4));
    let there = remote.stats().await.expect("stats");
    assert!(there.packs == 2 && there.pack_bytes < 640_000, "{there:?}");
    let again = store.push_to(&remote, "datasets/a", None, quiet()).await.expect("pushed again");
    assert_eq!((again, remote.stats().await.expect("stats")), (crate::Sent::default(), there));

    let elsewhere = Bench::new();
    let pulled = elsewhere.open().await;
    remote.push_to(&pulled, "datasets/a", None, quiet()).await.expect("pulled");
    let published = store.published("datasets/a").await.expect("listed");
    assert_eq!(pulled.published("datasets/a").await.expect("listed"), published);
    for manifest in &manifests {
        assert_eq!(pulled.verify(manifest, quiet()).await.expect("verified"), Vec::new());
    }
}

#[tokio::test]
async fn a_push_that_is_cut_anywhere_leaves_no_half_version_and_goes_on() {
    let mut cuts = 0;
    for puts in 0.. {
        let (bench, client) = (Bench::new(), frail());
        let store = bench.open().await;
        let manifests = two_versions(&bench, &store).await;
        let remote = bucket(&bench, &client).await;
        client.puts_left.store(puts, Ordering::SeqCst);
        let pushed = store.push_to(&remote, "datasets/a", None, quiet()).await;
        client.puts_left.store(i64::MAX, Ordering::SeqCst);
        for (_, digest) in remote.published("datasets/a").await.expect("listed") {
            let manifest = remote.manifest(&digest).await.expect("readable");
            assert_eq!(remote.verify(&manifest, quiet()).await.expect("verified"), Vec::new());
        }
        if pushed.is_ok() {
            break;
        }
        cuts += 1;
        store.push_to(&remote, "datasets/a", None, quiet()).await.expect("the same again succeeds");
        for manifest in &manifests {
            assert_eq!(remote.verify(manifest, quiet()).await.expect("verified"), Vec::new());
        }
    }
    assert_eq!(cuts, 6, "two packs, two manifests and two names");
}

#[tokio::test]
async fn a_number_that_means_something_else_there_stops_a_push_before_anything_is_sent() {
    let (mine, yours) = (Bench::new(), Bench::new());
    let (store, other) = (mine.open().await, yours.open().await);
    two_versions(&mine, &store).await;
    yours.write("a", b"other");
    let digest = other.put_manifest(&manifest(yours.add(&other, &["a"]).await.expect("added"))).await.expect("stored");
    other.publish("datasets/a", 2, &digest).await.expect("published");
    let packs = yours.packs();
    let error = store.push_to(&other, "datasets/a", None, quiet()).await.expect_err("taken");
    assert!(matches!(error, StoreError::VersionTaken { version: 2, .. }), "{error}");
    assert_eq!(yours.packs(), packs);
}

#[tokio::test]
async fn what_was_set_aside_comes_back_from_a_remote() {
    let (bench, client) = (Bench::new(), frail());
    let store = bench.open().await;
    let manifests = two_versions(&bench, &store).await;
    store.repack().await.expect("repacked");
    let remote = bucket(&bench, &client).await;
    store.push_to(&remote, "datasets/a", None, quiet()).await.expect("pushed");
    flip_in(&bench.packs()[0], &noise(600_000, 1)[300_000..300_050]);
    assert_eq!(store.verify(&manifests[0], quiet()).await.expect("verified").len(), 1);
    let stats = store.stats().await.expect("stats");
    assert!(stats.quarantine_bytes > 500_000, "{stats:?}");
    let sound: Vec<_> = manifests[0].files.iter().filter(|file| file.path != "large").cloned().collect();
    assert_eq!(store.verify(&manifest(sound), quiet()).await.expect("verified"), Vec::new(), "copied out");
    for manifest in &manifests {
        store.repair_from(&remote, manifest, quiet()).await.expect("repaired");
        assert_eq!(store.verify(manifest, quiet()).await.expect("verified"), Vec::new());
    }
}

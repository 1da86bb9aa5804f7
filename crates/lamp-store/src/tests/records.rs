//! Manifests, published names, documents and the format marker.

use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};

use super::*;
use crate::DocumentKind;

#[tokio::test]
async fn the_same_files_in_any_order_are_the_same_manifest() {
    let bench = Bench::new();
    bench.write("a", b"1");
    bench.write("b", b"2");
    let store = bench.open().await;
    let forth = manifest(bench.add(&store, &["a", "b"]).await.expect("added"));
    let back = manifest(bench.add(&store, &["b", "a"]).await.expect("added"));
    let first = store.put_manifest(&forth).await.expect("stored");
    assert_eq!(store.put_manifest(&back).await.expect("stored"), first);
    assert_eq!(store.manifest(&first).await.expect("read"), forth);
}

#[tokio::test]
async fn a_damaged_manifest_is_named_and_put_right_by_storing_it_again() {
    let bench = Bench::new();
    bench.write("a", b"1");
    let store = bench.open().await;
    let stored = manifest(bench.add(&store, &["a"]).await.expect("added"));
    let digest = store.put_manifest(&stored).await.expect("stored");
    let hex = digest.to_hex();
    let path = bench.store_dir().join(format!("manifests/{}/{}.json", &hex[..2], &hex[2..]));
    fs::remove_file(&path).and_then(|()| fs::write(&path, b"{}")).expect("damaged");
    let error = store.manifest(&digest).await.expect_err("damaged");
    assert!(matches!(&error, StoreError::ManifestUnreadable { digest: named, .. } if *named == digest));
    assert!(error.to_string().contains(&hex));

    store.put_manifest(&stored).await.expect("stored again");
    assert_eq!(store.manifest(&digest).await.expect("read"), stored);

    let unknown = Digest::of(b"never stored");
    assert!(matches!(store.manifest(&unknown).await, Err(StoreError::ManifestMissing { .. })));
}

#[tokio::test]
async fn a_version_is_named_once_and_for_all() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("a", b"1");
    let first = store.put_manifest(&manifest(bench.add(&store, &["a"]).await.expect("added"))).await.expect("stored");
    bench.write("a", b"2!");
    let second = store.put_manifest(&manifest(bench.add(&store, &["a"]).await.expect("added"))).await.expect("stored");

    store.publish("datasets/flights", 1, &first).await.expect("published");
    store.publish("datasets/flights", 1, &first).await.expect("the same again is fine");
    let error = store.publish("datasets/flights", 1, &second).await.expect_err("taken");
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(
        matches!(error, StoreError::VersionTaken { existing, wanted, .. } if (existing, wanted) == (first, second))
    );

    for version in [10, 2] {
        store.publish("datasets/flights", version, &second).await.expect("published");
    }
    store.publish("datasets/predictions/delay", 1, &second).await.expect("published");
    let reopened = bench.open().await;
    let published = reopened.published("datasets/flights").await.expect("listed");
    assert_eq!(published, [(1, first), (2, second), (10, second)]);
    assert_eq!(reopened.published("models/unknown").await.expect("listed"), []);
    assert_eq!(reopened.series().await.expect("listed"), ["datasets/flights", "datasets/predictions/delay"]);

    let unknown = Digest::of(b"never stored");
    let dangling = store.publish("datasets/flights", 3, &unknown).await.expect_err("no such manifest");
    assert!(matches!(dangling, StoreError::ManifestMissing { .. }));
    assert!(matches!(store.publish("../flights", 1, &first).await, Err(StoreError::Series { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_name_the_same_version_at_once_one_wins() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("a", b"1");
    bench.write("b", b"2");
    let mut digests = Vec::new();
    for name in ["a", "b"] {
        let entries = bench.add(&store, &[name]).await.expect("added");
        digests.push(store.put_manifest(&manifest(entries)).await.expect("stored"));
    }
    for version in 1..=20 {
        let (mine, yours) = tokio::join!(
            store.publish("datasets/race", version, &digests[0]),
            store.publish("datasets/race", version, &digests[1])
        );
        assert!(mine.is_ok() != yours.is_ok(), "exactly one of them");
        let winner = if mine.is_ok() { digests[0] } else { digests[1] };
        let published = store.published("datasets/race").await.expect("listed");
        assert_eq!(published.last(), Some(&(version, winner)));
    }
}

#[tokio::test]
async fn documents_are_replaced_by_key_and_kind() {
    let bench = Bench::new();
    let store = bench.open().await;
    let key = Digest::of(b"a partition");
    assert_eq!(store.find_document(DocumentKind::Profile, &key).await.expect("asked"), None);
    for text in [&b"{\"rows\":1}"[..], b"{\"rows\":2}"] {
        store.put_document(DocumentKind::Profile, &key, text).await.expect("stored");
        let found = store.find_document(DocumentKind::Profile, &key).await.expect("asked");
        assert_eq!(found.as_deref(), Some(text));
    }
    assert_eq!(store.find_document(DocumentKind::Evidence, &key).await.expect("asked"), None);
}

#[tokio::test]
async fn only_a_store_of_a_known_layout_is_opened() {
    let bench = Bench::new();
    bench.open().await;
    let marker = bench.store_dir().join("lamp-store.json");
    assert_eq!(fs::read_to_string(&marker).expect("a marker").trim(), r#"{"layout":2}"#);
    fs::remove_file(&marker).and_then(|()| fs::write(&marker, "{\"layout\":3}")).expect("rewritten");
    let open = async |location: &str| Store::open(location, bench.dir.path(), &bench.cache_dir()).await;
    let error = open("store").await.expect_err("newer");
    assert!(error.to_string().contains("layout 3"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("newer")));

    bench.write("notes.txt", b"mine");
    let error = open("sources").await.expect_err("somebody's files");
    assert!(matches!(error, StoreError::NotAStore { .. }));
    assert_eq!(names_in(&bench.sources()), ["notes.txt"], "nothing was put there");
    assert!(matches!(open("sources/notes.txt").await, Err(StoreError::Location { .. })));
}

#[tokio::test]
async fn an_opening_sweeps_what_crashes_left_behind_long_ago() {
    let bench = Bench::new();
    bench.open().await;
    let tmp = bench.store_dir().join("tmp");
    let two_days = std::time::Duration::from_hours(48);
    for (name, age) in [("1-old.part", two_days), ("2-new.part", std::time::Duration::ZERO)] {
        let file = fs::File::create(tmp.join(name)).expect("a leftover");
        file.set_modified(std::time::SystemTime::now() - age).expect("its age");
    }
    bench.open().await;
    assert_eq!(bench.left_behind(), ["2-new.part"]);
}

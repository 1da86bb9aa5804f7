//! Packs written anew hold the same in less room, whenever that is cut short.

use super::*;

/// Versions of a file that grows at the end of each of its three columns.
fn versions(count: usize) -> Vec<Vec<u8>> {
    let column = |seed: u64, length: usize| noise(200_000, seed)[..length].to_vec();
    let version =
        |number: usize| (0..3).map(|seed| column(seed, 100_000 + 1_500 * number)).collect::<Vec<_>>().concat();
    (0..count).map(version).collect()
}

/// Adds and publishes a version of `grown` with a small file beside it.
async fn add_version(bench: &Bench, store: &Store, number: u32, content: &[u8]) -> Manifest {
    bench.write("grown", content);
    bench.write("small", &noise(3_000, 1_000 + u64::from(number)));
    let added = manifest(bench.add(store, &["grown", "small"]).await.expect("added"));
    let digest = store.put_manifest(&added).await.expect("stored");
    store.publish("datasets/grown", number, &digest).await.expect("published");
    added
}

async fn assert_all_is_there(bench: &Bench, manifests: &[Manifest]) {
    let store = bench.open().await;
    for manifest in manifests {
        assert_eq!(store.verify(manifest, quiet()).await.expect("verified"), Vec::new());
    }
}

#[tokio::test]
async fn versions_of_a_growing_file_take_little_more_than_one() {
    let bench = Bench::new();
    let store = bench.open().await;
    let contents = versions(12);
    let mut manifests = Vec::new();
    for (number, content) in (1..).zip(&contents[..8]) {
        manifests.push(add_version(&bench, &store, number, content).await);
    }
    let before = store.stats().await.expect("stats");
    assert_eq!(before.packs, 8);
    let done = store.repack().await.expect("repacked");
    let after = store.stats().await.expect("stats");
    assert_eq!((done.packs, done.bytes_before, done.bytes_after), (8, before.pack_bytes, after.pack_bytes));
    assert_eq!((after.packs, after.chunks, after.trash_bytes), (1, before.chunks, before.pack_bytes));
    // What is new of 8 versions is 3 * 1,500 bytes a version, and a small file.
    let needed = contents[0].len() + 7 * 4_500 + 8 * 3_000;
    assert!(after.pack_bytes < (needed + 15_000) as u64, "{} bytes for {needed}", after.pack_bytes);
    assert_all_is_there(&bench, &manifests).await;
    assert_eq!(store.repack().await.expect("nothing to do"), crate::Repacked::default());

    for (number, content) in (9..).zip(&contents[8..]) {
        manifests.push(add_version(&bench, &store, number, content).await);
    }
    store.repack().await.expect("repacked");
    let grown = store.stats().await.expect("stats").pack_bytes - after.pack_bytes;
    assert!(grown < 4 * 7_500 + 15_000, "{grown} bytes for four more, which lean on those before");
    assert_all_is_there(&bench, &manifests).await;
    let path = store.local_path(&manifests[11].files[0]).await.expect("a path");
    assert_eq!(fs::read(path).expect("a file"), contents[11]);
    assert_eq!(bench.left_behind(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_was_opened_before_finds_what_was_moved() {
    let bench = Bench::new();
    let (store, other) = (bench.open().await, bench.open().await);
    let first = add_version(&bench, &store, 1, &versions(2)[0]).await;
    assert_eq!(other.verify(&first, quiet()).await.expect("verified"), Vec::new());
    store.repack().await.expect("repacked");
    assert_eq!(other.verify(&first, quiet()).await.expect("verified"), Vec::new());
    let second = add_version(&bench, &other, 2, &versions(2)[1]).await;
    assert_eq!(store.verify(&second, quiet()).await.expect("verified"), Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn additions_and_repacks_at_once_lose_nothing() {
    let bench = Bench::new();
    let (store, other) = (bench.open().await, bench.open().await);
    let mut manifests = Vec::new();
    for (number, content) in (1..).zip(&versions(6)) {
        let (added, repacked) = tokio::join!(add_version(&bench, &store, number, content), other.repack());
        repacked.expect("repacked");
        manifests.push(added);
    }
    assert_all_is_there(&bench, &manifests).await;
}

/// Not a test of its own: the body of the processes that are killed.
#[tokio::test]
async fn child() {
    if let Ok(dir) = std::env::var("LAMP_STORE_TEST_REPACK") {
        let dir = Path::new(&dir);
        let store = Store::open("store", dir, &dir.join("cache")).await.expect("opens");
        store.repack().await.expect("repacked");
        store.gc(&no_roots()).await.expect("collected");
    }
}

fn no_roots() -> crate::Roots {
    crate::Roots { unused_for: std::time::Duration::ZERO, ..crate::Roots::default() }
}

#[tokio::test]
async fn killed_at_any_step_of_a_repack_or_a_collection_nothing_is_lost_and_the_same_again_succeeds() {
    let mut boundaries = 0;
    for step in 1..200 {
        let bench = Bench::new();
        let store = bench.open().await;
        bench.write("orphan", &noise(50_000, 9));
        bench.add(&store, &["orphan"]).await.expect("added");
        let mut manifests = Vec::new();
        for (number, content) in (1..).zip(&versions(3)) {
            manifests.push(add_version(&bench, &store, number, content).await);
        }
        for pack in bench.packs() {
            age(&pack);
        }
        let run = |step: Option<u64>| {
            let mut command = std::process::Command::new(std::env::current_exe().expect("this test binary"));
            command.args(["--exact", "tests::repack::child"]).env("LAMP_STORE_TEST_REPACK", bench.dir.path());
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.envs(step.map(|step| ("LAMP_STORE_TEST_ABORT_AT", step.to_string())));
            command.status().expect("the child runs")
        };
        let is_through = run(Some(step)).success();
        assert_all_is_there(&bench, &manifests).await;
        if is_through {
            break;
        }
        boundaries = step;
        assert!(run(None).success(), "killed at step {step}: the same again succeeds");
        assert_all_is_there(&bench, &manifests).await;
    }
    assert!((6..199).contains(&boundaries), "{boundaries} boundaries were tried");
}

#[test]
fn a_repack_that_nobody_asks_for_waits_until_it_is_worth_it_and_for_a_day() {
    use std::time::{Duration, SystemTime};

    use crate::repack::is_due;

    let now = SystemTime::now();
    let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
    let many = 1 << 30;
    let cases = [
        (0, 0, None, false, "an empty store"),
        (15, many / 20, None, false, "little"),
        (16, 1, None, true, "many small ones"),
        (1, many, None, true, "a large one"),
        (16, many, Some(now - hour), false, "the last one is too near"),
        (16, many, Some(now - day), true, "a day later"),
        (16, many, Some(now + hour), false, "the clock was set back"),
    ];
    for (packs, bytes, repacked_at, expected, why) in cases {
        assert_eq!(is_due(packs, bytes, repacked_at, now), expected, "{why}");
    }
}

#[tokio::test]
async fn a_repack_that_is_due_is_done_once_a_day() {
    let bench = Bench::new();
    let store = bench.open().await;
    for (number, content) in (1..).zip(&versions(16)) {
        assert_eq!(store.repack_if_due(u64::MAX).await.expect("looked"), None, "before version {number}");
        add_version(&bench, &store, number, content).await;
    }
    let done = store.repack_if_due(u64::MAX).await.expect("repacked").expect("it was due");
    assert_eq!(done.packs, 16);
    for (number, content) in (17..).zip(&versions(34)[17..]) {
        add_version(&bench, &store, number, content).await;
    }
    assert_eq!(bench.open().await.repack_if_due(u64::MAX).await.expect("looked"), None, "not twice a day");
    let trash = store.trash().await.expect("listed");
    assert_eq!((trash.len(), trash[0].count, trash[0].bytes), (1, 16, done.bytes_before), "{trash:?}");
}

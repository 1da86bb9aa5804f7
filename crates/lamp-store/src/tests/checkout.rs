//! Checkouts respect what is there and stay inside.

use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use lamp_core::error::{Classified, Kind};

use super::*;

#[tokio::test]
async fn right_files_are_left_alone_and_others_refused_before_anything_is_written() {
    let bench = Bench::new();
    for name in ["a", "b", "c/d", "e"] {
        bench.write(name, name.as_bytes());
    }
    let store = bench.open().await;
    let entries = bench.add(&store, &["a", "b", "c/d", "e"]).await.expect("added");
    let out = bench.out();
    fs::create_dir_all(out.join("c")).expect("folders");
    fs::write(out.join("a"), b"a").expect("the same");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(out.join("a")).and_then(|f| f.set_modified(long_ago)).expect("its time");
    fs::write(out.join("b"), b"B").expect("another of the same size");
    symlink("b", out.join("e")).expect("a link where a file belongs");

    let error = check_out(&store, &entries, &out).await.expect_err("in the way");
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(matches!(&error, StoreError::WouldOverwrite { files, .. } if *files == ["b", "e"]), "{error}");
    assert_eq!(names_in(&out), ["a", "b", "c", "e"]);
    assert_eq!(names_in(&out.join("c")), Vec::<String>::new());

    let done = store.checkout(&entries, &out, Overwrite::Replace, quiet()).await.expect("replaced");
    assert_eq!((done.written, done.unchanged, done.bytes), (3, 1, 5));
    for name in ["a", "b", "c/d", "e"] {
        assert_eq!(fs::read(out.join(name)).expect(name), name.as_bytes());
    }
    assert!(!fs::symlink_metadata(out.join("e")).expect("e").is_symlink());
    assert_eq!(fs::metadata(out.join("a")).expect("a").modified().expect("a time"), long_ago, "untouched");
    let again = check_out(&store, &entries, &out).await.expect("nothing to do");
    assert_eq!((again.written, again.unchanged, again.bytes), (0, 4, 0));
}

#[tokio::test]
async fn folders_in_the_way_are_never_replaced() {
    let bench = Bench::new();
    bench.write("a", b"a");
    bench.write("b/c", b"c");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a", "b/c"]).await.expect("added");
    fs::create_dir_all(bench.out().join("a/keep")).expect("a folder where a file belongs");
    fs::write(bench.out().join("b"), b"keep").expect("a file where a folder belongs");
    for overwrite in [Overwrite::Refuse, Overwrite::Replace] {
        let error = store.checkout(&entries, &bench.out(), overwrite, quiet()).await.expect_err("in the way");
        assert!(matches!(&error, StoreError::WouldOverwrite { files, .. } if *files == ["a", "b/c"]), "{error}");
    }
    assert_eq!(fs::read(bench.out().join("b")).expect("b"), b"keep");
    assert!(bench.out().join("a/keep").is_dir());
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let bench = Bench::new();
    bench.write("inner/a", b"a");
    let store = bench.open().await;
    let entries = bench.add(&store, &["inner/a"]).await.expect("added");
    let elsewhere = bench.dir.path().join("elsewhere");
    fs::create_dir_all(&elsewhere).and_then(|()| fs::create_dir_all(bench.out())).expect("folders");
    symlink(&elsewhere, bench.out().join("inner")).expect("a way out");
    for overwrite in [Overwrite::Refuse, Overwrite::Replace] {
        let error = store.checkout(&entries, &bench.out(), overwrite, quiet()).await.expect_err("a way out");
        assert!(matches!(error, StoreError::Escapes { .. }), "{error}");
    }
    assert_eq!(names_in(&elsewhere), Vec::<String>::new());
}

#[tokio::test]
async fn links_that_lead_out_are_refused_and_inner_ones_made() {
    let bench = Bench::new();
    bench.write("data/day.csv", b"day");
    symlink("data/day.csv", bench.sources().join("latest")).expect("a link");
    symlink("../../secret", bench.sources().join("data/out")).expect("a link");
    let store = bench.open().await;
    let entries = bench.add(&store, &["data/day.csv", "latest", "data/out"]).await.expect("added");
    let error = check_out(&store, &entries, &bench.out()).await.expect_err("leads out");
    assert!(matches!(&error, StoreError::Escapes { path, .. } if path == "data/out"), "{error}");
    assert!(!bench.out().exists());

    check_out(&store, &entries[..2], &bench.out()).await.expect("out");
    assert_eq!(fs::read(bench.out().join("latest")).expect("through the link"), b"day");
    let again = check_out(&store, &entries[..2], &bench.out()).await.expect("again");
    assert_eq!((again.written, again.unchanged), (0, 2));
}

#[tokio::test]
async fn entries_with_names_that_lead_out_are_refused() {
    let bench = Bench::new();
    bench.write("a", b"a");
    let store = bench.open().await;
    let mut entries = bench.add(&store, &["a"]).await.expect("added");
    for name in ["../a", "/tmp/a", "b/../../a"] {
        name.clone_into(&mut entries[0].path);
        let error = check_out(&store, &entries, &bench.out()).await.expect_err(name);
        assert!(matches!(error, StoreError::Name { .. }), "{error}");
    }
}

#[tokio::test]
async fn damaged_or_missing_bytes_are_not_handed_out() {
    let bench = Bench::new();
    bench.write("a", b"good bytes");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    let pack = bench.packs().remove(0);
    flip_in(&pack, b"good bytes");
    let error = check_out(&store, &entries, &bench.out()).await.expect_err("damaged");
    assert!(matches!(error, StoreError::ObjectDamaged { .. }), "{error}");
    let error = store.local_path(&entries[0]).await.expect_err("damaged");
    assert!(matches!(error, StoreError::ObjectDamaged { .. }), "{error}");
    fs::remove_file(&pack).expect("removed");
    let error = check_out(&store, &entries, &bench.out()).await.expect_err("missing");
    assert!(matches!(error, StoreError::ObjectMissing { .. }), "{error}");
    assert_eq!(names_in(&bench.out()), Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_kept_file_does_not_reach_a_checkout() {
    let bench = Bench::new();
    bench.write("a", b"good bytes");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    flip_in(&store.local_path(&entries[0]).await.expect("kept"), b"good bytes");
    check_out(&store, &entries, &bench.out()).await.expect("out");
    assert_eq!(fs::read(bench.out().join("a")).expect("a copy"), b"good bytes");
}

#[tokio::test]
async fn a_checkout_clears_away_what_a_crashed_one_left_long_ago() {
    let bench = Bench::new();
    bench.write("a", b"a");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    fs::create_dir(bench.out()).expect("a folder");
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    for name in [".lamp-x1y2z3.part", ".lamp-notes", "mine.part"] {
        let file = fs::File::create(bench.out().join(name)).expect("a file");
        file.set_modified(two_days_ago).expect("its age");
    }
    fs::write(bench.out().join(".lamp-young.part"), b"").expect("a file");
    check_out(&store, &entries, &bench.out()).await.expect("out");
    assert_eq!(names_in(&bench.out()), [".lamp-notes", ".lamp-young.part", "a", "mine.part"]);
}

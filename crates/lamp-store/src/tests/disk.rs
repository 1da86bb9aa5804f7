//! A disk that is full or read-only.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use lamp_core::error::{Classified, Kind};

use super::*;

/// A file system of 4 MiB, unmounted when dropped.
struct SmallDisk {
    path: PathBuf,
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let status = Command::new("mount").args(arguments).arg(path).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl SmallDisk {
    /// None where this user may not mount.
    fn try_new(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).expect("a folder");
        if mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], &path) {
            return Some(Self { path });
        }
        println!("skipped: mounting a tmpfs is not allowed here");
        None
    }

    /// Fills it until only `left` bytes remain.
    fn fill(&self, left: usize) {
        let filler = self.path.join("filler");
        let _ = fs::remove_file(&filler);
        let free = 4 << 20;
        let used: usize = walkdir::WalkDir::new(&self.path)
            .into_iter()
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .filter(fs::Metadata::is_file)
            .map(|metadata| usize::try_from(metadata.len()).expect("small").next_multiple_of(4_096))
            .sum();
        let _ = fs::write(filler, vec![0; free - used - left]);
    }

    fn free(&self) {
        fs::remove_file(self.path.join("filler")).expect("the filler");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// Adds, stores and publishes one file as the given version.
async fn whole_version(bench: &Bench, location: &str, version: u32) -> Result<(), StoreError> {
    let store = Store::open(location, bench.dir.path(), &bench.cache_dir()).await?;
    let entries = bench.add(&store, &["day"]).await?;
    let digest = store.put_manifest(&manifest(entries)).await?;
    store.publish("datasets/flights", version, &digest).await
}

#[tokio::test]
async fn a_disk_that_fills_up_at_any_write_costs_nothing() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::try_new(bench.dir.path().join("disk")) else { return };
    let mut refusals = 0;
    for (version, pages) in (1_u32..).zip([0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 36, 40]) {
        let content = noise(100_000, u64::from(version));
        let path = bench.write("day", &content);
        // The store is a folder of the disk, the filler lies beside it.
        disk.fill(pages * 4_096);
        if let Err(error) = whole_version(&bench, "disk/store", version).await {
            refusals += 1;
            assert!(matches!(error, StoreError::Full { .. }), "{pages} pages left: {error}");
            assert_eq!(error.kind(), Kind::Unavailable);
            assert!(error.hint().is_some_and(|hint| hint.contains("free some space")));
        }
        assert_eq!(fs::read(&path).expect("the source"), content, "the source is as it was");
        let tmp = disk.path.join("store/tmp");
        assert!(!tmp.exists() || names_in(&tmp).is_empty(), "{pages} pages left: no temporary file stays");

        disk.free();
        whole_version(&bench, "disk/store", version).await.expect("the same again succeeds");
        let store = Store::open("disk/store", bench.dir.path(), &bench.cache_dir()).await.expect("opens");
        for (_, digest) in store.published("datasets/flights").await.expect("listed") {
            let manifest = store.manifest(&digest).await.expect("readable");
            assert_eq!(store.verify(&manifest, quiet()).await.expect("verified"), Vec::new());
        }
    }
    assert!(refusals >= 5, "{refusals} writes were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_larger_than_the_disk_is_refused_and_leaves_nothing() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::try_new(bench.dir.path().join("disk")) else { return };
    let content = noise(20 << 20, 1);
    let path = bench.write("day", &content);
    let error = whole_version(&bench, "disk/store", 1).await.expect_err("too large");
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(fs::read(&path).expect("the source"), content);
    assert_eq!(names_in(&disk.path.join("store/tmp")), Vec::<String>::new());
    bench.write("day", b"small");
    whole_version(&bench, "disk/store", 1).await.expect("there is room again");
}

#[tokio::test]
async fn a_repack_onto_a_full_disk_changes_nothing() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::try_new(bench.dir.path().join("disk")) else { return };
    bench.write("day", &noise(500_000, 1));
    whole_version(&bench, "disk/store", 1).await.expect("published");
    let store = Store::open("disk/store", bench.dir.path(), &bench.cache_dir()).await.expect("opens");
    let digest = store.published("datasets/flights").await.expect("listed")[0].1;
    let manifest = store.manifest(&digest).await.expect("readable");
    for pages in [1, 20, 60, 100] {
        disk.fill(pages * 4_096);
        let error = store.repack().await.expect_err("too small");
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert_eq!(store.verify(&manifest, quiet()).await.expect("verified"), Vec::new());
        assert_eq!(names_in(&disk.path.join("store/tmp")), Vec::<String>::new());
    }
    disk.free();
    assert_eq!(store.repack().await.expect("there is room again").packs, 1);
    assert_eq!(store.verify(&manifest, quiet()).await.expect("verified"), Vec::new());
}

#[tokio::test]
async fn a_checkout_onto_a_full_disk_leaves_no_half_file() {
    let bench = Bench::new();
    bench.write("small", b"small");
    bench.write("large", &noise(8 << 20, 1));
    let store = bench.open().await;
    let entries = bench.add(&store, &["small", "large"]).await.expect("added");
    let Some(disk) = SmallDisk::try_new(bench.out()) else { return };
    let error = check_out(&store, &entries, &disk.path).await.expect_err("too small");
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let left = names_in(&disk.path);
    assert!(left.iter().all(|name| name == "small"), "{left:?}");
}

#[tokio::test]
async fn a_read_only_store_can_be_read_and_says_why_it_cannot_be_written() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::try_new(bench.dir.path().join("disk")) else { return };
    bench.write("day", b"first");
    whole_version(&bench, "disk/store", 1).await.expect("published");
    assert!(mount(&["-o", "remount,ro"], &disk.path), "remounted read-only");

    whole_version(&bench, "disk/store", 1).await.expect("what is there already needs no writing");
    let store = Store::open("disk/store", bench.dir.path(), &bench.cache_dir()).await.expect("opens");
    let published = store.published("datasets/flights").await.expect("listed");
    let manifest = store.manifest(&published[0].1).await.expect("readable");
    assert_eq!(store.verify(&manifest, quiet()).await.expect("verified"), Vec::new());
    check_out(&store, &manifest.files, &bench.out()).await.expect("out");
    assert_eq!(fs::read(bench.out().join("day")).expect("a copy"), b"first");

    let path = bench.write("day", b"second");
    let error = whole_version(&bench, "disk/store", 2).await.expect_err("read-only");
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    assert_eq!(fs::read(path).expect("the source"), b"second");
    assert_eq!(store.published("datasets/flights").await.expect("listed"), published);
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_no_obstacle() {
    let bench = Bench::new();
    bench.write("day", b"first");
    // A file where the cache folder should be stops even root.
    fs::write(bench.cache_dir(), b"").expect("a file");
    fs::set_permissions(bench.cache_dir(), fs::Permissions::from_mode(0o444)).expect("its mode");
    whole_version(&bench, "store", 1).await.expect("published all the same");
}

//! Practice 4: the store is kept small and sound, and nothing that something refers to is lost.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::data::files_below;
use super::shop::Shop;

const REFUSED: &str = "2013-04-01";

fn store(shop: &Shop) -> PathBuf {
    shop.context.repo.path().join(".lamp/store")
}

/// Makes all packs and manifests look a month old.
fn age(shop: &Shop) {
    let a_month_ago = SystemTime::now() - Duration::from_hours(24 * 30);
    for folder in ["packs", "manifests"] {
        for path in files_below(&store(shop).join(folder)) {
            File::open(&path).and_then(|file| file.set_modified(a_month_ago)).expect("its time");
        }
    }
}

/// An add whose bytes are in the store when it is refused.
fn leave_something_behind(shop: &Shop) {
    shop.write_day(REFUSED, &format!("when,street\n{}", "2013-04-01T12:00:00Z,elm\n".repeat(100)));
    shop.lamp("data add orders").exits(2).says("has no column `at`");
    fs::remove_file(shop.context.repo.path().join(super::shop::day_file(REFUSED))).expect("the refused day");
}

#[test]
fn only_what_nothing_refers_to_goes_and_to_the_trash_first() {
    let shop = Shop::with_orders();
    shop.train("late");
    shop.lamp("data gc").succeeds().says("nothing went to the trash").says("kept: 1 version, 1 model package");
    leave_something_behind(&shop);
    shop.lamp("data gc").succeeds().says("nothing went to the trash");
    age(&shop);
    let packs = files_below(&store(&shop).join("packs"));
    shop.lamp("data gc --dry-run").succeeds().says("would go to the trash: 1 pack");
    assert_eq!(files_below(&store(&shop).join("packs")), packs, "nothing is moved");

    shop.lamp("data gc").succeeds().says("went to the trash: 1 pack").line_with(&["trash:", "1 thing,", "until"]);
    let found = shop.lamp("data gc --json").succeeds().json();
    assert_eq!((&found["collected"]["packs"], &found["trash"][0]["count"]), (&0.into(), &1.into()), "{found}");
    assert!(found["store"]["pack_bytes"].as_u64() > Some(0) && found["store"]["cache_bytes"].is_u64(), "{found}");
    shop.lamp("data verify").succeeds().says("orders@1  5 files  whole");
    shop.lamp("audit ls").succeeds().says("store.collected");
    // The model comes back from its package alone.
    fs::remove_dir_all(shop.context.repo.path().join(".lamp/cache")).expect("the cache");
    shop.lamp("approve late@1 --note 'looked at it'").succeeds();
    shop.lamp("deploy late late@1 --as primary").succeeds();

    let trash = store(&shop).join("trash");
    let until = fs::read_dir(&trash).expect("the trash").next().expect("an entry").expect("read").path();
    fs::rename(until, trash.join("1000")).expect("long ago");
    shop.lamp("data gc").succeeds().says("removed from the trash for good").does_not_say("until");
    assert!(files_below(&trash).is_empty());
}

/// A ledger that knows nothing, over a store that has forgotten the names of its versions.
fn forget_versions(shop: &Shop) {
    fs::remove_dir_all(store(shop).join("series")).expect("the names");
    let root = shop.context.repo.read("lamp.toml");
    shop.context.repo.write("lamp.toml", format!("{root}ledger = \"sqlite:.lamp/other.db\"\n"));
    shop.context.repo.git(&["commit", "--quiet", "-am", "Another ledger"]);
}

#[test]
fn what_a_lock_on_any_branch_pins_stays() {
    let shop = Shop::with_orders();
    let repo = &shop.context.repo;
    repo.git(&["branch", "old"]);
    fs::remove_file(repo.path().join("lamp.lock")).expect("the lock");
    repo.git(&["commit", "--quiet", "-am", "No data any more"]);
    forget_versions(&shop);
    age(&shop);
    let kept = shop.lamp("data gc --dry-run").succeeds();
    kept.says("nothing would go").says("kept: 0 versions, 0 model packages, 1 pin of lamp.lock on 1 ref");

    // A manifest that cannot be read stops it.
    let manifest = files_below(&store(&shop).join("manifests")).remove(0);
    let text = fs::read_to_string(&manifest).expect("the manifest");
    replace(&manifest, &text.replace("2013-03-27", "2013-03-26"));
    shop.lamp("data gc").exits(2).says("unreadable").hints("restore it");
    replace(&manifest, &text);
    // So does a lock that nobody can read, wherever it is.
    repo.git(&["checkout", "--quiet", "-b", "merge"]);
    repo.write("lamp.lock", "<<<<<<< HEAD\n");
    repo.git(&["add", "lamp.lock"]);
    repo.git(&["commit", "--quiet", "-m", "In the middle of a merge"]);
    fs::remove_file(repo.path().join("lamp.lock")).expect("the lock");
    shop.lamp("data gc").exits(2).says("refs/heads/merge` cannot be read").hints("git update-ref -d refs/heads/merge");
    repo.git(&["checkout", "--quiet", "--force", "main"]);
    repo.git(&["branch", "--quiet", "-D", "merge"]);
    repo.write("lamp.lock", "what = 1\n");
    shop.lamp("data gc").exits(2).says("lamp.lock:1:1: unknown key");
    let foreign = format!("[datasets.bread]\nversion = 3\ndigest = \"{}\"\n", "ab".repeat(32));
    repo.write("lamp.lock", foreign);
    shop.lamp("data gc --dry-run").succeeds().says("nothing would go").says("of another ledger and store: bread@3");

    fs::remove_file(repo.path().join("lamp.lock")).expect("the lock");
    repo.git(&["branch", "--quiet", "-D", "old"]);
    age(&shop);
    shop.lamp("data gc").succeeds().says("went to the trash: 1 pack").says("1 manifest");
}

fn replace(path: &Path, text: &str) {
    fs::remove_file(path).expect("removed");
    fs::write(path, text).expect("written");
}

#[test]
fn a_repack_keeps_the_same_versions_in_fewer_bytes() {
    let shop = Shop::with_orders();
    let noise = |length: usize| {
        let numbers = (0_u64..).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        numbers.flat_map(u64::to_le_bytes).take(length).collect::<Vec<u8>>()
    };
    for version in 1..=4_usize {
        shop.context.repo.write("data/ovens/temperatures.bin", noise(100_000 + 800 * version));
        shop.lamp("data add ovens data/ovens").succeeds().says(&format!("ovens@{version}"));
    }
    shop.lamp("data repack").succeeds().says("5 packs of").says("stay in the trash for a day").says("store: 1 pack of");
    shop.lamp("data repack").succeeds().says("nothing came in since the last repack");
    let report = shop.lamp("data repack --json").succeeds().json();
    assert_eq!(report["store"]["packs"], 1, "{report}");
    shop.lamp("data verify").succeeds().says("ovens@4  1 files  whole").does_not_say("damaged");
    let back = shop.context.repo.temporary().join("back");
    shop.lamp(&format!("data get ovens@2 --to {}", back.display())).succeeds();
    assert!(fs::read(back.join("temperatures.bin")).expect("the file") == noise(101_600), "byte for byte");
}

//! Practice 4: data is versioned, never overwritten.

use std::path::{Path, PathBuf};

use super::shop::{Shop, TRAINING_DAYS, day_file, orders, training_day};

const CORRECTED: &str = "2013-03-28";

fn corrected_day() -> String {
    training_day(CORRECTED).replace(",elm,2,0", ",elm,2,1")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn the_same_bytes_are_the_same_version() {
    let shop = Shop::new();
    let first = shop.lamp("data add orders").succeeds();
    first.line_with(&["orders@1", "5 files"]);
    shop.lamp("data add orders").succeeds().says("orders@1").says("the same bytes as before");
    // Touched, but not changed.
    shop.write_day(CORRECTED, &training_day(CORRECTED));
    shop.lamp("data add orders").succeeds().says("orders@1").says("the same bytes as before");
    let log = shop.lamp("data log orders").succeeds();
    log.line("orders@1 (locked)");
    let versions = shop.lamp("data log orders --json").succeeds().json();
    assert_eq!(versions.as_array().map(Vec::len), Some(1), "{versions}");
}

#[test]
fn an_overwritten_file_is_a_new_version_and_the_old_one_comes_back() {
    let shop = Shop::with_orders();
    let yesterday = shop.read_day(CORRECTED);
    shop.write_day(CORRECTED, &corrected_day());
    shop.lamp("data add orders --note 'an order on Elm Street was late after all'").succeeds().says("orders@2");
    shop.lamp("data log orders").succeeds().says("an order on Elm Street was late after all");

    let old = shop.context.repo.temporary().join("old");
    shop.lamp(&format!("data get orders@1 --to {}", old.display())).succeeds().says("5 written");
    let came_back = std::fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day");
    assert_eq!(came_back, yesterday);
    // What is there with other content is not overwritten unasked.
    std::fs::write(old.join(format!("{CORRECTED}.csv")), "mine\n").expect("my own notes");
    shop.lamp(&format!("data get orders@1 --to {}", old.display())).exits(2).says(CORRECTED).hints("--force");
    assert_eq!(std::fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day"), "mine\n");
    shop.lamp(&format!("data get orders@1 --to {} --force", old.display())).succeeds().says("1 written");
    assert_eq!(std::fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day"), yesterday);
}

#[test]
fn a_late_correction_of_one_day_carries_the_others_over() {
    let shop = Shop::with_orders();
    // Only the corrected day is at hand; the others are gone from the disk.
    for day in TRAINING_DAYS {
        std::fs::remove_file(shop.context.repo.path().join(day_file(day))).expect("a raw file");
    }
    shop.write_day(CORRECTED, &corrected_day());
    let added = shop.lamp(&format!("data add orders {}", day_file(CORRECTED))).succeeds();
    added.says("orders@2").says("5 files").says("4 carried over");

    let all = shop.context.repo.temporary().join("all");
    shop.lamp(&format!("data get orders@2 --to {}", all.display())).succeeds();
    let read = |day: &str| std::fs::read_to_string(all.join(format!("{day}.csv"))).expect("a day");
    assert_eq!(read("2013-03-27"), training_day("2013-03-27"));
    assert_eq!(read(CORRECTED), corrected_day());
    // `--replace` carries nothing over.
    shop.lamp(&format!("data add orders {} --replace", day_file(CORRECTED)))
        .succeeds()
        .says("orders@3")
        .says("1 files");
}

#[test]
fn the_lock_is_committed_alone() {
    let shop = Shop::new();
    shop.context.repo.write("README.md", "# The bakery, in other words\n");
    shop.context.repo.git(&["add", "README.md"]);
    shop.context.repo.write("notes.txt", "not for git yet\n");
    shop.lamp("data add orders --commit").succeeds();

    assert_eq!(
        shop.context.repo.git(&["show", "--format=%s", "--name-only", "HEAD"]),
        "lamp: pin orders@1\n\nlamp.lock"
    );
    assert_eq!(
        shop.context.repo.git(&["status", "--porcelain"]),
        "M  README.md\n?? notes.txt",
        "what was staged still is"
    );
    let lock = shop.context.repo.read("lamp.lock");
    assert!(lock.contains("[datasets.orders]\nversion = 1\ndigest = \""), "{lock}");
}

#[test]
fn an_old_commit_brings_the_data_of_its_day_back() {
    let shop = Shop::with_orders();
    let old = shop.context.repo.head();
    shop.write_day(CORRECTED, &corrected_day());
    shop.lamp("data add orders --commit").succeeds().says("orders@2");

    shop.context.repo.git(&["checkout", "--quiet", &old]);
    assert_eq!(shop.read_day(CORRECTED), corrected_day(), "git does not know the data");
    // The working tree's bytes are those of version 2: safe in the store, so nothing can be lost.
    shop.lamp("data get").exits(2).hints("--force");
    shop.lamp("data get --force").succeeds().says("orders@1").says("1 written, 4 unchanged");
    assert_eq!(shop.read_day(CORRECTED), training_day(CORRECTED));
    shop.context.repo.git(&["checkout", "--quiet", "main"]);
    shop.lamp("data get --force").succeeds().says("orders@2");
    assert_eq!(shop.read_day(CORRECTED), corrected_day());
}

#[test]
fn a_flipped_byte_is_found_and_the_models_trained_on_it_are_named() {
    let shop = Shop::with_orders();
    shop.train("late");
    shop.lamp("data verify").succeeds().says("orders@1  5 files  whole");

    let day = training_day(CORRECTED);
    let stored = files_below(&shop.context.repo.path().join(".lamp/store"));
    let object = stored.iter().find(|path| std::fs::read(path).is_ok_and(|bytes| bytes == day.as_bytes()));
    let object = object.expect("the day's bytes, as they are, in the store");
    let mut bytes = day.into_bytes();
    bytes[30] ^= 1;
    let folder = object.parent().expect("a folder");
    let partial = folder.join("flipped");
    std::fs::write(&partial, &bytes).expect("other bytes");
    std::fs::rename(&partial, object).expect("the swap");

    shop.lamp("data verify").exits(1).says("orders@1  damaged").says(CORRECTED).says("models trained on it: late@1");
    let found = shop.lamp("data verify orders@1 --json").exits(1).json();
    assert_eq!(found[0]["models"][0], "late@1", "{found}");
    // Nothing is trained on damaged bytes.
    shop.lamp("train late").exits(2).says("damaged").hints("lamp data verify orders@1");
}

#[test]
fn what_nobody_declares_is_kept_and_said() {
    let shop = Shop::new();
    shop.context.repo.write("data/menu/today.txt", "rye\n");
    shop.lamp("data add menu data/menu").succeeds().says("menu@1").says("note: no lamp.toml declares `menu`");
    shop.lamp("data add menu").exits(2).says("no project declares a dataset `menu`").hints("[datasets.menu]");
    shop.lamp("data add Menu data/menu").exits(2).says("Menu");
    shop.lamp("data add orders data/menu/today.txt").exits(2).says("names no day in its path").hints("2013-01-31");
}

#[test]
fn a_derived_dataset_is_built_at_a_commit_and_never_added() {
    let shop = Shop::with_orders();
    shop.context.repo.write("elm/2013-03-27.csv", orders("2013-03-27", &[("elm", 1, Some(0))]));
    shop.lamp("data add elm elm").exits(2).says("`elm` is derived").hints("lamp data build elm");
    std::fs::remove_dir_all(shop.context.repo.path().join("elm")).expect("the folder");

    shop.lamp("data build elm --commit").succeeds().says("elm@1").says("5 files");
    let why = shop.lamp("why elm@1").succeeds();
    why.says("built by run").says("orders@1").says(&shop.context.repo.git(&["rev-parse", "HEAD~1"]));
    let lock = shop.context.repo.read("lamp.lock");
    assert!(lock.contains("[datasets.elm]\nversion = 1"), "{lock}");
    // The same commit and data give the same version.
    shop.lamp("data build elm").succeeds().says("elm@1");
    shop.lamp("data ls").succeeds().line_with(&["elm", "@1", "derived"]);

    let listed = shop.lamp("data ls --json").succeeds().json();
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|line| line["dataset"].clone()).collect();
    assert_eq!(names, ["elm", "orders"]);
}

#[test]
fn the_past_is_named_when_it_is_not_there() {
    let shop = Shop::with_orders();
    shop.lamp("data get orders@7 --to x")
        .exits(2)
        .says("dataset `orders` has no version 7")
        .hints("lamp data log orders");
    shop.lamp("data log bread").exits(2).hints("lamp data add bread");
}

#[test]
fn two_at_once_lose_nothing() {
    let shop = Shop::new();
    for name in ["rye", "spelt", "wheat", "oats"] {
        shop.context.repo.write(format!("data/{name}/bags.txt"), format!("{name}\n"));
    }
    std::thread::scope(|scope| {
        for name in ["rye", "spelt", "wheat", "oats"] {
            let shop = &shop;
            scope.spawn(move || {
                shop.lamp(&format!("data add {name} data/{name}")).succeeds().says(&format!("{name}@1"))
            });
        }
        scope.spawn(|| shop.lamp("data add orders").succeeds());
        scope.spawn(|| shop.lamp("data add orders").succeeds());
    });
    let lock = shop.context.repo.read("lamp.lock");
    for name in ["oats", "orders", "rye", "spelt", "wheat"] {
        assert!(lock.contains(&format!("[datasets.{name}]\nversion = 1\n")), "{name} is not in:\n{lock}");
    }
    shop.lamp("data verify").succeeds().does_not_say("damaged");
    shop.lamp("audit verify").succeeds().says("whole");
}

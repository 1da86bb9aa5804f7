//! Practice 4: data is versioned, never overwritten.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::shop::{Shop, TRAINING_DAYS, day_file, orders, training_day};

const CORRECTED: &str = "2013-03-28";

fn corrected_day() -> String {
    training_day(CORRECTED).replace(",elm,2,0", ",elm,2,1")
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
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
    let came_back = fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day");
    assert_eq!(came_back, yesterday);
    // What is there with other content is not overwritten unasked.
    fs::write(old.join(format!("{CORRECTED}.csv")), "mine\n").expect("my own notes");
    shop.lamp(&format!("data get orders@1 --to {}", old.display())).exits(2).says(CORRECTED).hints("--force");
    assert_eq!(fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day"), "mine\n");
    shop.lamp(&format!("data get orders@1 --to {} --force", old.display())).succeeds().says("1 written");
    assert_eq!(fs::read_to_string(old.join(format!("{CORRECTED}.csv"))).expect("the day"), yesterday);
}

#[test]
fn a_late_correction_of_one_day_carries_the_others_over() {
    let shop = Shop::with_orders();
    // Only the corrected day is at hand; the others are gone from the disk.
    for day in TRAINING_DAYS {
        fs::remove_file(shop.context.repo.path().join(day_file(day))).expect("a raw file");
    }
    shop.write_day(CORRECTED, &corrected_day());
    let added = shop.lamp(&format!("data add orders {}", day_file(CORRECTED))).succeeds();
    added.says("orders@2").says("5 files").says("(4 carried over from orders@1)");

    let all = shop.context.repo.temporary().join("all");
    shop.lamp(&format!("data get orders@2 --to {}", all.display())).succeeds();
    let read = |day: &str| fs::read_to_string(all.join(format!("{day}.csv"))).expect("a day");
    assert_eq!(read("2013-03-27"), training_day("2013-03-27"));
    assert_eq!(read(CORRECTED), corrected_day());
    // `--replace` carries nothing over.
    shop.lamp(&format!("data add orders {} --replace", day_file(CORRECTED)))
        .succeeds()
        .says("orders@3")
        .says("1 files");
}

#[test]
fn two_versions_are_told_apart_by_files_columns_and_rows() {
    let shop = Shop::with_orders();
    let contract = "projects/bakery/contracts/orders.odcs.yaml";
    let secret = shop.context.repo.read(contract).replace(
        "name: parcels\n        logicalType: integer\n",
        "name: parcels\n        logicalType: integer\n        classification: confidential\n",
    );
    shop.context.repo.write(contract, secret);
    shop.lamp("data diff orders@1").exits(2).says("is the first version").hints("lamp data log orders");
    // One order was late after all, one had more parcels, one never was; and a new day with a new column.
    let corrected = corrected_day().replacen("oak,1,0", "oak,9,0", 1);
    let corrected: Vec<&str> = corrected.lines().filter(|line| !line.ends_with("oak,1,1")).collect();
    shop.write_day(CORRECTED, &(corrected.join("\n") + "\n"));
    shop.write_day("2013-04-01", "at,street,parcels,late,oven\n2013-04-01T12:00:00Z,elm,2,0,warm\n");
    shop.lamp("data add orders").succeeds().says("orders@2");

    let log = shop.lamp("data log orders").succeeds();
    log.line_with(&["orders@2", "correction: 1 added, 1 replaced"]);
    log.line_with(&["orders@1", "first: 5 added"]);

    let diff = shop.lamp("data diff orders@1 orders@2").succeeds();
    let diff = diff.says("orders@1 → orders@2").says("1 added, 1 replaced, 4 the same");
    let diff = diff.says("2013-03-28 (1 replaced), 2013-04-01 (1 added)").says("+ oven  Utf8");
    let diff = diff.says("1 added, 1 removed, 2 changed, 26 the same, by (at, street)").says("parcels in 1, late in 1");
    diff.says("street=elm  late: 0 → 1").says("parcels: ••• → •••").does_not_say("→ 9").says("compared without oven");
    shop.lamp("data diff orders").succeeds().says("orders@1 → orders@2");

    let found = shop.lamp("data diff orders@2 --json").succeeds().json();
    assert_eq!(found["rows"]["columns"], serde_json::json!([["parcels", 1], ["late", 1]]), "{found}");
    assert_eq!(found["rows"]["some_added"][0]["cells"][2]["value"], "•••", "{found}");

    let whole = shop.lamp("data show orders@2").succeeds();
    whole.says("correction: 1 added, 1 replaced since orders@1").says("6 files").says("from 2013-03-27 to 2013-04-01");
    shop.lamp("data show orders@2[2013-03-28..2013-03-31]").succeeds().says("3 files").says("by no run");
    let against = shop.lamp("profile orders@2 --against orders@1 --column late --column street").succeeds();
    against.line_with(&["late", "0."]);
    against.says("orders@2 (29 rows) against orders@1 (29 rows)");
}

#[test]
fn part_of_a_version_comes_back() {
    let shop = Shop::with_orders();
    let part = shop.context.repo.temporary().join("part");
    let got = shop.lamp(&format!("data get orders[2013-03-28..2013-03-30] --to {}", part.display())).succeeds();
    got.says("orders@1  2 partitions  2 written");
    let names: Vec<_> = files_below(&part).iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)).collect();
    assert!(names.len() == 2 && names.contains(&"2013-03-28.csv".into()) && names.contains(&"2013-03-29.csv".into()));
    let last = shop.context.repo.temporary().join("last");
    shop.lamp(&format!("data get orders@1[-2days..] --to {}", last.display())).succeeds().says("2 written");
    shop.lamp("data get orders[2012]").exits(2).says("is not a partition");
    shop.lamp("data get orders[2012-01]").exits(2).says("holds no partition of orders@1").hints("lamp data log orders");
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
    // The bytes in the way are those of version 2, safe in the store: nothing is lost.
    shop.lamp("data get").succeeds().says("orders@1").says("1 written, 4 unchanged");
    assert_eq!(shop.read_day(CORRECTED), training_day(CORRECTED));
    shop.context.repo.git(&["checkout", "--quiet", "main"]);
    shop.lamp("data get").succeeds().says("orders@2").says("1 written, 4 unchanged");
    assert_eq!(shop.read_day(CORRECTED), corrected_day());
    // What no version has is not replaced, however long it is.
    let own = corrected_day().replace("oak", "OAK");
    shop.write_day(CORRECTED, &own);
    shop.lamp("data get").exits(2).hints("--force");
    assert_eq!(shop.read_day(CORRECTED), own);
}

/// Another byte in every pack, with the time and the size that it had.
pub fn damage_packs(shop: &Shop) {
    let packs = files_below(&shop.context.repo.path().join(".lamp/store/packs"));
    assert!(!packs.is_empty(), "no pack in the store");
    for pack in packs {
        let modified = fs::metadata(&pack).and_then(|metadata| metadata.modified()).expect("its time");
        let mut bytes = fs::read(&pack).expect("a pack");
        bytes[40] ^= 1;
        fs::set_permissions(&pack, Permissions::from_mode(0o644)).expect("writable");
        fs::write(&pack, bytes).expect("damaged");
        File::open(&pack).and_then(|file| file.set_modified(modified)).expect("its time");
    }
}

#[test]
fn a_flipped_byte_is_found_and_the_models_trained_on_it_are_named() {
    let shop = Shop::with_orders();
    shop.train("late");
    shop.lamp("data verify").succeeds().says("orders@1  5 files  whole");

    damage_packs(&shop);
    // Which day's chunk the byte is in depends on which reader was first.
    let damage = shop.lamp("data verify").exits(1);
    damage.says("orders@1  damaged").says(".csv` cannot be read").says("models trained on it: late@1");
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
    fs::remove_dir_all(shop.context.repo.path().join("elm")).expect("the folder");

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
fn a_prediction_log_is_written_by_its_gateway_alone() {
    let shop = Shop::with_orders();
    shop.lamp(&format!("data add predictions/late {}", day_file(CORRECTED)))
        .exits(2)
        .says("`predictions/late` is a prediction log")
        .hints("lamp data add NAME PATH");
    shop.lamp("data log predictions/late").exits(2).says("has no version");
}

#[test]
fn a_correction_that_was_taken_back_stays_back() {
    let shop = Shop::with_orders();
    shop.write_day(CORRECTED, &corrected_day().replace("elm,2,1", "elm,-2,1"));
    shop.lamp("data add orders").succeeds().says("orders@2");
    shop.lamp("check orders").exits(1).says("orders@2  broken");
    shop.write_day(CORRECTED, &training_day(CORRECTED));
    shop.lamp("data add orders").succeeds().says("orders@1").says("the same bytes as before");

    // A bare name is what the lock pins; the latest has to be asked for.
    shop.lamp("check orders").succeeds().says("orders@1  kept");
    shop.lamp("check orders[2013-03-28]").succeeds().says("orders@1  kept");
    shop.lamp("profile orders").succeeds().says("orders@1  29 rows");
    shop.lamp("check orders@latest").exits(1).says("orders@2  broken");
    shop.lamp("check orders@production").exits(2).says("only models have `@production`").hints("orders@latest");

    let next = "2013-04-01";
    shop.write_day(next, &orders(next, &[("elm", 1, Some(0)), ("oak", 1, Some(0))]));
    let added = shop.lamp(&format!("data add orders {}", day_file(next))).succeeds();
    added.says("orders@3").says("6 files").says("(5 carried over from orders@1)");
    let all = shop.context.repo.temporary().join("all");
    shop.lamp(&format!("data get orders@3 --to {}", all.display())).succeeds();
    let kept = fs::read_to_string(all.join(format!("{CORRECTED}.csv"))).expect("the day");
    assert_eq!(kept, training_day(CORRECTED), "the day as it was before the bad correction");
}

#[test]
fn a_lock_of_another_ledger_says_where_the_ledger_is_set() {
    let shop = Shop::with_orders();
    let lock = shop.context.repo.read("lamp.lock").replace("version = 1", "version = 9");
    shop.context.repo.write("lamp.lock", lock);
    for line in ["data get", "check orders"] {
        shop.lamp(line).exits(2).says("this clone's ledger does not know orders@9").hints("point `ledger` and `store`");
    }
}

#[test]
fn days_are_cut_anew_when_the_dataset_is_partitioned_by_month() {
    let shop = Shop::with_orders();
    let config = "projects/bakery/lamp.toml";
    let by_month = shop.context.repo.read(config).replacen("by = \"day\"", "by = \"month\"", 1);
    shop.context.repo.write(config, by_month);
    shop.context.repo.write("april/2013-04.csv", orders("2013-04-01", &[("elm", 1, Some(0)), ("oak", 1, Some(0))]));
    let added = shop.lamp("data add orders april/2013-04.csv").succeeds();
    added.says("orders@2").says("6 files").says("(5 carried over from orders@1)");
    shop.lamp("check orders").succeeds().says("over 2 partitions");
    shop.lamp("profile orders[2013-03]").succeeds().says("29 rows, 4 columns, 1 partitions");
    // The whole month takes the place of its days, and nothing is there twice.
    shop.context.repo.write("march/2013-03.csv", training_day(CORRECTED));
    shop.lamp("data add orders march/2013-03.csv").succeeds().says("2 files").says("(1 carried over from orders@2)");
}

#[test]
fn a_table_without_the_column_that_dates_its_rows_is_refused() {
    let shop = Shop::with_orders();
    shop.write_day("2013-04-01", "when,street\n2013-04-01T12:00:00Z,elm\n");
    shop.lamp("data add orders")
        .exits(2)
        .says("`2013-04-01.csv` has no column `at`, by which `orders` is partitioned")
        .hints("columns: when, street");
    shop.lamp("data log orders").succeeds().does_not_say("orders@2");
}

#[test]
fn two_at_once_lose_nothing() {
    let shop = Shop::with_orders();
    for name in ["rye", "spelt"] {
        shop.context.repo.write(format!("data/{name}/bags.txt"), format!("{name}\n"));
    }
    // Each brings one corrected day, and carries over what is the latest when its turn comes.
    let corrected = |day: &str| training_day(day).replace(",elm,2,0", ",elm,2,1");
    for day in TRAINING_DAYS {
        shop.write_day(day, &corrected(day));
    }
    std::thread::scope(|scope| {
        let shop = &shop;
        for name in ["rye", "spelt"] {
            scope.spawn(move || {
                shop.lamp(&format!("data add {name} data/{name}")).succeeds().says(&format!("{name}@1"))
            });
        }
        for day in TRAINING_DAYS {
            scope.spawn(move || shop.lamp(&format!("data add orders {}", day_file(day))).succeeds().says("5 files"));
        }
    });
    let all = shop.context.repo.temporary().join("all");
    shop.lamp(&format!("data get orders@latest --to {}", all.display())).succeeds().says("orders@4");
    for day in TRAINING_DAYS {
        let kept = fs::read_to_string(all.join(format!("{day}.csv"))).expect("a day");
        assert_eq!(kept, corrected(day), "the correction of {day} is in the latest version");
    }
    let lock = shop.context.repo.read("lamp.lock");
    for pin in ["orders]\nversion = 4\n", "rye]\nversion = 1\n", "spelt]\nversion = 1\n"] {
        assert!(lock.contains(&format!("[datasets.{pin}")), "{pin:?} is not in:\n{lock}");
    }
    shop.lamp("data verify").succeeds().does_not_say("damaged");
    shop.lamp("audit verify").succeeds().says("whole");
}

#[test]
fn a_link_is_not_taken_for_what_it_points_to() {
    let shop = Shop::with_orders();
    let elsewhere = shop.context.repo.temporary().join("2013-03-26.csv");
    fs::write(&elsewhere, training_day("2013-03-26")).expect("a file elsewhere");
    let link = shop.context.repo.path().join(day_file("2013-03-26"));
    std::os::unix::fs::symlink(&elsewhere, &link).expect("a link");
    for line in ["data add orders", "data add orders projects/bakery/data/orders/2013-03-26.csv"] {
        shop.lamp(line).exits(2).says("is a link to").says("would not be kept").hints("cp --remove-destination");
    }
    // By its own path it is a file like any other.
    shop.lamp(&format!("data add orders {}", elsewhere.display())).succeeds().says("orders@2").says("6 files");
}

#[test]
fn an_add_that_is_killed_anywhere_leaves_nothing_behind_but_what_was_there() {
    let shop = Shop::with_orders();
    let size = 24 << 20;
    let bytes: Vec<u8> = (0_u64..size / 8).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    shop.context.repo.write("data/ovens/temperatures.bin", &bytes);
    for milliseconds in [60, 120, 180, 240, 300, 400] {
        let adding = shop.context.lamp(["data", "add", "ovens", "data/ovens"]).start();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        adding.signal("KILL");
        drop(adding);
        shop.lamp("data verify").succeeds().says("orders@1  5 files  whole").does_not_say("damaged");
        shop.lamp("audit verify").succeeds().says("whole");
    }
    // Whichever of them came to the end, it is one version, whole.
    shop.lamp("data add ovens data/ovens").succeeds().says("ovens@1");
    let back = shop.context.repo.temporary().join("back");
    shop.lamp(&format!("data get ovens@1 --to {}", back.display())).succeeds();
    let came_back = fs::read(back.join("temperatures.bin")).expect("the file");
    assert!(came_back == bytes, "byte for byte");
    assert_eq!(fs::read(shop.context.repo.path().join("data/ovens/temperatures.bin")).expect("the source"), bytes);
}

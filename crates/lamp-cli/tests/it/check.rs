//! Practice 5: contracts, profiles and what a person sees of them.

use super::shop::{Shop, orders};

fn shop_with_a_bad_day() -> Shop {
    let shop = Shop::new();
    shop.write_day(
        "2013-03-29",
        &orders("2013-03-29", &[("elm", 2, Some(1)), ("oak", -3, Some(0)), ("Oka", 1, Some(0))]),
    );
    shop.lamp("data add orders --commit").succeeds();
    shop
}

#[test]
fn a_kept_contract_is_yes() {
    let shop = Shop::with_orders();
    shop.lamp("check").succeeds().says("orders@1  kept").says("0 failed").says("over 5 partitions");
    shop.lamp("check orders[2013-03-30] --all").succeeds().says("passed [2013-03-30]");
}

#[test]
fn a_broken_contract_is_no_and_names_the_day() {
    let shop = shop_with_a_bad_day();
    let broken = shop.lamp("check orders").exits(1).says("orders@1  broken");
    broken.line_with(&["failed [2013-03-29]", "parcels", "1 of 3 rows"]);
    broken.line_with(&["failed [2013-03-29]", "street", "1 of 3 rows"]);
    let broken = broken.says("incident opened: orders[2013-03-29]").does_not_say("failed [2013-03-28]");
    assert!(broken.0.stderr.is_empty(), "a verdict is no error: {}", broken.0.text());
    // The same break opens no second incident; other days are as good as before.
    shop.lamp("check orders").exits(1).does_not_say("incident opened");
    shop.lamp("check orders[2013-03-28]").succeeds().says("kept");

    let report = shop.lamp("check orders --json").exits(1).json();
    let pieces = report[0]["pieces"].as_array().expect("pieces").clone();
    let failed_days: Vec<_> = pieces
        .iter()
        .filter(|piece| piece["checks"].as_array().expect("checks").iter().any(|check| check["verdict"] == "failed"))
        .map(|piece| piece["partition"].as_str().expect("a day").to_owned())
        .collect();
    assert_eq!(failed_days, ["2013-03-29"]);
}

#[test]
fn warnings_break_nothing_and_rows_are_shown_without_what_is_sensitive() {
    let shop = shop_with_a_bad_day();
    let contract = "projects/bakery/contracts/orders.odcs.yaml";
    let text = shop.context.repo.read(contract);
    let text = text.replace("        logicalTypeOptions: {minimum: 1}\n", "");
    let text = text.replace("- metric: invalidValues\n", "- metric: invalidValues\n            severity: warning\n");
    shop.context.repo.write(contract, &text);
    let kept = shop.lamp("check orders --junit checks.xml").succeeds().says("0 failed, 1 warning, ");
    let row = kept.line_with(&["warning [2013-03-29] quality.street.invalidValues", "1 of 3 rows", "(conformity)"]);
    assert!(!row.contains("Oka"), "{row}");
    kept.line_with(&["street=Oka", "at=2013-03-29T"]);
    let junit = shop.context.repo.read("checks.xml");
    assert!(junit.contains(r#"failures="0""#) && junit.contains("street=Oka"), "{junit}");
    assert!(junit.contains(r#"<skipped message="warning: `street` is invalid"#), "{junit}");

    let text = text.replace("severity: warning", "severity: error");
    let text = text.replace("- name: street\n", "- name: street\n        classification: restricted\n");
    shop.context.repo.write(contract, &text);
    let broken = shop.lamp("check orders --junit checks.xml").exits(1).says("1 failed").does_not_say("Oka");
    broken.line_with(&["street=•••", "at=2013-03-29T"]);
    let junit = shop.context.repo.read("checks.xml");
    assert!(junit.contains(r#"failures="1""#) && !junit.contains("Oka"), "{junit}");
}

#[test]
fn a_day_is_held_against_the_days_before_and_against_other_datasets() {
    let shop = Shop::with_orders();
    let contract = "projects/bakery/contracts/orders.odcs.yaml";
    let own = |implementation: &str| format!("{{type: custom, engine: lamplighter, implementation: {implementation}}}");
    let text = shop.context.repo.read(contract).replace(
        "    quality:\n      - metric: rowCount\n",
        &format!(
            "    quality:\n      - {}\n      - {}\n      - {}\n      - metric: rowCount\n",
            own("{metric: rowCount, as: percentChange, against: previous, mustBeGreaterThan: -90}"),
            own("{metric: foreignKey, columns: [at, street], dataset: orders, to: [at, street], mustBe: 0}"),
            own("{metric: foreignKey, columns: [street], dataset: roads, to: [name], mustBe: 0}"),
        ),
    );
    shop.context.repo.write(contract, &text);
    let kept = shop.lamp("check orders --all").succeeds();
    kept.line_with(&["not evaluated [2013-03-27] quality.rowCount: there is nothing before it to compare with"]);
    kept.line_with(&[
        "passed [2013-03-28] quality.rowCount: the table: rowCount as percentChange against the one before is ",
    ]);
    kept.line_with(&["passed [2013-03-28] quality.foreignKey: the table: foreignKey in 0 of"]);
    let short = shop.lamp("check orders").succeeds();
    short.line_with(&[
        "not evaluated quality.foreignKey.2: there is no dataset `roads` with a version here (in 5 partitions)",
    ]);
}

#[test]
fn rows_of_another_day_and_rows_that_share_a_key_are_told() {
    let shop = Shop::new();
    let twice = orders("2013-03-28", &[("elm", 2, Some(1)), ("oak", 1, Some(0))]);
    let last = twice.lines().last().expect("a row").to_owned();
    shop.write_day("2013-03-28", &format!("{twice}{last}\n"));
    shop.write_day("2013-03-29", &orders("2013-03-30", &[("elm", 2, Some(1)), ("oak", 1, Some(0))]));
    shop.lamp("data add orders").succeeds();
    let broken = shop.lamp("check orders").exits(1).says("2 failed");
    broken.line_with(&["failed [2013-03-28] key.unique: key (at, street)", "1 of 3 rows"]);
    broken.line_with(&["failed [2013-03-29] partition.column: `at` is of 2013-03-30"]);
}

#[test]
fn a_check_that_cannot_be_made_is_neither_yes_nor_no() {
    let shop = Shop::new();
    shop.lamp("check").exits(2).says("no dataset with a version has a contract").hints("lamp data add NAME");
    shop.lamp("check orders").exits(2).says("dataset `orders` has no version").hints("lamp data add orders");
    shop.lamp("data add orders --commit").succeeds();
    shop.context
        .repo
        .write("projects/bakery/contracts/orders.odcs.yaml", "apiVersion: v3.1.0\nkind: DataContract\nshema: []\n");
    shop.lamp("check orders").exits(2).says("orders.odcs.yaml");
    shop.lamp("data build elm").exits(2);
    shop.lamp("check elm").exits(2);
}

#[test]
fn a_contract_is_linted_with_place_and_remedy() {
    let shop = Shop::new();
    let contract = "projects/bakery/contracts/orders.odcs.yaml";
    shop.lamp(&format!("contract lint {contract}")).succeeds().says("fine");
    let text = shop.context.repo.read(contract).replace("logicalTypeOptions", "logicalTypeOption");
    shop.context.repo.write("bad.odcs.yaml", text);
    shop.lamp("contract lint bad.odcs.yaml")
        .exits(1)
        .says("bad.odcs.yaml:26:")
        .says("error")
        .says("`logicalTypeOptions`");
    let found = shop.lamp("contract lint bad.odcs.yaml --json").exits(1).json();
    assert_eq!(found[0]["lints"][0]["line"], 26, "{found}");
    shop.lamp("contract lint nowhere.yaml").exits(2).says("nowhere.yaml");
}

#[test]
fn a_profile_is_drawn_in_the_terminal() {
    let shop = Shop::with_orders();
    let drawn = shop.lamp("profile orders").succeeds().says("orders@1  29 rows, 4 columns, 5 partitions");
    // 12 of 14 rows with Elm Street are training rows, 3 of the 15 with Oak Street are not.
    let elm = drawn.line("elm █");
    let oak = drawn.line("oak █");
    assert!(elm.ends_with(" 14") && oak.ends_with(" 15"), "{elm}\n{oak}");
    assert!(oak.matches('█').count() > elm.matches('█').count(), "the longer bar has more rows:\n{elm}\n{oak}");

    let one = shop.lamp("profile orders[2013-03-31] --column late --json").succeeds().json();
    assert_eq!((&one["rows"], &one["columns"][0]["nulls"]), (&3.into(), &1.into()), "{one}");
    let by_hand = shop.lamp("profile orders --column parcels --json").succeeds().json();
    let column = &by_hand["columns"][0];
    // 12 × 2 + 12 × 1 of the training days, then 1 + 3, then 1 + 2 + 2.
    let mean = column["mean"].as_f64().expect("a mean");
    assert!((mean - 45.0 / 29.0).abs() < 1e-9, "{by_hand}");
    assert_eq!((&column["min"], &column["max"]), (&1.into(), &3.into()), "{by_hand}");
    shop.lamp("profile orders --column colour").exits(2).says("no column `colour`").hints("at, street, parcels, late");
}

/// The days of March, each with some ten orders; on the last of them, `last` makes the orders.
fn shop_with_a_history(last: impl Fn(usize) -> (&'static str, i64)) -> Shop {
    let shop = Shop::new();
    for day in 1..=31_usize {
        let rows: Vec<_> = (0..9 + day * 7 % 3)
            .map(|row| {
                let usual = (if row % 2 == 0 { "elm" } else { "oak" }, 1 + i64::from(row % 5 == day % 3));
                let (street, parcels) = if day == 31 { last(row) } else { usual };
                (street, parcels, Some(u8::from(row % 7 == 0)))
            })
            .collect();
        let date = format!("2013-03-{day:02}");
        shop.write_day(&date, &orders(&date, &rows));
    }
    shop.lamp("data add orders --commit").succeeds();
    shop
}

#[test]
fn a_day_unlike_its_history_opens_an_incident_and_a_person_says_what_it_was() {
    let wrong_scale = |row| (if row % 2 == 0 { "elm" } else { "oak" }, 40 + i64::from(row % 5 == 0));
    let shop = shop_with_a_history(wrong_scale);
    // No promise is broken: the contract knows no upper bound.
    let checked = shop.lamp("check orders").succeeds().says("orders@1  kept").says("1 surprising");
    checked.line_with(&["surprising [2013-03-31] parcels:", "usually"]);
    let checked = checked.says("incident opened: orders[2013-03-31] is unlike its history: parcels");
    let id = checked.line("Next: lamp incidents ack").rsplit(' ').next().expect("an id").to_owned();
    shop.lamp("check orders").succeeds().says("1 surprising").does_not_say("incident opened");
    shop.lamp(&format!("incidents show {id}")).says("lamp check 'orders[2013-03-31]' --explain");
    let explained = shop.lamp("check orders[2013-03-31] --explain").succeeds().says("30 partitions before it");
    explained.line_with(&["COLUMN", "FEATURE", "EXPECTED", "SIGMAS"]);
    explained.line_with(&["parcels", "the level of 28 partitions"]);

    shop.lamp(&format!("incidents resolve {id} --as perhaps --note x")).exits(2).says("is not a decision");
    shop.lamp(&format!("incidents resolve {id} --as reject --note 'grams, not parcels'")).succeeds();
    shop.lamp("check orders[2013-03-31]").succeeds().says("surprising (reject) [2013-03-31]");
}

#[test]
fn a_short_history_gives_no_verdict() {
    Shop::with_orders().lamp("check").succeeds().says("no verdict yet, 4 partitions before it, and 22 are needed");
}

//! Practice 5: contracts from history, and what a change of one does to readers.

use super::shop::Shop;

const CONTRACT: &str = "projects/bakery/contracts/orders.odcs.yaml";

/// A day of sixty orders, in turns to two streets; every fourth has not come yet.
fn day(date: &str, turn: usize, streets: [&str; 2]) -> String {
    let row = |at: usize| {
        let late = if at.is_multiple_of(4) { "" } else { "1" };
        format!("{date}T15:{at:02}:00Z,{},{},{late}\n", streets[at % 2], 1 + (at + turn) % 5)
    };
    format!("at,street,parcels,late\n{}", (0..60).map(row).collect::<String>())
}

fn shop_with_a_history() -> Shop {
    let shop = Shop::new();
    for turn in 0..12 {
        let date = format!("2013-03-{:02}", turn + 20);
        shop.write_day(&date, &day(&date, turn, ["elm", "oak"]));
    }
    shop.lamp("data add orders --commit").succeeds();
    shop
}

#[test]
fn a_suggested_contract_is_fine_and_kept_by_the_data_that_it_came_from() {
    let shop = shop_with_a_history();
    let written = shop.lamp(&format!("contract suggest orders -o {CONTRACT} --force")).succeeds();
    let written = written.says("promises from").says("lamp check orders");
    assert!(written.0.stdout.contains("replayed"), "{}", written.0.text());
    shop.lamp(&format!("contract lint {CONTRACT}")).succeeds().says("fine");
    shop.lamp("check orders").succeeds().says("kept").says("0 failed, 0 not evaluated");
    let text = shop.context.repo.read(CONTRACT);
    for promised in ["validValues: [\"elm\", \"oak\"]", "primaryKey: true", "required: true", "mustBeGreaterOrEqualTo:"]
    {
        assert!(text.contains(promised), "{promised} in:\n{text}");
    }
    // What was promised is watched: a street that nobody knew breaks it.
    shop.write_day("2013-03-29", &day("2013-03-29", 0, ["ash", "oak"]));
    shop.lamp("data add orders").succeeds();
    shop.lamp("check orders@latest").exits(1).says("failed [2013-03-29] quality.street.invalidValues");

    shop.lamp(&format!("contract suggest orders -o {CONTRACT}")).exits(2).says("is there already").hints("--force");
    let printed = shop.lamp("contract suggest orders@1 --json").succeeds().json();
    let rules = printed["rules"].as_array().expect("rules");
    let parcels = rules.iter().find(|rule| rule["column"] == "parcels" && rule["promise"] == "maximum 6").cloned();
    assert_eq!(parcels.expect("a bound of parcels")["backtest"]["alarms"], 0, "{printed}");
}

#[test]
fn a_change_that_breaks_readers_is_no() {
    let shop = Shop::new();
    shop.lamp("contract diff").succeeds().says("unchanged");
    let before = shop.context.repo.read(CONTRACT);
    let looser = before.replace("validValues: [elm, oak]", "validValues: [elm, oak, ash]");
    shop.context.repo.write(CONTRACT, looser);
    let broken = shop.lamp("contract diff").exits(1).says("breaking (1)");
    broken.line_with(&["loosened", "orders.street.invalidValues", "\"ash\""]);
    shop.lamp(&format!("contract diff {CONTRACT} --json")).exits(1);
    // The same, asked for by revision; and the other way round it is a stronger promise.
    shop.lamp(&format!("contract diff HEAD:{CONTRACT} {CONTRACT}")).exits(1).says("write version: 2.0.0");
    shop.lamp(&format!("contract diff {CONTRACT} HEAD:{CONTRACT}")).succeeds().says("compatible").says("tightened");
    shop.lamp("contract diff nowhere.yaml").exits(2).says("nowhere.yaml");
    shop.context.repo.write("new.odcs.yaml", before);
    shop.lamp("contract diff new.odcs.yaml").succeeds().says("new");
}

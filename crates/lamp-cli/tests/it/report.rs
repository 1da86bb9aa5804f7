//! Practice 7: the candidate's report, beside the model that serves, on the same held-out rows.

use super::shop::{Shop, TRAINING_DAYS, orders, training_day};

const CONFIG: &str = "projects/bakery/lamp.toml";

/// Sixty orders of each street; of Elm Street 45 come late, of Oak Street 15.
fn held_out() -> String {
    let orders_of = |street, late: usize| (0..60).map(move |at| (street, 1, Some(u8::from(at % 4 < late))));
    let rows: Vec<_> = orders_of("elm", 3).chain(orders_of("oak", 1)).collect();
    // More than a day has hours: all within one.
    let text = orders("2013-03-30", &rows);
    text.lines().enumerate().map(|(at, line)| minute(at, line)).collect()
}

fn minute(at: usize, line: &str) -> String {
    match line.split_once("Z,") {
        Some((_, rest)) => format!("2013-03-30T{:02}:{:02}:00Z,{rest}\n", 12 + at / 60, at % 60),
        None => format!("{line}\n"),
    }
}

#[test]
fn a_candidate_is_better_worse_or_nobody_can_tell() {
    let shop = Shop::new();
    shop.write_day("2013-03-30", &held_out());
    // The first model learns from days on which the streets were mixed up.
    for day in TRAINING_DAYS {
        let mixed = training_day(day).replace(",elm,", ",was-elm,").replace(",oak,", ",elm,");
        shop.write_day(day, &mixed.replace(",was-elm,", ",oak,"));
    }
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("train late").exits(1).does_not_say("verdict").says("orders@1: nobody had checked it");
    shop.lamp("approve late@1 --note 'it is all we have' --override-gate").succeeds();
    shop.lamp("deploy late late@1 --as primary").succeeds();

    for day in TRAINING_DAYS {
        shop.write_day(day, &training_day(day));
    }
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("check orders").succeeds();
    let trained = shop.train("late");
    let beside = &trained.evidence()["beside"];
    assert_eq!(beside["standing"], "better", "{beside}");
    // Every row on which the first was right, the second is wrong about, and the other way round.
    assert_eq!(beside["decided_differently"], 1.0);
    let shown = shop.lamp("models show late@2").succeeds();
    let verdict = shown.line("verdict");
    assert!(verdict.contains("better than late@1: roc_auc +0.5") && verdict.contains('['), "{verdict}");
    let shown = shown.says("1,000 paired resamples of 122 rows").says("differ on 100.0 % of the rows");
    let shown = shown.does_not_say("careful").says("orders@2: all ");
    let elm = shown.line("street = elm");
    assert!(elm.contains("60") && elm.contains("roc_auc") && elm.contains("+0.0000"), "{elm}");
    shown.line_with(&["street = oak", "62"]);

    // The same again: nobody can tell. The first model would lose to the second.
    shop.lamp("approve late@2 --note 'it knows the streets'").succeeds();
    shop.lamp("deploy late late@2 --as primary").succeeds();
    shop.lamp("train late -p note=again").succeeds().says("can't tell it from late@2: roc_auc +0.0000");

    // Who serves has seen a day of the new exam, on which a contract is broken.
    let config = shop.context.repo.read(CONFIG).replacen("[..2013-03-30]", "[..2013-03-29]", 1);
    let config = config.replacen("orders[2013-03-30..]", "orders[2013-03-29..]", 1);
    shop.context.repo.write(CONFIG, config);
    shop.write_day("2013-03-29", &training_day("2013-03-29").replace(",1,", ",0,"));
    shop.context.repo.commit("A longer exam");
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("check orders").exits(1);
    let seen = shop.lamp("train late").succeeds();
    seen.says("contaminated: late@2 was trained on 1 of the 3 held-out partitions")
        .says("trained on data with 1 broken promise: orders@3 (2013-03-29 ")
        .says("checks failed");
}

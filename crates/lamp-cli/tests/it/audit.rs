//! Who did what, hash-chained.

use std::process::Command;

use super::shop::Shop;

/// Changes the ledger behind lamp's back.
fn tamper(shop: &Shop, sql: &str) {
    let script = "import sqlite3, sys\nledger = sqlite3.connect(sys.argv[1])\n\
                  changed = ledger.execute(sys.argv[2]).rowcount\nledger.commit()\nassert changed == 1, changed";
    let ledger = shop.context.repo.path().join(".lamp/ledger.db");
    let status = Command::new("python3").args(["-c", script]).arg(ledger).arg(sql).status().expect("python3 runs");
    assert!(status.success());
}

fn shop_with_a_past() -> Shop {
    let shop = Shop::with_orders();
    shop.train("late-simple");
    shop.lamp("approve late-simple@1 --note 'simple is fine'").succeeds();
    shop.lamp("deploy late late-simple@1 --as shadow").succeeds();
    shop
}

#[test]
fn every_act_is_in_the_chain_and_a_forged_one_is_found() {
    let shop = shop_with_a_past();
    let listed = shop.lamp("audit ls").succeeds();
    let listed = listed.says("data.added").says("run.started").says("model.registered").says("service.deployed");
    let signed = listed.line("model.approved");
    assert!(signed.contains("ada@example.com") && signed.contains("late-simple@1"), "{signed}");
    assert!(signed.contains("(injected)"), "time that is not the world's is marked: {signed}");
    shop.lamp("audit verify").succeeds().says("whole");

    tamper(&shop, "UPDATE audit_events SET actor = replace(actor, 'ada', 'eve') WHERE action = 'model.approved'");
    shop.lamp("audit verify").exits(1).says("broken at event");
    let found = shop.lamp("audit verify --json").exits(1).json();
    assert!(found["broken"]["seq"].as_u64().is_some_and(|seq| seq > 1), "{found}");
}

#[test]
fn a_removed_event_is_missed() {
    let shop = shop_with_a_past();
    tamper(&shop, "DELETE FROM audit_events WHERE seq = (SELECT max(seq) FROM audit_events)");
    shop.lamp("audit verify").exits(1).says("broken");
}

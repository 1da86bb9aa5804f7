//! The audit chain.

use lamp_core::audit::{check_link, genesis};
use lamp_ledger::{AUDIT_PAGE_MAX, Ledger};

use crate::place::{Place, on_both};
use crate::samples::entry;

async fn record(ledger: &Ledger, count: u32) {
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in 1..=count {
        tx.audit(&entry("data.added", &format!("flights@{number}"))).await.expect("recorded");
    }
    tx.commit().await.expect("saved");
}

async fn events_are_read_back_as_recorded_and_linked(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    let first = tx.audit(&entry("data.added", "flights@1")).await.expect("recorded");
    let second = tx.audit(&entry("model.approved", "delay@12")).await.expect("recorded");
    tx.commit().await.expect("saved");

    assert_eq!((first.seq, first.previous), (1, genesis()));
    assert_eq!(check_link(Some(&first), &second), Ok(()));
    assert_eq!(ledger.audit_events(0, 10).await.expect("events"), [first.clone(), second.clone()]);
    assert_eq!(ledger.latest_audit_events(10).await.expect("events"), [second.clone(), first.clone()]);
    assert_eq!(ledger.latest_audit_events(1).await.expect("events"), std::slice::from_ref(&second));
    assert_eq!(ledger.audit_events(0, 1).await.expect("events"), [first]);
    assert_eq!(ledger.audit_events(1, 10).await.expect("events"), std::slice::from_ref(&second));
    assert_eq!(second.entry, entry("model.approved", "delay@12"));

    let report = ledger.verify_audit().await.expect("a report");
    assert_eq!((report.events, report.head, report.broken), (2, second.hash, None));
}

async fn a_long_chain_is_verified_page_by_page(place: Place) {
    let ledger = place.open().await;
    let count = AUDIT_PAGE_MAX + 3;
    record(&ledger, count).await;
    let report = ledger.verify_audit().await.expect("a report");
    assert_eq!((report.events, report.broken), (u64::from(count), None));
    assert_eq!(ledger.audit_events(0, u32::MAX).await.expect("events").len(), AUDIT_PAGE_MAX as usize);
}

async fn an_empty_chain_is_whole(place: Place) {
    let report = place.open().await.verify_audit().await.expect("a report");
    assert_eq!((report.events, report.head, report.broken), (0, genesis(), None));
}

/// Changes rows by SQL and expects the chain to be broken at an event.
async fn tampered(place: &Place, sql: &str, expected: u64) {
    let ledger = place.open().await;
    let broken = |report: lamp_ledger::AuditReport| report.broken;
    place.tamper(sql).await;
    let broken = broken(ledger.verify_audit().await.expect("a report"));
    let broken = broken.unwrap_or_else(|| panic!("not noticed: {sql}"));
    assert_eq!(broken.seq, expected, "{sql}: {}", broken.why);
}

async fn every_changed_column_is_noticed(place: Place) {
    let ledger = place.open().await;
    record(&ledger, 3).await;
    for (column, forged) in [
        ("at", "at + 1"),
        ("injected_time", "0"),
        ("actor", "'other@example.com'"),
        ("actor_auth", "'system'"),
        ("action", "'data.removed'"),
        ("subject", "'flights@9'"),
        ("details", "'{}'"),
        ("details", "'{'"),
        ("previous", "hash"),
        ("hash", "previous"),
        ("hash", "'x'"),
    ] {
        place.tamper("CREATE TABLE kept AS SELECT * FROM audit_events").await;
        tampered(&place, &format!("UPDATE audit_events SET {column} = {forged} WHERE seq = 2"), 2).await;
        let restore = "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept; DROP TABLE kept";
        place.tamper(restore).await;
        assert_eq!(ledger.verify_audit().await.expect("a report").broken, None);
    }
}

async fn a_removed_event_is_noticed(place: Place) {
    record(&place.open().await, 3).await;
    tampered(&place, "DELETE FROM audit_events WHERE seq = 2", 2).await;
}

async fn a_truncated_tail_is_noticed(place: Place) {
    record(&place.open().await, 3).await;
    tampered(&place, "DELETE FROM audit_events WHERE seq >= 2", 2).await;
}

async fn an_emptied_log_is_noticed(place: Place) {
    record(&place.open().await, 3).await;
    tampered(&place, "DELETE FROM audit_events", 1).await;
}

async fn a_forged_head_is_noticed(place: Place) {
    record(&place.open().await, 3).await;
    tampered(&place, "UPDATE audit_head SET seq = 2", 3).await;
    tampered(&place, "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_events WHERE seq = 2)", 3).await;
    tampered(&place, "DELETE FROM audit_head", 3).await;
}

on_both! {
    events_are_read_back_as_recorded_and_linked,
    a_long_chain_is_verified_page_by_page,
    an_empty_chain_is_whole,
    every_changed_column_is_noticed,
    a_removed_event_is_noticed,
    a_truncated_tail_is_noticed,
    an_emptied_log_is_noticed,
    a_forged_head_is_noticed,
}

//! Verdicts of contracts.

use lamp_core::check::{Check, CheckRecord, Verdict};
use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use lamp_core::partition::PartitionKey;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, dataset, version};

fn record(rule: &str, partition: Option<&str>, verdict: Verdict, measured: Option<f64>) -> CheckRecord {
    CheckRecord {
        dataset: dataset("flights"),
        version: 1,
        partition: partition.map(|text| PartitionKey::parse(text).expect("a partition")),
        contract: Digest::of(b"contract"),
        checked_at: at(0),
        check: Check {
            rule: rule.to_owned(),
            column: rule.strip_prefix("schema.").map(str::to_owned),
            verdict,
            measured,
            bound: ">= 600 rows".to_owned(),
            message: "841 rows".to_owned(),
            severity: Some("error".to_owned()),
        },
    }
}

async fn the_latest_verdict_of_each_rule_and_partition_counts(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    let first = [
        record("quality.rows", None, Verdict::Failed, Some(0.1)),
        record("quality.rows", Some("2013-01-02"), Verdict::Failed, Some(12.0)),
        record("quality.rows", Some("2013-01-01"), Verdict::Passed, Some(842.0)),
        record("schema.carrier", None, Verdict::NotEvaluated, None),
        record("quality.mean", None, Verdict::Failed, Some(f64::NAN)),
    ];
    tx.record_checks(&first).await.expect("recorded");
    tx.commit().await.expect("saved");

    // The same instant again: what was written last counts, not what the clock says.
    let mut tx = ledger.begin().await.expect("a transaction");
    let again = record("quality.rows", None, Verdict::Passed, None);
    tx.record_checks(std::slice::from_ref(&again)).await.expect("recorded");
    let later = record("quality.rows", Some("2013-01-02"), Verdict::Passed, Some(f64::INFINITY));
    tx.record_checks(std::slice::from_ref(&later)).await.expect("recorded");
    tx.commit().await.expect("saved");

    let mean = record("quality.mean", None, Verdict::Failed, None);
    let [_, _, day_one, carrier, _] = first;
    let found = ledger.checks(&dataset("flights"), 1).await.expect("checks");
    assert_eq!(found, [mean, again, carrier, day_one, later]);
    assert_eq!(ledger.checks(&dataset("flights"), 2).await.expect("checks"), []);
}

async fn a_check_needs_its_version(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    let orphan = record("quality.rows", None, Verdict::Passed, None);
    assert_eq!(kind(tx.record_checks(&[orphan]).await), Kind::NotFound);
}

on_both! {
    the_latest_verdict_of_each_rule_and_partition_counts,
    a_check_needs_its_version,
}

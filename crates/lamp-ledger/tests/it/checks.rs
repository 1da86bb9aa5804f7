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
            dimension: None,
            samples: Vec::new(),
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

async fn verdicts_are_counted_by_partition(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    let day = Some("2013-01-01");
    let looked = [
        record("quality.rows", day, Verdict::Failed, Some(12.0)),
        record("schema.carrier", day, Verdict::Passed, None),
        record("schema.origin", day, Verdict::Passed, None),
        record("quality.rows", Some("2013-01-02"), Verdict::Failed, Some(0.0)),
        record("sla.latency", None, Verdict::NotEvaluated, None),
        record("quality.rows", day, Verdict::Passed, Some(842.0)),
    ];
    tx.record_checks(&looked).await.expect("recorded");
    tx.commit().await.expect("saved");
    let flights = dataset("flights");
    let counts = ledger.check_counts(&flights, 1).await.expect("counts");
    let told = |count: &lamp_ledger::CheckCount| {
        (count.partition.as_ref().map(ToString::to_string), count.verdict, count.rules, count.checked_at)
    };
    let day_named = |day: &str| Some(day.to_owned());
    let expected = [
        (None, Verdict::NotEvaluated, 1, at(0)),
        (day_named("2013-01-01"), Verdict::Passed, 3, at(0)),
        (day_named("2013-01-02"), Verdict::Failed, 1, at(0)),
    ];
    assert_eq!(counts.iter().map(told).collect::<Vec<_>>(), expected);
    let [_, carrier, origin, failed, latency, rows] = looked;
    assert_eq!(ledger.failed_checks(&flights, 1, 10).await.expect("checks"), [failed]);
    assert_eq!(ledger.failed_checks(&flights, 1, 0).await.expect("checks"), []);
    let of_day = ledger.checks_of_partition(&flights, 1, rows.partition.as_ref()).await.expect("checks");
    assert_eq!(of_day, [carrier, origin, rows]);
    assert_eq!(ledger.checks_of_partition(&flights, 1, None).await.expect("checks"), [latency]);
    assert_eq!(ledger.check_counts(&flights, 2).await.expect("counts"), []);
}

async fn warnings_are_counted_apart(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    let with = |rule: &str, severity: Option<&str>| {
        let mut record = record(rule, None, Verdict::Failed, Some(1.0));
        record.check.severity = severity.map(str::to_owned);
        record
    };
    let looked = [with("a", None), with("b", Some("Critical")), with("c", Some("WARN")), with("d", Some("info"))];
    tx.record_checks(&looked).await.expect("recorded");
    tx.commit().await.expect("saved");
    let counts = ledger.check_counts(&dataset("flights"), 1).await.expect("counts");
    assert_eq!(counts.iter().map(|count| (count.is_minor, count.rules)).collect::<Vec<_>>(), [(false, 2), (true, 2)]);
    let kept = ledger.checks(&dataset("flights"), 1).await.expect("checks");
    let severities: Vec<_> = kept.iter().map(|record| record.check.severity.as_deref()).collect();
    assert_eq!(severities, [None, Some("error"), Some("warning"), Some("info")]);
}

/// A broken rule that is no fault of the data.
fn with_severity(rule: &str, partition: Option<&str>, severity: &str) -> CheckRecord {
    let mut record = record(rule, partition, Verdict::Failed, None);
    record.check.severity = Some(severity.to_owned());
    record
}

async fn a_partition_is_as_good_as_its_last_check(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    for seed in ["a", "b"] {
        tx.add_version(version("flights", seed)).await.expect("added");
    }
    let of =
        |version, contract: &[u8], check: CheckRecord| CheckRecord { version, contract: Digest::of(contract), ..check };
    let (one, two, old) = (Some("2013-03-01"), Some("2013-03-02"), Some("2013-01-31"));
    let looked = [
        of(1, b"strict", record("quality.rows", old, Verdict::Failed, None)),
        of(1, b"strict", record("quality.rows", one, Verdict::Failed, None)),
        of(1, b"strict", record("schema.carrier", one, Verdict::Passed, None)),
        of(1, b"strict", record("quality.rows", two, Verdict::Failed, None)),
        // Freshness is no fault of the partition.
        of(1, b"strict", record("sla.latency", two, Verdict::Failed, None)),
        // Another contract has no such rule: what the first one said of it is history.
        of(1, b"mild", record("schema.carrier", one, Verdict::Passed, None)),
        // A corrected version was checked, and kept its contract.
        of(2, b"strict", record("quality.rows", two, Verdict::Passed, None)),
        of(2, b"strict", with_severity("quality.nulls", two, "warning")),
        // A month counts from its first day on.
        of(2, b"strict", record("quality.rows", Some("2013-02"), Verdict::Failed, None)),
        // Without partitions every version is one.
        of(1, b"strict", record("quality.rows", None, Verdict::Failed, None)),
        of(2, b"strict", record("quality.rows", None, Verdict::Passed, None)),
    ];
    tx.record_checks(&looked).await.expect("recorded");
    tx.commit().await.expect("saved");
    let flights = dataset("flights");
    let told = |since: &str| {
        let since = since.parse().expect("a day");
        let ledger = &ledger;
        let flights = &flights;
        async move {
            let found = ledger.partition_outcomes(flights, since).await.expect("outcomes");
            let key = |outcome: &lamp_ledger::PartitionOutcome| {
                outcome.partition.as_ref().map_or_else(String::new, ToString::to_string)
            };
            found.iter().map(|one| (key(one), one.version, one.failed)).collect::<Vec<_>>()
        }
    };
    let whole = [(String::new(), 1, 1), (String::new(), 2, 0)];
    let days = [("2013-03-01".to_owned(), 1, 0), ("2013-03-02".to_owned(), 2, 0)];
    let month = [("2013-02".to_owned(), 2, 1)];
    assert_eq!(told("2013-02-20").await, [whole.as_slice(), &month, &days].concat());
    assert_eq!(told("2013-03-02").await, [whole.as_slice(), &days[1..]].concat());
}

async fn a_check_needs_its_version(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    let orphan = record("quality.rows", None, Verdict::Passed, None);
    assert_eq!(kind(tx.record_checks(&[orphan]).await), Kind::NotFound);
}

on_both! {
    the_latest_verdict_of_each_rule_and_partition_counts,
    verdicts_are_counted_by_partition,
    warnings_are_counted_apart,
    a_partition_is_as_good_as_its_last_check,
    a_check_needs_its_version,
}

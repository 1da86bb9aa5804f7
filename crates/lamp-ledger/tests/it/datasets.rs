//! Dataset versions.

use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use lamp_core::run::Purpose;
use lamp_ledger::NewVersion;

use crate::place::{Place, kind, on_both};
use crate::samples::{dataset, entry, run, run_id, version};

async fn a_version_is_read_back_as_added(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_run(&run(1, Purpose::Build(dataset("trips")))).await.expect("recorded");
    let new = NewVersion { run: Some(run_id(1)), ..version("trips", "a") };
    let added = tx.add_version(new.clone()).await.expect("added");
    let bare = NewVersion { rows: None, note: None, files: 0, ..version("predictions/delay", "a") };
    let bare = tx.add_version(bare).await.expect("added").version;
    tx.commit().await.expect("saved");

    assert!(added.is_new);
    let found = ledger.find_version(&new.dataset, 1).await.expect("an answer").expect("a version");
    assert_eq!(found, added.version);
    assert_eq!(
        (found.digest, found.files, found.bytes, found.rows, found.run, found.created_by, found.created_at, found.note),
        (new.digest, new.files, new.bytes, new.rows, new.run, new.created_by, new.created_at, new.note)
    );
    assert_eq!(ledger.versions_made_by(run_id(1)).await.expect("an answer"), [added.version]);
    assert_eq!(ledger.latest_version(&dataset("predictions/delay")).await.expect("an answer"), Some(bare));
    assert_eq!(ledger.latest_version(&dataset("weather")).await.expect("an answer"), None);
    assert_eq!(ledger.find_version(&new.dataset, 2).await.expect("an answer"), None);
}

async fn the_same_bytes_are_the_same_version(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    let first = tx.add_version(version("flights", "a")).await.expect("added");
    tx.commit().await.expect("saved");

    let mut tx = ledger.begin().await.expect("a transaction");
    let other_note = NewVersion { note: Some("again".to_owned()), ..version("flights", "a") };
    let again = tx.add_version(other_note).await.expect("added");
    let second = tx.add_version(version("flights", "b")).await.expect("added");
    let elsewhere = tx.add_version(version("weather", "a")).await.expect("added");
    tx.commit().await.expect("saved");

    assert!(!again.is_new);
    assert_eq!(again.version, first.version);
    assert_eq!((second.version.version, second.is_new), (2, true));
    assert_eq!((elsewhere.version.version, elsewhere.is_new), (1, true));
    let flights = dataset("flights");
    assert_eq!(
        ledger.versions(&flights).await.expect("an answer"),
        [second.version.clone(), first.version.clone()],
        "newest first"
    );
    let by_digest = ledger.find_version_by_digest(&flights, &Digest::of(b"a")).await.expect("an answer");
    assert_eq!(by_digest, Some(first.version));

    let summaries = ledger.datasets().await.expect("an answer");
    let summaries: Vec<_> =
        summaries.iter().map(|one| (one.latest.dataset.as_str(), one.latest.version, one.versions)).collect();
    assert_eq!(summaries, [("flights", 2, 2), ("weather", 1, 1)]);
}

/// Eight tasks over four openings of the same ledger add versions, each with its audit event.
async fn numbers_have_no_gaps_when_many_add_at_once(place: Place) {
    const TASKS: u32 = 8;
    const ROUNDS: u32 = 6;
    let mut ledgers = Vec::new();
    for _ in 0..4 {
        ledgers.push(place.open().await);
    }
    let tasks = (0..TASKS).map(|task| {
        let ledger = ledgers[task as usize % ledgers.len()].clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let mut tx = ledger.begin().await.expect("a transaction");
                // Half of them the other way round: the order of writes must not matter.
                if task % 2 == 0 {
                    tx.audit(&entry("data.added", "flights")).await.expect("recorded");
                }
                tx.add_version(version("flights", &format!("{task} {round}"))).await.expect("added");
                if task % 2 == 1 {
                    tx.audit(&entry("data.added", "flights")).await.expect("recorded");
                }
                if round == 3 && task == 5 {
                    drop(tx);
                } else {
                    tx.commit().await.expect("saved");
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task ends well");
    }
    let saved = TASKS * ROUNDS - 1;
    let numbers: Vec<_> =
        ledgers[0].versions(&dataset("flights")).await.expect("versions").iter().map(|one| one.version).collect();
    assert_eq!(numbers, (1..=saved).rev().collect::<Vec<_>>());
    let page = ledgers[0].versions_page(&dataset("flights"), 2, 3).await.expect("versions");
    assert_eq!(page.iter().map(|one| one.version).collect::<Vec<_>>(), numbers[2..5]);
    let report = ledgers[0].verify_audit().await.expect("a report");
    assert_eq!((report.events, report.broken), (u64::from(saved), None));
}

async fn two_adders_of_the_same_bytes_share_one_version(place: Place) {
    let ledgers = [place.open().await, place.open().await];
    let tasks = ledgers.map(|ledger| {
        tokio::spawn(async move {
            let mut tx = ledger.begin().await.expect("a transaction");
            let added = tx.add_version(version("flights", "same")).await.expect("added");
            tx.commit().await.expect("saved");
            (added.version.version, added.is_new)
        })
    });
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("the task ends well"));
    }
    answers.sort_unstable();
    assert_eq!(answers, [(1, false), (1, true)]);
}

async fn what_cannot_be_kept_is_refused(place: Place) {
    let ledger = place.open().await;
    let refused = [
        (NewVersion { run: Some(run_id(9)), ..version("flights", "a") }, Kind::NotFound),
        (NewVersion { note: Some("a\0b".to_owned()), ..version("flights", "a") }, Kind::Invalid),
        (NewVersion { bytes: u64::MAX, ..version("flights", "a") }, Kind::Invalid),
    ];
    for (new, expected) in refused {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.add_version(new).await), expected);
    }
    assert_eq!(ledger.latest_version(&dataset("flights")).await.expect("an answer"), None);
}

on_both! {
    a_version_is_read_back_as_added,
    the_same_bytes_are_the_same_version,
    numbers_have_no_gaps_when_many_add_at_once,
    two_adders_of_the_same_bytes_share_one_version,
    what_cannot_be_kept_is_refused,
}

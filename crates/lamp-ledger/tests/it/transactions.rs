//! All or nothing.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use lamp_core::error::Kind;
use lamp_ledger::Ledger;

use crate::place::{Place, kind, on_both};
use crate::samples::{dataset, entry, model_ref, training, version};

async fn is_empty(ledger: &Ledger) -> bool {
    let runs = ledger.runs(9).await.expect("runs");
    let datasets = ledger.datasets().await.expect("datasets");
    let audit = ledger.verify_audit().await.expect("a report");
    runs.is_empty() && datasets.is_empty() && audit.events == 0 && audit.broken.is_none()
}

async fn what_is_not_committed_is_not_there(place: Place) {
    let ledger = place.open().await;
    for wait_for_it in [true, false] {
        let mut tx = ledger.begin().await.expect("a transaction");
        tx.add_run(&training(1)).await.expect("recorded");
        tx.add_version(version("flights", "a")).await.expect("added");
        tx.audit(&entry("data.added", "flights@1")).await.expect("recorded");
        assert!(is_empty(&ledger).await, "nobody else sees it yet");
        if wait_for_it {
            tx.rollback().await.expect("undone");
        } else {
            drop(tx);
        }
        assert!(is_empty(&ledger).await);
    }
}

async fn a_transaction_sees_what_it_wrote(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_run(&training(1)).await.expect("recorded");
    tx.add_version(version("flights", "a")).await.expect("added");
    assert!(tx.find_run(training(1).id).await.expect("an answer").is_some());
    assert!(tx.latest_version(&dataset("flights")).await.expect("an answer").is_some());
    assert!(tx.find_model(&model_ref("delay", 1)).await.expect("an answer").is_none());
}

/// Postgres turns the commit of a failed transaction into a rollback without saying so. We say so.
async fn nothing_of_a_failed_transaction_is_saved(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    assert_eq!(kind(tx.retire_model(&model_ref("delay", 1)).await), Kind::NotFound);
    assert_eq!(kind(tx.add_version(version("flights", "b")).await), Kind::Internal);
    assert_eq!(kind(tx.latest_version(&dataset("flights")).await), Kind::Internal);
    assert_eq!(kind(tx.commit().await), Kind::Internal);
    assert!(is_empty(&ledger).await);

    let mut failed = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(failed.retire_model(&model_ref("delay", 1)).await), Kind::NotFound);
    let mut tx = ledger.begin().await.expect("the next one does not wait for a failed one to be dropped");
    tx.add_version(version("flights", "a")).await.expect("added");
    tx.commit().await.expect("saved");
}

/// How often an operation is begun until one can be cancelled half way.
const TRIES_MAX: u32 = 50;

async fn an_operation_cancelled_half_way_is_not_saved(place: Place) {
    let ledger = place.open().await;
    for _ in 0..TRIES_MAX {
        let mut tx = ledger.begin().await.expect("a transaction");
        let is_half_way = {
            let operation = std::pin::pin!(tx.add_version(version("flights", "a")));
            operation.poll(&mut Context::from_waker(Waker::noop())).is_pending()
        };
        // On a busy machine the database may have answered before it was looked at. That is saved nowhere
        // either, since it is not committed.
        if !is_half_way {
            continue;
        }
        assert_eq!(kind(tx.commit().await), Kind::Internal);
        assert!(is_empty(&ledger).await);
        return;
    }
    panic!("the database always answers at once");
}

async fn readers_do_not_wait_for_a_writer(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    let read =
        tokio::time::timeout(Duration::from_secs(5), async { place.open().await.datasets().await.expect("datasets") });
    assert!(read.await.expect("opening and reading need no turn").is_empty());
    tx.commit().await.expect("saved");
}

async fn a_writer_that_never_ends_makes_others_fail_and_not_hang(place: Place) {
    let ledger = place.open().await;
    let tx = ledger.begin().await.expect("a transaction");
    let elsewhere = place.open().await;
    let (here, there) = tokio::join!(ledger.begin(), elsewhere.begin());
    assert_eq!(kind(here), Kind::Unavailable);
    assert_eq!(kind(there), Kind::Unavailable);
    drop(tx);
    ledger.begin().await.expect("the turn is free again").rollback().await.expect("undone");
}

on_both! {
    what_is_not_committed_is_not_there,
    a_transaction_sees_what_it_wrote,
    nothing_of_a_failed_transaction_is_saved,
    an_operation_cancelled_half_way_is_not_saved,
    readers_do_not_wait_for_a_writer,
    a_writer_that_never_ends_makes_others_fail_and_not_hang,
}

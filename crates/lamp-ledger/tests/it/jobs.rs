//! The queue.

use lamp_core::error::Kind;
use lamp_core::ids::JobId;
use lamp_core::job::{Job, JobKind};
use lamp_core::names::ServiceName;
use lamp_ledger::Ledger;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, uuid};

fn job(number: u8, key: &str, due: i64) -> Job {
    let service = ServiceName::parse("delay").expect("a service name");
    Job {
        id: JobId(uuid(number)),
        kind: JobKind::CompactPredictions { service },
        due_at: at(due),
        attempts: 0,
        key: key.to_owned(),
    }
}

async fn enqueue(ledger: &Ledger, job: &Job) -> bool {
    let mut tx = ledger.begin().await.expect("a transaction");
    let queued = tx.enqueue(job).await.expect("an answer");
    tx.commit().await.expect("saved");
    queued
}

async fn claim(ledger: &Ledger, now: i64) -> Option<Job> {
    let mut tx = ledger.begin().await.expect("a transaction");
    let job = tx.claim_job(at(now), at(now + 10)).await.expect("an answer");
    tx.commit().await.expect("saved");
    job
}

async fn a_job_is_done_once(place: Place) {
    let ledger = place.open().await;
    assert!(enqueue(&ledger, &job(1, "late", 5)).await);
    assert!(enqueue(&ledger, &job(2, "early", 3)).await);
    assert!(!enqueue(&ledger, &job(3, "early", 0)).await, "one with that key waits");
    assert_eq!(ledger.waiting_jobs(9).await.expect("jobs"), [job(2, "early", 3), job(1, "late", 5)]);

    assert_eq!(claim(&ledger, 2).await, None, "nothing is due");
    let first = claim(&ledger, 6).await.expect("a job");
    assert_eq!(first, Job { attempts: 1, ..job(2, "early", 3) });
    assert_eq!(claim(&ledger, 6).await.expect("a job").key, "late");
    assert_eq!(claim(&ledger, 6).await, None, "both are leased");
    assert!(enqueue(&ledger, &job(4, "early", 100)).await, "none with that key waits now");

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.finish_job(first.id).await.expect("finished");
    tx.commit().await.expect("saved");
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.finish_job(first.id).await), Kind::Conflict);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.finish_job(JobId(uuid(4))).await), Kind::Conflict, "it waits");
}

async fn a_lease_that_ran_out_is_taken_over(place: Place) {
    let ledger = place.open().await;
    enqueue(&ledger, &job(1, "a", 0)).await;
    assert_eq!(claim(&ledger, 0).await.expect("a job").attempts, 1);
    assert_eq!(claim(&ledger, 9).await, None);
    assert_eq!(claim(&ledger, 10).await.expect("a job").attempts, 2);
}

async fn a_failed_job_is_tried_again(place: Place) {
    let ledger = place.open().await;
    enqueue(&ledger, &job(1, "a", 0)).await;
    let claimed = claim(&ledger, 0).await.expect("a job");
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.retry_job(claimed.id, at(30), "no disk").await.expect("put back");
    tx.commit().await.expect("saved");
    assert_eq!(claim(&ledger, 29).await, None);
    let again = claim(&ledger, 30).await.expect("a job");
    assert_eq!((again.id, again.attempts), (claimed.id, 2));

    // Meanwhile another of the same key was queued: that one will do.
    assert!(enqueue(&ledger, &job(2, "a", 40)).await);
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.retry_job(again.id, at(50), "no disk").await.expect("left to the other");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.waiting_jobs(9).await.expect("jobs"), [job(2, "a", 40)]);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.retry_job(again.id, at(60), "").await), Kind::Conflict);
}

async fn many_workers_share_the_queue(place: Place) {
    let ledger = place.open().await;
    for number in 1..=12 {
        enqueue(&ledger, &job(number, &number.to_string(), 0)).await;
    }
    let other = place.open().await;
    let workers = (0..4).map(|worker| {
        let ledger = if worker % 2 == 0 { ledger.clone() } else { other.clone() };
        tokio::spawn(async move {
            let mut done = Vec::new();
            while let Some(job) = claim(&ledger, 1).await {
                done.push(job.id);
            }
            done
        })
    });
    let mut done = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        done.extend(worker.await.expect("the worker ends well"));
    }
    done.sort_unstable();
    assert_eq!(done, (1..=12).map(|number| JobId(uuid(number))).collect::<Vec<_>>());
}

on_both! {
    a_job_is_done_once,
    a_lease_that_ran_out_is_taken_over,
    a_failed_job_is_tried_again,
    many_workers_share_the_queue,
}

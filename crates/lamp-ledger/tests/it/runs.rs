//! Runs.

use std::collections::BTreeMap;

use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use lamp_core::run::{OutputFile, PinnedInput, Purpose, Run, RunManifest, RunState};
use lamp_ledger::{PREFIX_MATCHES_MAX, RunChange};

use crate::place::{Place, kind, on_both};
use crate::samples::{at, dataset, run, run_id, training};

fn manifest(run: &Run) -> RunManifest {
    let input = PinnedInput {
        dataset: dataset("trips"),
        version: 3,
        digest: Digest::of(b"trips"),
        slice: "trips[..-1month]".to_owned(),
        partitions: Vec::new(),
        files: 59,
    };
    RunManifest {
        format: 1,
        run: run.id,
        purpose: run.purpose.clone(),
        project: run.project.clone(),
        commit: run.commit.clone(),
        tree: "89abcdef".to_owned(),
        origin: run.origin,
        as_of: at(0),
        environment: Some(Digest::of(b"lock")),
        interpreter: "Python 3.12.1".to_owned(),
        inputs: BTreeMap::from([("train".to_owned(), input)]),
        params: BTreeMap::from([("rate".to_owned(), serde_json::json!(0.1))]),
        seed: u64::MAX,
        command: "python -m delay.train".to_owned(),
        outputs: vec![OutputFile { path: "model/model.json".to_owned(), size: 7, digest: Digest::of(b"m") }],
        duration_ms: 1_234,
        peak_memory: 1 << 33,
        exit_code: 0,
    }
}

async fn a_run_goes_through_its_life(place: Place) {
    let ledger = place.open().await;
    let run = training(1);
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_run(&run).await.expect("recorded");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_run(run.id).await.expect("an answer"), Some(run.clone()));

    let mut tx = ledger.begin().await.expect("a transaction");
    let running = RunChange::to(RunState::Running);
    tx.move_run(run.id, &[RunState::Preparing], running).await.expect("moved");
    let collecting = RunChange { manifest: Some(manifest(&run)), ..RunChange::to(RunState::Collecting) };
    tx.move_run(run.id, &[RunState::Preparing, RunState::Running], collecting).await.expect("moved");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.unfinished_runs().await.expect("runs").len(), 1);

    let mut tx = ledger.begin().await.expect("a transaction");
    let failed =
        RunChange { ended_at: Some(at(9)), failure: Some("no disk".to_owned()), ..RunChange::to(RunState::Failed) };
    tx.move_run(run.id, &[RunState::Collecting], failed).await.expect("moved");
    tx.commit().await.expect("saved");

    let expected = Run {
        state: RunState::Failed,
        ended_at: Some(at(9)),
        manifest: Some(manifest(&run)),
        failure: Some("no disk".to_owned()),
        ..run.clone()
    };
    assert_eq!(ledger.find_run(run.id).await.expect("an answer"), Some(expected), "the manifest stays");
    assert_eq!(ledger.unfinished_runs().await.expect("runs"), []);
}

async fn a_run_moves_only_from_the_state_that_is_expected(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_run(&training(1)).await.expect("recorded");
    tx.commit().await.expect("saved");

    for (id, from, expected) in [
        (run_id(1), &[RunState::Running, RunState::Collecting][..], Kind::Conflict),
        (run_id(1), &[][..], Kind::Conflict),
        (run_id(2), &[RunState::Preparing][..], Kind::NotFound),
    ] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.move_run(id, from, RunChange::to(RunState::Stopped)).await), expected);
    }
    let run = ledger.find_run(run_id(1)).await.expect("an answer").expect("a run");
    assert_eq!(run.state, RunState::Preparing);

    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.add_run(&training(1)).await), Kind::Conflict, "an id is used once");
}

/// Of many that want to end the same run, one does.
async fn one_of_many_moves_a_run(place: Place) {
    let ledgers = [place.open().await, place.open().await, place.open().await];
    let mut tx = ledgers[0].begin().await.expect("a transaction");
    tx.add_run(&training(1)).await.expect("recorded");
    tx.commit().await.expect("saved");

    let tasks = ledgers.map(|ledger| {
        tokio::spawn(async move {
            let mut tx = ledger.begin().await.expect("a transaction");
            tx.move_run(run_id(1), &[RunState::Preparing], RunChange::to(RunState::Stopped)).await?;
            tx.commit().await
        })
    });
    let mut moved = 0;
    for task in tasks {
        match task.await.expect("the task ends") {
            Ok(()) => moved += 1,
            refused => assert_eq!(kind(refused), Kind::Conflict),
        }
    }
    assert_eq!(moved, 1);
}

async fn runs_are_listed_newest_first_and_found_by_prefix(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in 1..=12 {
        let same_instant = at(0);
        let made = Run { created_at: same_instant, ..run(number, Purpose::Build(dataset("trips"))) };
        tx.add_run(&made).await.expect("recorded");
    }
    tx.commit().await.expect("saved");

    let newest: Vec<_> = ledger.runs(3).await.expect("runs").iter().map(|run| run.id).collect();
    assert_eq!(newest, [run_id(12), run_id(11), run_id(10)]);
    let page: Vec<_> = ledger.runs_page(3, 2).await.expect("runs").iter().map(|run| run.id).collect();
    assert_eq!(page, [run_id(9), run_id(8)]);
    let unfinished: Vec<_> = ledger.unfinished_runs().await.expect("runs").iter().map(|run| run.id).collect();
    assert_eq!(unfinished, (1..=12).map(run_id).collect::<Vec<_>>(), "oldest first");

    let whole = run_id(7).to_string();
    for prefix in [whole.as_str(), &whole[..whole.len() - 2], &whole.to_uppercase()] {
        let found: Vec<_> = ledger.find_runs_by_prefix(prefix).await.expect("runs").iter().map(|run| run.id).collect();
        assert_eq!(found, [run_id(7)], "{prefix}");
    }
    let ambiguous = ledger.find_runs_by_prefix("013").await.expect("runs");
    assert_eq!(ambiguous.len(), PREFIX_MATCHES_MAX as usize);
    for nothing in ["zz", "%", "0_3", "'; DROP TABLE runs; --", "ffff"] {
        assert_eq!(ledger.find_runs_by_prefix(nothing).await.expect("runs"), [], "{nothing}");
    }
}

on_both! {
    a_run_goes_through_its_life,
    a_run_moves_only_from_the_state_that_is_expected,
    one_of_many_moves_a_run,
    runs_are_listed_newest_first_and_found_by_prefix,
}

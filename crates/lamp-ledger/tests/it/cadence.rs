//! Rotations and studies.

use std::collections::BTreeMap;

use jiff::civil::date;
use lamp_core::cadence::choice::Tolerance;
use lamp_core::cadence::periods::Period;
use lamp_core::cadence::report::{Costs, Measured, Study, StudyRecord};
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::cadence::study::{StudyPlan, Window, cut};
use lamp_core::error::Kind;
use lamp_core::package::Task;
use lamp_core::run::{Purpose, Run, RunState};
use lamp_ledger::RunChange;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, dataset, model_name, person, run, run_id, training};

fn rotation(month: i8) -> Rotation {
    let period = Period { cutoff: date(2013, month, 1), as_of: at(0), due_at: at(1) };
    Rotation::due(model_name("delay"), &period, 2, at(5))
}

async fn a_period_is_on_record_once_and_moves_only_from_where_it_stood(place: Place) {
    let ledger = place.open().await;
    let due = rotation(5);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert!(tx.add_rotation(&due).await.expect("added"));
    assert!(!tx.add_rotation(&Rotation { missed: 9, ..due.clone() }).await.expect("added"), "it is there");
    assert!(tx.add_rotation(&rotation(6)).await.expect("added"));
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_rotation(&due.model, due.cutoff).await.expect("read"), Some(due.clone()));

    let building = due.claimed(RotationState::Building, run_id(1), "abc", at(6));
    let training = building.built().claimed(RotationState::Training, run_id(2), "abc", at(7));
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.move_rotation(&due, &building).await.expect("moved");
    tx.move_rotation(&building, &building).await.expect("the claim stands");
    tx.move_rotation(&building, &training).await.expect("moved");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_rotation(&due.model, due.cutoff).await.expect("read"), Some(training.clone()));
    assert_eq!(ledger.find_rotation_of_run(run_id(2)).await.expect("read"), Some(training.clone()));

    // Whoever looked before that has lost.
    for (from, to) in [(&due, &building), (&building, &building.reported(at(8)))] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.move_rotation(from, to).await), Kind::Conflict);
    }
    // The same state after another attempt is not the same.
    let again = training.gone_wrong("the store is away", true, at(8));
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.move_rotation(&training, &again).await.expect("moved");
    tx.commit().await.expect("saved");
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.move_rotation(&due, &building).await), Kind::Conflict);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.move_rotation(&rotation(7), &rotation(7)).await), Kind::NotFound);

    let unfinished = ledger.unfinished_rotations().await.expect("read");
    assert_eq!(unfinished, [again.clone(), rotation(6)], "oldest first");
    let mut tx = ledger.begin().await.expect("a transaction");
    let failed = again.gone_wrong("no", false, at(9));
    tx.move_rotation(&again, &failed).await.expect("moved");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.unfinished_rotations().await.expect("read"), [rotation(6)]);
    assert_eq!(ledger.rotations(Some(&due.model), 10).await.expect("read"), [rotation(6), failed], "newest first");
    assert_eq!(ledger.rotations(Some(&model_name("other")), 10).await.expect("read"), []);
    assert_eq!(ledger.rotations(None, 1).await.expect("read"), [rotation(6)]);
}

async fn one_of_many_claims_a_period(place: Place) {
    let ledger = place.open().await;
    let due = rotation(5);
    let contenders = (1..=6_u8).map(|number| {
        let (ledger, due) = (ledger.clone(), due.clone());
        tokio::spawn(async move {
            let mut tx = ledger.begin().await.expect("a transaction");
            tx.add_rotation(&due).await.expect("added");
            tx.commit().await.expect("saved");
            let mut tx = ledger.begin().await.expect("a transaction");
            let claimed = due.claimed(RotationState::Training, run_id(number), "abc", at(6));
            match tx.move_rotation(&due, &claimed).await {
                Ok(()) => tx.commit().await.map(|()| true).expect("saved"),
                Err(_) => false,
            }
        })
    });
    let mut winners = 0;
    for contender in contenders.collect::<Vec<_>>() {
        winners += usize::from(contender.await.expect("it ends"));
    }
    assert_eq!(winners, 1);
    assert_eq!(ledger.rotations(None, 10).await.expect("read").len(), 1);
}

async fn the_last_run_that_succeeded_is_found(place: Place) {
    let ledger = place.open().await;
    let build = Purpose::Build(dataset("trips"));
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in 1..=3 {
        tx.add_run(&run(number, build.clone())).await.expect("added");
    }
    tx.add_run(&training(4)).await.expect("added");
    for number in [1, 2, 4] {
        let moved = RunChange::to(RunState::Succeeded);
        tx.move_run(run_id(number), &[RunState::Preparing], moved).await.expect("moved");
    }
    tx.commit().await.expect("saved");
    let id = |found: Option<Run>| found.map(|run| run.id);
    assert_eq!(id(ledger.last_success(&build).await.expect("read")), Some(run_id(2)), "3 has not ended");
    let trained = ledger.last_success(&Purpose::Train(model_name("delay"))).await.expect("read");
    assert_eq!(id(trained), Some(run_id(4)));
    assert_eq!(id(ledger.last_success(&Purpose::Build(dataset("flights"))).await.expect("read")), None);
}

fn study(commit: &str, review: f64) -> StudyRecord {
    let every = "1 week".parse().expect("a length");
    let plan = StudyPlan {
        format: 1,
        model: model_name("delay"),
        task: Task::Binary,
        commit: commit.to_owned(),
        data: BTreeMap::new(),
        every,
        blocks: cut(date(2013, 1, 7), date(2013, 4, 1), every),
        windows: vec![Window::All],
        label_lag_days: 1,
        ages: 2,
    };
    let losses = (0..12).map(|_| vec![Some(0.1 + 0.2), None]).collect();
    let measured = Measured { window: Window::All, training_ms: 1_500, rows: 12, losses };
    let costs = Costs { review, compute_hour: 0.0, tolerance: Tolerance::Share(0.01) };
    let study = Study::conclude(plan, costs, vec![measured]);
    StudyRecord { id: study.plan.id(), digest: study.digest(), by: person(), at: at(3), study }
}

async fn a_study_is_kept_as_it_was(place: Place) {
    let ledger = place.open().await;
    let (first, dearer, other) = (study("abc", 0.0), study("abc", 0.1), study("abd", 0.0));
    let mut tx = ledger.begin().await.expect("a transaction");
    for record in [&first, &dearer, &other] {
        assert!(tx.add_study(record).await.expect("added"));
    }
    assert!(!tx.add_study(&other).await.expect("added"), "the same document");
    tx.commit().await.expect("saved");
    let read = ledger.find_studies(&first.id).await.expect("read");
    assert_eq!(read, [dearer.clone(), first.clone()], "the last weighing first");
    assert_eq!(read[1].study.digest(), first.digest, "what is read is what was kept");
    assert_eq!(ledger.find_studies(&other.id[..8].to_uppercase()).await.expect("read"), std::slice::from_ref(&other));
    assert_eq!(ledger.studies(Some(&model_name("delay")), 10).await.expect("read"), [other, dearer, first.clone()]);
    // Weighed as before, it is the last again.
    let mut tx = ledger.begin().await.expect("a transaction");
    assert!(tx.add_study(&first).await.expect("added"));
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_studies(&first.id).await.expect("read")[0], first);
    assert_eq!(ledger.studies(Some(&model_name("late")), 10).await.expect("read"), []);
    for nothing in ["", "zz", "%", "_", "'; DROP TABLE studies; --"] {
        assert_eq!(ledger.find_studies(nothing).await.expect("read"), [], "{nothing}");
    }
}

on_both! {
    a_period_is_on_record_once_and_moves_only_from_where_it_stood,
    one_of_many_claims_a_period,
    the_last_run_that_succeeded_is_found,
    a_study_is_kept_as_it_was,
}

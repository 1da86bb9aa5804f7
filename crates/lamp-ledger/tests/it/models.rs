//! Model versions and the decisions on them.

use lamp_core::error::Kind;
use lamp_core::registry::{Approval, Decision, ModelState};
use lamp_core::route::ModelRef;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, candidate, evidence, model_name, model_ref, person, register, run_id, training};

fn decision(model: ModelRef, decision: Decision) -> Approval {
    Approval { model, decision, by: person(), at: at(60), note: "looked".to_owned(), evidence: evidence().digest() }
}

async fn models_are_numbered_and_read_back(place: Place) {
    let ledger = place.open().await;
    assert_eq!(register(&ledger, "delay", 1).await, model_ref("delay", 1));
    assert_eq!(register(&ledger, "delay-simple", 2).await, model_ref("delay-simple", 1));
    assert_eq!(register(&ledger, "delay", 3).await, model_ref("delay", 2));

    let delay = model_name("delay");
    let latest = ledger.latest_model(&delay).await.expect("an answer").expect("a model");
    let new = candidate("delay", 3);
    assert_eq!(
        (&latest.id, latest.state, &latest.evidence, latest.package, latest.created_at, latest.task),
        (&model_ref("delay", 2), ModelState::Candidate, &new.evidence, new.package, new.created_at, new.task)
    );
    assert_eq!(latest.evidence.digest(), new.evidence.digest(), "what is signed is what was stored");
    assert_eq!(ledger.find_model_of_run(run_id(3)).await.expect("an answer"), Some(latest.clone()));
    assert_eq!(ledger.find_model(&latest.id).await.expect("an answer"), Some(latest));
    assert_eq!(ledger.find_model(&model_ref("delay", 3)).await.expect("an answer"), None);

    let ids = |models: Vec<lamp_core::registry::ModelVersion>| {
        models.into_iter().map(|model| model.id.to_string()).collect::<Vec<_>>()
    };
    let all = ids(ledger.model_versions(None).await.expect("models"));
    assert_eq!(all, ["delay@2", "delay-simple@1", "delay@1"], "newest first");
    assert_eq!(ids(ledger.model_versions(Some(&delay)).await.expect("models")), ["delay@2", "delay@1"]);
    assert_eq!(ids(ledger.models_page(None, 1, 2).await.expect("models")), ["delay-simple@1", "delay@1"]);
    assert_eq!(ids(ledger.models_page(Some(&delay), 1, 5).await.expect("models")), ["delay@1"]);
    assert_eq!(ids(ledger.models_page(Some(&delay), 2, 5).await.expect("models")), [""; 0]);
    assert_eq!(ids(ledger.candidates(2).await.expect("models")), ["delay@2", "delay-simple@1"]);
}

async fn a_run_makes_one_model(place: Place) {
    let ledger = place.open().await;
    register(&ledger, "delay", 1).await;
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.add_model(candidate("delay", 1)).await), Kind::Conflict);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.add_model(candidate("delay", 2)).await), Kind::NotFound, "its run is not in the ledger");
}

async fn a_candidate_is_decided_once(place: Place) {
    let ledger = place.open().await;
    let id = register(&ledger, "delay", 1).await;
    let approved = decision(id.clone(), Decision::Approved);
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.record_approval(&approved).await.expect("signed");
    assert_eq!(tx.find_model(&id).await.expect("an answer").expect("a model").state, ModelState::Approved);
    tx.commit().await.expect("saved");

    let mut tx = ledger.begin().await.expect("a transaction");
    let second = decision(id.clone(), Decision::Rejected);
    assert_eq!(kind(tx.record_approval(&second).await), Kind::Conflict);
    drop(tx);
    let mut tx = ledger.begin().await.expect("a transaction");
    let nobody = decision(model_ref("delay", 9), Decision::Approved);
    assert_eq!(kind(tx.record_approval(&nobody).await), Kind::NotFound);
    drop(tx);

    assert_eq!(ledger.approvals(&id).await.expect("approvals"), [approved]);
    let state = ledger.find_model(&id).await.expect("an answer").expect("a model").state;
    assert_eq!(state, ModelState::Approved);
    assert_eq!(ledger.candidates(5).await.expect("models"), [], "nothing waits any more");
}

async fn only_a_decided_model_is_retired(place: Place) {
    let ledger = place.open().await;
    let id = register(&ledger, "delay", 1).await;
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.retire_model(&id).await), Kind::Conflict);

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.record_approval(&decision(id.clone(), Decision::Rejected)).await.expect("signed");
    tx.retire_model(&id).await.expect("retired");
    tx.commit().await.expect("saved");
    let state = ledger.find_model(&id).await.expect("an answer").expect("a model").state;
    assert_eq!(state, ModelState::Retired);
}

/// Many registrations at once, one of them abandoned.
async fn numbers_have_no_gaps_when_many_register_at_once(place: Place) {
    let ledgers = [place.open().await, place.open().await];
    let tasks = (1..=8_u8).map(|number| {
        let ledger = ledgers[usize::from(number) % 2].clone();
        tokio::spawn(async move {
            let mut tx = ledger.begin().await.expect("a transaction");
            tx.add_run(&training(number)).await.expect("recorded");
            tx.add_model(candidate("delay", number)).await.expect("registered");
            if number == 4 {
                tx.rollback().await.expect("undone");
            } else {
                tx.commit().await.expect("saved");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task ends well");
    }
    let models = ledgers[0].model_versions(Some(&model_name("delay"))).await.expect("models");
    let numbers: Vec<_> = models.iter().map(|model| model.id.version).collect();
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
}

on_both! {
    models_are_numbered_and_read_back,
    a_run_makes_one_model,
    a_candidate_is_decided_once,
    only_a_decided_model_is_retired,
    numbers_have_no_gaps_when_many_register_at_once,
}

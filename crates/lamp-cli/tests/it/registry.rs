//! Practice 7: a person signs for every model.

use super::shop::Shop;

#[test]
fn a_decision_needs_a_note_and_is_made_once() {
    let shop = Shop::with_orders();
    shop.train("late");
    shop.lamp("approve late@1").exits(2).says("a decision on late@1 needs a note").hints("--note");
    let approved = shop.lamp("approve late@1 --note 'AUC up; looked at both streets'").succeeds();
    approved.says("late@1 approved by ada@example.com on report").says("Next: lamp deploy");
    shop.lamp("reject late@1 --note 'changed my mind'").exits(2).says("late@1 is approved, not a candidate");
    shop.lamp("models show late@1").succeeds().says("approved").says("AUC up; looked at both streets");
    shop.lamp("why late@1")
        .succeeds()
        .says("approved by person ada@example.com")
        .says("AUC up; looked at both streets");
    shop.lamp("approve late@2 --note x").exits(2).says("no model late@2").hints("lamp models ls late");

    shop.train("late-simple");
    shop.lamp("reject late-simple@1 --note 'knows no streets'")
        .succeeds()
        .says("late-simple@1 rejected by ada@example.com");
    shop.lamp("deploy late late-simple@1 --as shadow").exits(2).says("late-simple@1 is rejected");
}

#[test]
fn a_gate_that_failed_is_not_signed_by_accident() {
    let shop = Shop::with_orders();
    // Trained and registered, but the verdict is no.
    shop.lamp("train guess").exits(1).says("roc_auc >= 0.6 failed").says("Next: lamp reject guess@1");
    let refused = shop.lamp("approve guess@1 --note 'it is only a guess'").exits(1);
    refused.says("guess@1 failed its gate").says("roc_auc is 0.5000").hints("lamp reject guess@1");
    shop.lamp("models ls").succeeds().line_with(&["guess@1", "candidate"]);
    shop.lamp("approve guess@1 --note 'for the tests of the shadow' --override-gate")
        .succeeds()
        .says("guess@1 approved");
    let events = shop.lamp("audit ls --json").succeeds().json();
    let signed = events.as_array().expect("events").iter().find(|event| event.to_string().contains("model.approved"));
    assert!(
        signed.is_some_and(|event| event.to_string().contains("\"gate_override\":true")),
        "it is recorded: {events}"
    );
}

#[test]
fn only_approved_models_are_deployed() {
    let shop = Shop::with_orders();
    shop.train("late");
    shop.lamp("deploy late late@1 --as primary")
        .exits(2)
        .says("late@1 is candidate, and only approved models are deployed")
        .hints("lamp approve late@1");
    shop.lamp("switch late shadow --why 'no reason'").exits(2).says("nothing is deployed to service `late`");
    shop.lamp("approve late@1 --note ok").succeeds();
    shop.lamp("deploy early late@1 --as primary").exits(2).says("no project declares a service `early`");
    shop.lamp("deploy late late@1 --as primary").succeeds().says("primary late@1").says("no gateway is running");
    // Serving is not written down anywhere: it follows from the route.
    shop.lamp("models ls").succeeds().line_with(&["late@1", "late primary"]);
    // There is nothing in the other place yet, and nothing before.
    shop.lamp("switch late shadow --why 'trying'").exits(2).says("shadow");
    shop.lamp("rollback late --why 'trying'").exits(2).says("no earlier primary");
    shop.lamp("why late").succeeds().says("epoch 1").says("late@1");
}

#[test]
fn the_reviewer_is_another_person_where_the_team_wants_that() {
    let shop = Shop::with_orders();
    let old = shop.context.repo.read("projects/bakery/lamp.toml");
    let duties = "[duties]\nvalidate = { reviewer_is_not_author = true }\n";
    shop.context.repo.write("projects/bakery/lamp.toml", format!("{old}\n{duties}"));
    shop.context.repo.commit("Four eyes");
    shop.train("late");
    shop.lamp("approve late@1 --note 'my own work'")
        .exits(2)
        .says("cannot be the one who approves it")
        .hints("another person");
    shop.context.repo.git(&["config", "user.email", "grace@example.com"]);
    shop.lamp("approve late@1 --note 'looked at it for Ada'").succeeds().says("approved by grace@example.com");
}

#[test]
fn a_model_that_serves_is_not_retired_and_a_retired_one_does_not_come_back() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    shop.lamp("retire late@1 --note 'old'").exits(2).hints("lamp deploy late ANOTHER@V --as primary");
    shop.train("late -p note=second");
    shop.lamp("retire late@2 --note 'nobody looked at it'").exits(2).says("late@2");
    shop.lamp("approve late@2 --note 'the same, on purpose'").succeeds();
    shop.lamp("deploy late late@2 --as primary").succeeds();
    shop.lamp("retire late@1 --note 'old'").succeeds().says("late@1 retired");
    shop.lamp("models ls").succeeds().line_with(&["late@1", "retired"]);
    shop.lamp("deploy late late@1 --as primary").exits(2).says("late@1 is retired");
    shop.lamp("rollback late --why 'nostalgia'").exits(2).says("late@1 is retired");
    shop.lamp("why late@1").succeeds().says("looked at it");
}

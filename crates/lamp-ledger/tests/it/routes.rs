//! Routes, and the replicas that follow them.

use lamp_core::error::Kind;
use lamp_core::ids::ReplicaId;
use lamp_core::names::ServiceName;
use lamp_core::route::{Role, Route};
use lamp_ledger::Ledger;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, model_ref, person, register, uuid};

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).expect("a service name")
}

async fn save(ledger: &Ledger, route: &Route) -> lamp_ledger::Result<()> {
    let mut tx = ledger.begin().await?;
    tx.save_route(route).await?;
    tx.commit().await
}

async fn a_route_is_deployed_and_switched(place: Place) {
    let ledger = place.open().await;
    let (main, simple) = (register(&ledger, "delay", 1).await, register(&ledger, "delay-simple", 2).await);
    let delay = service("delay");
    assert_eq!(ledger.find_route(&delay).await.expect("an answer"), None);

    let first =
        Route::empty(delay.clone(), &person(), at(0)).deployed(Role::Primary, main.clone(), &person(), at(1), "first");
    let second = first.deployed(Role::Shadow, simple.clone(), &person(), at(2), "a simpler one behind it");
    let third = second.switched(Role::Shadow, &person(), at(3), "the main one is off").expect("switched");
    for route in [&first, &second, &third] {
        save(&ledger, route).await.expect("saved");
        assert_eq!(ledger.find_route(&delay).await.expect("an answer").as_ref(), Some(route));
    }
    let other =
        Route::empty(service("arrival"), &person(), at(0)).deployed(Role::Shadow, main.clone(), &person(), at(4), "");
    save(&ledger, &other).await.expect("saved");

    assert_eq!(ledger.routes().await.expect("routes"), [other, third.clone()]);
    assert_eq!(ledger.route_history(&delay, 2).await.expect("history"), [third, second]);
    assert_eq!(
        ledger.routes_serving(&main).await.expect("an answer"),
        [(service("arrival"), Role::Shadow), (service("delay"), Role::Primary)]
    );
    assert_eq!(ledger.routes_serving(&simple).await.expect("an answer"), [(delay, Role::Shadow)]);
    assert_eq!(ledger.routes_serving(&model_ref("delay", 2)).await.expect("an answer"), []);
}

async fn a_route_follows_the_epoch_that_stands(place: Place) {
    let ledger = place.open().await;
    let main = register(&ledger, "delay", 1).await;
    let empty = Route::empty(service("delay"), &person(), at(0));
    assert_eq!(kind(save(&ledger, &empty).await), Kind::Conflict, "epoch 0 is no route");
    let first = empty.deployed(Role::Primary, main.clone(), &person(), at(1), "first");
    let second = first.deployed(Role::Shadow, main, &person(), at(2), "second");
    assert_eq!(kind(save(&ledger, &second).await), Kind::Conflict, "nothing comes before it");
    save(&ledger, &first).await.expect("saved");
    assert_eq!(kind(save(&ledger, &first).await), Kind::Conflict, "somebody else was first");
    save(&ledger, &second).await.expect("saved");
    assert_eq!(ledger.find_route(&service("delay")).await.expect("an answer"), Some(second));

    let nobody =
        Route::empty(service("x"), &person(), at(0)).deployed(Role::Primary, model_ref("x", 1), &person(), at(1), "");
    assert_eq!(kind(save(&ledger, &nobody).await), Kind::NotFound, "no such model");
}

async fn replicas_say_what_they_follow(place: Place) {
    let ledger = place.open().await;
    let (first, second) = (ReplicaId(uuid(1)), ReplicaId(uuid(2)));
    let delay = service("delay");
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.ack_route(second, &delay, 1, at(0), "{}").await.expect("noted");
    tx.ack_route(first, &delay, 1, at(0), "{}").await.expect("noted");
    tx.ack_route(first, &delay, 2, at(1), r#"{"degraded":true}"#).await.expect("noted");
    tx.ack_route(first, &service("other"), 7, at(1), "{}").await.expect("noted");
    tx.commit().await.expect("saved");

    let acks = ledger.replica_acks(&delay).await.expect("acks");
    let seen: Vec<_> = acks.iter().map(|ack| (ack.replica, ack.epoch, ack.seen_at, ack.state.as_str())).collect();
    assert_eq!(seen, [(first, 2, at(1), r#"{"degraded":true}"#), (second, 1, at(0), "{}")]);

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.forget_replica(first).await.expect("forgotten");
    tx.forget_replica(first).await.expect("forgotten already");
    tx.commit().await.expect("saved");
    assert_eq!(ledger.replica_acks(&service("other")).await.expect("acks"), []);
    assert_eq!(ledger.replica_acks(&delay).await.expect("acks").len(), 1);
}

on_both! {
    a_route_is_deployed_and_switched,
    a_route_follows_the_epoch_that_stands,
    replicas_say_what_they_follow,
}

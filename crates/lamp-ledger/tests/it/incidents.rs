//! Incidents.

use lamp_core::error::Kind;
use lamp_core::ids::IncidentId;
use lamp_core::incident::{Acknowledgement, Incident, Resolution};
use lamp_core::names::{DatasetName, ProjectName};

use crate::place::{Place, kind, on_both};
use crate::samples::{at, person, uuid};

fn incident(number: u8, cause: &str, subject: &str) -> Incident {
    let id = IncidentId(uuid(number));
    Incident::open(id, cause, subject, format!("{subject} broke"), at(i64::from(number)))
}

fn resolution(minutes: i64) -> Resolution {
    Resolution { by: person(), at: at(minutes), note: "a storm".to_owned() }
}

async fn one_incident_is_open_for_one_cause_and_subject(place: Place) {
    let ledger = place.open().await;
    let project = ProjectName::parse("delay").expect("a project name");
    let first = incident(1, "contract.broken", "flights@7").of(Some(&project));
    let repeated = incident(2, "contract.broken", "flights@7");
    let other = incident(3, "service.switched", "flights@7");
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(tx.open_incident(&first).await.expect("opened"), first.id);
    assert_eq!(tx.open_incident(&repeated).await.expect("opened"), first.id);
    assert_eq!(tx.open_incident(&other).await.expect("opened"), other.id);
    tx.commit().await.expect("saved");
    assert_eq!(ledger.incidents(true, 9).await.expect("incidents"), [other.clone(), first.clone()], "newest first");
    assert_eq!(ledger.incidents(true, 1).await.expect("incidents"), std::slice::from_ref(&other));

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.resolve_incident(first.id, &resolution(9)).await.expect("resolved");
    assert_eq!(tx.open_incident(&repeated).await.expect("opened"), repeated.id, "it broke again");
    tx.resolve_incident(other.id, &resolution(10)).await.expect("resolved");
    tx.commit().await.expect("saved");
    let first = Incident { resolved: Some(resolution(9)), ..first };
    let other = Incident { resolved: Some(resolution(10)), ..other };
    assert_eq!(ledger.incidents(true, 9).await.expect("incidents"), std::slice::from_ref(&repeated));
    let all = ledger.incidents(false, 9).await.expect("incidents");
    assert_eq!(all, [repeated, other, first.clone()], "the open one first");

    for (id, expected) in [(first.id, Kind::Conflict), (IncidentId(uuid(9)), Kind::NotFound)] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.resolve_incident(id, &resolution(10)).await), expected);
    }
}

async fn an_incident_is_acknowledged_once(place: Place) {
    let ledger = place.open().await;
    let open = incident(1, "contract.broken", "flights@7");
    let acknowledgement = Acknowledgement { by: person(), at: at(2) };
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.open_incident(&open).await.expect("opened");
    tx.acknowledge_incident(open.id, &acknowledgement).await.expect("acknowledged");
    tx.commit().await.expect("saved");
    let expected = Incident { acknowledged: Some(acknowledgement.clone()), ..open.clone() };
    assert_eq!(ledger.find_incident(open.id).await.expect("an answer"), Some(expected.clone()));
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.acknowledge_incident(open.id, &acknowledgement).await), Kind::Conflict);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.acknowledge_incident(IncidentId(uuid(9)), &acknowledgement).await), Kind::NotFound);

    let start = &open.id.to_string()[..9];
    assert_eq!(ledger.find_incidents_by_prefix(&start.to_uppercase()).await.expect("found"), [expected]);
    for no_start in ["ffff", "%", "it broke"] {
        assert_eq!(ledger.find_incidents_by_prefix(no_start).await.expect("found"), [], "{no_start}");
    }
}

async fn the_incidents_of_a_dataset_are_found(place: Place) {
    let ledger = place.open().await;
    let about = ["flights", "flights[2013-01-01]", "flights objective", "flights_old[2013-01-01]", "flightsX", "trips"];
    let mut tx = ledger.begin().await.expect("a transaction");
    for (number, subject) in (1..).zip(about) {
        tx.open_incident(&incident(number, "contract.broken", subject)).await.expect("opened");
    }
    tx.commit().await.expect("saved");
    let dataset = DatasetName::parse("flights").expect("a name");
    let subjects = |found: Vec<Incident>| found.into_iter().map(|one| one.subject).collect::<Vec<_>>();
    let found = ledger.incidents_of_dataset(&dataset, at(0), 9).await.expect("incidents");
    assert_eq!(subjects(found), ["flights objective", "flights[2013-01-01]", "flights"]);
    let later = ledger.incidents_of_dataset(&dataset, at(3), 9).await.expect("incidents");
    assert_eq!(subjects(later), ["flights objective"]);

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.resolve_incident(IncidentId(uuid(1)), &resolution(9)).await.expect("resolved");
    tx.commit().await.expect("saved");
    let last = ledger.last_incident("contract.broken", "flights").await.expect("an answer");
    assert_eq!(last.and_then(|one| one.resolved).map(|end| end.at), Some(at(9)), "also one that is over");
    assert_eq!(ledger.last_incident("contract.broken", "nothing").await.expect("an answer"), None);
}

on_both! {
    the_incidents_of_a_dataset_are_found,
    one_incident_is_open_for_one_cause_and_subject,
    an_incident_is_acknowledged_once,
}

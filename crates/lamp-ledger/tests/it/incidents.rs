//! Incidents.

use lamp_core::error::Kind;
use lamp_core::ids::IncidentId;
use lamp_core::incident::Incident;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, uuid};

fn incident(number: u8, cause: &str, subject: &str) -> Incident {
    Incident {
        id: IncidentId(uuid(number)),
        cause: cause.to_owned(),
        subject: subject.to_owned(),
        title: format!("{subject} broke"),
        opened_at: at(i64::from(number)),
        resolved_at: None,
    }
}

async fn one_incident_is_open_for_one_cause_and_subject(place: Place) {
    let ledger = place.open().await;
    let first = incident(1, "contract.broken", "flights@7");
    let repeated = incident(2, "contract.broken", "flights@7");
    let other = incident(3, "service.switched", "flights@7");
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(tx.open_incident(&first).await.expect("opened"), first.id);
    assert_eq!(tx.open_incident(&repeated).await.expect("opened"), first.id);
    assert_eq!(tx.open_incident(&other).await.expect("opened"), other.id);
    tx.commit().await.expect("saved");
    assert_eq!(ledger.incidents(true).await.expect("incidents"), [other.clone(), first.clone()], "newest first");

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.resolve_incident(first.id, at(9)).await.expect("resolved");
    assert_eq!(tx.open_incident(&repeated).await.expect("opened"), repeated.id, "it broke again");
    tx.commit().await.expect("saved");
    let resolved = Incident { resolved_at: Some(at(9)), ..first.clone() };
    assert_eq!(ledger.incidents(true).await.expect("incidents"), [repeated.clone(), other.clone()]);
    assert_eq!(ledger.incidents(false).await.expect("incidents"), [repeated, other, resolved]);

    for (id, expected) in [(first.id, Kind::Conflict), (IncidentId(uuid(9)), Kind::NotFound)] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.resolve_incident(id, at(10)).await), expected);
    }
}

on_both! {
    one_incident_is_open_for_one_cause_and_subject,
}

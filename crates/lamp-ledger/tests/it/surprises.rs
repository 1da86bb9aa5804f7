//! Judgements of partitions beside their history, and decisions on them.

use lamp_core::digest::Digest;
use lamp_core::ids::IncidentId;
use lamp_core::incident::{DATA_SURPRISING, Incident};
use lamp_core::partition::PartitionKey;
use lamp_core::surprise::{Decision, DecisionRecord, Judgement, Outcome};
use lamp_ledger::JudgementRecord;

use crate::place::{Place, on_both};
use crate::samples::{at, dataset, person, uuid, version};

fn key(text: &str) -> PartitionKey {
    PartitionKey::parse(text).expect("a day")
}

fn judged(day: &str, content: &[u8], incident: Option<IncidentId>) -> JudgementRecord {
    JudgementRecord {
        dataset: dataset("flights"),
        version: 1,
        partition: key(day),
        content: Digest::of(content),
        judged_at: at(1),
        judgement: Judgement {
            outcome: Outcome::Surprising,
            history: 30,
            evidence: 2.5,
            p: f64::MIN_POSITIVE,
            alpha: 0.07,
            changes: Vec::new(),
            columns: Vec::new(),
        },
        incident,
    }
}

async fn the_last_judgement_and_the_last_decision_on_a_partition_count(place: Place) {
    let ledger = place.open().await;
    let id = IncidentId(uuid(1));
    let incident = Incident::open(id, DATA_SURPRISING, "flights[2013-01-02]", "it is odd".to_owned(), at(0));
    let decision = |decision: Decision, minute: i64| DecisionRecord {
        dataset: dataset("flights"),
        partition: key("2013-01-02"),
        decision,
        columns: vec!["dep_delay".to_owned()],
        incident: id,
        by: person(),
        at: at(minute),
    };
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    tx.open_incident(&incident).await.expect("opened");
    for record in
        [judged("2013-01-02", b"a", Some(id)), judged("2013-01-01", b"b", None), judged("2013-01-02", b"c", Some(id))]
    {
        tx.add_judgement(&record).await.expect("kept");
    }
    tx.add_judgement_decision(&decision(Decision::Accept, 1)).await.expect("kept");
    tx.add_judgement_decision(&decision(Decision::ExpectedChange, 2)).await.expect("kept");
    tx.commit().await.expect("saved");

    let latest = ledger.latest_judgements(&dataset("flights")).await.expect("judgements");
    assert_eq!(latest, [judged("2013-01-01", b"b", None), judged("2013-01-02", b"c", Some(id))]);
    assert_eq!(ledger.judgements_of_incident(id).await.expect("judgements").len(), 2);
    let decided = ledger.judgement_decisions(&dataset("flights")).await.expect("decisions");
    assert_eq!(decided, [decision(Decision::ExpectedChange, 2)]);
    assert!(ledger.judgement_decisions(&dataset("weather")).await.expect("decisions").is_empty());
}

on_both! {
    the_last_judgement_and_the_last_decision_on_a_partition_count,
}

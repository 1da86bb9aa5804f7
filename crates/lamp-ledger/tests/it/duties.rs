//! Duties, what happens to them, and the rota.

use jiff::Timestamp;
use lamp_core::digest::Digest;
use lamp_core::duty::columns::ChosenAs;
use lamp_core::duty::look::{ColumnVerdict, Look, PinnedColumn, Verdict};
use lamp_core::duty::{Duty, DutyAct, DutyEvent, DutyKind, DutyState};
use lamp_core::error::Kind;
use lamp_core::ids::{DutyId, IncidentId};
use lamp_core::incident::{HISTOGRAM_SUSPICIOUS, Incident};
use lamp_core::names::{ProjectName, RotaName};
use lamp_core::partition::PartitionKey;
use lamp_core::registry::Decision;
use lamp_core::rota::Swap;
use lamp_core::run::CodeOrigin;
use lamp_ledger::{Ledger, Tx};

use crate::place::{Place, kind, on_both};
use crate::samples::{at, candidate, dataset, evidence, person, register, training, uuid, version};

fn project() -> ProjectName {
    ProjectName::parse("delay").expect("a project name")
}

fn rota() -> RotaName {
    RotaName::parse("ml").expect("a rota name")
}

fn duty(number: u8, kind: DutyKind, subject: &str) -> Duty {
    Duty {
        id: DutyId(uuid(number)),
        project: project(),
        kind,
        subject: subject.to_owned(),
        rota: Some(rota()),
        assignee: Some("first@example.com".to_owned()),
        pieces: 8,
        opens_at: at(i64::from(number) * 100),
        due_at: at(i64::from(number) * 100 + 100),
        created_at: at(i64::from(number) * 100),
        state: DutyState::Open,
        end: None,
    }
}

async fn begin(ledger: &Ledger) -> Tx {
    ledger.begin().await.expect("a transaction")
}

async fn add(ledger: &Ledger, duty: &Duty) -> bool {
    let mut tx = begin(ledger).await;
    let created = tx.add_duty(duty).await.expect("an answer");
    tx.commit().await.expect("saved");
    created
}

async fn two_that_create_a_duty_create_one(place: Place) {
    let (ledger, other) = (place.open().await, place.open().await);
    let first = duty(1, DutyKind::Histograms, "2013-04-01");
    let same = Duty { id: DutyId(uuid(2)), ..first.clone() };
    let (a, b) = tokio::join!(add(&ledger, &first), add(&other, &same));
    assert!(a != b, "one of them, not {a} and {b}");
    assert_eq!(ledger.duties(9).await.expect("duties").len(), 1);
    assert!(add(&ledger, &duty(3, DutyKind::Labels, "2013-04-01")).await, "another kind is another duty");
    assert!(add(&ledger, &duty(4, DutyKind::Histograms, "2013-04-02")).await);

    let start = &DutyId(uuid(4)).to_string()[..13];
    let found = ledger.find_duties_by_prefix(start).await.expect("found");
    assert_eq!(found, [duty(4, DutyKind::Histograms, "2013-04-02")]);
    let found = ledger.find_duty_of(&project(), DutyKind::Labels, "2013-04-01").await.expect("an answer");
    assert_eq!(found, Some(duty(3, DutyKind::Labels, "2013-04-01")));
}

async fn a_duty_ends_once(place: Place) {
    let ledger = place.open().await;
    let open = duty(1, DutyKind::Histograms, "2013-04-01");
    add(&ledger, &open).await;
    let done = open.decide(DutyAct::Finish { evidence: Digest::of(b"seen") }, &person(), at(150)).expect("it is open");
    let missed = open.decide(DutyAct::Miss, &person(), at(200)).expect("it is late");
    let mut tx = begin(&ledger).await;
    tx.end_duty(&done).await.expect("done");
    tx.note_duty(&DutyEvent {
        duty: open.id,
        at: at(150),
        actor: person(),
        on_behalf_of: Some("second@example.com".to_owned()),
        action: "done".to_owned(),
        details: serde_json::json!({"a": [1, null]}),
    })
    .await
    .expect("noted");
    tx.commit().await.expect("saved");
    let kept = ledger.find_duty(open.id).await.expect("an answer").expect("the duty");
    assert_eq!((kept.state, kept.end.as_ref()), (DutyState::Done, Some(&done.end)));
    let events = ledger.duty_events(open.id).await.expect("events");
    assert_eq!(
        events.iter().map(|event| event.on_behalf_of.as_deref()).collect::<Vec<_>>(),
        [Some("second@example.com")]
    );

    for refused in [
        begin(&ledger).await.end_duty(&missed).await,
        begin(&ledger).await.reassign_duty(open.id, "second@example.com").await,
    ] {
        assert_eq!(kind(refused), Kind::Conflict);
    }
    assert_eq!(kind(begin(&ledger).await.reassign_duty(DutyId(uuid(9)), "x").await), Kind::NotFound);
}

async fn what_is_open_late_and_missed_is_found(place: Place) {
    let ledger = place.open().await;
    for (number, day) in [(3, "2013-04-03"), (1, "2013-04-01"), (2, "2013-04-02")] {
        add(&ledger, &duty(number, DutyKind::Histograms, day)).await;
    }
    let subjects = |duties: Vec<Duty>| duties.into_iter().map(|duty| duty.subject).collect::<Vec<_>>();
    assert_eq!(subjects(ledger.open_duties().await.expect("open")), ["2013-04-01", "2013-04-02", "2013-04-03"]);
    assert_eq!(subjects(ledger.overdue_duties(at(300), 9).await.expect("late")), ["2013-04-01", "2013-04-02"]);
    assert_eq!(subjects(ledger.overdue_duties(at(300), 1).await.expect("late")), ["2013-04-01"]);
    let of_kind = |kind| ledger.open_duties_of(&PROJECT, kind);
    assert_eq!(of_kind(DutyKind::Histograms).await.expect("open").len(), 3);
    assert_eq!(of_kind(DutyKind::Labels).await.expect("open"), []);
    let cover = |now: i64| ledger.duties_cover_until(&PROJECT, DutyKind::Histograms, at(now));
    // What opens later does not count: its clock was ahead.
    assert_eq!(cover(50).await.expect("an answer"), None);
    assert_eq!(cover(250).await.expect("an answer"), Some(at(300)));
    assert_eq!(cover(9_999).await.expect("an answer"), Some(at(400)));

    let mut tx = begin(&ledger).await;
    for duty in tx.overdue_duties(at(300), 9).await.expect("late") {
        let missed = duty.decide(DutyAct::Miss, &person(), at(300)).expect("late");
        tx.end_duty(&missed).await.expect("missed");
    }
    tx.commit().await.expect("saved");
    assert_eq!(subjects(ledger.missed_duties(at(0), 9).await.expect("missed")), ["2013-04-02", "2013-04-01"]);
    assert_eq!(subjects(ledger.missed_duties(at(250), 9).await.expect("missed")), ["2013-04-02"]);
    assert_eq!(subjects(ledger.open_duties().await.expect("open")), ["2013-04-03"]);
}

static PROJECT: std::sync::LazyLock<ProjectName> = std::sync::LazyLock::new(project);

async fn candidates_without_a_duty_are_found(place: Place) {
    let ledger = place.open().await;
    let first = register(&ledger, "delay", 1).await;
    let second = register(&ledger, "delay", 2).await;
    let third = register(&ledger, "delay", 3).await;
    // Trained from work in progress: it is there to be looked at, not to be approved.
    let mut tx = begin(&ledger).await;
    tx.add_run(&lamp_core::run::Run { origin: CodeOrigin::Wip, ..training(4) }).await.expect("the run is recorded");
    tx.add_model(candidate("delay", 4)).await.expect("the model is registered");
    let approval = lamp_core::registry::Approval {
        model: first.clone(),
        decision: Decision::Rejected,
        by: person(),
        at: at(5),
        note: "no".to_owned(),
        evidence: evidence().digest(),
    };
    tx.record_approval(&approval).await.expect("rejected");
    tx.add_duty(&duty(5, DutyKind::Validate, &second.to_string())).await.expect("created");
    tx.commit().await.expect("saved");
    let found = ledger.candidates_without_duty(9).await.expect("candidates");
    assert_eq!(found, [(third, project())]);
}

fn column(place: u32, name: &str, moved: Option<f64>) -> PinnedColumn {
    let look = Look {
        dataset: dataset("flights"),
        version: 1,
        partition: Some(PartitionKey::parse("2013-04-01").expect("a day")),
        column: name.to_owned(),
        profile: Digest::of(name.as_bytes()),
        reference: moved.map(|_| Digest::of(b"before")),
    };
    let because = if moved.is_some() { ChosenAs::Moved } else { ChosenAs::Turn };
    PinnedColumn { place, look, because, moved }
}

fn verdict(verdict: ColumnVerdict, minutes: i64, incident: Option<IncidentId>) -> Verdict {
    let note = incident.map(|_| "half of it is null".to_owned());
    Verdict { verdict, note, incident, by: person(), at: at(minutes) }
}

async fn columns_are_fixed_once_and_the_last_verdict_counts(place: Place) {
    let ledger = place.open().await;
    let open = duty(1, DutyKind::Histograms, "2013-04-01");
    add(&ledger, &open).await;
    let columns = [column(1, "dep_delay", Some(0.25)), column(2, "carrier", None)];
    let id = IncidentId(uuid(7));
    let incident = Incident::open(id, HISTOGRAM_SUSPICIOUS, "flights", "it looks odd".to_owned(), at(3));
    let mut tx = begin(&ledger).await;
    tx.add_version(version("flights", "a")).await.expect("a version");
    tx.pin_columns(open.id, &columns).await.expect("fixed");
    tx.open_incident(&incident).await.expect("opened");
    for (place, said) in [
        (1, verdict(ColumnVerdict::LooksRight, 1, None)),
        (2, verdict(ColumnVerdict::LooksRight, 2, None)),
        (1, verdict(ColumnVerdict::Suspicious, 3, Some(id))),
    ] {
        tx.add_column_verdict(open.id, place, &said).await.expect("recorded");
    }
    tx.commit().await.expect("saved");
    assert_eq!(ledger.pinned_columns(open.id).await.expect("columns"), columns);
    let last = [(1, verdict(ColumnVerdict::Suspicious, 3, Some(id))), (2, verdict(ColumnVerdict::LooksRight, 2, None))];
    assert_eq!(ledger.column_verdicts(open.id).await.expect("verdicts"), last);
    let mut seen = ledger.columns_last_seen(&dataset("flights")).await.expect("an answer");
    seen.sort();
    assert_eq!(seen, [("carrier".to_owned(), at(2)), ("dep_delay".to_owned(), at(3))]);
    assert_eq!(ledger.columns_last_seen(&dataset("weather")).await.expect("an answer"), []);

    assert_eq!(kind(begin(&ledger).await.pin_columns(open.id, &columns).await), Kind::Conflict);
    let stranger = verdict(ColumnVerdict::LooksRight, 4, None);
    assert_eq!(kind(begin(&ledger).await.add_column_verdict(open.id, 3, &stranger).await), Kind::NotFound);
}

async fn swaps_are_read_back_in_order(place: Place) {
    let ledger = place.open().await;
    let swap = |person: &str, from: i64, until: i64| Swap {
        rota: rota(),
        from: at(from),
        until: at(until),
        person: format!("{person}@example.com"),
        why: "a wedding".to_owned(),
        by: crate::samples::person(),
        at: at(0),
    };
    let swaps = [swap("second", 10, 20), swap("first", 5, 15), swap("second", 1, 4)];
    let mut tx = begin(&ledger).await;
    for swap in &swaps {
        tx.add_swap(swap).await.expect("recorded");
    }
    tx.commit().await.expect("saved");
    let after = |now: Timestamp| ledger.swaps(&ROTA, now);
    assert_eq!(after(at(0)).await.expect("swaps"), swaps);
    assert_eq!(after(at(4)).await.expect("swaps"), swaps[..2]);
    assert_eq!(after(at(20)).await.expect("swaps"), []);
}

static ROTA: std::sync::LazyLock<RotaName> = std::sync::LazyLock::new(rota);

on_both! {
    two_that_create_a_duty_create_one,
    a_duty_ends_once,
    what_is_open_late_and_missed_is_found,
    candidates_without_a_duty_are_found,
    columns_are_fixed_once_and_the_last_verdict_counts,
    swaps_are_read_back_in_order,
}

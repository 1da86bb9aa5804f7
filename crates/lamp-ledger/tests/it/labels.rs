//! Draws, labels and estimates.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use lamp_core::error::Kind;
use lamp_core::estimate::{Estimate, EstimateRecord, Interval, Outcome, Subject, Window};
use lamp_core::ids::PredictionId;
use lamp_core::label::{
    Basis, DrawnPrediction, Label, LabelDraw, LabelSource, LabelValue, LoggedAnswer, ModelSaid, SAMPLER, Seed,
};
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use lamp_ledger::Ledger;
use serde_json::json;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, person, uuid};

const DAY: Date = date(2013, 4, 1);

fn service() -> ServiceName {
    ServiceName::parse("delay").expect("a service name")
}

fn prediction(number: u8) -> PredictionId {
    PredictionId(uuid(number))
}

fn answer(number: u8, day: Date) -> LoggedAnswer {
    let said = |model: &str, probability: f64| {
        Some(ModelSaid {
            model: model.to_owned(),
            outputs: BTreeMap::from([("probability".to_owned(), json!(probability))]),
        })
    };
    LoggedAnswer {
        prediction: prediction(number),
        service: service(),
        day,
        served_at: at(i64::from(number)),
        served_by: Role::Primary,
        primary: said("delay@1", 0.1 + 0.2),
        shadow: if number.is_multiple_of(2) { said("delay-simple@1", 0.5) } else { None },
    }
}

fn draw(day: Date, numbers: &[u8], population: u64) -> (LabelDraw, Vec<DrawnPrediction>) {
    let draw = LabelDraw {
        service: service(),
        day,
        sampler: SAMPLER.to_owned(),
        seed: Seed::of([7; 10]),
        population,
        wanted: 10,
        drawn: u32::try_from(numbers.len()).expect("a few"),
        is_complete: true,
        drawn_by: person(),
        drawn_at: at(0),
    };
    let inclusion = draw.inclusion();
    let ranked = numbers.iter().zip(1..);
    let predictions =
        ranked.map(|(number, rank)| DrawnPrediction { logged: answer(*number, day), rank, inclusion }).collect();
    (draw, predictions)
}

async fn record(ledger: &Ledger, day: Date, numbers: &[u8], population: u64) -> bool {
    let (draw, predictions) = draw(day, numbers, population);
    let mut tx = ledger.begin().await.expect("a transaction");
    let recorded = tx.record_draw(&draw, &predictions).await.expect("an answer");
    tx.commit().await.expect("saved");
    recorded
}

fn label(number: u8, source: LabelSource, value: LabelValue) -> Label {
    Label {
        prediction: prediction(number),
        source,
        value,
        note: Some("it's \"late\"".to_owned()),
        event_at: Some(at(-60)),
        by: person(),
        at: at(i64::from(number) + 100),
    }
}

async fn save(ledger: &Ledger, label: &Label) {
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.record_label(label).await.expect("recorded");
    tx.commit().await.expect("saved");
}

async fn a_day_is_drawn_once(place: Place) {
    let ledger = place.open().await;
    assert!(record(&ledger, DAY, &[3, 1, 2], 842).await);
    assert!(!record(&ledger, DAY, &[4, 5], 842).await, "the first draw stands");
    let found = ledger.find_label_draw(&service(), DAY).await.expect("an answer").expect("a draw");
    assert_eq!(found, draw(DAY, &[3, 1, 2], 842).0);
    let second = ledger.find_drawn(prediction(1)).await.expect("an answer").expect("drawn");
    assert_eq!(second, draw(DAY, &[3, 1, 2], 842).1[1], "its rank, its probability, what was said");
    assert_eq!(ledger.find_drawn(prediction(4)).await.expect("an answer"), None);
    let logged = ledger.find_logged_answer(prediction(3)).await.expect("an answer");
    assert_eq!(logged, Some(answer(3, DAY)));

    // A day without predictions has a draw of nothing.
    let empty = date(2013, 4, 2);
    assert!(record(&ledger, empty, &[], 0).await);
    let progress = ledger.label_progress(&service(), DAY).await.expect("progress");
    let shown: Vec<_> = progress.iter().map(|progress| (progress.draw.day, progress.waiting())).collect();
    assert_eq!(shown, [(empty, 0), (DAY, 3)], "newest day first");
}

async fn two_draw_the_same_day_at_once(place: Place) {
    let ledgers = [place.open().await, place.open().await];
    let tasks = [&[1_u8, 2][..], &[3, 4]].into_iter().zip(&ledgers).map(|(numbers, ledger)| {
        let (ledger, numbers) = (ledger.clone(), numbers.to_vec());
        tokio::spawn(async move { record(&ledger, DAY, &numbers, 842).await })
    });
    let mut recorded = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        recorded.push(task.await.expect("the task ends well"));
    }
    recorded.sort_unstable();
    assert_eq!(recorded, [false, true]);
    assert_eq!(ledgers[0].waiting_for_labels(&service(), 10).await.expect("waiting").len(), 2);
}

async fn a_correction_supersedes_and_nothing_is_lost(place: Place) {
    let ledger = place.open().await;
    record(&ledger, DAY, &[3, 1, 2], 842).await;
    let yesterday = date(2013, 3, 31);
    record(&ledger, yesterday, &[9], 500).await;
    let waiting = |waiting: Vec<DrawnPrediction>| waiting.iter().map(|one| one.logged.prediction).collect::<Vec<_>>();
    let queue = ledger.waiting_for_labels(&service(), 10).await.expect("waiting");
    assert_eq!(waiting(queue), [3, 1, 2, 9].map(prediction), "newest day first, then by rank");

    let first = label(3, LabelSource::Hand, LabelValue::Truth(true));
    let correction = label(3, LabelSource::Hand, LabelValue::Truth(false));
    let unclear = label(1, LabelSource::Hand, LabelValue::CannotTell);
    let outcome = label(2, LabelSource::Import, LabelValue::Truth(true));
    for label in [&first, &correction, &unclear, &outcome] {
        save(&ledger, label).await;
    }
    assert_eq!(
        waiting(ledger.waiting_for_labels(&service(), 10).await.expect("waiting")),
        [2, 9].map(prediction),
        "an outcome that came in by itself is no look at a drawn row"
    );
    let progress = ledger.label_progress(&service(), DAY).await.expect("progress");
    assert_eq!((progress[0].labelled, progress[0].cannot_tell, progress[0].waiting()), (1, 1, 1));
    assert_eq!(ledger.current_label(prediction(3), Basis::Drawn).await.expect("an answer"), Some(correction.clone()));
    let by_hand = |since: i64, until: i64| {
        let ledger = &ledger;
        async move { ledger.hand_labels(&service(), at(since), at(until)).await.expect("labels") }
    };
    assert_eq!(by_hand(0, 999).await, [correction.clone(), unclear.clone()], "what a person said last, and no import");
    assert_eq!(by_hand(0, 103).await, std::slice::from_ref(&unclear), "the end is left out");
    assert_eq!(by_hand(103, 104).await, [correction]);
    assert_eq!(ledger.current_label(prediction(3), Basis::Imported).await.expect("an answer"), None);

    let all = ledger.labels(Some(&service()), 10).await.expect("labels");
    let shown: Vec<_> = all.iter().map(|record| (record.seq, record.is_current)).collect();
    assert_eq!(shown, [(4, true), (3, true), (2, true), (1, false)]);
    assert_eq!(all[3].label, first, "what was corrected is kept as it was");
    assert_eq!(ledger.labels(None, 2).await.expect("labels").len(), 2);
    let head = ledger.label_head(&service()).await.expect("the head");
    assert_eq!((head.seq, head.newest_at), (4, Some(at(103))));
    let elsewhere = ServiceName::parse("other").expect("a name");
    assert_eq!(ledger.label_head(&elsewhere).await.expect("the head").newest_at, None);
}

async fn labels_meet_what_was_said(place: Place) {
    let ledger = place.open().await;
    record(&ledger, DAY, &[1, 2], 800).await;
    record(&ledger, date(2013, 4, 2), &[3], 100).await;
    for number in [1, 2, 3] {
        save(&ledger, &label(number, LabelSource::Hand, LabelValue::Truth(number == 1))).await;
    }
    save(&ledger, &label(2, LabelSource::Hand, LabelValue::CannotTell)).await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.keep_logged_answers(&[answer(8, DAY), answer(1, date(2013, 1, 1))]).await.expect("kept");
    tx.record_label(&label(8, LabelSource::Api, LabelValue::Truth(true))).await.expect("recorded");
    tx.commit().await.expect("saved");

    let rows = ledger.labelled_rows(&service(), Basis::Drawn, DAY, DAY).await.expect("rows");
    let shown: Vec<_> = rows.iter().map(|row| (row.logged.prediction, row.inclusion, row.value.clone())).collect();
    assert_eq!(
        shown,
        [(prediction(2), 0.0025, LabelValue::CannotTell), (prediction(1), 0.0025, LabelValue::Truth(true))],
        "the newest label first; each prediction once"
    );
    assert_eq!(rows[1].logged, answer(1, DAY), "what was kept first stays");
    let all = ledger.labelled_rows(&service(), Basis::Drawn, Date::MIN, Date::MAX).await.expect("rows");
    assert_eq!(all.len(), 3);
    let imported = ledger.labelled_rows(&service(), Basis::Imported, Date::MIN, Date::MAX).await.expect("rows");
    assert_eq!(
        imported.iter().map(|row| (row.logged.prediction, row.inclusion)).collect::<Vec<_>>(),
        [(prediction(8), 1.0)]
    );
}

async fn no_label_without_its_prediction(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    let refused = tx.record_label(&label(1, LabelSource::Import, LabelValue::Truth(true))).await;
    assert_eq!(kind(refused), Kind::NotFound);
    drop(tx);
    let mut tx = ledger.begin().await.expect("a transaction");
    let (mut short, predictions) = draw(DAY, &[1, 2], 10);
    short.drawn = 3;
    assert_eq!(kind(tx.record_draw(&short, &predictions).await), Kind::Conflict, "a draw names all its rows");
}

fn estimate(day: Date, window: Window, value: f64) -> EstimateRecord {
    EstimateRecord {
        service: service(),
        subject: Subject { model: Some("delay@1".to_owned()), served_by: Some(Role::Shadow), basis: Basis::Drawn },
        window,
        day,
        label_seq: 4,
        computed_at: at(5),
        estimate: Estimate {
            metric: "accuracy".to_owned(),
            outcome: Outcome::Measured(Interval { value, lower: 0.1, upper: 0.1 + 0.2 }),
            labels: 10,
            cannot_tell: 1,
            effective: 9.5,
        },
    }
}

async fn the_last_estimate_of_a_day_stands(place: Place) {
    let ledger = place.open().await;
    assert_eq!(ledger.last_estimated(&service()).await.expect("an answer"), None);
    let week = Window::Days(7);
    let records = [
        estimate(DAY, week, 0.2),
        estimate(DAY, week, 0.25),
        estimate(DAY, Window::All, 0.3),
        estimate(date(2013, 4, 2), week, 0.15),
    ];
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.record_estimates(&records).await.expect("recorded");
    let whole = EstimateRecord {
        subject: Subject { model: None, served_by: None, basis: Basis::Imported },
        estimate: Estimate {
            outcome: Outcome::NotEnough { why: "2 of at least 5 labels".to_owned(), labels_needed: Some(3) },
            ..records[0].estimate.clone()
        },
        ..records[0].clone()
    };
    tx.record_estimates(std::slice::from_ref(&whole)).await.expect("recorded");
    tx.commit().await.expect("saved");
    let series = ledger.estimates(&service(), week, DAY).await.expect("estimates");
    assert_eq!(series, [records[1].clone(), whole, records[3].clone()]);
    assert_eq!(ledger.estimates(&service(), week, date(2013, 4, 2)).await.expect("estimates").len(), 1);
    assert_eq!(ledger.last_estimated(&service()).await.expect("an answer"), Some((DAY, 4, at(5))));
}

on_both! {
    a_day_is_drawn_once,
    two_draw_the_same_day_at_once,
    a_correction_supersedes_and_nothing_is_lost,
    labels_meet_what_was_said,
    no_label_without_its_prediction,
    the_last_estimate_of_a_day_stands,
}

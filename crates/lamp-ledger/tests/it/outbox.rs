//! The outbox.

use jiff::SignedDuration;
use lamp_core::error::Kind;
use lamp_core::ids::{IncidentId, NotificationId};
use lamp_core::incident::Incident;
use lamp_core::notification::{Notification, NotificationState};
use lamp_ledger::{Ledger, OUTBOX_MAX};

use crate::place::{Place, kind, on_both};
use crate::samples::{at, uuid};

fn notification(number: u8, minutes: i64) -> Notification {
    let incident = Incident::open(IncidentId(uuid(9)), "contract.broken", "flights@7", "it broke".to_owned(), at(0));
    Notification::of_incident(NotificationId(uuid(number)), &incident, at(minutes))
}

async fn add(ledger: &Ledger, notification: &Notification) -> bool {
    let mut tx = ledger.begin().await.expect("a transaction");
    let has_room = tx.add_notification(notification).await.expect("an answer");
    tx.commit().await.expect("saved");
    has_room
}

/// Claims for two minutes; an hour is the longest pause.
async fn claim(ledger: &Ledger, now: i64) -> Option<Notification> {
    let mut tx = ledger.begin().await.expect("a transaction");
    let claimed = tx.claim_notification(at(now), at(now + 2), at(now + 60)).await.expect("an answer");
    tx.commit().await.expect("saved");
    claimed
}

async fn a_notification_is_tried_until_it_is_heard(place: Place) {
    let ledger = place.open().await;
    assert!(add(&ledger, &notification(1, 5)).await);
    assert!(add(&ledger, &notification(2, 3)).await);
    let has_due = |now: i64| ledger.has_due_notification(at(now), at(now + 60));
    assert!(!has_due(2).await.expect("an answer") && has_due(3).await.expect("an answer"));
    assert_eq!(claim(&ledger, 2).await, None, "nothing is due");

    let first = claim(&ledger, 6).await.expect("one is due");
    assert_eq!((first.id, first.attempts), (NotificationId(uuid(2)), 1));
    assert_eq!(first.body, notification(2, 3).body);
    let second = claim(&ledger, 6).await.expect("another is due");
    assert_eq!(claim(&ledger, 6).await, None, "both are under way");
    // Nothing more was heard of either: both are due again.
    let again = [claim(&ledger, 8).await.expect("due again"), claim(&ledger, 8).await.expect("due again")];
    assert_eq!(again.map(|one| (one.id, one.attempts)), [(second.id, 2), (first.id, 2)]);

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.notification_delivered(first.id, at(9)).await.expect("heard");
    tx.retry_notification(second.id, at(30), "the answer was 500").await.expect("to be tried again");
    tx.commit().await.expect("saved");
    assert_eq!(claim(&ledger, 29).await, None);
    let again = claim(&ledger, 30).await.expect("due again");
    assert_eq!((again.id, again.attempts, again.last_error.as_deref()), (second.id, 3, Some("the answer was 500")));
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.give_notification_up(second.id, at(31), "the answer was 500").await.expect("given up");
    tx.commit().await.expect("saved");
    assert_eq!(claim(&ledger, 9_999).await, None);
    let states: Vec<_> = ledger.notifications(9).await.expect("all").iter().map(|one| one.state).collect();
    assert_eq!(states, [NotificationState::Delivered, NotificationState::GivenUp], "newest first");
    for id in [first.id, NotificationId(uuid(7))] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.notification_delivered(id, at(40)).await), Kind::Conflict);
    }
}

async fn a_clock_that_was_ahead_holds_nothing_up(place: Place) {
    let ledger = place.open().await;
    let ahead = Notification { due_at: at(0) + SignedDuration::from_hours(24 * 365), ..notification(1, 0) };
    add(&ledger, &ahead).await;
    assert!(ledger.has_due_notification(at(1), at(61)).await.expect("an answer"));
    assert!(claim(&ledger, 1).await.is_some());
}

async fn an_outbox_that_nobody_empties_is_bounded(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in 0..=OUTBOX_MAX {
        let mut bytes = *uuid(1).as_bytes();
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        let one = Notification { id: NotificationId(uuid::Uuid::from_bytes(bytes)), ..notification(1, 0) };
        assert_eq!(tx.add_notification(&one).await.expect("an answer"), number < OUTBOX_MAX, "{number}");
    }
}

on_both! {
    a_notification_is_tried_until_it_is_heard,
    a_clock_that_was_ahead_holds_nothing_up,
    an_outbox_that_nobody_empties_is_bounded,
}

//! What a team is told: written with the effect that it tells of, delivered later.

use jiff::Timestamp;
use lamp_core::ids::NotificationId;
use lamp_core::notification::{Notification, NotificationState};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

/// Most notifications that wait at once. When so many wait, nobody hears them: further ones are dropped.
pub const OUTBOX_MAX: u32 = 1_000;

macro_rules! columns {
    () => {
        "id, kind, subject, body, created_at, state, attempts, due_at, last_error"
    };
}

statements! {
    COUNT_WAITING = "SELECT COUNT(*) AS waiting FROM outbox WHERE state = 'waiting'";
    INSERT = "INSERT INTO outbox (seq, id, kind, subject, body, created_at, state, attempts, due_at) \
              VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox), $1, $2, $3, $4, $5, 'waiting', 0, $6)";
    CLAIM = concat!(
        "UPDATE outbox SET attempts = attempts + 1, due_at = $2 WHERE id = (",
        "SELECT id FROM outbox WHERE state = 'waiting' AND (due_at <= $1 OR due_at > $3) ",
        "ORDER BY due_at, seq LIMIT 1) RETURNING ", columns!()
    );
    DELIVERED = "UPDATE outbox SET state = 'delivered', ended_at = $2, last_error = NULL \
                 WHERE id = $1 AND state = 'waiting'";
    RETRY = "UPDATE outbox SET due_at = $2, last_error = $3 WHERE id = $1 AND state = 'waiting'";
    GIVE_UP = "UPDATE outbox SET state = 'given_up', ended_at = $2, last_error = $3 \
               WHERE id = $1 AND state = 'waiting'";
    HAS_DUE = "SELECT id FROM outbox WHERE state = 'waiting' AND (due_at <= $1 OR due_at > $2) LIMIT 1";
    NEWEST = concat!("SELECT ", columns!(), " FROM outbox ORDER BY seq DESC LIMIT $1");
}

reads! {
    /// Whether a notification is to be delivered now.
    fn has_due_notification(now: Timestamp, latest: Timestamp) -> bool;
    /// The last `limit` notifications, newest first.
    fn notifications(limit: u32) -> Vec<Notification>;
}

writes! {
    /// Has a notification delivered; says whether there was room for it. At most [`OUTBOX_MAX`] wait.
    fn add_notification(notification: &Notification) -> bool;
    /// Takes the notification that has been due longest and counts an attempt. If nothing more is heard of it by
    /// `again_at`, it is due again. One that is due after `latest` was put there by a clock that was ahead, and is
    /// due as well.
    fn claim_notification(now: Timestamp, again_at: Timestamp, latest: Timestamp) -> Option<Notification>;
    /// The other side has it.
    fn notification_delivered(id: NotificationId, at: Timestamp) -> ();
    /// It is to be tried again.
    fn retry_notification(id: NotificationId, due_at: Timestamp, error: &str) -> ();
    /// It was tried often enough.
    fn give_notification_up(id: NotificationId, at: Timestamp, error: &str) -> ();
}

fn notification(row: &AnyRow) -> Result<Notification> {
    let record = Record::new(row, "notification");
    Ok(Notification {
        id: record.parse("id", NotificationId::parse)?,
        kind: record.text("kind")?,
        subject: record.text("subject")?,
        body: record.text("body")?,
        created_at: record.time("created_at")?,
        state: record.parse("state", NotificationState::parse)?,
        attempts: record.number("attempts")?,
        due_at: record.time("due_at")?,
        last_error: record.optional_text("last_error")?,
    })
}

async fn add_notification(connection: &mut AnyConnection, notification: &Notification) -> Result<bool> {
    let row = COUNT_WAITING.query().fetch_one(&mut *connection).await?;
    let waiting: u64 = Record::new(&row, "outbox").number("waiting")?;
    if waiting >= u64::from(OUTBOX_MAX) {
        return Ok(false);
    }
    INSERT
        .query()
        .bind(notification.id.to_string())
        .bind(row::text("a kind", &notification.kind)?)
        .bind(row::text("a subject", &notification.subject)?)
        .bind(row::text("a notification", &notification.body)?)
        .bind(row::micros(notification.created_at))
        .bind(row::micros(notification.due_at))
        .execute(connection)
        .await?;
    Ok(true)
}

async fn claim_notification(
    connection: &mut AnyConnection,
    now: Timestamp,
    again_at: Timestamp,
    latest: Timestamp,
) -> Result<Option<Notification>> {
    let query = CLAIM.query().bind(row::micros(now)).bind(row::micros(again_at)).bind(row::micros(latest));
    query.fetch_optional(connection).await?.as_ref().map(notification).transpose()
}

async fn notification_delivered(connection: &mut AnyConnection, id: NotificationId, at: Timestamp) -> Result<()> {
    let query = DELIVERED.query().bind(id.to_string()).bind(row::micros(at));
    still_waiting(id, query.execute(connection).await?.rows_affected())
}

async fn retry_notification(
    connection: &mut AnyConnection,
    id: NotificationId,
    due_at: Timestamp,
    error: &str,
) -> Result<()> {
    let query = RETRY.query().bind(id.to_string()).bind(row::micros(due_at));
    let query = query.bind(row::text("an error", error)?);
    still_waiting(id, query.execute(connection).await?.rows_affected())
}

async fn give_notification_up(
    connection: &mut AnyConnection,
    id: NotificationId,
    at: Timestamp,
    error: &str,
) -> Result<()> {
    let query = GIVE_UP.query().bind(id.to_string()).bind(row::micros(at));
    let query = query.bind(row::text("an error", error)?);
    still_waiting(id, query.execute(connection).await?.rows_affected())
}

fn still_waiting(id: NotificationId, moved: u64) -> Result<()> {
    if moved == 1 { Ok(()) } else { Err(LedgerError::conflict(format!("notification {id} does not wait any more"))) }
}

async fn has_due_notification(connection: &mut AnyConnection, now: Timestamp, latest: Timestamp) -> Result<bool> {
    let query = HAS_DUE.query().bind(row::micros(now)).bind(row::micros(latest));
    Ok(query.fetch_optional(connection).await?.is_some())
}

async fn notifications(connection: &mut AnyConnection, limit: u32) -> Result<Vec<Notification>> {
    NEWEST.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(notification).collect()
}

//! The audit chain.

use lamp_core::audit::{AuditEntry, AuditEvent, BrokenLink, chain, check_link, genesis};
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{Ledger, LedgerError, Result};

/// Most events that one call of `audit_events` returns.
pub const AUDIT_PAGE_MAX: u32 = 1_000;

/// What a walk along the whole audit chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Events that fit, from the first on.
    pub events: u64,
    /// Hash of the last event that the ledger says it has; zeros before the first event. Kept elsewhere, it
    /// shows later that nothing before it was rewritten.
    pub head: Digest,
    /// The first place where the chain is broken, or nothing if it is whole.
    pub broken: Option<BrokenLink>,
}

macro_rules! columns {
    () => {
        "seq, previous, hash, at, injected_time, actor, actor_auth, action, subject, details"
    };
}

statements! {
    HEAD = "SELECT seq, hash FROM audit_head WHERE id = 1";
    MOVE_HEAD = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1 AND seq = $3 AND hash = $4";
    APPEND = concat!("INSERT INTO audit_events (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    LATEST = concat!("SELECT ", columns!(), " FROM audit_events ORDER BY seq DESC LIMIT $1");
    AFTER = concat!("SELECT ", columns!(), " FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2");
}

reads! {
    /// Events after number `after_seq` (0 for the first page), in order; at most `limit` and at most
    /// [`AUDIT_PAGE_MAX`].
    fn audit_events(after_seq: u64, limit: u32) -> Vec<AuditEvent>;
    /// The last events, newest first; at most `limit` and at most [`AUDIT_PAGE_MAX`].
    fn latest_audit_events(limit: u32) -> Vec<AuditEvent>;
}

writes! {
    /// Appends an event to the chain. It belongs into the same transaction as what it tells of.
    fn audit(entry: &AuditEntry) -> AuditEvent;
}

impl Ledger {
    /// Walks along the whole chain, a page at a time, in one consistent view of the ledger.
    pub async fn verify_audit(&self) -> Result<AuditReport> {
        let mut view = self.snapshot().await?;
        let report = verify(&mut view).await;
        view.rollback().await?;
        report
    }
}

struct Head {
    seq: u64,
    hash: Digest,
}

async fn head(connection: &mut AnyConnection) -> Result<Option<Head>> {
    let Some(row) = HEAD.query().fetch_optional(connection).await? else { return Ok(None) };
    let record = Record::new(&row, "audit head");
    Ok(Some(Head { seq: record.number("seq")?, hash: record.digest("hash")? }))
}

async fn audit(connection: &mut AnyConnection, entry: &AuditEntry) -> Result<AuditEvent> {
    let entry = canonical(entry)?;
    let details = row::json("the details of an audit event", &entry.details)?;
    let Some(before) = head(connection).await? else {
        return Err(LedgerError::Damaged { what: "audit head", column: "id", why: "is missing".to_owned() });
    };
    let seq = before.seq + 1;
    let hash = chain(seq, before.hash, &entry);
    APPEND
        .query()
        .bind(row::number("the number of an audit event", seq)?)
        .bind(before.hash.to_hex())
        .bind(hash.to_hex())
        .bind(row::micros(entry.at))
        .bind(i64::from(entry.injected_time))
        .bind(row::text("an actor's name", &entry.actor.name)?)
        .bind(entry.actor.auth.as_str())
        .bind(row::text("an action", &entry.action)?)
        .bind(row::text("a subject", &entry.subject)?)
        .bind(details)
        .execute(&mut *connection)
        .await?;
    let moved = MOVE_HEAD
        .query()
        .bind(row::number("the number of an audit event", seq)?)
        .bind(hash.to_hex())
        .bind(row::number("the number of an audit event", before.seq)?)
        .bind(before.hash.to_hex())
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 0 {
        return Err(LedgerError::conflict("another audit event was recorded meanwhile"));
    }
    Ok(AuditEvent { seq, previous: before.hash, hash, entry })
}

/// Rounds after which a JSON number must read back as it was written.
const CANONICAL_ROUNDS_MAX: u32 = 8;

/// The entry as it will be read back, so that its hash can be computed again: whole microseconds, keys in
/// order, and numbers that survive being written and read.
fn canonical(entry: &AuditEntry) -> Result<AuditEntry> {
    let mut details = sorted(&entry.details);
    let what = "the details of an audit event";
    let mut text = row::json(what, &details)?;
    for _ in 0..CANONICAL_ROUNDS_MAX {
        let unreadable = |_| LedgerError::Unstorable { what, why: "they cannot be read back" };
        details = serde_json::from_str(&text).map_err(unreadable)?;
        let again = row::json(what, &details)?;
        if again == text {
            return Ok(AuditEntry { at: row::kept(entry.at), details, ..entry.clone() });
        }
        text = again;
    }
    Err(LedgerError::Unstorable { what, why: "a number in them changes whenever it is read back" })
}

fn sorted(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::Value::Object(fields.into_iter().collect())
        }
        serde_json::Value::Array(items) => serde_json::Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn event(row: &AnyRow) -> Result<AuditEvent> {
    let record = Record::new(row, "audit event");
    Ok(AuditEvent {
        seq: record.number("seq")?,
        previous: record.digest("previous")?,
        hash: record.digest("hash")?,
        entry: AuditEntry {
            at: record.time("at")?,
            injected_time: record.flag("injected_time")?,
            actor: record.actor("actor", "actor_auth")?,
            action: record.text("action")?,
            subject: record.text("subject")?,
            details: record.json("details")?,
        },
    })
}

async fn page(connection: &mut AnyConnection, after_seq: u64, limit: u32) -> Result<Vec<AnyRow>> {
    let after = row::number("the number of an audit event", after_seq)?;
    Ok(AFTER.query().bind(after).bind(i64::from(limit.min(AUDIT_PAGE_MAX))).fetch_all(connection).await?)
}

async fn audit_events(connection: &mut AnyConnection, after_seq: u64, limit: u32) -> Result<Vec<AuditEvent>> {
    page(connection, after_seq, limit).await?.iter().map(event).collect()
}

async fn latest_audit_events(connection: &mut AnyConnection, limit: u32) -> Result<Vec<AuditEvent>> {
    let limit = i64::from(limit.min(AUDIT_PAGE_MAX));
    LATEST.query().bind(limit).fetch_all(connection).await?.iter().map(event).collect()
}

async fn verify(connection: &mut AnyConnection) -> Result<AuditReport> {
    let told = head(connection).await;
    let mut last: Option<AuditEvent> = None;
    let mut broken = None;
    'walk: loop {
        let after = last.as_ref().map_or(0, |event| event.seq);
        let rows = page(connection, after, AUDIT_PAGE_MAX).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            match next_link(last.as_ref(), row) {
                Ok(event) => last = Some(event),
                Err(link) => {
                    broken = Some(link);
                    break 'walk;
                }
            }
        }
    }
    let events = last.as_ref().map_or(0, |event| event.seq);
    let reached = last.map_or_else(genesis, |event| event.hash);
    let head = match told {
        Ok(Some(head)) => {
            broken = broken.or_else(|| check_head(&head, events, reached));
            head.hash
        }
        Ok(None) => {
            broken = broken.or_else(|| Some(lost_head(events, "the record of the last event is missing")));
            reached
        }
        Err(LedgerError::Damaged { .. }) => {
            broken = broken.or_else(|| Some(lost_head(events, "the record of the last event cannot be read")));
            reached
        }
        Err(other) => return Err(other),
    };
    Ok(AuditReport { events, head, broken })
}

fn next_link(before: Option<&AuditEvent>, row: &AnyRow) -> std::result::Result<AuditEvent, BrokenLink> {
    let expected = before.map_or(1, |event| event.seq + 1);
    let event = event(row).map_err(|error| BrokenLink { seq: expected, why: error.to_string() })?;
    check_link(before, &event)?;
    Ok(event)
}

fn lost_head(events: u64, why: &str) -> BrokenLink {
    BrokenLink { seq: events, why: why.to_owned() }
}

/// Compares what the walk reached with what the head row says is the end.
fn check_head(head: &Head, events: u64, reached: Digest) -> Option<BrokenLink> {
    if head.seq > events {
        let why = format!("events {} to {} are missing from the end", events + 1, head.seq);
        return Some(BrokenLink { seq: events + 1, why });
    }
    if head.seq < events {
        let why = format!("the record of the last event says {}, but there are {events}", head.seq);
        return Some(BrokenLink { seq: head.seq + 1, why });
    }
    if head.hash != reached {
        return Some(BrokenLink { seq: events, why: "it is not the event that was recorded last".to_owned() });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use lamp_core::actor::Actor;

    #[test]
    fn an_entry_is_hashed_as_it_will_be_read_back() {
        let at: Timestamp = "2013-04-01T10:00:00.123456789Z".parse().expect("a timestamp");
        let details =
            serde_json::json!({"z": {"b": 0.1, "a": 1e300}, "a": [1.0e-7, {"y": 3.3, "x": 0.123_456_789_012_345_68}]});
        let entry = AuditEntry {
            at,
            injected_time: false,
            actor: Actor::system(),
            action: "data.added".to_owned(),
            subject: "flights@1".to_owned(),
            details,
        };
        let canonical = canonical(&entry).expect("canonical");
        assert_eq!(canonical.at.to_string(), "2013-04-01T10:00:00.123456Z");
        let text = serde_json::to_string(&canonical.details).expect("json");
        assert!(text.starts_with(r#"{"a":[1e-7,{"x":"#), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(serde_json::to_string(&read).expect("json"), text);
    }
}

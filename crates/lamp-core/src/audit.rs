//! The audit log: who did what, each event bound to the one before it by a hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::Digest;

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Whether the clock was injected (demo and tests).
    pub injected_time: bool,
    /// Who.
    pub actor: Actor,
    /// What was done: `model.approved`, `data.added`, …
    pub action: String,
    /// To what: `delay@12`, `flights@7`, a run id, …
    pub subject: String,
    /// Details, as JSON.
    pub details: serde_json::Value,
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Place in the chain, from 1.
    pub seq: u64,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// This event's hash.
    pub hash: Digest,
    /// What was recorded.
    pub entry: AuditEntry,
}

/// The hash before the first event.
pub fn genesis() -> Digest {
    Digest::from_bytes([0; 32])
}

/// The hash of an event: BLAKE3 over its number, the hash before it and its canonical JSON.
///
/// # Panics
/// Never: every field serialises.
pub fn chain(seq: u64, previous: Digest, entry: &AuditEntry) -> Digest {
    let body = serde_json::to_string(entry).expect("an audit entry serialises");
    Digest::of(format!("{seq}\n{previous}\n{body}").as_bytes())
}

/// The first place where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenLink {
    /// Number of the event that does not fit.
    pub seq: u64,
    /// What does not fit.
    pub why: String,
}

/// Checks that `event` follows `before` (none for the first).
pub fn check_link(before: Option<&AuditEvent>, event: &AuditEvent) -> Result<(), BrokenLink> {
    let expected_seq = before.map_or(1, |e| e.seq + 1);
    let expected_previous = before.map_or_else(genesis, |e| e.hash);
    let broken = |why: &str| Err(BrokenLink { seq: event.seq, why: why.to_owned() });
    if event.seq != expected_seq {
        return Err(BrokenLink {
            seq: expected_seq,
            why: format!("event {expected_seq} is missing; the next is {}", event.seq),
        });
    }
    if event.previous != expected_previous {
        return broken("it does not name the hash of the event before it");
    }
    if chain(event.seq, event.previous, &event.entry) != event.hash {
        return broken("its content does not match its hash");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, previous: Digest, subject: &str) -> AuditEvent {
        let entry = AuditEntry {
            at: Timestamp::UNIX_EPOCH,
            injected_time: true,
            actor: Actor::local("first@example.com"),
            action: "data.added".to_owned(),
            subject: subject.to_owned(),
            details: serde_json::Value::Null,
        };
        AuditEvent { seq, previous, hash: chain(seq, previous, &entry), entry }
    }

    #[test]
    fn a_changed_or_missing_event_breaks_the_chain() {
        let first = event(1, genesis(), "flights@1");
        let second = event(2, first.hash, "flights@2");
        assert_eq!(check_link(None, &first), Ok(()));
        assert_eq!(check_link(Some(&first), &second), Ok(()));

        let mut forged = second.clone();
        forged.entry.subject = "flights@3".to_owned();
        assert_eq!(check_link(Some(&first), &forged).expect_err("forged").seq, 2);
        assert_eq!(check_link(None, &second).expect_err("first event missing").seq, 1);
    }
}

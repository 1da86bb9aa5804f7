//! Delivery of what is in the outbox, over HTTP.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use lamp_core::access::Permission;
use lamp_core::config::{Notify, Webhook};
use lamp_core::notification::{Notification, RETRY_AFTER_MAX, retry_after};
use reqwest::redirect::Policy;
use serde_json::json;
use sha2::Sha256;

use crate::app::App;
use crate::parts::PartError;

/// Deliveries of one round; the others wait for the next.
const DELIVERIES_MAX: usize = 20;

/// How long the other side may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A delivery of which nothing more is heard for so long (its process was killed) is tried again.
const SILENT_MAX: SignedDuration = SignedDuration::from_mins(2);

/// Characters of an error that are kept.
const ERROR_MAX: usize = 300;

impl App {
    /// Delivers what is due, and says what became of it. Can be cut short at any point, or run twice at once: what
    /// was delivered without our learning of it is delivered again, with the same id.
    pub async fn deliver_notifications(&self) -> Result<Vec<String>, PartError> {
        self.authorize(Permission::Watch)?;
        let Some(notify) = &self.workspace().root.notify else { return Ok(Vec::new()) };
        let mut said = Vec::new();
        for _ in 0..DELIVERIES_MAX {
            let Some(notification) = self.claim_due_notification().await? else { break };
            said.push(match post(notify, &notification, self.now()).await {
                Ok(()) => self.note_delivered(&notification).await?,
                Err(why) => self.note_failed(&notification, &why).await?,
            });
        }
        Ok(said)
    }

    async fn claim_due_notification(&self) -> Result<Option<Notification>, PartError> {
        let now = self.now();
        let latest = now.checked_add(RETRY_AFTER_MAX).unwrap_or(Timestamp::MAX);
        // A look costs no writer's turn.
        if !self.ledger().has_due_notification(now, latest).await? {
            return Ok(None);
        }
        let again_at = now.checked_add(SILENT_MAX).unwrap_or(Timestamp::MAX);
        let mut tx = self.ledger().begin().await?;
        let claimed = tx.claim_notification(now, again_at, latest).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn note_delivered(&self, notification: &Notification) -> Result<String, PartError> {
        let mut tx = self.ledger().begin().await?;
        tx.notification_delivered(notification.id, self.now()).await?;
        tx.commit().await?;
        Ok(format!("told the team of {} {}", notification.kind, notification.subject))
    }

    async fn note_failed(&self, notification: &Notification, why: &str) -> Result<String, PartError> {
        let why: String = why.chars().filter(|c| !c.is_control()).take(ERROR_MAX).collect();
        let mut tx = self.ledger().begin().await?;
        let what = if let Some(pause) = retry_after(notification.attempts) {
            let due_at = self.now().checked_add(pause).unwrap_or(Timestamp::MAX);
            tx.retry_notification(notification.id, due_at, &why).await?;
            format!("cannot tell the team of {}, trying again: {why}", notification.subject)
        } else {
            tx.give_notification_up(notification.id, self.now(), &why).await?;
            let details = json!({"kind": notification.kind, "subject": notification.subject, "why": why});
            tx.audit(&self.entry("notification.given_up", notification.id, details)).await?;
            format!("cannot tell the team of {}, given up: {why}", notification.subject)
        };
        tx.commit().await?;
        Ok(what)
    }
}

/// Posts a notification once, or says why that was not possible.
async fn post(notify: &Notify, notification: &Notification, now: Timestamp) -> Result<(), String> {
    let address = match &notify.webhook {
        Webhook::Address(address) => address.clone(),
        Webhook::Variable(name) => variable(name)?,
    };
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .build()
        .map_err(|error| in_words(&error))?;
    let timestamp = now.as_second().to_string();
    let mut request = client
        .post(address)
        .header("content-type", "application/json")
        .header("user-agent", concat!("lamplighter/", env!("CARGO_PKG_VERSION")))
        .header("idempotency-key", notification.id.to_string())
        .header("x-lamp-timestamp", &timestamp);
    if let Some(name) = &notify.secret_env {
        // Never unsigned where a signature is wanted.
        let secret = variable(name)?;
        request = request.header("x-lamp-signature", signature(&secret, &timestamp, &notification.body));
    }
    let response = request.body(notification.body.clone()).send().await.map_err(|error| in_words(&error))?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("the answer was {status}")) }
}

fn variable(name: &str) -> Result<String, String> {
    let found = std::env::var(name).ok().filter(|value| !value.is_empty());
    found.ok_or_else(|| format!("the environment variable {name} is not set"))
}

/// `sha256=` and the hexadecimal HMAC-SHA256 of the timestamp, a dot, and the body (RFC 2104). The timestamp lets
/// the other side refuse what somebody recorded and sends again.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// An error with its causes, without the address: that may be a secret.
fn in_words(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the request failed"
    };
    match causes.last() {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_of_timestamp_and_body() {
        // Made with: printf '1364824800.{"text":"hello"}' | openssl dgst -sha256 -hmac "the lamp's key"
        let expected = "sha256=9448724a1e16d1b2ab41f28cf382f3ece3fafd90b835cd9be3c6ead2de332637";
        assert_eq!(signature("the lamp's key", "1364824800", "{\"text\":\"hello\"}"), expected);
    }
}

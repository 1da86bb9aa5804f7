//! Notifications: what a team's chat is told, at least once.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::duty::Duty;
use crate::ids::NotificationId;
use crate::incident::Incident;

/// Times that a delivery is tried, over about a day.
pub const ATTEMPTS_MAX: u32 = 30;

/// The pause after the first failure; it doubles with each further one.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// The longest pause between two attempts.
pub const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Characters of a text, so that no chat refuses it.
const TEXT_MAX: usize = 2_000;

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// It is to be delivered, perhaps again.
    Waiting,
    /// The other side has said that it has it.
    Delivered,
    /// It was tried often enough.
    GivenUp,
}

impl NotificationState {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::GivenUp].into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for NotificationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
        })
    }
}

/// Something that a team is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its id: the same in every attempt, so that the other side can tell a repetition.
    pub id: NotificationId,
    /// `incident.opened` or `duty.missed`.
    pub kind: String,
    /// The id of the incident or duty.
    pub subject: String,
    /// The JSON that is sent.
    pub body: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: NotificationState,
    /// Times that it was tried.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub due_at: Timestamp,
    /// What the last attempt failed of.
    pub last_error: Option<String>,
}

impl Notification {
    /// An incident was opened.
    pub fn of_incident(id: NotificationId, incident: &Incident, at: Timestamp) -> Self {
        let place = incident.project.as_ref().map(|project| format!(" in {project}")).unwrap_or_default();
        let command = format!("lamp incidents ack {}", incident.id);
        let text = format!("Incident{place}: {} — {command}", incident.title);
        let details = json!({"incident": incident, "command": command});
        Self::new(id, "incident.opened", incident.id.to_string(), &text, &details, at)
    }

    /// Duties of one kind in one project were missed; never empty, the oldest first.
    pub fn of_missed(id: NotificationId, duties: &[Duty], at: Timestamp) -> Option<Self> {
        let (first, last) = (duties.first()?, duties.last()?);
        let assignee = first.assignee.as_deref().unwrap_or("nobody in particular");
        let what = match duties.len() {
            1 => format!("{} of {} was missed; it was for {assignee}", first.title(), first.project),
            count => format!(
                "{count} {} duties of {} were missed, from {} to {}",
                first.kind, first.project, first.subject, last.subject
            ),
        };
        let command = format!("lamp duty show {}", last.id);
        let ids: Vec<_> = duties.iter().map(|duty| duty.id).collect();
        let details = json!({"duties": ids, "project": first.project, "duty_kind": first.kind, "command": command});
        Some(Self::new(id, "duty.missed", last.id.to_string(), &format!("Missed: {what} — {command}"), &details, at))
    }

    fn new(
        id: NotificationId,
        kind: &str,
        subject: String,
        text: &str,
        details: &serde_json::Value,
        at: Timestamp,
    ) -> Self {
        let body = json!({
            "id": id, "kind": kind, "subject": subject, "at": at, "text": as_chat_text(text), "details": details,
        });
        Self {
            id,
            kind: kind.to_owned(),
            subject,
            body: body.to_string(),
            created_at: at,
            state: NotificationState::Waiting,
            attempts: 0,
            due_at: at,
            last_error: None,
        }
    }
}

/// How long to wait after the `attempts`th failure; none when it has been tried often enough.
pub fn retry_after(attempts: u32) -> Option<SignedDuration> {
    if attempts >= ATTEMPTS_MAX {
        return None;
    }
    let doublings = attempts.saturating_sub(1).min(16);
    Some((RETRY_AFTER * (1 << doublings)).min(RETRY_AFTER_MAX))
}

/// A text as Slack and its likes take it: `&`, `<` and `>` would begin a link or a mention.
fn as_chat_text(text: &str) -> String {
    let shortened: String = text.chars().take(TEXT_MAX).collect();
    shortened.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{IncidentId, uuid_v7};
    use crate::incident::CONTRACT_BROKEN;
    use crate::names::ProjectName;

    #[test]
    fn a_team_is_told_what_happened_and_what_to_type() {
        let at = Timestamp::UNIX_EPOCH;
        let id = uuid_v7(at, [7; 10]);
        let title = "flights[2013-02-08]: 51 % <null> & more".to_owned();
        let incident = Incident::open(IncidentId(id), CONTRACT_BROKEN, "flights[2013-02-08]", title, at);
        let project = ProjectName::parse("delay").expect("a name");
        let notification = Notification::of_incident(NotificationId(id), &incident.of(Some(&project)), at);
        let body: serde_json::Value = serde_json::from_str(&notification.body).expect("JSON");
        let text =
            format!("Incident in delay: flights[2013-02-08]: 51 % &lt;null&gt; &amp; more — lamp incidents ack {id}");
        assert_eq!((body["text"].as_str(), body["kind"].as_str()), (Some(text.as_str()), Some("incident.opened")));
        assert_eq!(body["details"]["incident"]["cause"], CONTRACT_BROKEN);
        assert_eq!(body["id"], id.to_string());
    }

    #[test]
    fn pauses_grow_to_an_hour_and_end_within_about_a_day() {
        let pauses: Vec<_> = (1..).map_while(retry_after).collect();
        let seconds: Vec<_> = pauses.iter().map(SignedDuration::as_secs).collect();
        assert_eq!(seconds[..8], [30, 60, 120, 240, 480, 960, 1_920, 3_600]);
        assert_eq!(seconds.len() + 1, ATTEMPTS_MAX as usize);
        let total: i64 = seconds.iter().sum();
        assert!((20 * 3_600..26 * 3_600).contains(&total), "{total} s");
    }
}

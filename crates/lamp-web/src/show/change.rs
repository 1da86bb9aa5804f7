//! What changed lately, told from the audit log.

use jiff::tz::TimeZone;
use lamp_core::audit::AuditEvent;

use super::text::Instant;

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct ChangeShown {
    pub(crate) at: Instant,
    pub(crate) by: String,
    /// `delay@2 was approved`
    pub(crate) what: String,
    pub(crate) page: Option<String>,
}

/// The events that changed what people or programs rely on, newest first, at most `most`.
pub(crate) fn changes(events: &[AuditEvent], most: usize, zone: &TimeZone) -> Vec<ChangeShown> {
    events.iter().filter_map(|event| change(event, zone)).take(most).collect()
}

fn change(event: &AuditEvent, zone: &TimeZone) -> Option<ChangeShown> {
    let entry = &event.entry;
    let subject = &entry.subject;
    let service = || subject.split(' ').next().unwrap_or_default().to_owned();
    let dataset = || subject.split('@').next().unwrap_or_default().to_owned();
    let (what, page) = match entry.action.as_str() {
        "data.added" => (format!("{subject} was added"), Some(format!("/datasets/{}", dataset()))),
        "model.registered" => (format!("{subject} was trained"), Some(format!("/models/{subject}"))),
        "model.approved" => (format!("{subject} was approved"), Some(format!("/models/{subject}"))),
        "model.rejected" => (format!("{subject} was rejected"), Some(format!("/models/{subject}"))),
        "model.retired" => (format!("{subject} was retired"), Some(format!("/models/{subject}"))),
        "service.deployed" => {
            (format!("another model was deployed in {subject}"), Some(format!("/services/{}", service())))
        }
        "service.rolled_back" => (format!("{subject} was rolled back"), Some(format!("/services/{}", service()))),
        "service.switched" => (format!("{subject} was switched"), Some(format!("/services/{}", service()))),
        "incident.resolved" => ("an incident was resolved".to_owned(), Some(format!("/incidents/{subject}"))),
        "cadence.adopted" => (format!("a cadence was adopted for {subject}"), Some(format!("/cadence/{subject}"))),
        "run.failed" => ("a run failed".to_owned(), Some(format!("/runs/{subject}"))),
        "rota.swapped" => (format!("somebody else is on rota {subject} for a while"), Some("/rota".to_owned())),
        _ => return None,
    };
    Some(ChangeShown { at: Instant::new(entry.at, zone), by: entry.actor.name.clone(), what, page })
}

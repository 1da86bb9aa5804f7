//! An incident as the list and its page show it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_app::incidents::IncidentView;
use lamp_core::incident::{
    CONTRACT_BROKEN, DATA_SURPRISING, HISTOGRAM_SUSPICIOUS, IncidentState, SERVICE_DEGRADED, SERVICE_SWITCHED,
    SLA_EXHAUSTED, SLA_LATE,
};
use lamp_core::names::{DatasetName, ServiceName};

use super::text::{Instant, age, prose};

/// One incident.
#[derive(Debug, Clone)]
pub(crate) struct IncidentShown {
    pub(crate) id: String,
    pub(crate) title: String,
    /// The title in parts that are code or not.
    pub(crate) title_prose: Vec<(bool, String)>,
    pub(crate) cause: String,
    pub(crate) subject: String,
    pub(crate) project: Option<String>,
    pub(crate) state: IncidentState,
    pub(crate) opened_at: Instant,
    /// How long it has been open, or was.
    pub(crate) age: String,
    pub(crate) acknowledged: Option<(String, Instant)>,
    pub(crate) resolved: Option<(String, Instant, String)>,
    /// The page of what it is about.
    pub(crate) page: Option<String>,
    /// The command that shows the same.
    pub(crate) look: Option<String>,
    /// Whether it is about data that is unlike its history, of which a person says what it was.
    pub(crate) is_surprise: bool,
}

impl IncidentShown {
    pub(crate) fn new(view: &IncidentView, now: Timestamp, zone: &TimeZone) -> Self {
        let incident = &view.incident;
        let end = incident.resolved.as_ref().map_or(now, |resolved| resolved.at);
        let acknowledged = incident.acknowledged.as_ref();
        let resolved = incident.resolved.as_ref();
        Self {
            id: incident.id.to_string(),
            title: incident.title.replace('`', ""),
            title_prose: prose(&incident.title),
            cause: cause_in_words(&incident.cause),
            subject: incident.subject.clone(),
            project: incident.project.as_ref().map(ToString::to_string),
            state: view.state,
            opened_at: Instant::new(incident.opened_at, zone),
            age: age(incident.opened_at, end),
            acknowledged: acknowledged.map(|by| (by.by.name.clone(), Instant::new(by.at, zone))),
            resolved: resolved.map(|end| (end.by.name.clone(), Instant::new(end.at, zone), end.note.clone())),
            page: page_of(&incident.cause, &incident.subject),
            look: view.look.clone(),
            is_surprise: incident.cause == DATA_SURPRISING,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == IncidentState::Resolved
    }
}

/// `contract.broken` as `contract broken`.
fn cause_in_words(cause: &str) -> String {
    cause.replace(['.', '_'], " ")
}

/// The page of what an incident is about, for the causes that this build knows.
fn page_of(cause: &str, subject: &str) -> Option<String> {
    match cause {
        SERVICE_SWITCHED | SERVICE_DEGRADED => {
            let service = ServiceName::parse(subject.split(' ').next()?).ok()?;
            Some(format!("/services/{service}"))
        }
        CONTRACT_BROKEN | DATA_SURPRISING => histograms_of(subject),
        HISTOGRAM_SUSPICIOUS => histograms_of(subject.rsplit_once('.')?.0),
        // `flights after …`, `flights objective`.
        SLA_LATE | SLA_EXHAUSTED => histograms_of(subject.split(' ').next()?),
        _ => None,
    }
}

/// Of `flights[2013-02-08]` or `flights`.
fn histograms_of(slice: &str) -> Option<String> {
    let (name, range) = slice.split_once('[').unwrap_or((slice, ""));
    let dataset = DatasetName::parse(name).ok()?;
    let partition = lamp_core::partition::PartitionKey::parse(range.trim_end_matches(']')).ok();
    Some(match partition {
        Some(partition) => format!("/histograms/{dataset}?at={partition}"),
        None => format!("/datasets/{dataset}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_leads_to_what_it_is_about() {
        for (cause, subject, page) in [
            (CONTRACT_BROKEN, "flights[2013-02-08]", Some("/histograms/flights?at=2013-02-08")),
            (DATA_SURPRISING, "flights[2013-02-08]", Some("/histograms/flights?at=2013-02-08")),
            (CONTRACT_BROKEN, "flights", Some("/datasets/flights")),
            (CONTRACT_BROKEN, "../x", None),
            (SERVICE_SWITCHED, "delay epoch 7", Some("/services/delay")),
            (SERVICE_DEGRADED, "delay shadow simple@1", Some("/services/delay")),
            (HISTOGRAM_SUSPICIOUS, "flights[2013-02].dep_delay", Some("/histograms/flights?at=2013-02")),
            (SLA_LATE, "flights after 2013-03-27T04:59:00Z", Some("/datasets/flights")),
            (SLA_EXHAUSTED, "flights objective", Some("/datasets/flights")),
            ("something.else", "delay", None),
        ] {
            assert_eq!(page_of(cause, subject).as_deref(), page, "{cause} {subject}");
        }
    }
}

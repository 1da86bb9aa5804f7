//! How long it takes until a problem is seen, taken up and over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sla::SlaProperty;
use crate::incident::Incident;

/// One incident with the instant since which there was something to see, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The incident.
    pub incident: Incident,
    /// When the trouble began: when the data came, or should have come.
    pub began_at: Option<Timestamp>,
}

/// The times of some incidents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseTimes {
    /// Incidents that were measured.
    pub incidents: u64,
    /// How many of these are not that far yet; their time so far counts.
    pub running: u64,
    /// The median, in seconds; of an even number the upper middle.
    pub median_seconds: f64,
    /// The longest, in seconds.
    pub worst_seconds: f64,
}

/// What a property of an incident's course is, in seconds: to detect from the beginning until it opened, to notify from
/// then until somebody took it up (or resolved it), to repair until it was resolved. An incident that is not that far
/// counts with its time so far. None where there is nothing to measure.
pub fn response_times(property: &SlaProperty, cases: &[Case], now: Timestamp) -> Option<ResponseTimes> {
    let span = |case: &Case| -> Option<(f64, bool)> {
        let incident = &case.incident;
        let resolved_at = incident.resolved.as_ref().map(|resolution| resolution.at);
        let taken_at = incident.acknowledged.as_ref().map(|acknowledgement| acknowledgement.at);
        let (from, until) = match property {
            SlaProperty::TimeToDetect => (case.began_at?, Some(incident.opened_at)),
            SlaProperty::TimeToNotify => (incident.opened_at, taken_at.or(resolved_at)),
            SlaProperty::TimeToRepair => (incident.opened_at, resolved_at),
            SlaProperty::Latency | SlaProperty::Frequency | SlaProperty::Availability | SlaProperty::Other(_) => {
                return None;
            }
        };
        let seconds = until.unwrap_or(now).duration_since(from).as_secs_f64();
        Some((seconds.max(0.0), until.is_none()))
    };
    let mut spans: Vec<(f64, bool)> = cases.iter().filter_map(span).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (worst, _) = spans.last().copied()?;
    Some(ResponseTimes {
        incidents: spans.len() as u64,
        running: spans.iter().filter(|(_, is_running)| *is_running).count() as u64,
        median_seconds: spans[spans.len() / 2].0,
        worst_seconds: worst,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::ids::{IncidentId, uuid_v7};
    use crate::incident::{Acknowledgement, Resolution};

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3_600).expect("an instant")
    }

    /// An incident by the hours in which it began, opened, was taken up, and was over.
    fn case(began: Option<i64>, opened: i64, taken: Option<i64>, over: Option<i64>) -> Case {
        let by = Actor::local("ada@example.com");
        let id = IncidentId(uuid_v7(at(opened), [7; 10]));
        let incident = Incident::open(id, "contract.broken", "flights", "it broke".to_owned(), at(opened));
        let incident = Incident {
            acknowledged: taken.map(|hour| Acknowledgement { by: by.clone(), at: at(hour) }),
            resolved: over.map(|hour| Resolution { by, at: at(hour), note: "a storm".to_owned() }),
            ..incident
        };
        Case { incident, began_at: began.map(at) }
    }

    #[test]
    fn a_case_is_measured_from_its_beginning_to_its_end() {
        use SlaProperty::{Latency, TimeToDetect, TimeToNotify, TimeToRepair};
        let cases =
            [case(Some(0), 2, Some(3), Some(10)), case(None, 20, None, Some(22)), case(Some(29), 30, Some(34), None)];
        for (property, expected) in [
            // Hours: median, worst; incidents, running.
            (TimeToDetect, Some((2, 2, 2, 0))),
            // The second was over before anybody said that they look.
            (TimeToNotify, Some((2, 4, 3, 0))),
            // The third has lasted ten hours by now.
            (TimeToRepair, Some((8, 10, 3, 1))),
            (Latency, None),
        ] {
            let found = response_times(&property, &cases, at(40));
            #[allow(clippy::cast_possible_truncation, reason = "whole hours")]
            let hours = |seconds: f64| (seconds / 3_600.0) as i64;
            let found = found.map(|t| (hours(t.median_seconds), hours(t.worst_seconds), t.incidents, t.running));
            assert_eq!(found, expected, "{}", property.as_str());
        }
        assert_eq!(response_times(&TimeToRepair, &[], at(40)), None);
    }
}

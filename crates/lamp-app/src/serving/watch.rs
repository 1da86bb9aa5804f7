//! What a gateway sees go wrong becomes an incident.

use std::collections::{BTreeMap, BTreeSet};

use lamp_core::ids::IncidentId;
use lamp_core::incident::{Incident, LOG_DISK, SERVICE_DEGRADED};
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use lamp_gateway::{BreakerState, DiskState, GatewayState, LaneState, ServiceState};

use super::ServingError;
use crate::app::App;

/// A model that was asked at least so often since the last look, and never had a valid answer, is lost.
const ASKED_MIN: u64 = 5;

/// Something that is wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Trouble {
    /// The incident's cause.
    cause: &'static str,
    /// What an incident is about: `delay shadow delay-simple@1`.
    subject: String,
    /// In a sentence.
    title: String,
}

/// What was seen at the last look, so that the next can tell what is new.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    counts: BTreeMap<ServiceName, Counts>,
    known: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    unanswered: u64,
    dropped: u64,
    primary: (u64, u64),
    shadow: (u64, u64),
}

impl Counts {
    fn of(state: &ServiceState) -> Self {
        let lane = |lane: Option<&LaneState>| lane.map_or((0, 0), |lane| (lane.asked, lane.failed));
        Self {
            unanswered: state.failures,
            dropped: state.log_dropped,
            primary: lane(state.primary.as_ref()),
            shadow: lane(state.shadow.as_ref()),
        }
    }

    fn lane(&self, role: Role) -> (u64, u64) {
        match role {
            Role::Primary => self.primary,
            Role::Shadow => self.shadow,
        }
    }
}

impl Watch {
    /// Looks at a state; gives what has gone wrong since the last look.
    fn look(&mut self, state: &GatewayState) -> Vec<Trouble> {
        let mut found = BTreeSet::new();
        for service in &state.services {
            let now = Counts::of(service);
            let before = self.counts.insert(service.service.clone(), now);
            found.extend(troubles(service, before.unwrap_or(now), now));
        }
        found.extend(full_disk(state));
        let new = found.iter().filter(|trouble| !self.known.contains(&trouble.subject)).cloned().collect();
        self.known = found.into_iter().map(|trouble| trouble.subject).collect();
        new
    }
}

/// What is wrong with a service, by its state and by what was counted since the last look.
fn troubles(state: &ServiceState, before: Counts, now: Counts) -> Vec<Trouble> {
    let service = &state.service;
    let mut troubles = Vec::new();
    let mut say = |subject: String, title: String| troubles.push(Trouble { cause: SERVICE_DEGRADED, subject, title });
    for (role, lane) in [(Role::Primary, state.primary.as_ref()), (Role::Shadow, state.shadow.as_ref())] {
        let Some(lane) = lane else { continue };
        let ((asked_before, failed_before), (asked, failed)) = (before.lane(role), now.lane(role));
        let asked = asked.saturating_sub(asked_before);
        let only_fails = asked >= ASKED_MIN && failed.saturating_sub(failed_before) >= asked;
        let breaker_is_open = role == Role::Primary && state.breaker == BreakerState::Open;
        let what = if !lane.health.is_ready() {
            "does not answer any more"
        } else if breaker_is_open {
            "failed too often in a row, and is left alone"
        } else if only_fails {
            "has had no valid answer for some time"
        } else {
            continue;
        };
        let why = lane.health.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        say(
            format!("{service} {role} {}", lane.model),
            format!("the {role} of {service}, {}, {what}{why}", lane.model),
        );
    }
    let unanswered = now.unanswered.saturating_sub(before.unanswered);
    if unanswered > 0 {
        say(format!("{service} unanswered"), format!("{service} had no answer to {unanswered} request(s)"));
    }
    let dropped = now.dropped.saturating_sub(before.dropped);
    if dropped > 0 {
        say(format!("{service} log"), format!("{dropped} row(s) of the prediction log of {service} could not be kept"));
    }
    troubles
}

fn full_disk(state: &GatewayState) -> Option<Trouble> {
    let (share, title) = match state.disk {
        DiskState::Roomy => return None,
        DiskState::Filling => (80, "more than 80 % of the prediction log's disk are used"),
        DiskState::Tight => {
            (95, "more than 95 % of the prediction log's disk are used: rows are kept without their inputs")
        }
    };
    let subject = format!("{} above {share} %", state.replica);
    Some(Trouble { cause: LOG_DISK, subject, title: title.to_owned() })
}

impl App {
    /// Opens an incident for whatever `watch` sees go wrong; none where one is open already.
    pub(super) async fn open_troubles(&self, watch: &mut Watch, state: &GatewayState) -> Result<(), ServingError> {
        let before = watch.clone();
        let new = watch.look(state);
        if new.is_empty() {
            return Ok(());
        }
        let opened = self.open_all(new).await;
        if opened.is_err() {
            // The next look sees it again.
            *watch = before;
        }
        opened
    }

    async fn open_all(&self, troubles: Vec<Trouble>) -> Result<(), ServingError> {
        let mut tx = self.ledger().begin().await?;
        for Trouble { cause, subject, title } in troubles {
            let service = subject.split(' ').next().and_then(|name| ServiceName::parse(name).ok());
            let project =
                service.and_then(|service| self.workspace().service(&service)).map(|(project, _)| &project.name);
            let id = IncidentId::new(self.now(), &*self.ids());
            let incident = Incident::open(id, cause, subject, title, self.now()).of(project);
            self.open_incident(&mut tx, &incident).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lamp_core::actor::Actor;
    use lamp_core::ids::ReplicaId;
    use lamp_core::names::ModelName;
    use lamp_core::route::{ModelRef, Route};
    use lamp_gateway::{DiskState, LogMode};
    use lamp_model::Health;

    use super::*;

    fn lane(name: &str, asked: u64, failed: u64, health: Health) -> LaneState {
        let model = ModelRef { model: ModelName::parse(name).expect("a name"), version: 1 };
        LaneState { model, health, asked, failed, latency_p50_us: None, latency_p99_us: None }
    }

    fn state(primary: LaneState, shadow: LaneState) -> GatewayState {
        let service = ServiceName::parse("delay").expect("a name");
        let at = jiff::Timestamp::UNIX_EPOCH;
        let service = ServiceState {
            route: Route::empty(service.clone(), &Actor::system(), at),
            service,
            epoch: 1,
            active: Role::Primary,
            deadline_ms: 100,
            log: LogMode::BestEffort,
            primary: Some(primary),
            shadow: Some(shadow),
            breaker: BreakerState::Closed,
            answered_by_primary: 0,
            answered_by_shadow: 0,
            reasons: BTreeMap::new(),
            failures: 0,
            overloaded: 0,
            invalid: 0,
            shed: 0,
            disagreement: None,
            log_kept: 0,
            log_dropped: 0,
            log_thinned: 0,
        };
        let replica = ReplicaId(lamp_core::ids::uuid_v7(at, [7; 10]));
        GatewayState { replica, started_at: at, at, disk: DiskState::Roomy, services: vec![service] }
    }

    fn subjects(troubles: &[Trouble]) -> Vec<&str> {
        troubles.iter().map(|trouble| trouble.subject.as_str()).collect()
    }

    #[test]
    fn a_lost_shadow_is_said_once_and_again_when_it_is_lost_again() {
        let mut watch = Watch::default();
        let well = || state(lane("delay", 9, 0, Health::ready()), lane("simple", 9, 0, Health::ready()));
        let lost = || state(lane("delay", 9, 0, Health::ready()), lane("simple", 9, 0, Health::down("killed")));
        assert!(watch.look(&well()).is_empty());
        let said = watch.look(&lost());
        assert_eq!(subjects(&said), ["delay shadow simple@1"]);
        assert_eq!(said[0].title, "the shadow of delay, simple@1, does not answer any more: killed");
        assert!(watch.look(&lost()).is_empty());
        assert!(watch.look(&well()).is_empty());
        assert_eq!(subjects(&watch.look(&lost())), ["delay shadow simple@1"]);
    }

    #[test]
    fn counts_are_compared_with_the_last_look_only() {
        let mut watch = Watch::default();
        let (primary, shadow) = (lane("delay", 90, 9, Health::ready()), lane("simple", 90, 90, Health::ready()));
        let mut seen = state(primary, shadow);
        (seen.services[0].failures, seen.services[0].log_dropped) = (4, 4);
        assert!(watch.look(&seen).is_empty(), "what a gateway counted before the first look is history");
        seen.services[0].failures = 5;
        seen.services[0].log_dropped = 7;
        seen.services[0].breaker = BreakerState::Open;
        if let Some(shadow) = &mut seen.services[0].shadow {
            (shadow.asked, shadow.failed) = (95, 95);
        }
        let said = watch.look(&seen);
        assert_eq!(
            subjects(&said),
            ["delay log", "delay primary delay@1", "delay shadow simple@1", "delay unanswered"]
        );
    }
}

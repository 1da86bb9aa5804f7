//! A service as its page and its card show it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use lamp_app::serving::services::ServiceView;
use lamp_core::digest::Digest;
use lamp_core::route::Role;
use serde::Serialize;

use super::answering::{Answering, other_than};
use super::history::{Change, changes};
use super::lane::Lane;
use super::text::{Instant, count, counted, per_mille, share};
use super::totals::Totals;

/// Everything that is shown of a service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceShown {
    pub(crate) name: String,
    pub(crate) epoch: Option<u64>,
    pub(crate) deadline_ms: u64,
    pub(crate) answering: Answering,
    pub(crate) lanes: [Lane; 2],
    pub(crate) totals: Totals,
    pub(crate) replicas: Vec<ReplicaShown>,
    pub(crate) changes: Vec<Change>,
    /// Who can be switched to.
    pub(crate) switch_to: Option<Role>,
}

/// One replica.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaShown {
    pub(crate) number: usize,
    pub(crate) epoch: u64,
    pub(crate) is_current: bool,
    pub(crate) seen_at: Instant,
    pub(crate) is_fresh: bool,
    pub(crate) answered: Option<String>,
}

/// What a page needs to stay right without being loaded again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Live {
    /// Changes when more than numbers has changed.
    pub(crate) shape: String,
    /// The numbers as the page writes them, by the key of their place.
    pub(crate) values: BTreeMap<String, String>,
}

impl ServiceShown {
    pub(crate) fn new(view: &ServiceView, zone: &TimeZone) -> Self {
        let epoch = view.route.as_ref().map(|route| route.epoch);
        let replicas = view.replicas.iter().zip(1..);
        let is_switchable = |role: &Role| view.route.as_ref().is_some_and(|route| route.model(*role).is_some());
        Self {
            name: view.service.to_string(),
            epoch,
            deadline_ms: view.deadline_ms,
            answering: Answering::of(view),
            lanes: [Lane::of(view, Role::Primary), Lane::of(view, Role::Shadow)],
            totals: Totals::of(&view.replicas),
            replicas: replicas
                .map(|(replica, number)| ReplicaShown {
                    number,
                    epoch: replica.epoch,
                    is_current: epoch.is_none_or(|epoch| replica.epoch >= epoch),
                    seen_at: Instant::new(replica.seen_at, zone),
                    is_fresh: replica.is_fresh,
                    answered: replica
                        .state
                        .as_ref()
                        .map(|state| count(state.answered_by_primary + state.answered_by_shadow)),
                })
                .collect(),
            changes: changes(&view.history, zone),
            switch_to: view.route.as_ref().map(|route| other_than(route.active)).filter(is_switchable),
        }
    }

    pub(crate) fn live(&self) -> Live {
        Live { shape: self.shape(), values: self.values() }
    }

    /// A fingerprint of everything on the page that is not a number of [`Self::values`].
    pub(crate) fn shape(&self) -> String {
        let lanes: Vec<String> = self.lanes.iter().map(Lane::shape).collect();
        let reasons: Vec<&str> = self.totals.reasons.keys().map(String::as_str).collect();
        let replicas: Vec<_> = self.replicas.iter().map(|r| (r.epoch, r.is_fresh, r.is_current)).collect();
        let parts = format!("{:?} {:?} {lanes:?} {reasons:?} {replicas:?}", self.epoch, self.answering);
        Digest::of(parts.as_bytes()).short()
    }

    fn values(&self) -> BTreeMap<String, String> {
        let totals = &self.totals;
        let mut values = BTreeMap::from([
            ("answered".to_owned(), count(totals.answered())),
            ("by-primary".to_owned(), count(totals.by_primary)),
            ("by-shadow".to_owned(), count(totals.by_shadow)),
            ("share-primary".to_owned(), self.share_of(Role::Primary)),
            ("share-shadow".to_owned(), self.share_of(Role::Shadow)),
            ("bar-primary".to_owned(), self.bar_primary().to_string()),
            ("failures".to_owned(), count(totals.failures)),
            ("overloaded".to_owned(), count(totals.overloaded)),
            ("invalid".to_owned(), count(totals.invalid)),
            ("log-kept".to_owned(), count(totals.log_kept)),
            ("log-dropped".to_owned(), count(totals.log_dropped)),
            ("disagreement".to_owned(), self.disagreement()),
            ("disagreement-rows".to_owned(), self.disagreement_rows()),
        ]);
        for (reason, rows) in &totals.reasons {
            values.insert(format!("reason-{reason}"), count(*rows));
        }
        for lane in &self.lanes {
            let of_lane = [("asked", &lane.asked), ("failed", &lane.failed), ("p50", &lane.p50), ("p99", &lane.p99)];
            values.extend(of_lane.map(|(key, value)| (lane.key(key), value.clone())));
        }
        for replica in &self.replicas {
            values.insert(format!("replica-{}-seen", replica.number), replica.seen_at.text.clone());
            let answered = replica.answered.clone().unwrap_or_else(|| "–".to_owned());
            values.insert(format!("replica-{}-answered", replica.number), answered);
        }
        values
    }

    /// Looks up a value; the template and the API so write the same.
    pub(crate) fn value(&self, key: &str) -> String {
        self.values().remove(key).unwrap_or_default()
    }

    fn share_of(&self, role: Role) -> String {
        let rows = match role {
            Role::Primary => self.totals.by_primary,
            Role::Shadow => self.totals.by_shadow,
        };
        share(rows, self.totals.answered())
    }

    /// The primary's part of the bar, of 1,000.
    fn bar_primary(&self) -> u64 {
        per_mille(self.totals.by_primary, self.totals.answered())
    }

    fn disagreement(&self) -> String {
        self.totals.disagreement.map_or_else(|| "–".to_owned(), |(_, mean)| format!("{mean:.4}"))
    }

    fn disagreement_rows(&self) -> String {
        let rows = self.totals.disagreement.map_or(0, |(rows, _)| rows);
        counted(rows, "row", "rows")
    }

    pub(crate) fn fresh(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.is_fresh).count()
    }

    pub(crate) fn gone(&self) -> usize {
        self.replicas.len() - self.fresh()
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.totals.answered() > 0
    }
}

//! A switch that was made at a replica while the ledger was away, and what becomes of it afterwards.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Role, Route};
use crate::actor::Actor;
use crate::names::ServiceName;

/// A switch that the ledger does not know yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenGlass {
    /// The service.
    pub service: ServiceName,
    /// Who answers since then.
    pub to: Role,
    /// Who switched.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub why: String,
    /// The epoch that the replica knew then.
    pub on_epoch: u64,
}

/// What becomes of it when the ledger is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It is the newest decision: this route is to be saved.
    Saved(Route),
    /// The route in the ledger stands; why.
    Overtaken(&'static str),
}

impl BrokenGlass {
    /// Holds it against the route that stands in the ledger. Of two decisions that did not know of each
    /// other the later one stands.
    pub fn reconcile(&self, standing: &Route) -> Reconciled {
        if standing.active == self.to {
            return Reconciled::Overtaken("the ledger's route says the same");
        }
        if standing.epoch > self.on_epoch && standing.changed_at > self.at {
            return Reconciled::Overtaken("somebody changed the route later");
        }
        match standing.switched(self.to, &self.by, self.at, &self.why) {
            Ok(route) => Reconciled::Saved(route),
            Err(_) => Reconciled::Overtaken("nothing stands in that place any more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ModelName;
    use crate::route::ModelRef;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("an instant")
    }

    fn route(active: Role, epoch: u64, changed: i64) -> Route {
        let service = ServiceName::parse("delay").expect("a name");
        let model = |name: &str| ModelRef { model: ModelName::parse(name).expect("a name"), version: 1 };
        let mut route = Route::empty(service, &Actor::local("ann@example.com"), at(changed));
        (route.primary, route.shadow) = (Some(model("delay")), Some(model("simple")));
        (route.active, route.epoch) = (active, epoch);
        route
    }

    fn glass() -> BrokenGlass {
        BrokenGlass {
            service: ServiceName::parse("delay").expect("a name"),
            to: Role::Shadow,
            by: Actor::local("bob@example.com"),
            at: at(100),
            why: "it says 1.0 for everything".to_owned(),
            on_epoch: 4,
        }
    }

    #[test]
    fn what_nobody_contradicts_is_saved_with_its_own_time_and_person() {
        let Reconciled::Saved(saved) = glass().reconcile(&route(Role::Primary, 4, 50)) else { panic!("not saved") };
        assert_eq!((saved.epoch, saved.active, saved.changed_at), (5, Role::Shadow, at(100)));
        assert_eq!(saved.changed_by.name, "bob@example.com");
        // Clocks of two machines differ: on the epoch that was known, the ledger's time does not count.
        assert!(matches!(glass().reconcile(&route(Role::Primary, 4, 200)), Reconciled::Saved(_)));
    }

    #[test]
    fn of_two_decisions_the_later_one_stands() {
        let Reconciled::Saved(saved) = glass().reconcile(&route(Role::Primary, 6, 90)) else { panic!("not saved") };
        assert_eq!(saved.epoch, 7, "it comes after what was decided before it");
        let later = glass().reconcile(&route(Role::Primary, 6, 110));
        assert_eq!(later, Reconciled::Overtaken("somebody changed the route later"));
        let same = glass().reconcile(&route(Role::Shadow, 5, 110));
        assert_eq!(same, Reconciled::Overtaken("the ledger's route says the same"));
        let mut empty = route(Role::Primary, 5, 90);
        empty.shadow = None;
        assert!(matches!(glass().reconcile(&empty), Reconciled::Overtaken(_)));
    }

    #[test]
    fn a_route_of_the_same_epoch_is_newer_if_it_was_decided_later() {
        let local = route(Role::Shadow, 5, 100);
        assert!(route(Role::Primary, 5, 110).is_newer_than(&local));
        assert!(!route(Role::Primary, 5, 100).is_newer_than(&local));
        assert!(route(Role::Primary, 6, 1).is_newer_than(&local));
    }
}

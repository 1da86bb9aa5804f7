//! The changes of a route, each told by what it changed.

use jiff::tz::TimeZone;
use lamp_core::route::{Role, Route};

use super::text::Instant;

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) epoch: u64,
    pub(crate) at: Instant,
    pub(crate) by: String,
    pub(crate) what: String,
    pub(crate) why: String,
}

/// Tells the changes, newest first. The last of `routes` is told too if it is the first of all,
/// else it only stands for what was before.
pub(crate) fn changes(routes: &[Route], zone: &TimeZone) -> Vec<Change> {
    let told = routes.iter().enumerate().filter(|(index, route)| index + 1 < routes.len() || route.epoch == 1);
    told.map(|(index, route)| Change {
        epoch: route.epoch,
        at: Instant::new(route.changed_at, zone),
        by: route.changed_by.name.clone(),
        what: what_changed(routes.get(index + 1), route),
        why: route.why.clone(),
    })
    .collect()
}

fn what_changed(before: Option<&Route>, after: &Route) -> String {
    let mut told = Vec::new();
    for role in [Role::Primary, Role::Shadow] {
        let (old, new) = (before.and_then(|route| route.model(role)), after.model(role));
        match (old, new) {
            (old, Some(new)) if old != Some(new) => told.push(format!("{new} deployed as {role}")),
            (Some(old), None) => told.push(format!("{old} taken out as {role}")),
            _ => {}
        }
    }
    if before.is_some_and(|before| before.active != after.active) {
        told.push(format!("switched to the {}", after.active));
    }
    if told.is_empty() { "deployed again".to_owned() } else { told.join("; ") }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lamp_core::actor::Actor;
    use lamp_core::names::{ModelName, ServiceName};
    use lamp_core::route::ModelRef;

    use super::*;

    #[test]
    fn each_change_says_what_it_changed() {
        let at: Timestamp = "2013-04-01T04:00:00Z".parse().expect("an instant");
        let person = Actor::local("first@example.com");
        let model = |name, version| ModelRef { model: ModelName::parse(name).expect("a name"), version };
        let service = ServiceName::parse("delay").expect("a name");
        let empty = Route::empty(service, &person, at);
        let first = empty.deployed(Role::Primary, model("delay", 1), &person, at, "first");
        let second = first.deployed(Role::Shadow, model("delay-simple", 1), &person, at, "behind it");
        let third = second.switched(Role::Shadow, &person, at, "odd answers").expect("a switch");
        let again = third.deployed(Role::Primary, model("delay", 1), &person, at, "again");
        let newest_first = [again, third, second, first];
        let tell = |routes: &[Route]| {
            changes(routes, &TimeZone::UTC).into_iter().map(|change| (change.epoch, change.what)).collect::<Vec<_>>()
        };
        let expected = [
            (4, "deployed again"),
            (3, "switched to the shadow"),
            (2, "delay-simple@1 deployed as shadow"),
            (1, "delay@1 deployed as primary"),
        ]
        .map(|(epoch, what)| (epoch, what.to_owned()));
        assert_eq!(tell(&newest_first), expected);
        assert_eq!(tell(&newest_first[..2]), expected[..1], "what was before the oldest is not known");
    }
}

//! Who answers now, in one sentence: by the route, and by what the replicas say of their models.

use lamp_app::serving::services::{ReplicaView, ServiceView};
use lamp_core::route::{Role, Route};

use super::text::{counted, word_of};

/// The sentence, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answering {
    /// `primary`, `shadow` or `nobody`: what the glyph shows.
    pub(crate) who: &'static str,
    /// `The primary answers`
    pub(crate) headline: String,
    /// `delay@1`
    pub(crate) model: Option<String>,
    /// What a reader should know besides.
    pub(crate) note: Option<String>,
    /// Whether that is not as the route wants it.
    pub(crate) is_trouble: bool,
}

/// What one replica would do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Answers with the active model.
    AsRouted,
    /// Answers with the other one, for this reason.
    FallsBack(&'static str),
    /// Has no model that answers.
    Nothing,
}

impl Answering {
    pub(crate) fn of(view: &ServiceView) -> Self {
        let Some(route) = &view.route else {
            return Self::nobody("no model is deployed".to_owned(), None);
        };
        let model = route.model(route.active).map(ToString::to_string);
        let fresh: Vec<&ReplicaView> = view.replicas.iter().filter(|replica| replica.is_fresh).collect();
        let does: Vec<Does> = fresh.iter().filter_map(|replica| does(replica, route.active)).collect();
        if does.is_empty() {
            let note = format!("the route wants the {}, but no gateway was heard of lately", route.active);
            return Self::nobody(note, model);
        }
        let behind = fresh.iter().filter(|replica| replica.epoch < route.epoch).count();
        Self::from_replicas(route, &does, behind)
    }

    fn from_replicas(route: &Route, does: &[Does], behind: usize) -> Self {
        let other = other_than(route.active);
        let named = |role: Role| route.model(role).map(ToString::to_string);
        let fallbacks: Vec<&str> = does.iter().filter_map(|does| does.fallback()).collect();
        let silent = does.iter().filter(|does| **does == Does::Nothing).count();
        let late = (behind > 0).then(|| {
            let replicas = counted(u64::try_from(behind).unwrap_or(u64::MAX), "replica has", "replicas have");
            format!("{replicas} not taken over epoch {} yet", route.epoch)
        });
        if silent == does.len() {
            return Self::nobody("no model of this service is able to answer".to_owned(), named(route.active));
        }
        if let Some(why) = fallbacks.first().filter(|_| fallbacks.len() + silent == does.len()) {
            let note = format!("the {} should, but {why}", route.active);
            return Self {
                who: other.as_str(),
                headline: format!("The {other} answers"),
                model: named(other),
                note: Some(note),
                is_trouble: true,
            };
        }
        let unwell = fallbacks.len() + silent;
        let partly = (unwell > 0).then(|| format!("not on {} of {} replicas", unwell, does.len()));
        Self {
            who: route.active.as_str(),
            headline: format!("The {} answers", route.active),
            model: named(route.active),
            is_trouble: unwell > 0 || behind > 0,
            note: partly.or(late),
        }
    }

    fn nobody(note: String, model: Option<String>) -> Self {
        Self { who: "nobody", headline: "Nobody answers".to_owned(), model, note: Some(note), is_trouble: true }
    }
}

impl Does {
    fn fallback(self) -> Option<&'static str> {
        match self {
            Self::FallsBack(why) => Some(why),
            Self::AsRouted | Self::Nothing => None,
        }
    }
}

pub(crate) fn other_than(role: Role) -> Role {
    match role {
        Role::Primary => Role::Shadow,
        Role::Shadow => Role::Primary,
    }
}

/// Nothing when the replica said nothing that can be read.
fn does(replica: &ReplicaView, active: Role) -> Option<Does> {
    let state = replica.state.as_ref()?;
    let is_ready = |role: Role| {
        let lane = match role {
            Role::Primary => state.primary.as_ref(),
            Role::Shadow => state.shadow.as_ref(),
        };
        lane.is_some_and(|lane| lane.health.is_ready())
    };
    let breaker_is_open = active == Role::Primary && word_of(&state.breaker) == "open";
    Some(match (is_ready(active), is_ready(other_than(active))) {
        (true, true) if breaker_is_open => Does::FallsBack("its breaker is open after repeated failures"),
        (true, _) => Does::AsRouted,
        (false, true) => Does::FallsBack("it is not able to answer"),
        (false, false) => Does::Nothing,
    })
}

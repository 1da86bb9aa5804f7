//! Who may do what: four roles, each with all that the ones before it may do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

/// What a user is trusted with. Each role may also do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessRole {
    /// Looks.
    Viewer,
    /// Labels, signs off histograms, works on incidents.
    Labeller,
    /// Adds data, trains, signs for models, deploys, switches.
    Approver,
    /// Keeps users and their tokens; throws away what the store needs no more.
    Admin,
}

impl AccessRole {
    /// All roles, the least trusted first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Labeller, Self::Approver, Self::Admin];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Labeller => "labeller",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Parses the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether this role may do something.
    pub fn may(self, permission: Permission) -> bool {
        self >= permission.needs()
    }
}

impl fmt::Display for AccessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a use case does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read.
    Look,
    /// Label predictions, do duties, work on incidents.
    Watch,
    /// Add data, train, build, adopt a cadence.
    Work,
    /// Sign for a model, deploy, switch.
    Sign,
    /// Keep users and their tokens; throw away what the store needs no more.
    Administer,
}

impl Permission {
    /// The least role that may.
    pub const fn needs(self) -> AccessRole {
        match self {
            Self::Look => AccessRole::Viewer,
            Self::Watch => AccessRole::Labeller,
            Self::Work | Self::Sign => AccessRole::Approver,
            Self::Administer => AccessRole::Admin,
        }
    }
}

/// The actor may not do this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{actor} is {} {role}, and this needs the role {needed}", article(*role))]
pub struct Denied {
    /// Who tried.
    pub actor: String,
    /// The role that they have.
    pub role: AccessRole,
    /// The least role that may.
    pub needed: AccessRole,
}

fn article(role: AccessRole) -> &'static str {
    match role {
        AccessRole::Viewer | AccessRole::Labeller => "a",
        AccessRole::Approver | AccessRole::Admin => "an",
    }
}

impl Classified for Denied {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn hint(&self) -> Option<String> {
        Some(format!("ask an admin: lamp users role {} {}", self.actor, self.needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_ones_before_it_may() {
        let may = |role: AccessRole| {
            let all = [Permission::Look, Permission::Watch, Permission::Work, Permission::Sign, Permission::Administer];
            all.into_iter().filter(|permission| role.may(*permission)).count()
        };
        assert_eq!(AccessRole::ALL.map(may), [1, 2, 4, 5]);
    }

    #[test]
    fn a_refusal_names_the_role_that_is_missing() {
        let denied =
            Denied { actor: "a@example.com".to_owned(), role: AccessRole::Labeller, needed: AccessRole::Admin };
        assert_eq!(denied.to_string(), "a@example.com is a labeller, and this needs the role admin");
    }
}

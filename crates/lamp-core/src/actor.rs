//! Who acts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an actor's identity was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Git's `user.email` on this machine.
    Local,
    /// A user who signed in with a password, on the pages.
    Password,
    /// A user's personal token.
    Token,
    /// Lamplighter itself: the scheduler or the supervisor.
    System,
}

impl Auth {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Password => "password",
            Self::Token => "token",
            Self::System => "system",
        }
    }
}

/// A person, or Lamplighter's own scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// E-mail address, or `lamplighter` for the system.
    pub name: String,
    /// How we know.
    pub auth: Auth,
}

impl Actor {
    /// The local git user.
    pub fn local(email: &str) -> Self {
        Self { name: email.to_owned(), auth: Auth::Local }
    }

    /// Lamplighter itself.
    pub fn system() -> Self {
        Self { name: "lamplighter".to_owned(), auth: Auth::System }
    }

    /// Whether a person stands behind this actor. Only people approve models.
    pub fn is_person(&self) -> bool {
        match self.auth {
            Auth::Local | Auth::Password | Auth::Token => true,
            Auth::System => false,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

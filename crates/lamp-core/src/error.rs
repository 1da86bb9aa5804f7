//! How failures are classed, once, for the exit code and the HTTP status alike.

use std::error::Error;

/// The closed list of ways in which a request can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input cannot be right, whatever the state of the world.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// The world moved, or is not in the state that this needs.
    Conflict,
    /// The actor may not do this.
    Forbidden,
    /// Something that we need did not answer; the same request may succeed later.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl Kind {
    /// The HTTP status that stands for this kind.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Forbidden => 403,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// Every kind.
    const ALL: [Self; 6] =
        [Self::Invalid, Self::NotFound, Self::Conflict, Self::Forbidden, Self::Unavailable, Self::Internal];

    /// Parses the word used in JSON bodies.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word used in JSON bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

/// An error that knows its [`Kind`] and, where there is one, the next thing to type.
pub trait Classified: Error {
    /// What sort of failure this is.
    fn kind(&self) -> Kind;

    /// The remedy, as a sentence or a command; without a leading `hint:`.
    fn hint(&self) -> Option<String> {
        None
    }
}

//! Users, what lets them in, and the door that they come through.

pub mod door;
pub mod password;
pub mod tokens;
pub mod users;

use lamp_core::account::{CredentialError, Email, EmailError};
use lamp_core::error::{Classified, Kind};

use crate::parts::{PartError, take_parts};

/// Why something with users did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Nobody of that name.
    #[error("there is no user {email}")]
    UnknownUser {
        /// The address.
        email: Email,
    },
    /// Shut out.
    #[error("{email} is disabled")]
    Disabled {
        /// The address.
        email: Email,
    },
    /// Nobody could keep users any more.
    #[error("{email} is the last admin, and without one nobody could keep users any more")]
    LastAdmin {
        /// The address.
        email: Email,
    },
    /// Nobody could keep users from the start.
    #[error("the first user is an admin, or nobody could keep users")]
    FirstIsNoAdmin {
        /// The address.
        email: Email,
    },
    /// No token like that.
    #[error("there is no token `{text}`")]
    UnknownToken {
        /// As given.
        text: String,
    },
    /// More than one token begins so.
    #[error("`{text}` is the start of {count} tokens")]
    AmbiguousToken {
        /// As given.
        text: String,
        /// How many.
        count: usize,
    },
    /// A leaked token must not be able to outlive itself.
    #[error("a token cannot make another token for its owner")]
    TokenByToken,
    /// The actor has no account.
    #[error("{name} is no user here, so there is nobody whom a token could stand for")]
    NotAUser {
        /// The actor.
        name: String,
    },
    /// A password or token that will not do.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Not an address.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The hash could not be computed or read.
    #[error("the password cannot be hashed: {why}")]
    Hash {
        /// What the library said.
        why: String,
    },
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(AccountError);

impl Classified for AccountError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownUser { .. } | Self::UnknownToken { .. } => Kind::NotFound,
            Self::LastAdmin { .. } | Self::Disabled { .. } => Kind::Conflict,
            Self::FirstIsNoAdmin { .. } | Self::AmbiguousToken { .. } | Self::NotAUser { .. } => Kind::Invalid,
            Self::TokenByToken => Kind::Forbidden,
            Self::Credential(error) => error.kind(),
            Self::Email(error) => error.kind(),
            Self::Hash { .. } => Kind::Internal,
            Self::Part(part) => part.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownUser { .. } => Some("lamp users ls".to_owned()),
            Self::Disabled { email } => Some(format!("lamp users enable {email}")),
            Self::LastAdmin { .. } => Some("make another user an admin first: lamp users role EMAIL admin".to_owned()),
            Self::FirstIsNoAdmin { email } => Some(format!("lamp users add {email} --role admin")),
            Self::UnknownToken { .. } | Self::AmbiguousToken { .. } => Some("lamp tokens ls".to_owned()),
            Self::TokenByToken => Some("lamp login, or ask an admin: lamp tokens create".to_owned()),
            Self::NotAUser { .. } => Some("lamp tokens create NAME --user EMAIL".to_owned()),
            Self::Credential(error) => error.hint(),
            Self::Email(error) => error.hint(),
            Self::Hash { .. } => None,
            Self::Part(part) => part.hint(),
        }
    }
}

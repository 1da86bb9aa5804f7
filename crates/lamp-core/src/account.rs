//! Users: people who may sign in, their passwords, personal tokens and sessions.

mod attempts;
mod email;
mod secret;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use attempts::{ATTEMPTS_KEPT_MAX, Attempts, Source};
pub use email::{Email, EmailError};
pub use secret::{Secret, TOKEN_PREFIX};

use crate::access::AccessRole;
use crate::actor::{Actor, Auth};
use crate::error::{Classified, Kind};
use crate::ids::TokenId;

/// Shortest password, in characters: length is what counts (NIST SP 800-63B, 3.1.1.2).
pub const PASSWORD_MIN: usize = 12;

/// Longest password, in characters: hashing more is work for nothing.
pub const PASSWORD_MAX: usize = 256;

/// A session that nobody used for so long has ended.
pub const SESSION_IDLE_MAX: SignedDuration = SignedDuration::from_hours(12);

/// A session ends then, however much it is used.
pub const SESSION_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Days for which a token is good unless told otherwise.
pub const TOKEN_DAYS_DEFAULT: u16 = 90;

/// Most days for which a token is good.
pub const TOKEN_DAYS_MAX: u16 = 366;

/// Longest name of a token, in characters.
pub const TOKEN_NAME_MAX: usize = 64;

/// A person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub email: Email,
    /// What they are trusted with.
    pub role: AccessRole,
    /// Whether they may not sign in any more. Their name stays on what they did.
    pub is_disabled: bool,
    /// Whether they have a password; without one, only tokens let them in.
    pub has_password: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Actor,
}

impl User {
    /// The actor that acts in this user's name.
    pub fn actor(&self, auth: Auth) -> Actor {
        Actor { name: self.email.to_string(), auth }
    }

    /// Whether this user can keep users now.
    pub fn is_working_admin(&self) -> bool {
        self.role == AccessRole::Admin && !self.is_disabled
    }
}

/// A personal token, without its secret: that was shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Whose.
    pub email: Email,
    /// What it is for, in its owner's words.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// The last day on which it was used, in UTC.
    pub last_used_on: Option<Date>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether it lets its owner in.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Somebody signed in on the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub email: Email,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub seen_at: Timestamp,
}

impl Session {
    /// Whether it still lets its owner in.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        let idle = now.duration_since(self.seen_at);
        let age = now.duration_since(self.created_at);
        idle < SESSION_IDLE_MAX && age < SESSION_AGE_MAX
    }
}

/// A password, a token's name or its days that will not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Easy to guess.
    #[error("the password has {found} characters, and {PASSWORD_MIN} are the least")]
    PasswordTooShort {
        /// Its length.
        found: usize,
    },
    /// Not a password any more.
    #[error("the password has more than {PASSWORD_MAX} characters")]
    PasswordTooLong,
    /// The first thing anybody would try.
    #[error("the password is the e-mail address")]
    PasswordIsEmail,
    /// Nobody would know later what the token was for.
    #[error("a token needs a name of 1 to {TOKEN_NAME_MAX} printable characters")]
    TokenName,
    /// Tokens end.
    #[error("a token is good for 1 to {TOKEN_DAYS_MAX} days, not {found}")]
    TokenDays {
        /// As asked for.
        found: u16,
    },
}

impl Classified for CredentialError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PasswordTooShort { .. } | Self::PasswordIsEmail => "four or five words at random make a good one",
            Self::PasswordTooLong => "use a shorter one",
            Self::TokenName => "lamp tokens create ci",
            Self::TokenDays { .. } => "lamp tokens create ci --days 90",
        };
        Some(hint.to_owned())
    }
}

/// Whether a password will do for a user.
pub fn check_password(password: &str, email: &Email) -> Result<(), CredentialError> {
    let found = password.chars().count();
    if found < PASSWORD_MIN {
        return Err(CredentialError::PasswordTooShort { found });
    }
    if found > PASSWORD_MAX {
        return Err(CredentialError::PasswordTooLong);
    }
    if password.eq_ignore_ascii_case(email.as_str()) {
        return Err(CredentialError::PasswordIsEmail);
    }
    Ok(())
}

/// Whether a token may have this name and live for so many days.
pub fn check_token(name: &str, days: u16) -> Result<(), CredentialError> {
    let is_name = !name.trim().is_empty() && name.chars().count() <= TOKEN_NAME_MAX;
    if !is_name || name.chars().any(char::is_control) {
        return Err(CredentialError::TokenName);
    }
    if !(1..=TOKEN_DAYS_MAX).contains(&days) {
        return Err(CredentialError::TokenDays { found: days });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn email() -> Email {
        Email::parse("ada.lovelace@example.com").expect("an address")
    }

    #[test]
    fn a_password_is_judged_by_its_length() {
        for (password, expected) in [
            ("", Err(CredentialError::PasswordTooShort { found: 0 })),
            ("elevenchars", Err(CredentialError::PasswordTooShort { found: 11 })),
            ("twelve chars", Ok(())),
            ("zwölf Zeiche", Ok(())),
            ("ADA.Lovelace@example.com", Err(CredentialError::PasswordIsEmail)),
        ] {
            assert_eq!(check_password(password, &email()), expected, "{password}");
        }
        assert_eq!(check_password(&"ü".repeat(PASSWORD_MAX), &email()), Ok(()));
        assert_eq!(check_password(&"ü".repeat(PASSWORD_MAX + 1), &email()), Err(CredentialError::PasswordTooLong));
    }

    #[test]
    fn a_token_has_a_name_and_an_end() {
        assert_eq!(check_token("laptop", 90), Ok(()));
        assert_eq!(check_token("CI of the bakery", 366), Ok(()));
        for name in ["", "  ", "a\nb", &"n".repeat(65)] {
            assert_eq!(check_token(name, 1), Err(CredentialError::TokenName), "{name:?}");
        }
        for days in [0, 367] {
            assert_eq!(check_token("ci", days), Err(CredentialError::TokenDays { found: days }));
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        let session =
            Session { email: email(), created_at: at("2013-04-01T00:00:00Z"), seen_at: at("2013-04-07T13:00:00Z") };
        for (now, is_alive) in [
            ("2013-04-07T13:00:00Z", true),
            ("2013-04-07T23:59:59Z", true),
            ("2013-04-08T00:00:00Z", false),
            ("2013-04-08T01:00:00Z", false),
        ] {
            assert_eq!(session.is_alive(at(now)), is_alive, "{now}");
        }
        let idle = Session { seen_at: at("2013-04-01T00:00:00Z"), ..session };
        assert!(idle.is_alive(at("2013-04-01T11:59:59Z")) && !idle.is_alive(at("2013-04-01T12:00:00Z")));
    }
}

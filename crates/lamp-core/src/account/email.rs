//! E-mail addresses, which name users.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

/// Longest address, in bytes (RFC 5321, 4.5.3.1.3, less the brackets).
const EMAIL_MAX: usize = 254;

/// A user's address, in lower case: `Ada@example.com` and `ada@example.com` are one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an e-mail address")]
pub struct EmailError {
    /// As given, cut short.
    pub text: String,
}

impl Classified for EmailError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write it as you@example.com".to_owned())
    }
}

impl Email {
    /// Parses an address: something before one `@`, something after it, no blanks. Whether mail
    /// arrives there is not asked.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | '"' | ',' | ';');
        let is_address = text.len() <= EMAIL_MAX
            && text.chars().all(is_plain)
            && text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.')
            });
        if is_address {
            return Ok(Self(text.to_lowercase()));
        }
        Err(EmailError { text: text.chars().take(EMAIL_MAX).filter(|c| !c.is_control()).collect() })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl std::str::FromStr for Email {
    type Err = EmailError;
    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        for good in ["ada@example.com", "a+b@localhost", "o'neil@sub.example.co.uk", "ä@example.com"] {
            assert_eq!(Email::parse(good).expect(good).as_str(), good);
        }
        assert_eq!(Email::parse("Ada@Example.COM").expect("an address").as_str(), "ada@example.com");
        for bad in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c.d", "a@.c", "Ada <ada@example.com>", "a\n@b.c"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
    }
}

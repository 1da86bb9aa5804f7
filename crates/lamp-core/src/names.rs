//! Names, parsed once at the edge.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

/// Longest name that is accepted, in bytes.
pub const NAME_MAX: usize = 64;

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what} name: {why}")]
pub struct NameError {
    /// What was being named (`dataset`, `model`, …).
    pub what: &'static str,
    /// The text as given.
    pub text: String,
    /// Which rule it breaks.
    pub why: &'static str,
}

impl Classified for NameError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("use lower-case letters, digits, `-` and `_`, starting with a letter".to_owned())
    }
}

fn check_segment(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > NAME_MAX {
        return Err("it is longer than 64 characters");
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("it does not start with a lower-case letter");
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !text.chars().all(allowed) {
        return Err("it has a character that is not a lower-case letter, a digit, `-` or `_`");
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Parses a name, or says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(why) => Err(NameError { what: $what, text: text.to_owned(), why }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name!(
    /// A folder of the monorepo with a `lamp.toml`.
    ProjectName, "project", check_segment
);
name!(
    /// A named series of model versions.
    ModelName, "model", check_segment
);
name!(
    /// A prediction endpoint.
    ServiceName, "service", check_segment
);
name!(
    /// A named series of dataset versions; `predictions/SERVICE` is the log of a service.
    DatasetName, "dataset", |text| text.strip_prefix("predictions/").map_or_else(|| check_segment(text), check_segment)
);
name!(
    /// A rotation of people.
    RotaName, "rota", check_segment
);

name!(
    /// Another store, to push to and to pull from.
    RemoteName, "remote", check_segment
);

impl DatasetName {
    /// The dataset that holds the prediction log of `service`.
    pub fn predictions_of(service: &ServiceName) -> Self {
        Self(format!("predictions/{service}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        for good in ["delay", "delay-simple", "a1_b"] {
            assert!(ModelName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Delay", "1st", "../x", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(ModelName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_prediction_log_has_a_slash() {
        assert!(DatasetName::parse("predictions/delay").is_ok());
        assert!(DatasetName::parse("other/delay").is_err());
        assert!(DatasetName::parse("predictions/../x").is_err());
    }
}

//! References: `flights@7`, `delay@latest`, `delay@production`, or an id.

use std::fmt;

use crate::dataset::VersionNumber;
use crate::error::{Classified, Kind};

/// Which version of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// `@7`
    Number(VersionNumber),
    /// `@latest`, or nothing after the name.
    Latest,
    /// `@production`: what the routes serve. Models only.
    Production,
}

/// `name@version`. The name is parsed by its owner: the same form serves datasets and models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The series.
    pub name: String,
    /// Which of its versions.
    pub selector: Selector,
}

/// A text that is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a reference")]
pub struct ReferenceError {
    /// As given.
    pub text: String,
}

impl Classified for ReferenceError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write `name@7`, `name@latest` or, for models, `name@production`".to_owned())
    }
}

impl Reference {
    /// Parses a reference; a bare name means its latest version.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let error = || ReferenceError { text: text.to_owned() };
        let (name, selector) = match text.split_once('@') {
            None => (text, Selector::Latest),
            Some((name, "latest")) => (name, Selector::Latest),
            Some((name, "production")) => (name, Selector::Production),
            Some((name, number)) => {
                let digits_only = number.bytes().all(|b| b.is_ascii_digit());
                let number = number.parse().ok().filter(|n| *n > 0 && digits_only).ok_or_else(error)?;
                (name, Selector::Number(number))
            }
        };
        if name.is_empty() {
            return Err(error());
        }
        Ok(Self { name: name.to_owned(), selector })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Latest => f.write_str("latest"),
            Self::Production => f.write_str("production"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.selector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let parsed = |text| Reference::parse(text).map(|r| r.to_string()).ok();
        assert_eq!(parsed("flights@7").as_deref(), Some("flights@7"));
        assert_eq!(parsed("flights").as_deref(), Some("flights@latest"));
        assert_eq!(parsed("delay@production").as_deref(), Some("delay@production"));
        for bad in ["", "@7", "a@0", "a@x", "a@+1", "a@99999999999"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}

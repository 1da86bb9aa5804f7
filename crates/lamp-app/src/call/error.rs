//! A failure that can travel: the same words at both ends.

use std::error::Error;
use std::fmt;

use lamp_core::error::{Classified, Kind};
use serde::{Deserialize, Serialize};

/// Most causes that travel.
const CAUSES_MAX: usize = 16;

/// What went wrong, with all that a person is to read of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    #[serde(with = "kind_as_word")]
    kind: Kind,
    message: String,
    hint: Option<String>,
    /// What it came from, and what that came from.
    cause: Option<Box<Cause>>,
    /// Whether it is a verdict of no, and nothing broke.
    #[serde(default)]
    is_verdict: bool,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cause {
    message: String,
    cause: Option<Box<Cause>>,
}

impl CallError {
    /// A failure without a cause or a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, cause: None, is_verdict: false }
    }

    /// The same words as those of `error`.
    pub fn of(error: &dyn Classified) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source.filter(|_| causes.len() < CAUSES_MAX) {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let chain = causes.into_iter().rev().fold(None, |cause, message| Some(Box::new(Cause { message, cause })));
        Self { kind: error.kind(), message: error.to_string(), hint: error.hint(), cause: chain, is_verdict: false }
    }

    /// Adds the next thing to type.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it a verdict of no instead of something that went wrong.
    #[must_use]
    pub(super) fn into_verdict(mut self) -> Self {
        self.is_verdict = true;
        self
    }

    /// Whether it is a verdict of no.
    pub fn is_verdict(&self) -> bool {
        self.is_verdict
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Classified for CallError {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

mod kind_as_word {
    use lamp_core::error::Kind;
    use serde::{Deserialize as _, Deserializer, Serializer};

    // serde's `with` hands over a reference.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }

    /// A word that a newer server has stands for a defect: what it means is not known here.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(Kind::parse(&word).unwrap_or(Kind::Internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct Disk;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write `x`")]
    struct Write(#[source] Disk);

    #[derive(Debug, thiserror::Error)]
    #[error("nothing was added")]
    struct Add(#[source] Write);

    impl Classified for Add {
        fn kind(&self) -> Kind {
            Kind::Unavailable
        }

        fn hint(&self) -> Option<String> {
            Some("make room".to_owned())
        }
    }

    #[test]
    fn a_failure_arrives_with_its_causes_and_its_hint() {
        let error = CallError::of(&Add(Write(Disk))).into_verdict();
        let text = serde_json::to_string(&error).expect("JSON");
        let arrived: CallError = serde_json::from_str(&text).expect("the same");
        assert_eq!(arrived, error);
        assert_eq!((arrived.kind(), arrived.hint().as_deref()), (Kind::Unavailable, Some("make room")));
        let first = arrived.source().expect("a cause");
        let second = first.source().expect("its cause");
        assert_eq!((first.to_string().as_str(), second.to_string().as_str()), ("cannot write `x`", "the disk is full"));
        assert!(second.source().is_none() && arrived.is_verdict());
    }

    #[test]
    fn a_kind_that_is_not_known_yet_is_a_defect() {
        let arrived: CallError =
            serde_json::from_str(r#"{"kind":"teapot","message":"x","hint":null,"cause":null}"#).expect("a failure");
        assert_eq!(arrived.kind(), Kind::Internal);
    }
}

//! The token in every form: a page of this process has shown it to this visitor.

use std::fmt;
use std::fmt::Write as _;

use lamp_core::digest::Digest;
use lamp_core::ids::Ids;

use super::Refusal;

/// Random for each start of the server, 160 bits; each visitor has one that follows from it.
#[derive(Clone)]
pub(crate) struct FormToken(String);

impl FormToken {
    pub(crate) fn new(ids: &dyn Ids) -> Self {
        let mut text = String::new();
        for byte in ids.random().into_iter().chain(ids.random()) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The token in the forms that one visitor is shown. Nobody can tell from it the token of another.
    pub(crate) fn for_visitor(&self, key: &str) -> Self {
        Self(Digest::of(format!("{} {key}", self.0).as_bytes()).to_hex())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the first difference is.
    pub(crate) fn check(&self, given: &str) -> Result<(), Refusal> {
        let (ours, given) = (self.0.as_bytes(), given.as_bytes());
        let difference = ours.iter().zip(given).fold(0, |sum, (a, b)| sum | (a ^ b));
        if ours.len() == given.len() && difference == 0 { Ok(()) } else { Err(Refusal::StaleForm) }
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Ids for Sevens {
        fn random(&self) -> [u8; 10] {
            [7; 10]
        }
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = FormToken::new(&Sevens);
        assert_eq!(token.as_str(), "07".repeat(20));
        assert_eq!(token.check(&"07".repeat(20)), Ok(()));
        for wrong in ["", "07", &"07".repeat(21), &"08".repeat(20)] {
            assert_eq!(token.check(wrong), Err(Refusal::StaleForm), "{wrong}");
        }
        assert!(!format!("{token:?}").contains("07"), "a token is not logged");
        let (ada, grace) = (token.for_visitor("ada"), token.for_visitor("grace"));
        assert_eq!(ada.check(ada.as_str()), Ok(()));
        assert_eq!(grace.check(ada.as_str()), Err(Refusal::StaleForm));
    }
}

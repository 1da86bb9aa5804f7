//! What a token or a session is known by: random, and kept nowhere but with its owner.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::Digest;
use crate::ids::Ids;

/// What every personal token begins with, so that one that leaked is found by those who look.
pub const TOKEN_PREFIX: &str = "lamp_";

/// Random bytes in a secret: 256 bits, which nobody guesses.
const SECRET_BYTES: usize = 32;

/// Their length as text.
const SECRET_CHARS: usize = 43;

/// 256 random bits as text. The ledger keeps its digest only: a fast hash is enough for what
/// nobody can guess, and looking a digest up tells nothing about the secret by its timing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new personal token.
    pub fn new_token(ids: &dyn Ids) -> Self {
        Self(format!("{TOKEN_PREFIX}{}", random_text(ids)))
    }

    /// A new session.
    pub fn new_session(ids: &dyn Ids) -> Self {
        Self(random_text(ids))
    }

    /// A text that may be a secret of ours, by its length and letters.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(TOKEN_PREFIX).unwrap_or(text);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_ours = random.len() == SECRET_CHARS && random.chars().all(is_letter);
        is_ours.then(|| Self(text.to_owned()))
    }

    /// The text, to be shown once or sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the ledger keeps of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn random_text(ids: &dyn Ids) -> String {
    let random: Vec<u8> = std::iter::repeat_with(|| ids.random()).flatten().take(SECRET_BYTES).collect();
    URL_SAFE_NO_PAD.encode(random)
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
    fn a_secret_is_known_by_its_form_and_shown_on_demand_only() {
        let token = Secret::new_token(&Sevens);
        assert_eq!(token.reveal(), "lamp_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(Secret::parse(token.reveal()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "Secret(…)");
        let session = Secret::new_session(&Sevens);
        assert_eq!(Secret::parse(session.reveal()), Some(session.clone()));
        assert_ne!(session.digest(), token.digest());
        for other in ["", "lamp_", "lamp_short", &format!("{}x", token.reveal()), &"é".repeat(43), &" ".repeat(43)] {
            assert_eq!(Secret::parse(other), None, "{other}");
        }
    }
}

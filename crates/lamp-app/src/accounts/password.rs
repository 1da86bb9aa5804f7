//! Passwords, as argon2id hashes.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use lamp_core::ids::Ids;

use super::AccountError;

/// Memory of one hash, in KiB. With [`ROUNDS`] and [`LANES`] what the OWASP Password Storage Cheat
/// Sheet asks of argon2id at least.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const ROUNDS: u32 = 2;
/// Lanes computed side by side.
const LANES: u32 = 1;
/// Random bytes in a salt.
const SALT_BYTES: usize = 16;

/// The hash of a password as a PHC string, which names its algorithm, parameters and salt.
pub async fn hash(password: String, ids: &dyn Ids) -> Result<String, AccountError> {
    let salt: Vec<u8> = std::iter::repeat_with(|| ids.random()).flatten().take(SALT_BYTES).collect();
    off_the_runtime(move || {
        let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).map_err(|error| failed(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash =
            argon2.hash_password_with_salt(password.as_bytes(), &salt).map_err(|error| failed(&error))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password is the one that was hashed, whatever parameters it was hashed with. The
/// comparison takes the same time wherever the first difference is.
pub async fn matches(password: String, hash: String) -> Result<bool, AccountError> {
    off_the_runtime(move || {
        let hash = PasswordHash::new(&hash).map_err(|error| failed(&error))?;
        match Argon2::default().verify_password(password.as_bytes(), &hash) {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    })
    .await
}

/// A hash takes tens of milliseconds of one processor.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AccountError> + Send + 'static,
) -> Result<T, AccountError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(failed(&error)))
}

fn failed(error: &dyn std::fmt::Display) -> AccountError {
    AccountError::Hash { why: error.to_string() }
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

    #[tokio::test]
    async fn a_hash_names_its_parameters_and_knows_its_password() {
        let hash = hash("correct horse battery".to_owned(), &Sevens).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{hash}");
        assert!(matches("correct horse battery".to_owned(), hash.clone()).await.expect("compared"));
        for wrong in ["", "correct horse batter", "correct horse battery ", "Correct horse battery"] {
            assert!(!matches(wrong.to_owned(), hash.clone()).await.expect("compared"), "{wrong}");
        }
        assert!(matches("x".to_owned(), "not a hash".to_owned()).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_still_understood() {
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).expect("parameters"));
        let hash: PasswordHash = old.hash_password_with_salt(b"an old password", b"somesaltofours").expect("a hash");
        assert!(matches("an old password".to_owned(), hash.to_string()).await.expect("compared"));
    }
}

//! The operator's secret and the keys that are derived from it.

use std::{collections::HashSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use lionrocket_ports::error::Cause;
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The least number of bytes of a secret.
const MIN_BYTES: usize = 32;

/// The least number of different bytes in a secret.
const MIN_DISTINCT_BYTES: usize = 10;

/// The random bytes of a secret that is made here: 64 characters in base64.
const GENERATED_BYTES: usize = 48;

/// What placeholders are made of, in lower-case letters and digits only. Long enough that a random
/// secret does not have one of them inside.
const PLACEHOLDER_PARTS: [&str; 25] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "replacewith",
    "yoursecret",
    "yourjwtsecret",
    "yoursupersecret",
    "your256bitsecret",
    "jwtsecret",
    "secretkey",
    "supersecret",
    "mysecret",
    "topsecret",
    "astringsecret",
    "placeholder",
    "examplesecret",
    "lionrocket",
    "insecure",
    "donotuse",
    "notforproduction",
    "developmentonly",
    "0123456789abcdef",
    "abcdefghijklmnop",
];

/// Why a secret is refused. The message is fit for the operator and does not repeat the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Too short to withstand guessing.
    #[error(
        "must have at least 32 bytes; this has {actual}. `lionrocket secret generate` makes a good one"
    )]
    TooShort {
        /// The number of bytes found.
        actual: usize,
    },
    /// Too few different bytes to be random.
    #[error(
        "must have at least 10 different bytes; this has {actual}. `lionrocket secret generate` makes a good one"
    )]
    TooUniform {
        /// The number of different bytes found.
        actual: usize,
    },
    /// A text that stands in examples, which everybody knows.
    #[error(
        "must not be a placeholder from an example. `lionrocket secret generate` makes a good one"
    )]
    Placeholder,
}

/// A secret that is fit to derive keys from. It is never shown.
#[derive(Clone)]
pub struct SigningSecret(SecretString);

impl SigningSecret {
    /// Takes a secret without the white space at its ends, so that it is the same one whether it
    /// comes from a variable or from a file with a line break at the end.
    ///
    /// # Errors
    /// The rule that the secret breaks.
    pub fn parse(raw: &str) -> Result<Self, SecretError> {
        let secret = raw.trim();
        Self::check(secret)?;
        Ok(Self(SecretString::from(secret)))
    }

    fn check(secret: &str) -> Result<(), SecretError> {
        let plain: String = secret
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if PLACEHOLDER_PARTS.iter().any(|part| plain.contains(part)) {
            return Err(SecretError::Placeholder);
        }
        if secret.len() < MIN_BYTES {
            let actual = secret.len();
            return Err(SecretError::TooShort { actual });
        }
        let actual = secret.bytes().collect::<HashSet<u8>>().len();
        if actual < MIN_DISTINCT_BYTES {
            return Err(SecretError::TooUniform { actual });
        }
        Ok(())
    }

    /// Derives the key of a purpose. Keys of different purposes say nothing about each other.
    pub(crate) fn key(&self, purpose: &'static str) -> DerivedKey {
        let mut bytes = [0; 64];
        #[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8,160 bytes")]
        Hkdf::<Sha256>::new(None, self.0.expose_secret().as_bytes())
            .expand(purpose.as_bytes(), &mut bytes)
            .expect("64 bytes are not too many");
        let digest = Sha256::digest(bytes);
        let id = hex::encode(digest.get(..8).unwrap_or_default());
        DerivedKey { id, bytes }
    }
}

/// A key, as derived from one secret for one purpose.
#[derive(Clone)]
pub(crate) struct DerivedKey {
    /// Its name. Says nothing about the key.
    pub(crate) id: String,
    pub(crate) bytes: [u8; 64],
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// Makes a random secret of 384 bits that [`SigningSecret::parse`] takes.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn generate_secret() -> Result<SecretString, Cause> {
    let mut bytes = [0; GENERATED_BYTES];
    OsRng.try_fill_bytes(&mut bytes)?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_is_taken_and_never_the_same() {
        let secrets: HashSet<String> = (0..200)
            .map(|_| generate_secret().unwrap().expose_secret().to_owned())
            .collect();
        assert_eq!(secrets.len(), 200);
        for secret in &secrets {
            assert_eq!(secret.len(), 64);
            assert!(SigningSecret::parse(secret).is_ok());
        }
    }

    #[test]
    fn a_short_or_uniform_secret_is_refused_with_what_was_found() {
        let refusal = |secret: &str| SigningSecret::parse(secret).unwrap_err();
        assert_eq!(refusal(""), SecretError::TooShort { actual: 0 });
        assert_eq!(
            refusal("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0"),
            SecretError::TooShort { actual: 31 }
        );
        assert!(SigningSecret::parse("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e").is_ok());
        assert_eq!(
            refusal(&"x".repeat(64)),
            SecretError::TooUniform { actual: 1 }
        );
        assert_eq!(
            refusal(&"192837465".repeat(4)),
            SecretError::TooUniform { actual: 9 }
        );
    }

    #[test]
    fn a_placeholder_is_refused_however_it_is_spelled() {
        for placeholder in [
            "change-me-change-me-change-me-change-me-0123",
            "CHANGE_THIS_TO_A_LONG_RANDOM_STRING_PLEASE",
            "your-secret-key-here-at-least-32-characters",
            "your-256-bit-secret-your-256-bit-secret",
            "a-string-secret-at-least-256-bits-long",
            "replace with 64 random characters, please do",
            "super_secret_jwt_key_that_nobody_will_guess",
            "0123456789abcdef0123456789abcdef0123456789",
            "LionRocket-development-secret-for-everybody",
            "this-is-a-placeholder-value-of-enough-length",
            "changeme",
        ] {
            assert_eq!(
                SigningSecret::parse(placeholder).unwrap_err(),
                SecretError::Placeholder,
                "{placeholder}"
            );
        }
    }

    #[test]
    fn white_space_at_the_ends_is_not_part_of_a_secret() {
        let bare = SigningSecret::parse("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e").unwrap();
        let from_file = SigningSecret::parse(" kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e\r\n").unwrap();
        assert_eq!(bare.key("jwt").bytes, from_file.key("jwt").bytes);
    }

    #[test]
    fn keys_differ_by_purpose_and_by_secret() {
        let one = SigningSecret::parse("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e").unwrap();
        let other = SigningSecret::parse("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0f").unwrap();
        assert_ne!(one.key("jwt").bytes, one.key("cursor").bytes);
        assert_ne!(one.key("jwt").bytes, other.key("jwt").bytes);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = SigningSecret::parse("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e").unwrap();
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
        let refused = SigningSecret::parse("hunter2-hunter2").unwrap_err();
        assert!(!refused.to_string().contains("hunter2"));
    }
}

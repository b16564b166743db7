//! The secrets in links that are good once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lionrocket_ports::{
    crypto::{LinkSecret, LinkSecrets, SecretHash},
    error::Cause,
};
use rand::{TryRngCore as _, rngs::OsRng};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

/// 128 bits: nobody finds one by trying.
const BYTES: usize = 16;

/// Makes random secrets of 22 characters, of which SHA-256 is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomLinks;

impl LinkSecrets for RandomLinks {
    fn make(&self) -> Result<LinkSecret, Cause> {
        let mut bytes = [0; BYTES];
        OsRng.try_fill_bytes(&mut bytes)?;
        let secret = SecretString::from(URL_SAFE_NO_PAD.encode(bytes));
        let hash = Sha256::digest(bytes).into();
        Ok(LinkSecret { secret, hash })
    }

    fn hash(&self, secret: &str) -> Option<SecretHash> {
        let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
        (bytes.len() == BYTES).then(|| Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_has_the_hash_that_is_kept_and_no_two_are_the_same() {
        let (one, other) = (RandomLinks.make().unwrap(), RandomLinks.make().unwrap());
        assert_eq!(one.secret.expose_secret().len(), 22);
        assert_eq!(RandomLinks.hash(one.secret.expose_secret()), Some(one.hash));
        assert_ne!(one.hash, other.hash);
    }

    #[test]
    fn what_is_no_secret_has_no_hash() {
        for text in [
            "",
            "null",
            "undefined",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(RandomLinks.hash(text), None, "{text}");
        }
    }
}

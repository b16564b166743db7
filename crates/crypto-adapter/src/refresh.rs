//! Refresh secrets.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use lionrocket_domain::ids::SessionId;
use lionrocket_ports::{crypto::RefreshSecrets, error::Cause, sessions::RefreshHash};
use rand::{TryRngCore, rngs::OsRng};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::secret::{DerivedKey, SigningSecret};

/// The bytes of a secret: 43 characters in base64.
const SECRET_BYTES: usize = 32;

/// Derives each refresh secret from the one before it by HMAC-SHA256, with keys that are derived from
/// the operator's secret. Who has one secret cannot make the next without the key.
pub struct RefreshDeriver {
    keys: Vec<DerivedKey>,
}

impl RefreshDeriver {
    /// Derives with the current secret; knows what was derived with previous ones.
    #[must_use]
    pub fn new(current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let secrets = std::iter::once(current).chain(previous);
        Self {
            keys: secrets.map(|secret| secret.key("refresh")).collect(),
        }
    }

    fn successor(key: &DerivedKey, session_id: SessionId, secret: &[u8]) -> SecretString {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key.bytes).expect("a key of any length will do");
        mac.update(session_id.as_uuid().as_bytes());
        mac.update(secret);
        SecretString::from(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for RefreshDeriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshDeriver").finish_non_exhaustive()
    }
}

impl RefreshSecrets for RefreshDeriver {
    fn first(&self) -> Result<SecretString, Cause> {
        let mut bytes = [0; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn successors(&self, session_id: SessionId, secret: &str) -> Vec<SecretString> {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(secret) else {
            return Vec::new();
        };
        if bytes.len() != SECRET_BYTES {
            return Vec::new();
        }
        let keys = self.keys.iter();
        keys.map(|key| Self::successor(key, session_id, &bytes))
            .collect()
    }

    fn hash(&self, secret: &str) -> RefreshHash {
        Sha256::digest(secret.as_bytes()).into()
    }
}

//! The chain of the audit log.

use std::fmt;

use hmac::{Hmac, Mac};
use lionrocket_domain::audit::SealedEntry;
use lionrocket_ports::audit::{AuditSeal, SealCheck};
use sha2::Sha256;

use crate::secret::{DerivedKey, SigningSecret};

/// Seals rows of the audit log by HMAC-SHA256, with keys that are derived from the operator's secret.
pub struct AuditSealer {
    current: DerivedKey,
    previous: Vec<DerivedKey>,
}

impl AuditSealer {
    /// Makes a sealer that seals with the current secret and checks with the previous ones as well.
    #[must_use]
    pub fn new(current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let key = |secret: &SigningSecret| secret.key("audit");
        Self {
            current: key(current),
            previous: previous.iter().map(key).collect(),
        }
    }

    fn mac(key: &DerivedKey, previous: &[u8; 32], canonical: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key.bytes).expect("a key of any length will do");
        mac.update(previous);
        mac.update(canonical);
        mac
    }
}

impl fmt::Debug for AuditSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditSealer")
            .field("key_id", &self.current.id)
            .finish_non_exhaustive()
    }
}

impl AuditSeal for AuditSealer {
    fn key_id(&self) -> String {
        self.current.id.clone()
    }

    fn seal(&self, previous: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
        Self::mac(&self.current, previous, canonical)
            .finalize()
            .into_bytes()
            .into()
    }

    fn check(&self, row: &SealedEntry) -> SealCheck {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let Some(key) = keys.find(|key| key.id == row.key_id) else {
            return SealCheck::UnknownKey;
        };
        let mac = Self::mac(key, &row.previous_hash, &row.entry.canonical());
        if mac.verify_slice(&row.hash).is_ok() {
            SealCheck::Intact
        } else {
            SealCheck::Broken
        }
    }
}

//! Seals on short texts that clients bring back.

use std::fmt;

use hmac::{Hmac, Mac};
use lionrocket_ports::crypto::TextSeal;
use sha2::Sha256;

use crate::secret::{DerivedKey, SigningSecret};

/// Seals places in lists by HMAC-SHA256, with keys that are derived from the operator's secret.
pub struct CursorSealer {
    current: DerivedKey,
    previous: Vec<DerivedKey>,
}

impl CursorSealer {
    /// Makes a sealer that seals with the current secret and checks with the previous ones as well.
    #[must_use]
    pub fn new(current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let key = |secret: &SigningSecret| secret.key("cursor");
        Self {
            current: key(current),
            previous: previous.iter().map(key).collect(),
        }
    }

    fn mac(key: &DerivedKey, context: &str, text: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key.bytes).expect("a key of any length will do");
        // The length keeps the two apart.
        mac.update(&context.len().to_be_bytes());
        mac.update(context.as_bytes());
        mac.update(text.as_bytes());
        mac
    }
}

impl fmt::Debug for CursorSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CursorSealer")
            .field("key_id", &self.current.id)
            .finish_non_exhaustive()
    }
}

impl TextSeal for CursorSealer {
    fn seal(&self, context: &str, text: &str) -> [u8; 16] {
        let whole = Self::mac(&self.current, context, text)
            .finalize()
            .into_bytes();
        let mut seal = [0; 16];
        for (to, from) in seal.iter_mut().zip(whole) {
            *to = from;
        }
        seal
    }

    fn is_sealed(&self, context: &str, text: &str, seal: &[u8; 16]) -> bool {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.any(|key| {
            let mac = Self::mac(key, context, text);
            mac.verify_truncated_left(seal).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate_secret;
    use secrecy::ExposeSecret as _;

    fn secret() -> SigningSecret {
        SigningSecret::parse(generate_secret().unwrap().expose_secret()).unwrap()
    }

    #[test]
    fn a_seal_holds_for_its_text_and_context_only_and_outlives_a_rotation() {
        let (old, new) = (secret(), secret());
        let sealer = CursorSealer::new(&old, &[]);
        let seal = sealer.seal("list", "place");
        assert!(sealer.is_sealed("list", "place", &seal));
        assert!(!sealer.is_sealed("list", "other", &seal));
        assert!(!sealer.is_sealed("listp", "lace", &seal));
        assert!(!sealer.is_sealed("list", "place", &[0; 16]));
        assert!(CursorSealer::new(&new, &[old]).is_sealed("list", "place", &seal));
        assert!(!CursorSealer::new(&new, &[]).is_sealed("list", "place", &seal));
    }
}

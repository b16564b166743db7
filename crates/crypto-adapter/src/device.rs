//! What a browser keeps after somebody has signed in, so that it is known later.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use lionrocket_domain::ids::UserId;
use lionrocket_ports::{
    crypto::{DeviceTokens, KnownDevice},
    error::Cause,
};
use rand::{TryRngCore as _, rngs::OsRng};
use secrecy::SecretString;
use sha2::Sha256;

use crate::secret::{DerivedKey, SigningSecret};

/// The account's id, the second in which it ends and random bytes.
const CLAIM_BYTES: usize = 8 + 8 + 16;
const MAC_BYTES: usize = 32;

/// Signs and checks them with keys that are derived from the operator's secret.
pub struct DeviceSigner {
    keys: Vec<DerivedKey>,
}

impl DeviceSigner {
    /// Makes a signer that signs with the current secret and checks with the previous ones as well.
    #[must_use]
    pub fn new(current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let secrets = std::iter::once(current).chain(previous);
        Self {
            keys: secrets.map(|secret| secret.key("device")).collect(),
        }
    }
}

impl fmt::Debug for DeviceSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSigner(…)")
    }
}

fn mac(key: &DerivedKey, claim: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.bytes).expect("a key of any length will do");
    mac.update(claim);
    mac
}

impl DeviceTokens for DeviceSigner {
    fn issue(&self, user_id: UserId, expires_at: Timestamp) -> Result<SecretString, Cause> {
        let mut random = [0; 16];
        OsRng.try_fill_bytes(&mut random)?;
        let mut token = Vec::with_capacity(CLAIM_BYTES + MAC_BYTES);
        token.extend_from_slice(&user_id.get().to_be_bytes());
        token.extend_from_slice(&expires_at.as_second().to_be_bytes());
        token.extend_from_slice(&random);
        let key = self.keys.first().ok_or("there is no key")?;
        let seal = mac(key, &token).finalize().into_bytes();
        token.extend_from_slice(&seal);
        Ok(SecretString::from(URL_SAFE_NO_PAD.encode(token)))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Option<KnownDevice> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        if token.len() != CLAIM_BYTES + MAC_BYTES {
            return None;
        }
        let (claim, seal) = token.split_at(CLAIM_BYTES);
        let is_ours = |key: &DerivedKey| mac(key, claim).verify_slice(seal).is_ok();
        if !self.keys.iter().any(is_ours) {
            return None;
        }
        let (user_id, rest) = claim.split_at(8);
        let (expires_at, id) = rest.split_at(8);
        if i64::from_be_bytes(expires_at.try_into().ok()?) <= now.as_second() {
            return None;
        }
        Some(KnownDevice {
            user_id: UserId::parse(i64::from_be_bytes(user_id.try_into().ok()?))?,
            id: hex::encode(id),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn signer(number: u8) -> DeviceSigner {
        DeviceSigner::new(&secret(number), &[])
    }

    fn secret(number: u8) -> SigningSecret {
        SigningSecret::parse(&format!("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e{number}")).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_browser_is_known_until_its_time_is_over_and_each_is_another() {
        let user = UserId::from_stored(7);
        let one = signer(1).issue(user, at(100)).unwrap();
        let other = signer(1).issue(user, at(100)).unwrap();
        let known = signer(1).verify(one.expose_secret(), at(99)).unwrap();
        assert_eq!(known.user_id, user);
        assert_ne!(signer(1).verify(other.expose_secret(), at(99)), Some(known));
        assert_eq!(signer(1).verify(one.expose_secret(), at(100)), None);
    }

    #[test]
    fn what_others_made_or_changed_is_nothing() {
        let token = signer(1).issue(UserId::from_stored(7), at(100)).unwrap();
        let token = token.expose_secret();
        assert_eq!(signer(2).verify(token, at(1)), None);
        let rotated = DeviceSigner::new(&secret(2), &[secret(1)]);
        assert!(rotated.verify(token, at(1)).is_some());
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(
                signer(1).verify(&URL_SAFE_NO_PAD.encode(changed), at(1)),
                None
            );
        }
        for bad in ["", "=", "AAAA", &token[1..], &format!("{token}AA")] {
            assert_eq!(signer(1).verify(bad, at(1)), None, "{bad}");
        }
    }
}

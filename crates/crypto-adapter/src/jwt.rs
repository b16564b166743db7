//! Access tokens: JSON web tokens with a keyed hash.
//!
//! A token is checked from the outside in, and nothing inside it is looked at before what is around
//! it was found good: length, header, algorithm, key, signature, then what it says.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use lionrocket_domain::ids::{SessionId, UserId};
use lionrocket_ports::{
    crypto::{AccessClaims, InvalidToken, TokenIssuer},
    error::Cause,
};
use quick_cache::sync::Cache;
use rand::{TryRngCore, rngs::OsRng};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::secret::{DerivedKey, SigningSecret};

/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 2_048;

/// How far two clocks may differ, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// The media type of access tokens (RFC 9068), so that no other kind of token passes for one.
const TYPE: &str = "at+jwt";

/// Who gives tokens out.
const ISSUER: &str = "lionrocket";

/// The purpose of the keys that sign.
const PURPOSE: &str = "jwt";

/// For whom they are.
const AUDIENCE: &str = "lionrocket-api";

/// With what hash tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl JwtAlgorithm {
    /// Reads the name in a token's header, such as `HS256`; `None` when it is any other one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Hs384, Self::Hs512]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// The name in a token's header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::Hs256 => Self::HS256,
            JwtAlgorithm::Hs384 => Self::HS384,
            JwtAlgorithm::Hs512 => Self::HS512,
        }
    }
}

/// How many tokens are remembered.
const REMEMBERED_TOKENS: usize = 4_096;

/// Signs and checks access tokens.
pub struct JwtIssuer {
    algorithm: JwtAlgorithm,
    current: DerivedKey,
    previous: Vec<DerivedKey>,
    /// What tokens say that were found genuine, by the hash of the whole token: it comes with every
    /// request and never says anything else. Whether it is too old is looked at each time.
    genuine: Cache<[u8; 32], Arc<TokenClaims>>,
}

impl JwtIssuer {
    /// Makes an issuer that signs with the current secret. Tokens that were signed with a previous
    /// one, by the same algorithm, still pass.
    #[must_use]
    pub fn new(
        algorithm: JwtAlgorithm,
        current: &SigningSecret,
        previous: &[SigningSecret],
    ) -> Self {
        Self {
            algorithm,
            current: current.key(PURPOSE),
            previous: previous.iter().map(|secret| secret.key(PURPOSE)).collect(),
            genuine: Cache::new(REMEMBERED_TOKENS),
        }
    }

    fn key(&self, id: &str) -> Option<&DerivedKey> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == id)
    }

    fn check(&self, token: &str, now: Timestamp) -> Option<AccessClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let hash = Sha256::digest(token).into();
        if let Some(claims) = self.genuine.get(&hash) {
            return claims.accept(now);
        }
        let claims = Arc::new(self.read_genuine(token)?);
        // One that is not accepted is not kept: nobody fills the memory with what leads nowhere.
        let accepted = claims.accept(now)?;
        self.genuine.insert(hash, claims);
        Some(accepted)
    }

    /// What a token says, if it was signed by one of our keys.
    fn read_genuine(&self, token: &str) -> Option<TokenClaims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: TokenHeader = read_part(header)?;
        if JwtAlgorithm::parse(&header.alg)? != self.algorithm {
            return None;
        }
        let key = DecodingKey::from_secret(&self.key(&header.kid)?.bytes);
        let algorithm = self.algorithm.into();
        let genuine =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm).ok()?;
        if !genuine || header.typ != TYPE {
            return None;
        }
        read_part(payload)
    }
}

impl TokenIssuer for JwtIssuer {
    fn issue(&self, claims: &AccessClaims) -> Result<SecretString, Cause> {
        let mut header = Header::new(self.algorithm.into());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.current.id.clone());
        let key = EncodingKey::from_secret(&self.current.bytes);
        let token = jsonwebtoken::encode(&header, &TokenClaims::new(claims)?, &key)?;
        Ok(SecretString::from(token))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, InvalidToken> {
        self.check(token, now).ok_or(InvalidToken)
    }
}

/// All that a header may have. Anything else, such as `crit`, `jku` or `jwk`, is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// What a token says. Nothing that may change while it is valid, such as a name or a role.
#[derive(Serialize, Deserialize)]
struct TokenClaims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    ver: i64,
    jti: String,
    iat: i64,
    exp: i64,
}

impl TokenClaims {
    fn new(claims: &AccessClaims) -> Result<Self, Cause> {
        let mut jti = [0; 16];
        OsRng.try_fill_bytes(&mut jti)?;
        Ok(Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user_id.to_string(),
            sid: claims.session_id.to_string(),
            ver: claims.token_version,
            jti: uuid::Builder::from_random_bytes(jti)
                .into_uuid()
                .to_string(),
            iat: claims.issued_at.as_second(),
            exp: claims.expires_at.as_second(),
        })
    }

    /// The claims, unless they are for somebody else or for another time.
    fn accept(&self, now: Timestamp) -> Option<AccessClaims> {
        let now = now.as_second();
        let is_ours = self.iss == ISSUER && self.aud == AUDIENCE;
        let is_current = (0..=now.saturating_add(LEEWAY_SECONDS)).contains(&self.iat)
            && now < self.exp.saturating_add(LEEWAY_SECONDS);
        if !is_ours || !is_current {
            return None;
        }
        Some(AccessClaims {
            user_id: UserId::parse(self.sub.parse().ok()?)?,
            session_id: SessionId::parse(&self.sid)?,
            token_version: self.ver,
            issued_at: Timestamp::from_second(self.iat).ok()?,
            expires_at: Timestamp::from_second(self.exp).ok()?,
        })
    }
}

fn read_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

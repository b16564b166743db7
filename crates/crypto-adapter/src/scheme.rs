//! How a password becomes a hash, and which stored hashes are understood.
//!
//! A stored hash is a PHC string of Argon2. With a pepper, a secret that is not in the database, it has
//! the name of the pepper before it: `pepper=<name>$argon2id$…`. Hashes of bcrypt, which come from other
//! services, are understood as well. Whatever is not what new hashes are asks to be made anew.

use std::str::FromStr as _;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use bcrypt::HashParts;
use lionrocket_ports::crypto::{HashError, PasswordCheck};
use secrecy::SecretString;

use crate::secret::{DerivedKey, SigningSecret};

/// The memory that a hash fills.
pub(crate) type Memory = Vec<Block>;

/// What stands before the name of the pepper.
const PEPPER_PREFIX: &str = "pepper=";
/// The highest cost of bcrypt that is computed, about a second: one more doubles it.
const MAX_BCRYPT_COST: u32 = 14;

/// How new hashes are made and old ones are checked.
#[derive(Clone)]
pub(crate) struct Scheme {
    params: Params,
    /// The pepper of new hashes and, after it, former ones. Empty: new hashes have none.
    peppers: Vec<DerivedKey>,
}

impl Scheme {
    pub(crate) const fn new(params: Params) -> Self {
        let peppers = Vec::new();
        Self { params, peppers }
    }

    pub(crate) fn peppered(mut self, current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let secrets = std::iter::once(current).chain(previous);
        self.peppers = secrets.map(|secret| secret.key("pepper")).collect();
        self
    }

    /// Makes a hash with a new salt.
    pub(crate) fn hash(
        &self,
        password: &str,
        memory: &mut Memory,
    ) -> Result<SecretString, HashError> {
        let pepper = self.peppers.first();
        let argon2 = argon2(pepper, Algorithm::Argon2id, Version::V0x13, &self.params)?;
        let salt = Salt::generate();
        let output = compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(internal)?,
            salt: Some(salt),
            hash: Some(output),
        };
        Ok(SecretString::from(match pepper {
            Some(pepper) => format!("{PEPPER_PREFIX}{}{hash}", pepper.id),
            None => hash.to_string(),
        }))
    }

    /// Checks a password against any hash that is understood.
    pub(crate) fn verify(
        &self,
        password: &str,
        stored: &str,
        memory: &mut Memory,
    ) -> Result<PasswordCheck, HashError> {
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|form| stored.starts_with(form))
        {
            return verify_bcrypt(password, stored);
        }
        let (pepper, phc) = self.split(stored)?;
        let hash = PasswordHash::new(phc).map_err(internal)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return Err(internal(password_hash::Error::EncodingInvalid));
        };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(internal)?;
        let version = hash.version.map(Version::try_from).transpose();
        let version = version.map_err(internal)?.unwrap_or_default();
        let params = Params::try_from(&hash).map_err(internal)?;
        let argon2 = argon2(pepper, algorithm, version, &params)?;
        // Outputs are compared in a time that does not depend on their bytes.
        if compute(&argon2, password, salt, expected.len(), memory)? != *expected {
            return Ok(PasswordCheck::Mismatch);
        }
        let is_current = pepper.map(|pepper| &pepper.id) == self.peppers.first().map(|key| &key.id);
        Ok(
            if is_current && !is_weaker(&hash, &self.params).map_err(internal)? {
                PasswordCheck::Match
            } else {
                PasswordCheck::MatchNeedsRehash
            },
        )
    }

    /// Whether hashes can be checked that have this before their first `$`.
    pub(crate) fn knows(&self, scheme: &str) -> bool {
        scheme
            .strip_prefix(PEPPER_PREFIX)
            .map_or(scheme.is_empty(), |name| self.pepper(name).is_some())
    }

    fn pepper(&self, name: &str) -> Option<&DerivedKey> {
        self.peppers.iter().find(|pepper| pepper.id == name)
    }

    /// The pepper of a stored hash and the hash itself.
    fn split<'a>(&self, stored: &'a str) -> Result<(Option<&DerivedKey>, &'a str), HashError> {
        let Some(rest) = stored.strip_prefix(PEPPER_PREFIX) else {
            return Ok((None, stored));
        };
        let (name, phc) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
        let pepper = self.pepper(name).ok_or_else(|| {
            let problem = "a password was hashed with a pepper that is not known any more: \
                           set PASSWORD_PEPPER or PASSWORD_PEPPER_PREVIOUS to it";
            HashError::Internal(problem.into())
        })?;
        Ok((Some(pepper), phc))
    }
}

fn internal(error: impl Into<password_hash::Error>) -> HashError {
    HashError::Internal(error.into().into())
}

fn argon2<'key>(
    pepper: Option<&'key DerivedKey>,
    algorithm: Algorithm,
    version: Version,
    params: &Params,
) -> Result<Argon2<'key>, HashError> {
    match pepper {
        Some(pepper) => Argon2::new_with_secret(&pepper.bytes, algorithm, version, params.clone())
            .map_err(|error| HashError::Internal(error.into())),
        None => Ok(Argon2::new(algorithm, version, params.clone())),
    }
}

/// Computes a hash in the given memory, which grows when it is too small.
fn compute(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    output_len: usize,
    memory: &mut Memory,
) -> Result<Output, HashError> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let mut buffer = [0; Output::MAX_LENGTH];
    let output = buffer
        .get_mut(..output_len)
        .ok_or_else(|| internal(password_hash::Error::OutputSize))?;
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, output, memory)
        .map_err(internal)?;
    Output::new(output).map_err(internal)
}

/// Whether a hash is weaker than new ones are in any respect.
fn is_weaker(hash: &PasswordHash, current: &Params) -> password_hash::Result<bool> {
    let params = Params::try_from(hash)?;
    let is_old = hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(Version::V0x13.into());
    Ok(is_old || params.m_cost() < current.m_cost() || params.t_cost() < current.t_cost())
}

/// Checks a hash of another service. Like every one of them this looks at the first 72 bytes only.
fn verify_bcrypt(password: &str, stored: &str) -> Result<PasswordCheck, HashError> {
    let failed = |error: bcrypt::BcryptError| HashError::Internal(error.to_string().into());
    let cost = HashParts::from_str(stored).map_err(failed)?.get_cost();
    if cost > MAX_BCRYPT_COST {
        return Err(HashError::Internal(
            format!("a hash of bcrypt has the cost {cost}, above {MAX_BCRYPT_COST}").into(),
        ));
    }
    Ok(if bcrypt::verify(password, stored).map_err(failed)? {
        PasswordCheck::MatchNeedsRehash
    } else {
        PasswordCheck::Mismatch
    })
}

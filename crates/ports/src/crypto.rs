//! Passwords and tokens.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    ids::{SessionId, UserId},
    text::{EmailAddress, Password, Username},
};
use secrecy::SecretString;

use crate::{error::Cause, sessions::RefreshHash};

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is the right one.
    Match,
    /// It is the right one, and its hash is weaker than new ones are.
    MatchNeedsRehash,
    /// It is not.
    Mismatch,
}

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Too many are waiting; the same call may go through in a few seconds.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// A stored hash is not one, or hashing failed.
    #[error("a password could not be hashed")]
    Internal(#[source] Cause),
}

/// Seals short texts that clients keep and bring back, so that nobody else makes them.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TextSeal: Send + Sync {
    /// Makes the seal of a text. The context says for what and for whom it is good.
    fn seal(&self, context: &str, text: &str) -> [u8; 16];

    /// Whether a seal is that of the text in this context.
    fn is_sealed(&self, context: &str, text: &str, seal: &[u8; 16]) -> bool;
}

/// Hashes passwords, away from the threads that serve requests.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Makes a hash with a new salt, as a PHC string.
    ///
    /// # Errors
    /// [`HashError::Busy`] when too many are waiting.
    async fn hash(&self, password: Password) -> Result<SecretString, HashError>;

    /// Whether hashes can be checked that have this before their first `$`.
    fn knows(&self, scheme: &str) -> bool;

    /// Checks a password against a hash. Without a hash it takes as long and is a `Mismatch`, so
    /// that nobody learns from the time whether an account exists.
    ///
    /// # Errors
    /// [`HashError::Busy`] when too many are waiting.
    async fn verify(
        &self,
        password: Password,
        hash: Option<SecretString>,
    ) -> Result<PasswordCheck, HashError>;
}

/// Whose password it is going to be, so that it is none of the person's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordContext {
    /// The name to sign in with.
    pub username: Option<Username>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
}

/// Why nobody may choose a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Many people have it, or it was leaked: it is tried first.
    TooCommon,
    /// It is soon guessed by a program.
    TooGuessable,
    /// It contains the name or the address of its owner, or the service's name.
    ContainsName,
}

/// Why a password is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is too weak.
    #[error("the password is too weak")]
    Weak(Weakness),
    /// It could not be checked.
    #[error("a password could not be checked")]
    Internal(#[source] Cause),
}

/// Tells which passwords people may choose; their length is checked before. Asks nobody outside.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordPolicy: Send + Sync {
    /// Checks a password that somebody chooses, away from the threads that serve requests.
    ///
    /// # Errors
    /// [`PolicyError::Weak`] with the first weakness that was found.
    async fn check(&self, password: &Password, context: PasswordContext)
    -> Result<(), PolicyError>;
}

/// What is kept of the secret in a link.
pub type SecretHash = [u8; 32];

/// A secret for a link that is shown once.
#[derive(Clone, Debug)]
pub struct LinkSecret {
    /// What the link holds.
    pub secret: SecretString,
    /// What is kept of it.
    pub hash: SecretHash,
}

/// Makes the secrets of links.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait LinkSecrets: Send + Sync {
    /// Makes a secret that nobody can guess.
    ///
    /// # Errors
    /// There are no random bytes.
    fn make(&self) -> Result<LinkSecret, Cause>;

    /// The hash of a secret that somebody comes with; `None` when it is not of the form of one.
    fn hash(&self, secret: &str) -> Option<SecretHash>;
}

/// A browser in which somebody has signed in before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Who.
    pub user_id: UserId,
    /// Tells it from other browsers of the same person. Says nothing about either.
    pub id: String,
}

/// Signs and checks what a browser keeps so that it is known. It gives no right but to try passwords
/// while strangers have used up the tries of an account.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait DeviceTokens: Send + Sync {
    /// Makes one for a browser that nobody knows yet.
    ///
    /// # Errors
    /// There are no random bytes.
    fn issue(&self, user_id: UserId, expires_at: Timestamp) -> Result<SecretString, Cause>;

    /// Checks one; `None` whatever is wrong with it.
    fn verify(&self, token: &str, now: Timestamp) -> Option<KnownDevice>;
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose it is.
    pub user_id: UserId,
    /// The login it is bound to.
    pub session_id: SessionId,
    /// The account's token version when it was given out.
    pub token_version: i64,
    /// When it was given out; whole seconds count.
    pub issued_at: Timestamp,
    /// When it ends; whole seconds count.
    pub expires_at: Timestamp,
}

/// A token that is not ours, is too old or was tampered with. Why is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

/// Signs and checks access tokens. Whether the session behind one is alive is the caller's to check.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TokenIssuer: Send + Sync {
    /// Signs a token.
    ///
    /// # Errors
    /// The signing key does not work.
    fn issue(&self, claims: &AccessClaims) -> Result<SecretString, Cause>;

    /// Checks a token's form, signature and times.
    ///
    /// # Errors
    /// [`InvalidToken`], whatever is wrong with it.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, InvalidToken>;
}

/// Makes the secrets by which sessions are given new tokens. A secret is text of 256 bits that fits
/// into a cookie. Each follows from the one before it, so that the same request, sent again because
/// its answer was lost, is given the same answer without the secret being stored anywhere.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RefreshSecrets: Send + Sync {
    /// A random secret, for a new session or a new beginning of one.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    fn first(&self) -> Result<SecretString, Cause>;

    /// What may follow a secret: one successor for each key that is known, the newest key first.
    /// None when the text cannot be a secret.
    fn successors(&self, session_id: SessionId, secret: &str) -> Vec<SecretString>;

    /// What is stored of a secret: its SHA-256.
    fn hash(&self, secret: &str) -> RefreshHash;
}

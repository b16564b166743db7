//! Signing up, signing in and out, and knowing who asks.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    account::User,
    text::{EmailAddress, Password, Username, fold},
};
use lionrocket_ports::{
    StoreError,
    accounts::{CreateUserOutcome, NewSession, NewUser, SessionStore, UserRepository},
    crypto::{AccessClaims, HashError, PasswordCheck, PasswordHasher, TokenIssuer},
    error::Cause,
    events::{EventBus, ServiceEvent},
    runtime::{Clock, IdGenerator},
};
use secrecy::SecretString;

/// The ports that accounts need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct AccountPorts {
    pub users: Arc<dyn UserRepository>,
    pub sessions: Arc<dyn SessionStore>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub tokens: Arc<dyn TokenIssuer>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub events: Arc<dyn EventBus>,
}

/// How long logins last.
#[derive(Clone, Copy, Debug)]
pub struct AuthSettings {
    /// The life of an access token (`JWT_EXPIRATION_HOURS`).
    pub token_lifetime: SignedDuration,
    /// The life of a session, whatever tokens it is given.
    pub session_lifetime: SignedDuration,
}

/// An account that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The name to sign in with.
    pub username: Username,
    /// The e-mail address.
    pub email: EmailAddress,
    /// The password.
    pub password: Password,
}

/// A person who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The token to send with every request.
    pub access_token: SecretString,
    /// How long it is good for.
    pub expires_in: SignedDuration,
    /// The account.
    pub user: User,
}

/// A person who comes with a good token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The person as the rules see them.
    pub actor: Actor,
    /// The account.
    pub user: User,
}

/// Why an account service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name or the address belongs to somebody already.
    #[error("the user name or the e-mail address is taken")]
    Taken,
    /// There is no such account, or the password is wrong. Which one is not told.
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    /// The password is right, but the account was disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The token is not good, or its session has ended.
    #[error("not signed in")]
    Unauthenticated,
    /// Too many people sign in at the moment; it works again in a few seconds.
    #[error("too many people sign in at the moment")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault that no caller can do anything about.
    #[error("signing in failed")]
    Internal(#[source] Cause),
}

impl From<HashError> for AccountError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            other => Self::Internal(other.into()),
        }
    }
}

/// Accounts and logins.
pub struct AccountService {
    ports: AccountPorts,
    settings: AuthSettings,
}

impl AccountService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(ports: AccountPorts, settings: AuthSettings) -> Self {
        Self { ports, settings }
    }

    /// Makes an account, never an administrator's, and signs the person in.
    ///
    /// # Errors
    /// [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn register(&self, account: NewAccount) -> Result<SignedIn, AccountError> {
        let user = self.create_user(account, false).await?;
        self.sign_in(user).await
    }

    /// Makes an account. For the operator: nobody can ask for an administrator's over the network.
    ///
    /// # Errors
    /// [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn create_user(
        &self,
        account: NewAccount,
        is_admin: bool,
    ) -> Result<User, AccountError> {
        let password_hash = self.ports.hasher.hash(account.password).await?;
        let user = NewUser {
            username: account.username,
            email: account.email,
            password_hash,
            is_admin,
            created_at: self.ports.clock.now(),
        };
        match self.ports.users.create(user).await? {
            CreateUserOutcome::Created(user) => Ok(user),
            CreateUserOutcome::Taken => Err(AccountError::Taken),
        }
    }

    /// Signs a person in by user name or e-mail address. Takes one password check's time whether or
    /// not there is such an account, and tells of a disabled one only after the right password.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::Disabled`], [`AccountError::Busy`] among others.
    pub async fn login(&self, login: &str, password: &str) -> Result<SignedIn, AccountError> {
        let credentials = self.ports.users.credentials(fold(login.trim())).await?;
        let hash = credentials
            .as_ref()
            .and_then(|found| found.password_hash.clone());
        // A text that no account can have as its password is still checked, against nothing.
        let (attempt, hash) = match Password::attempt(password) {
            Some(attempt) => (attempt, hash),
            None => (impossible_password()?, None),
        };
        let check = self.ports.hasher.verify(attempt.clone(), hash).await?;
        let user = match (credentials, check) {
            (Some(found), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) => found.user,
            _ => return Err(AccountError::InvalidCredentials),
        };
        if !user.is_active {
            return Err(AccountError::Disabled);
        }
        if check == PasswordCheck::MatchNeedsRehash {
            let stronger = self.ports.hasher.hash(attempt).await?;
            self.ports.users.rehash_password(user.id, stronger).await?;
        }
        self.sign_in(user).await
    }

    /// Tells who comes with a token: the account and its rights as they are now, not as they were
    /// when the token was given out.
    ///
    /// # Errors
    /// [`AccountError::Unauthenticated`], or the store failed.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, AccountError> {
        let now = self.ports.clock.now();
        let claims = self
            .ports
            .tokens
            .verify(token, now)
            .map_err(|_| AccountError::Unauthenticated)?;
        let user = self.ports.sessions.live(claims.session_id, now).await?;
        match user {
            Some(user)
                if user.id == claims.user_id
                    && user.is_active
                    && user.token_version == claims.token_version =>
            {
                let actor = Actor {
                    user_id: user.id,
                    session_id: claims.session_id,
                    is_admin: user.is_admin,
                };
                Ok(Authenticated { actor, user })
            }
            _ => Err(AccountError::Unauthenticated),
        }
    }

    /// Ends the session of a token. Does nothing when the token is not good any more.
    ///
    /// # Errors
    /// The store failed; the session goes on.
    pub async fn logout(&self, token: &str) -> Result<(), AccountError> {
        let now = self.ports.clock.now();
        if let Ok(claims) = self.ports.tokens.verify(token, now) {
            self.ports.sessions.end(claims.session_id, now).await?;
            self.ports
                .events
                .publish(ServiceEvent::SessionEnded(claims.session_id));
        }
        Ok(())
    }

    /// Opens a session and signs a token for it.
    async fn sign_in(&self, user: User) -> Result<SignedIn, AccountError> {
        let now = self.ports.clock.now();
        let session_id = self.ports.ids.session_id();
        let session = NewSession {
            id: session_id,
            user_id: user.id,
            created_at: now,
            expires_at: later(now, self.settings.session_lifetime),
        };
        self.ports.sessions.open(session).await?;
        let claims = AccessClaims {
            user_id: user.id,
            session_id,
            token_version: user.token_version,
            issued_at: now,
            expires_at: later(now, self.settings.token_lifetime),
        };
        let access_token = self
            .ports
            .tokens
            .issue(&claims)
            .map_err(AccountError::Internal)?;
        Ok(SignedIn {
            access_token,
            expires_in: self.settings.token_lifetime,
            user,
        })
    }
}

/// A password to spend the time of a check on.
fn impossible_password() -> Result<Password, AccountError> {
    Password::attempt("no account has this password").ok_or(AccountError::InvalidCredentials)
}

/// A moment after `start`; the end of time at the latest.
fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

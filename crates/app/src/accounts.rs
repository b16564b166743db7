//! Making accounts and signing in to them.

use std::sync::Arc;

use lionrocket_domain::{
    account::User,
    calendar::StatsZone,
    text::{EmailAddress, Password, Username, fold},
};
use lionrocket_ports::{
    StoreError,
    accounts::{CreateUserOutcome, NewUser, UserRepository},
    crypto::{
        HashError, PasswordCheck, PasswordContext, PasswordHasher, PasswordPolicy, PolicyError,
        Weakness,
    },
    error::Cause,
    runtime::Clock,
};

use crate::sessions::{Client, SessionError, SessionService, SignedIn};

/// The ports that accounts need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct AccountPorts {
    pub users: Arc<dyn UserRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub policy: Arc<dyn PasswordPolicy>,
    pub clock: Arc<dyn Clock>,
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

/// Why an account service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name or the address belongs to somebody already.
    #[error("the user name or the e-mail address is taken")]
    Taken,
    /// The password is too weak for an account.
    #[error("the password is too weak")]
    WeakPassword(Weakness),
    /// There is no such account, or the password is wrong. Which one is not told.
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    /// The password is right, but the account was disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Too many people sign in at the moment; it works again in a few seconds.
    #[error("too many people sign in at the moment")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No session could be opened.
    #[error(transparent)]
    Session(#[from] SessionError),
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

impl From<PolicyError> for AccountError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Weak(weakness) => Self::WeakPassword(weakness),
            other => Self::Internal(other.into()),
        }
    }
}

/// Accounts.
pub struct AccountService {
    ports: AccountPorts,
    sessions: Arc<SessionService>,
    zone: StatsZone,
}

impl AccountService {
    /// Puts the service together. The zone decides on which day an account is made.
    #[must_use]
    pub const fn new(ports: AccountPorts, sessions: Arc<SessionService>, zone: StatsZone) -> Self {
        Self {
            ports,
            sessions,
            zone,
        }
    }

    /// Makes an account, never an administrator's, and signs the person in.
    ///
    /// # Errors
    /// [`AccountError::WeakPassword`], [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn register(
        &self,
        account: NewAccount,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
        let user = self.create_user(account, false).await?;
        Ok(self.sessions.open(user, client).await?)
    }

    /// Makes an account. For the operator: nobody can ask for an administrator's over the network.
    ///
    /// # Errors
    /// [`AccountError::WeakPassword`], [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn create_user(
        &self,
        account: NewAccount,
        is_admin: bool,
    ) -> Result<User, AccountError> {
        let context = PasswordContext {
            username: Some(account.username.clone()),
            email: Some(account.email.clone()),
        };
        self.ports.policy.check(&account.password, context).await?;
        let password_hash = self.ports.hasher.hash(account.password).await?;
        let now = self.ports.clock.now();
        let user = NewUser {
            username: account.username,
            email: account.email,
            password_hash,
            is_admin,
            created_at: now,
            created_on: self.zone.day_of(now),
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
    pub async fn login(
        &self,
        login: &str,
        password: &str,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
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
        Ok(self.sessions.open(user, client).await?)
    }
}

/// A password to spend the time of a check on.
fn impossible_password() -> Result<Password, AccountError> {
    Password::attempt("no account has this password").ok_or(AccountError::InvalidCredentials)
}

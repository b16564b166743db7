//! Making accounts and signing in to them.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use lionrocket_domain::{
    account::User,
    audit::Performer,
    calendar::StatsZone,
    text::{EmailAddress, Password, Username, fold},
};
use lionrocket_ports::{
    StoreError,
    accounts::{AccountMaker, CreateUserOutcome, Credentials, NewUser, UserRepository},
    admin::AdminRepository,
    crypto::{
        DeviceTokens, HashError, KnownDevice, LinkSecrets, PasswordCheck, PasswordContext,
        PasswordHasher, PasswordPolicy, PolicyError, SecretHash, Weakness,
    },
    error::{Cause, Chain},
    limits::RateLimiter,
    runtime::{Clock, Spawner},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    sessions::{Client, SessionError, SessionService, SignedIn},
    throttle::{CLOSED_AFTER, LoginThrottle, Try},
};

/// How long a browser is known after somebody has signed in there.
pub const DEVICE_LIFETIME: SignedDuration = SignedDuration::from_hours(180 * 24);

/// The ports that accounts need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct AccountPorts {
    pub users: Arc<dyn UserRepository>,
    pub admin: Arc<dyn AdminRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub policy: Arc<dyn PasswordPolicy>,
    pub devices: Arc<dyn DeviceTokens>,
    pub secrets: Arc<dyn LinkSecrets>,
    pub limits: Arc<dyn RateLimiter>,
    pub spawner: Arc<dyn Spawner>,
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
    /// The invite is not known, ended, withdrawn or used up.
    #[error("the invite is not good")]
    InviteRefused,
    /// There is an account already, so that this one would not be the first.
    #[error("there are accounts already")]
    NotFirst,
    /// The password is too weak for an account.
    #[error("the password is too weak")]
    WeakPassword(Weakness),
    /// There is no such account, or the password is wrong. Which one is not told.
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    /// The password is right, but the account was disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The password is right, but the deletion of the account was asked for.
    #[error("the account is being deleted")]
    Deleted,
    /// Too many passwords were tried.
    #[error("too many passwords were tried")]
    Throttled {
        /// How long until another one may be tried.
        retry_after: Duration,
    },
    /// So many wrong passwords were tried that the account takes none any more from where its owner
    /// was not signed in before. Names without an account look the same.
    #[error("the account takes no password until it is reset")]
    LoginClosed,
    /// The account has changed since the version that was named.
    #[error("the account has changed meanwhile")]
    Stale,
    /// Nobody would be left who administers the service.
    #[error("nobody would be left who administers the service")]
    LastAdministrator,
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
    pub(crate) ports: AccountPorts,
    pub(crate) sessions: Arc<SessionService>,
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

    /// Makes an account, never an administrator's, and signs the person in. An invite is used up once.
    ///
    /// # Errors
    /// [`AccountError::InviteRefused`], [`AccountError::WeakPassword`], [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn register(
        &self,
        account: NewAccount,
        invite: Option<&str>,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
        let invite = match invite {
            Some(secret) => Some(self.invite(secret)?),
            None => None,
        };
        let made_by = AccountMaker::Person {
            consent_version: User::PRIVACY_NOTICE_VERSION,
        };
        let user = self.make(account, false, made_by, invite).await?;
        Ok(self.sessions.open(user, client).await?)
    }

    /// Makes an account, on the record. For the operator: nobody can ask for an administrator's over
    /// the network.
    ///
    /// # Errors
    /// [`AccountError::WeakPassword`], [`AccountError::Taken`] and [`AccountError::Busy`] among others.
    pub async fn create_user(
        &self,
        account: NewAccount,
        is_admin: bool,
    ) -> Result<User, AccountError> {
        let made_by = AccountMaker::Administration(Performer::operator());
        self.make(account, is_admin, made_by, None).await
    }

    /// Makes the first account of all, an administrator's, on the record. For the operator.
    ///
    /// # Errors
    /// [`AccountError::NotFirst`], [`AccountError::WeakPassword`] and [`AccountError::Busy`] among others.
    pub async fn create_first(&self, account: NewAccount) -> Result<User, AccountError> {
        let made_by = AccountMaker::First(Performer::operator());
        self.make(account, true, made_by, None).await
    }

    /// How many accounts have a password that cannot be checked, since the pepper it was hashed with
    /// is not known here.
    ///
    /// # Errors
    /// The store failed.
    pub async fn unreadable_passwords(&self) -> Result<u64, AccountError> {
        let schemes = self.ports.users.hash_schemes().await?.into_iter();
        let unknown = schemes.filter(|(scheme, _)| !self.ports.hasher.knows(scheme));
        Ok(unknown.map(|(_, accounts)| accounts).sum())
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn any(&self) -> Result<bool, AccountError> {
        Ok(self.ports.users.any().await?)
    }

    fn invite(&self, secret: &str) -> Result<SecretHash, AccountError> {
        let hash = self.ports.secrets.hash(secret);
        hash.ok_or(AccountError::InviteRefused)
    }

    async fn make(
        &self,
        account: NewAccount,
        is_admin: bool,
        made_by: AccountMaker,
        invite: Option<SecretHash>,
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
            invite,
            created_on: self.zone.day_of(now),
            made_by,
        };
        match self.ports.users.create(user).await? {
            CreateUserOutcome::Created(user) => Ok(user),
            CreateUserOutcome::Taken => Err(AccountError::Taken),
            CreateUserOutcome::InviteRefused => Err(AccountError::InviteRefused),
            CreateUserOutcome::NotFirst => Err(AccountError::NotFirst),
        }
    }

    /// Signs a person in by user name or e-mail address. Takes one password check's time whether or
    /// not there is such an account, and tells of its state only after the right password.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::Disabled`], [`AccountError::Deleted`],
    /// [`AccountError::Throttled`], [`AccountError::LoginClosed`] and [`AccountError::Busy`] among others.
    pub async fn login(
        &self,
        login: &str,
        password: &str,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
        let key = fold(login.trim());
        let found = self.ports.users.credentials(key.clone()).await?;
        // Nobody is to learn from the answer that there is such an account.
        let found = found.filter(|found| self.can_be_checked(found));
        let device = self.known_device(&client, found.as_ref());
        let throttle = LoginThrottle(Arc::clone(&self.ports.limits));
        let attempt = throttle
            .enter(&key, device.as_ref())
            .map_err(|retry_after| AccountError::Throttled { retry_after })?;
        let checked = self.check_password(password, found.as_ref()).await;
        if checked.is_err() {
            throttle.refund(&attempt);
        }
        let check = checked?;
        let is_closed = device.is_none()
            && match &found {
                Some(found) => found.failed_logins >= CLOSED_AFTER,
                None => throttle.is_name_closed(&attempt),
            };
        let (Some(found), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (&found, check)
        else {
            self.count_failure(&throttle, &attempt, found.as_ref());
            return Err(if is_closed {
                AccountError::LoginClosed
            } else {
                AccountError::InvalidCredentials
            });
        };
        if is_closed {
            return Err(AccountError::LoginClosed);
        }
        throttle.passed(&attempt);
        self.welcome(found, check, password, client).await
    }

    /// A token by which the browser of somebody who has just signed in is known the next time.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn device_token(&self, user: &User) -> Result<SecretString, AccountError> {
        let expires_at = self.ports.clock.now().saturating_add(DEVICE_LIFETIME);
        let expires_at = expires_at.unwrap_or(jiff::Timestamp::MAX);
        let token = self.ports.devices.issue(user.id, expires_at);
        token.map_err(AccountError::Internal)
    }

    /// The browser, if the account's owner has signed in there before.
    fn known_device(&self, client: &Client, found: Option<&Credentials>) -> Option<KnownDevice> {
        let token = client.device.as_ref()?.expose_secret();
        let device = self.ports.devices.verify(token, self.ports.clock.now())?;
        found
            .is_some_and(|found| found.user.id == device.user_id)
            .then_some(device)
    }

    /// Whether the pepper of an account's password is known; tells the operator if it is not.
    pub(crate) fn can_be_checked(&self, found: &Credentials) -> bool {
        let hash = found.password_hash.as_ref();
        let scheme = hash.and_then(|hash| hash.expose_secret().split_once('$'));
        let is_known =
            scheme.is_none_or(|(name, _)| name.is_empty() || self.ports.hasher.knows(name));
        if !is_known {
            tracing::error!(
                user_id = %found.user.id,
                "a password cannot be checked, since it was hashed with a pepper that is not set: \
                 add it to PASSWORD_PEPPER_PREVIOUS, or make it PASSWORD_PEPPER when there is none"
            );
        }
        is_known
    }

    async fn check_password(
        &self,
        password: &str,
        found: Option<&Credentials>,
    ) -> Result<PasswordCheck, AccountError> {
        // A text that no account can have as its password is still checked, against nothing.
        let (attempt, hash) = match Password::attempt(password) {
            Some(attempt) => (attempt, found.and_then(|found| found.password_hash.clone())),
            None => (impossible_password()?, None),
        };
        Ok(self.ports.hasher.verify(attempt, hash).await?)
    }

    /// Counts a wrong password. The store does its part after the answer, whose time would tell
    /// otherwise that there is an account.
    fn count_failure(&self, throttle: &LoginThrottle, attempt: &Try, found: Option<&Credentials>) {
        throttle.failed(attempt);
        let Some(id) = found.map(|found| found.user.id) else {
            return;
        };
        let users = Arc::clone(&self.ports.users);
        let count = async move {
            if let Err(error) = users.count_failed_login(id, CLOSED_AFTER).await {
                tracing::warn!(error = %Chain(&error), "a wrong password was not counted");
            }
        };
        self.ports
            .spawner
            .spawn("count-failed-login", Box::pin(count));
    }

    /// What follows the right password.
    async fn welcome(
        &self,
        found: &Credentials,
        check: PasswordCheck,
        password: &str,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
        let user = found.user.clone();
        if found.failed_logins > 0 {
            self.ports.users.forget_failed_logins(user.id).await?;
        }
        if user.deleted_at.is_some() {
            return Err(AccountError::Deleted);
        }
        if !user.is_active {
            return Err(AccountError::Disabled);
        }
        if check == PasswordCheck::MatchNeedsRehash
            && let Some(password) = Password::attempt(password)
        {
            let stronger = self.ports.hasher.hash(password).await?;
            self.ports.users.rehash_password(user.id, stronger).await?;
        }
        Ok(self.sessions.open(user, client).await?)
    }
}

/// A password to spend the time of a check on.
pub(crate) fn impossible_password() -> Result<Password, AccountError> {
    Password::attempt("no account has this password").ok_or(AccountError::InvalidCredentials)
}

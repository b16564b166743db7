//! Links by which a person sets a new password. Nobody else sees or sets it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    ids::UserId,
    text::{Password, fold},
};
use lionrocket_ports::{
    StoreError,
    crypto::{
        HashError, LinkSecrets, PasswordContext, PasswordHasher, PasswordPolicy, PolicyError,
        Weakness,
    },
    error::Cause,
    events::{EventBus, ServiceEvent},
    limits::RateLimiter,
    resets::{NewReset, ResetRepository},
    runtime::Clock,
};
use secrecy::SecretString;

use crate::{
    admin::{AdminError, Administrator},
    invites::later,
    throttle::LoginThrottle,
};

/// How long a link is good.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// The ports that new passwords need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct ResetPorts {
    pub resets: Arc<dyn ResetRepository>,
    pub secrets: Arc<dyn LinkSecrets>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub policy: Arc<dyn PasswordPolicy>,
    pub limits: Arc<dyn RateLimiter>,
    pub events: Arc<dyn EventBus>,
    pub clock: Arc<dyn Clock>,
}

/// A link that was made, to be given to the person.
#[derive(Clone, Debug)]
pub struct ResetLink {
    /// What the link holds. It is not kept.
    pub secret: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a new password was not set. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// The link is not one, was used, or its time is over.
    #[error("the link is not good any more")]
    UnknownLink,
    /// The password is too weak for an account.
    #[error("the password is too weak")]
    WeakPassword(Weakness),
    /// Too many passwords are being hashed; it works again in a few seconds.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault that no caller can do anything about.
    #[error("a password could not be set")]
    Internal(#[source] Cause),
}

impl From<HashError> for ResetError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            other => Self::Internal(other.into()),
        }
    }
}

impl From<PolicyError> for ResetError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Weak(weakness) => Self::WeakPassword(weakness),
            other => Self::Internal(other.into()),
        }
    }
}

/// New passwords by link.
pub struct ResetService {
    ports: ResetPorts,
}

impl ResetService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(ports: ResetPorts) -> Self {
        Self { ports }
    }

    /// Makes a link for somebody, on the record. Older ones of the same person end.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], or the store failed.
    pub async fn create(&self, by: Administrator, id: UserId) -> Result<ResetLink, AdminError> {
        let (by, now) = (by.performer()?, self.ports.clock.now());
        let link = self.ports.secrets.make().map_err(AdminError::Internal)?;
        let reset = NewReset {
            secret_hash: link.hash,
            user_id: id,
            created_at: now,
            expires_at: later(now, LIFETIME),
        };
        if !self.ports.resets.create(reset, by).await? {
            return Err(AdminError::NotFound);
        }
        Ok(ResetLink {
            secret: link.secret,
            expires_at: reset.expires_at,
        })
    }

    /// Sets a new password by a link, which is used up. Every login of the person ends, and passwords
    /// are taken again if there were too many wrong ones.
    ///
    /// # Errors
    /// [`ResetError::UnknownLink`], [`ResetError::WeakPassword`] and [`ResetError::Busy`] among others.
    pub async fn redeem(&self, secret: &str, password: Password) -> Result<(), ResetError> {
        let ports = &self.ports;
        let hash = ports.secrets.hash(secret).ok_or(ResetError::UnknownLink)?;
        let account = ports.resets.account(hash, ports.clock.now()).await?;
        let account = account.ok_or(ResetError::UnknownLink)?;
        let context = PasswordContext {
            username: Some(account.username),
            email: Some(account.email),
        };
        ports.policy.check(&password, context).await?;
        let password_hash = ports.hasher.hash(password).await?;
        let now = ports.clock.now();
        let user = ports.resets.redeem(hash, password_hash, now).await?;
        let user = user.ok_or(ResetError::UnknownLink)?;
        let throttle = LoginThrottle(Arc::clone(&ports.limits));
        for name in [user.username.as_str(), user.email.as_str()] {
            throttle.forget(&fold(name));
        }
        ports.events.publish(ServiceEvent::AccountChanged(user.id));
        Ok(())
    }
}

//! Logins: opening them, knowing who asks, and ending them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{access::Actor, account::User, audit::Origin, ids::SessionId};
use lionrocket_ports::{
    StoreError,
    accounts::{NewSession, SessionStore},
    crypto::{AccessClaims, TokenIssuer},
    error::Cause,
    events::{EventBus, ServiceEvent},
    runtime::{Clock, IdGenerator},
};
use secrecy::SecretString;

/// The ports that logins need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct SessionPorts {
    pub sessions: Arc<dyn SessionStore>,
    pub tokens: Arc<dyn TokenIssuer>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub events: Arc<dyn EventBus>,
}

/// How long logins last.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// The life of an access token (`JWT_EXPIRATION_HOURS`).
    pub token_lifetime: SignedDuration,
    /// The life of a session, whatever tokens it is given.
    pub session_lifetime: SignedDuration,
}

/// From where and how somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// From where the request came.
    pub origin: Origin,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// What the browser keeps since somebody signed in there, see
    /// [`AccountService::device_token`](crate::accounts::AccountService::device_token).
    pub device: Option<SecretString>,
    /// The life that the client wants its token to have; never longer than the service's own.
    pub access_ttl: Option<SignedDuration>,
}

/// A person who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The login.
    pub session_id: SessionId,
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

/// Why a session service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The token is not good, or its session has ended.
    #[error("not signed in")]
    Unauthenticated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault that no caller can do anything about.
    #[error("signing in failed")]
    Internal(#[source] Cause),
}

/// Logins.
pub struct SessionService {
    ports: SessionPorts,
    settings: SessionSettings,
}

impl SessionService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(ports: SessionPorts, settings: SessionSettings) -> Self {
        Self { ports, settings }
    }

    /// Opens a session for somebody who has proved who they are, and signs a token for it.
    ///
    /// # Errors
    /// The store failed, or no token can be signed.
    pub async fn open(&self, user: User, client: Client) -> Result<SignedIn, SessionError> {
        let now = self.ports.clock.now();
        let session_id = self.ports.ids.session_id();
        let session = NewSession {
            id: session_id,
            user_id: user.id,
            created_at: now,
            expires_at: later(now, self.settings.session_lifetime),
            user_agent: client.user_agent,
            client_address: client.origin.client_address,
        };
        self.ports.sessions.open(session).await?;
        self.sign(user, session_id, client.access_ttl, now)
    }

    /// Signs a token for a session.
    fn sign(
        &self,
        user: User,
        session_id: SessionId,
        access_ttl: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<SignedIn, SessionError> {
        let longest = self.settings.token_lifetime;
        let expires_in = access_ttl.map_or(longest, |wanted| wanted.min(longest));
        let claims = AccessClaims {
            user_id: user.id,
            session_id,
            token_version: user.token_version,
            issued_at: now,
            expires_at: later(now, expires_in),
        };
        let signed = self.ports.tokens.issue(&claims);
        Ok(SignedIn {
            session_id,
            access_token: signed.map_err(SessionError::Internal)?,
            expires_in,
            user,
        })
    }

    /// Tells who comes with a token: the account and its rights as they are now, not as they were
    /// when the token was given out.
    ///
    /// # Errors
    /// [`SessionError::Unauthenticated`], or the store failed.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, SessionError> {
        let now = self.ports.clock.now();
        let claims = self
            .ports
            .tokens
            .verify(token, now)
            .map_err(|_| SessionError::Unauthenticated)?;
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
            _ => Err(SessionError::Unauthenticated),
        }
    }

    /// Ends the session of a token. Does nothing when the token is not good any more.
    ///
    /// # Errors
    /// The store failed; the session goes on.
    pub async fn logout(&self, token: &str) -> Result<(), SessionError> {
        let now = self.ports.clock.now();
        if let Ok(claims) = self.ports.tokens.verify(token, now) {
            self.ports.sessions.end(claims.session_id, now).await?;
            self.ports
                .events
                .publish(ServiceEvent::SessionEnded(claims.session_id));
        }
        Ok(())
    }
}

/// A moment after `start`; the end of time at the latest.
fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

//! Logins: opening them, knowing who asks, and ending them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::Origin,
    ids::{SessionId, UserId},
};
use lionrocket_ports::{
    StoreError,
    crypto::{AccessClaims, RefreshSecrets, TokenIssuer},
    error::{Cause, Chain},
    events::{EventBus, ServiceEvent},
    runtime::{Clock, IdGenerator, Spawner},
    sessions::{
        LiveAt, LiveSession, NewSession, RefreshHash, RotateOutcome, RotateRefresh, SessionRecord,
        SessionStore,
    },
};
use secrecy::{ExposeSecret, SecretString};

/// How long the answer to a refresh may be asked for again.
const REPLAY_WINDOW: SignedDuration = SignedDuration::from_secs(10);

/// How often it is noted that a session is used.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// For how long a password that was asked for again lets sensitive changes through.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);

/// The ports that logins need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct SessionPorts {
    pub sessions: Arc<dyn SessionStore>,
    pub tokens: Arc<dyn TokenIssuer>,
    pub secrets: Arc<dyn RefreshSecrets>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub events: Arc<dyn EventBus>,
    pub spawner: Arc<dyn Spawner>,
}

/// How long logins last.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// The life of an access token (`JWT_EXPIRATION_HOURS`).
    pub token_lifetime: SignedDuration,
    /// The life of a session, whatever tokens it is given.
    pub session_lifetime: SignedDuration,
    /// How long a session lives without being used.
    pub idle_lifetime: SignedDuration,
    /// How many live sessions an account may have.
    pub max_live: u32,
}

impl SessionSettings {
    /// The usual lives of sessions: 30 days, 7 without use, 20 for an account.
    #[must_use]
    pub const fn new(token_lifetime: SignedDuration) -> Self {
        Self {
            token_lifetime,
            session_lifetime: SignedDuration::from_hours(24 * 30),
            idle_lifetime: SignedDuration::from_hours(24 * 7),
            max_live: 20,
        }
    }
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
    /// What the browser keeps in a cookie to be given new tokens: the session's id, a dot, a secret.
    pub refresh: SecretString,
    /// How long the session lives at most.
    pub session_ends_in: SignedDuration,
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
    /// When the password was last asked for again in this session.
    pub reauthenticated_at: Option<Timestamp>,
    /// When the session ends at the latest.
    pub session_expires_at: Timestamp,
}

/// Why a session service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The token is not good, or its session has ended.
    #[error("not signed in")]
    Unauthenticated,
    /// The refresh secret is not one, or its session has ended.
    #[error("the session has ended")]
    Ended,
    /// A refresh secret of this person that was used up came again, and its session was ended.
    #[error("the refresh secret was used before")]
    Reused(UserId),
    /// There is no such session.
    #[error("there is no such session")]
    NotFound,
    /// The password must be asked for again first.
    #[error("the password must be asked for again")]
    ReauthenticationRequired,
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
        let at = self.live_at();
        let id = self.ports.ids.session_id();
        let (secret, refresh_hash) = self.new_secret()?;
        let expires_at = later(at.now, self.settings.session_lifetime);
        let session = NewSession {
            id,
            user_id: user.id,
            at,
            expires_at,
            refresh_hash,
            user_agent: client.user_agent,
            client_address: client.origin.client_address,
            max_live: self.settings.max_live,
        };
        for ended in self.ports.sessions.open(session).await? {
            self.publish_end(ended);
        }
        let login = Login {
            id,
            secret,
            expires_at,
        };
        self.sign(user, &login, client.access_ttl, at.now)
    }

    /// Gives a session a new token and a new refresh secret. The secret that came is used up; it is
    /// taken once more for a moment, with the same answer, as long as the new one was not used.
    ///
    /// # Errors
    /// [`SessionError::Ended`] when the secret is not good, [`SessionError::Reused`] when it was used up.
    pub async fn refresh(&self, refresh: &str, client: Client) -> Result<SignedIn, SessionError> {
        let (id, secret) = read_refresh(refresh).ok_or(SessionError::Ended)?;
        let mut successors = self.ports.secrets.successors(id, secret);
        if successors.is_empty() {
            return Err(SessionError::Ended);
        }
        let hash = |secret: &SecretString| self.ports.secrets.hash(secret.expose_secret());
        let at = self.live_at();
        let rotation = RotateRefresh {
            session_id: id,
            presented: self.ports.secrets.hash(secret),
            successors: successors.iter().map(hash).collect(),
            at,
            replay_after: earlier(at.now, REPLAY_WINDOW),
            origin: client.origin,
        };
        let (session, successor) = match self.ports.sessions.rotate_refresh(rotation).await? {
            RotateOutcome::Rotated(session) => (session, 0),
            RotateOutcome::Replayed { session, successor } => (session, successor),
            RotateOutcome::Reused { user_id } => {
                tracing::warn!(
                    %user_id,
                    session_id = %id,
                    "a refresh secret that was used up came again: the session was ended"
                );
                self.publish_end(id);
                return Err(SessionError::Reused(user_id));
            }
            RotateOutcome::Ended => return Err(SessionError::Ended),
        };
        let login = Login {
            id,
            secret: successors.swap_remove(successor),
            expires_at: session.expires_at,
        };
        self.sign(session.user, &login, client.access_ttl, at.now)
    }

    /// Signs a token for a session.
    fn sign(
        &self,
        user: User,
        login: &Login,
        access_ttl: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<SignedIn, SessionError> {
        let longest = self.settings.token_lifetime;
        let expires_in = access_ttl.map_or(longest, |wanted| wanted.min(longest));
        let claims = AccessClaims {
            user_id: user.id,
            session_id: login.id,
            token_version: user.token_version,
            issued_at: now,
            expires_at: later(now, expires_in),
        };
        let signed = self.ports.tokens.issue(&claims);
        let refresh = format!("{}.{}", login.id, login.secret.expose_secret());
        Ok(SignedIn {
            session_id: login.id,
            access_token: signed.map_err(SessionError::Internal)?,
            expires_in,
            refresh: refresh.into(),
            session_ends_in: login.expires_at.duration_since(now),
            user,
        })
    }

    /// Tells who comes with a token: the account and its rights as they are now, not as they were
    /// when the token was given out.
    ///
    /// # Errors
    /// [`SessionError::Unauthenticated`], or the store failed.
    pub async fn authenticate(
        &self,
        token: &str,
        origin: &Origin,
    ) -> Result<Authenticated, SessionError> {
        let at = self.live_at();
        let claims = self
            .ports
            .tokens
            .verify(token, at.now)
            .map_err(|_| SessionError::Unauthenticated)?;
        let session = self.ports.sessions.live(claims.session_id, at).await?;
        let session = session
            .filter(|session| session.user.id == claims.user_id)
            .filter(|session| session.user.token_version == claims.token_version)
            .filter(|session| session.user.is_active && session.user.deleted_at.is_none())
            .ok_or(SessionError::Unauthenticated)?;
        self.touch(claims.session_id, &session, origin, at.now);
        let actor = Actor {
            user_id: session.user.id,
            session_id: claims.session_id,
            is_admin: session.user.is_admin,
        };
        Ok(Authenticated {
            actor,
            user: session.user,
            reauthenticated_at: session.reauthenticated_at,
            session_expires_at: session.expires_at,
        })
    }

    /// Notes in the background that a session is used, now and then.
    fn touch(&self, id: SessionId, session: &LiveSession, origin: &Origin, now: Timestamp) {
        if now.duration_since(session.last_seen_at) < TOUCH_EVERY {
            return;
        }
        let sessions = self.ports.sessions.clone();
        let address = origin.client_address.clone();
        let note = async move {
            if let Err(error) = sessions.touch(id, address, now).await {
                tracing::warn!(error = %Chain(&error), "the use of a session was not noted");
            }
        };
        self.ports.spawner.spawn("touch_session", Box::pin(note));
    }

    /// Checks that the password was asked for again a moment ago, as sensitive changes need it.
    ///
    /// # Errors
    /// [`SessionError::ReauthenticationRequired`].
    pub fn check_fresh(&self, who: &Authenticated) -> Result<(), SessionError> {
        let since = earlier(self.ports.clock.now(), FRESH_FOR);
        match who.reauthenticated_at {
            Some(moment) if moment > since => Ok(()),
            _ => Err(SessionError::ReauthenticationRequired),
        }
    }

    /// Notes that a person was asked for the password again.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn note_reauthenticated(&self, actor: Actor) -> Result<(), SessionError> {
        let now = self.ports.clock.now();
        let id = actor.session_id;
        Ok(self.ports.sessions.reauthenticated(id, now).await?)
    }

    /// A refresh secret for a new beginning of a session, and its hash.
    pub(crate) fn new_secret(&self) -> Result<(SecretString, RefreshHash), SessionError> {
        let secret = self.ports.secrets.first().map_err(SessionError::Internal)?;
        let hash = self.ports.secrets.hash(secret.expose_secret());
        Ok((secret, hash))
    }

    /// Signs a token for a session that has just begun anew.
    pub(crate) fn sign_again(
        &self,
        who: &Authenticated,
        user: User,
        secret: SecretString,
        client: &Client,
    ) -> Result<SignedIn, SessionError> {
        let login = Login {
            id: who.actor.session_id,
            secret,
            expires_at: who.session_expires_at,
        };
        self.sign(user, &login, client.access_ttl, self.ports.clock.now())
    }

    /// The live sessions of a person, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, actor: Actor) -> Result<Vec<SessionRecord>, SessionError> {
        let at = self.live_at();
        Ok(self.ports.sessions.list(actor.user_id, at).await?)
    }

    /// Ends one of a person's sessions.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] when the person has no such live session.
    pub async fn end(&self, actor: Actor, id: SessionId) -> Result<(), SessionError> {
        let at = self.live_at();
        if !self.ports.sessions.end_own(actor.user_id, id, at).await? {
            return Err(SessionError::NotFound);
        }
        self.publish_end(id);
        Ok(())
    }

    /// Ends all sessions of a person but the one by which they come.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_others(&self, actor: Actor) -> Result<(), SessionError> {
        let now = self.ports.clock.now();
        let Actor {
            user_id,
            session_id,
            ..
        } = actor;
        self.ports
            .sessions
            .end_others(user_id, session_id, now)
            .await?;
        self.ports
            .events
            .publish(ServiceEvent::AccountChanged(user_id));
        Ok(())
    }

    /// Ends the session of a token. Does nothing when the token is not good any more.
    ///
    /// # Errors
    /// The store failed; the session goes on.
    pub async fn logout(&self, token: &str) -> Result<(), SessionError> {
        let now = self.ports.clock.now();
        if let Ok(claims) = self.ports.tokens.verify(token, now) {
            self.ports.sessions.end(claims.session_id, now).await?;
            self.publish_end(claims.session_id);
        }
        Ok(())
    }

    /// Ends the session of a refresh secret. Does nothing when the secret is not good any more.
    ///
    /// # Errors
    /// The store failed; the session goes on.
    pub async fn logout_by_refresh(&self, refresh: &str) -> Result<(), SessionError> {
        let Some((id, secret)) = read_refresh(refresh) else {
            return Ok(());
        };
        let now = self.ports.clock.now();
        let presented = self.ports.secrets.hash(secret);
        if self
            .ports
            .sessions
            .end_by_secret(id, presented, now)
            .await?
        {
            self.publish_end(id);
        }
        Ok(())
    }

    fn publish_end(&self, id: SessionId) {
        self.publish(ServiceEvent::SessionEnded(id));
    }

    pub(crate) fn publish(&self, event: ServiceEvent) {
        self.ports.events.publish(event);
    }

    fn live_at(&self) -> LiveAt {
        let now = self.ports.clock.now();
        LiveAt {
            now,
            seen_after: earlier(now, self.settings.idle_lifetime),
        }
    }
}

/// What a token and a cookie are made of.
struct Login {
    id: SessionId,
    secret: SecretString,
    expires_at: Timestamp,
}

/// Takes apart what a browser keeps.
fn read_refresh(refresh: &str) -> Option<(SessionId, &str)> {
    let (id, secret) = refresh.split_once('.')?;
    Some((SessionId::parse(id)?, secret))
}

/// A moment before `end`; the beginning of time at the earliest.
fn earlier(end: Timestamp, duration: SignedDuration) -> Timestamp {
    end.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}

/// A moment after `start`; the end of time at the latest.
fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

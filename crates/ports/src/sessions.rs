//! Logins.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::Origin,
    ids::{SessionId, UserId},
};

use crate::StoreResult;

/// SHA-256 of a refresh secret; the secret itself is never stored.
pub type RefreshHash = [u8; 32];

/// The moment at which sessions are looked at. A live session was not ended, does not run out
/// before `now` and was used after `seen_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveAt {
    /// Now.
    pub now: Timestamp,
    /// Sessions that were not used after this have been idle for too long.
    pub seen_after: Timestamp,
}

/// A login to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// Whose login it is.
    pub user_id: UserId,
    /// Now.
    pub at: LiveAt,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The hash of its first refresh secret.
    pub refresh_hash: RefreshHash,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// From where it was begun.
    pub client_address: Option<String>,
    /// How many live sessions the account may have, this one included.
    pub max_live: u32,
}

/// A live session with its account as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// The account.
    pub user: User,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// When it was noted last that it is used.
    pub last_seen_at: Timestamp,
    /// When the password was last asked for again.
    pub reauthenticated_at: Option<Timestamp>,
}

/// A live session as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session's id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was noted last that it is used.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// From where it was used last.
    pub client_address: Option<String>,
}

/// A refresh secret that is to be exchanged for its successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotateRefresh {
    /// The session that the secret names.
    pub session_id: SessionId,
    /// The hash of the secret that came.
    pub presented: RefreshHash,
    /// The hashes of the secrets that may follow it, one for each key, the newest key first.
    pub successors: Vec<RefreshHash>,
    /// Now.
    pub at: LiveAt,
    /// The immediate predecessor is still taken if it was exchanged after this.
    pub replay_after: Timestamp,
    /// From where the secret came.
    pub origin: Origin,
}

/// What came of [`SessionStore::rotate_refresh`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The secret is used up; the first successor is the secret now.
    Rotated(LiveSession),
    /// The secret was exchanged a moment ago and its successor was not used yet.
    Replayed {
        /// The session.
        session: LiveSession,
        /// Which of the successors is the secret.
        successor: usize,
    },
    /// The secret was used up, or never was one of this live session. The session is ended and the
    /// audit log says so.
    Reused {
        /// Whose session it was.
        user_id: UserId,
    },
    /// There is no such live session, or its account may not sign in.
    Ended,
}

/// Logins. A token is only as alive as its row here.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Records a login. When the account has more live sessions than it may, the oldest are ended;
    /// answers which.
    async fn open(&self, session: NewSession) -> StoreResult<Vec<SessionId>>;

    /// A session with its account as it is now, if it is live. The caller checks the account's state.
    async fn live(&self, id: SessionId, at: LiveAt) -> StoreResult<Option<LiveSession>>;

    /// Notes that a session is used. Does nothing when it has ended, or was noted later than `now`.
    async fn touch(
        &self,
        id: SessionId,
        client_address: Option<String>,
        now: Timestamp,
    ) -> StoreResult<()>;

    /// Exchanges a refresh secret for its successor, once. Of many calls at the same time with one
    /// secret exactly one is `Rotated`; the others are `Replayed` with the same successor. Anything
    /// but the current secret and, for a moment, its immediate predecessor ends the session, and
    /// the audit log has it in the same transaction.
    async fn rotate_refresh(&self, rotation: RotateRefresh) -> StoreResult<RotateOutcome>;

    /// Notes that the password was asked for again.
    async fn reauthenticated(&self, id: SessionId, now: Timestamp) -> StoreResult<()>;

    /// Ends a session for good; does nothing when it is not there or has ended.
    async fn end(&self, id: SessionId, now: Timestamp) -> StoreResult<()>;

    /// Ends a session by its refresh secret or the one before. `false` when it is neither, or there
    /// is no such session any more.
    async fn end_by_secret(
        &self,
        id: SessionId,
        presented: RefreshHash,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Ends a live session of an account. `false` when the account has no such live session.
    async fn end_own(&self, user_id: UserId, id: SessionId, at: LiveAt) -> StoreResult<bool>;

    /// Ends all sessions of an account but one.
    async fn end_others(&self, user_id: UserId, kept: SessionId, now: Timestamp)
    -> StoreResult<()>;

    /// The live sessions of an account, newest first.
    async fn list(&self, user_id: UserId, at: LiveAt) -> StoreResult<Vec<SessionRecord>>;
}

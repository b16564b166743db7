//! Forgetting: accounts whose time of grace is over, and what has been kept long enough.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    calendar::Day,
    ids::{SessionId, TurnId, UserId},
};

use crate::StoreResult;

/// A piece of the erasure of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasePiece {
    /// The account.
    pub user_id: UserId,
    /// It is erased only if its deletion was asked for by then and was not taken back.
    pub asked_by: Timestamp,
    /// How many rows go at most, not counting those that are few for any account.
    pub rows: u32,
    /// Now.
    pub now: Timestamp,
    /// The day to which the erasure is counted.
    pub today: Day,
}

/// What came of a piece of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EraseOutcome {
    /// There is more to erase.
    More,
    /// The account is gone.
    Erased,
    /// It is not to be erased, or is not there. Nothing was changed.
    Kept,
}

/// A stretch of rows in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch<I> {
    /// Begins after this row; with the first one when it is `None`.
    pub after: Option<I>,
    /// How many rows it has at most.
    pub rows: u32,
}

/// What was looked at in a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked<I> {
    /// The last row that was dealt with; `None` when there was none.
    pub last: Option<I>,
    /// Whether there may be more to deal with after it.
    pub is_more: bool,
}

/// Forgets what must not be kept. Every method is short, whatever there is to forget: callers repeat it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Finds accounts whose deletion was asked for by a moment and was not taken back, those first that
    /// have waited longest.
    async fn to_erase(&self, asked_by: Timestamp, limit: u32) -> StoreResult<Vec<UserId>>;

    /// Erases a piece of an account: first its chats, then its private characters and those that it
    /// deleted, at last the account with its logins. Its public characters and invites stay without
    /// their maker, what it used stays without its user, and no sum changes. The last piece counts the
    /// erasure on its day and is recorded.
    async fn erase(&self, piece: ErasePiece) -> StoreResult<EraseOutcome>;

    /// Deletes, in a stretch, the sessions that ended or ran out by a moment, and takes the address and
    /// the browser from those that were last used by then.
    async fn forget_sessions(
        &self,
        stretch: Stretch<SessionId>,
        until: Timestamp,
    ) -> StoreResult<Walked<SessionId>>;

    /// Takes clients' keys from turns that were accepted by a moment, in a stretch that ends before the
    /// first younger one.
    async fn forget_keys(
        &self,
        stretch: Stretch<TurnId>,
        until: Timestamp,
    ) -> StoreResult<Walked<TurnId>>;

    /// Deletes the links for new passwords that have run out.
    async fn forget_resets(&self, now: Timestamp) -> StoreResult<()>;

    /// Makes that nothing forgotten is left in any file of the store. `false` when somebody reads just
    /// now and it must be tried again.
    async fn clear_traces(&self) -> StoreResult<bool>;
}

//! Links with which people may make an account.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    audit::Performer,
    ids::{InviteId, UserId},
    page::{Page, PageSize},
    text::InviteNote,
};

use crate::{StoreResult, crypto::SecretHash};

/// An invite to be made.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// The hash of the secret in the link.
    pub secret_hash: SecretHash,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many accounts may be made with it.
    pub max_uses: u32,
    /// Tokens that an account made with it may use per day; the service's own limit when it is `None`.
    pub daily_token_budget: Option<u64>,
    /// What it is for, for those who look after the service.
    pub note: InviteNote,
}

/// An invite, without its secret, which is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The invite's id.
    pub id: InviteId,
    /// Who made it; `None` when that account is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many accounts may be made with it.
    pub max_uses: u32,
    /// How many were made with it.
    pub uses: u32,
    /// Tokens that an account made with it may use per day; the service's own limit when it is `None`.
    pub daily_token_budget: Option<u64>,
    /// What it is for.
    pub note: InviteNote,
    /// When it was withdrawn.
    pub revoked_at: Option<Timestamp>,
}

/// Invites. They are used up by [`UserRepository::create`](crate::accounts::UserRepository::create).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait InviteRepository: Send + Sync {
    /// Makes an invite and records the act.
    async fn create(&self, invite: NewInvite, by: Performer) -> StoreResult<Invite>;

    /// Lists invites, newest first: those before `after`.
    async fn list(
        &self,
        after: Option<InviteId>,
        size: PageSize,
    ) -> StoreResult<Page<Invite, InviteId>>;

    /// Withdraws an invite and records the act; accounts made with it stay. Does nothing when that was
    /// done already. `false` when there is no such invite.
    async fn revoke(&self, id: InviteId, by: Performer, now: Timestamp) -> StoreResult<bool>;
}

//! Links by which a person sets a new password.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{account::User, audit::Performer, ids::UserId};
use secrecy::SecretString;

use crate::{StoreResult, crypto::SecretHash};

/// A link to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewReset {
    /// The hash of the secret in the link.
    pub secret_hash: SecretHash,
    /// Whose password it sets.
    pub user_id: UserId,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Links by which a person sets a new password.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ResetRepository: Send + Sync {
    /// Makes a link, ends every older one of the same person and records the act. `false` when there is
    /// no such account.
    async fn create(&self, reset: NewReset, by: Performer) -> StoreResult<bool>;

    /// The account whose password a link sets, if the link is good at `now`.
    async fn account(&self, secret_hash: SecretHash, now: Timestamp) -> StoreResult<Option<User>>;

    /// Uses a link up, if it is good at `now`: sets the password, ends every login and every token that
    /// was given out, forgets wrong passwords. Of several calls with one link one is answered with the
    /// account.
    async fn redeem(
        &self,
        secret_hash: SecretHash,
        password_hash: SecretString,
        now: Timestamp,
    ) -> StoreResult<Option<User>>;
}

//! Links with which people may make an account.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    ids::InviteId,
    page::{Page, PageSize},
    text::InviteNote,
};
use lionrocket_ports::{
    crypto::LinkSecrets,
    invites::{Invite, InviteRepository, NewInvite},
    runtime::Clock,
};
use secrecy::SecretString;

use crate::admin::{AdminError, Administrator};

/// An invite that somebody asks for.
#[derive(Clone, Debug)]
pub struct InviteDraft {
    /// How long it is good.
    pub lifetime: SignedDuration,
    /// How many accounts may be made with it.
    pub max_uses: u32,
    /// Tokens that an account made with it may use per day; the service's own limit when it is `None`.
    pub daily_token_budget: Option<u64>,
    /// What it is for.
    pub note: InviteNote,
}

/// Invites.
pub struct InviteService {
    invites: Arc<dyn InviteRepository>,
    secrets: Arc<dyn LinkSecrets>,
    clock: Arc<dyn Clock>,
}

impl InviteService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(
        invites: Arc<dyn InviteRepository>,
        secrets: Arc<dyn LinkSecrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            invites,
            secrets,
            clock,
        }
    }

    /// Makes an invite, on the record. The secret for its link is not kept: it is shown now or never.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], or the store failed.
    pub async fn create(
        &self,
        by: Administrator,
        draft: InviteDraft,
    ) -> Result<(Invite, SecretString), AdminError> {
        let (by, now) = (by.performer()?, self.clock.now());
        let link = self.secrets.make().map_err(AdminError::Internal)?;
        let invite = NewInvite {
            secret_hash: link.hash,
            created_at: now,
            expires_at: later(now, draft.lifetime),
            max_uses: draft.max_uses,
            daily_token_budget: draft.daily_token_budget,
            note: draft.note,
        };
        Ok((self.invites.create(invite, by).await?, link.secret))
    }

    /// Lists invites, newest first.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], or the store failed.
    pub async fn list(
        &self,
        by: Administrator,
        after: Option<InviteId>,
        size: PageSize,
    ) -> Result<Page<Invite, InviteId>, AdminError> {
        by.performer()?;
        Ok(self.invites.list(after, size).await?)
    }

    /// Withdraws an invite, on the record. Accounts that were made with it stay.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], or the store failed.
    pub async fn revoke(&self, by: Administrator, id: InviteId) -> Result<(), AdminError> {
        let by = by.performer()?;
        if self.invites.revoke(id, by, self.clock.now()).await? {
            Ok(())
        } else {
            Err(AdminError::NotFound)
        }
    }
}

/// A moment after `start`; the end of time at the latest.
pub(crate) fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

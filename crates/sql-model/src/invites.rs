//! Invites, and links for new passwords.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use lionrocket_domain::{
    ids::{InviteId, UserId},
    text::InviteNote,
};
use lionrocket_ports::{StoreResult, invites::Invite};

use crate::{
    convert::{corrupt, count},
    schema::{invites, password_resets},
    time::StoredTime,
};

/// An invite without the hash of its secret.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = invites, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct InviteRow {
    pub id: i64,
    pub created_by: Option<i64>,
    pub created_at: StoredTime,
    pub expires_at: StoredTime,
    pub max_uses: i64,
    pub uses: i64,
    pub daily_token_budget: Option<i64>,
    pub note: String,
    pub revoked_at: Option<StoredTime>,
}

impl InviteRow {
    /// The invite.
    pub fn into_domain(self) -> StoreResult<Invite> {
        const TABLE: &str = "invites";
        let id = self.id;
        let uses = |stored: i64| u32::try_from(stored).map_err(|_| corrupt(TABLE, id));
        let budget = self
            .daily_token_budget
            .map(|stored| count(TABLE, id, stored));
        let revoked_at = self.revoked_at.map(|moment| moment.into_domain(TABLE, id));
        Ok(Invite {
            id: InviteId::from_stored(id),
            created_by: self.created_by.map(UserId::from_stored),
            created_at: self.created_at.into_domain(TABLE, id)?,
            expires_at: self.expires_at.into_domain(TABLE, id)?,
            max_uses: uses(self.max_uses)?,
            uses: uses(self.uses)?,
            daily_token_budget: budget.transpose()?,
            note: InviteNote::from_stored(self.note),
            revoked_at: revoked_at.transpose()?,
        })
    }
}

/// An invite to be made.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = invites, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct NewInviteRow {
    pub token_hash: Vec<u8>,
    pub created_by: Option<i64>,
    pub created_at: StoredTime,
    pub expires_at: StoredTime,
    pub max_uses: i64,
    pub daily_token_budget: Option<i64>,
    pub note: String,
}

/// A link for a new password.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = password_resets, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct NewResetRow {
    pub token_hash: Vec<u8>,
    pub user_id: i64,
    pub created_at: StoredTime,
    pub expires_at: StoredTime,
}

//! Invites, and links for new passwords.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::{AuditAction, AuditTarget, Performer},
    ids::{InviteId, UserId},
    page::{Page, PageSize},
};
use lionrocket_ports::{
    StoreResult,
    crypto::SecretHash,
    invites::{Invite, InviteRepository, NewInvite},
    resets::{NewReset, ResetRepository},
};
use lionrocket_sql_model::{
    accounts::UserRow,
    convert::stored_count,
    invites::{InviteRow, NewInviteRow, NewResetRow},
    schema::{invites, password_resets, users},
    time::StoredTime,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{audit::append, error::DbError, sessions::end_logins, store::SqliteStore};

/// The invite of a secret, if an account can be made with it at `now`.
pub(crate) fn usable_invite(
    connection: &mut SqliteConnection,
    secret_hash: SecretHash,
    now: Timestamp,
) -> Result<Option<Invite>, DbError> {
    let row = invites::table
        .filter(invites::token_hash.eq(secret_hash.as_slice()))
        .filter(invites::revoked_at.is_null())
        .filter(invites::expires_at.gt(StoredTime::from(now)))
        .filter(invites::uses.lt(invites::max_uses))
        .select(InviteRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(InviteRow::into_domain).transpose()?)
}

/// Uses an invite up once.
pub(crate) fn use_invite(connection: &mut SqliteConnection, id: InviteId) -> Result<(), DbError> {
    diesel::update(invites::table.find(id.get()))
        .set(invites::uses.eq(invites::uses + 1))
        .execute(connection)?;
    Ok(())
}

#[async_trait]
impl InviteRepository for SqliteStore {
    async fn create(&self, invite: NewInvite, by: Performer) -> StoreResult<Invite> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let made = diesel::insert_into(invites::table)
                .values(NewInviteRow {
                    token_hash: invite.secret_hash.to_vec(),
                    created_by: by.actor.map(UserId::get),
                    created_at: invite.created_at.into(),
                    expires_at: invite.expires_at.into(),
                    max_uses: invite.max_uses.into(),
                    daily_token_budget: invite.daily_token_budget.map(stored_count),
                    note: invite.note.clone().into_string(),
                })
                .returning(InviteRow::as_returning())
                .get_result(connection)?
                .into_domain()?;
            let record = by.clone().record(
                AuditAction::InviteCreate,
                AuditTarget::Invite(made.id),
                None,
            );
            append(connection, &*seal, record, invite.created_at)?;
            Ok(made)
        })
        .await
    }

    async fn list(
        &self,
        after: Option<InviteId>,
        size: PageSize,
    ) -> StoreResult<Page<Invite, InviteId>> {
        self.read(move |connection| {
            let mut query = invites::table
                .order(invites::id.desc())
                .limit(i64::from(size.get()) + 1)
                .select(InviteRow::as_select())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(invites::id.lt(after.get()));
            }
            let rows = query.load(connection)?;
            let items = rows.into_iter().map(InviteRow::into_domain);
            let items = items.collect::<StoreResult<Vec<_>>>()?;
            Ok(Page::from_overfull(items, size, |invite| invite.id))
        })
        .await
    }

    async fn revoke(&self, id: InviteId, by: Performer, now: Timestamp) -> StoreResult<bool> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let found = invites::table
                .find(id.get())
                .select(invites::revoked_at)
                .first::<Option<StoredTime>>(connection)
                .optional()?;
            let Some(revoked_at) = found else {
                return Ok(false);
            };
            if revoked_at.is_none() {
                diesel::update(invites::table.find(id.get()))
                    .set(invites::revoked_at.eq(StoredTime::from(now)))
                    .execute(connection)?;
                let record =
                    by.clone()
                        .record(AuditAction::InviteRevoke, AuditTarget::Invite(id), None);
                append(connection, &*seal, record, now)?;
            }
            Ok(true)
        })
        .await
    }
}

/// The account whose password a link sets, if the link is good.
fn account_of(
    connection: &mut SqliteConnection,
    secret_hash: SecretHash,
    now: Timestamp,
) -> Result<Option<User>, DbError> {
    let row = password_resets::table
        .inner_join(users::table)
        .filter(password_resets::token_hash.eq(secret_hash.as_slice()))
        .filter(password_resets::expires_at.gt(StoredTime::from(now)))
        .select(UserRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(UserRow::into_domain).transpose()?)
}

fn delete_resets_of(connection: &mut SqliteConnection, user_id: UserId) -> Result<(), DbError> {
    diesel::delete(password_resets::table)
        .filter(password_resets::user_id.eq(user_id.get()))
        .execute(connection)?;
    Ok(())
}

#[async_trait]
impl ResetRepository for SqliteStore {
    async fn create(&self, reset: NewReset, by: Performer) -> StoreResult<bool> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let id = reset.user_id;
            let found = users::table.find(id.get()).select(users::id);
            if found.first::<i64>(connection).optional()?.is_none() {
                return Ok(false);
            }
            delete_resets_of(connection, id)?;
            diesel::insert_into(password_resets::table)
                .values(NewResetRow {
                    token_hash: reset.secret_hash.to_vec(),
                    user_id: id.get(),
                    created_at: reset.created_at.into(),
                    expires_at: reset.expires_at.into(),
                })
                .execute(connection)?;
            let action = AuditAction::PasswordResetCreate;
            let record = by.clone().record(action, AuditTarget::User(id), Some(id));
            append(connection, &*seal, record, reset.created_at)?;
            Ok(true)
        })
        .await
    }

    async fn account(&self, secret_hash: SecretHash, now: Timestamp) -> StoreResult<Option<User>> {
        self.read(move |connection| account_of(connection, secret_hash, now))
            .await
    }

    async fn redeem(
        &self,
        secret_hash: SecretHash,
        password_hash: SecretString,
        now: Timestamp,
    ) -> StoreResult<Option<User>> {
        self.write(move |connection| {
            let Some(user) = account_of(connection, secret_hash, now)? else {
                return Ok(None);
            };
            delete_resets_of(connection, user.id)?;
            let row = diesel::update(users::table.find(user.id.get()))
                .set((
                    users::password_hash.eq(password_hash.expose_secret()),
                    users::failed_logins.eq(0),
                    users::token_version.eq(user.token_version + 1),
                    users::version.eq(user.version + 1),
                ))
                .returning(UserRow::as_returning())
                .get_result(connection)?;
            end_logins(connection, user.id, None, now)?;
            Ok(Some(row.into_domain()?))
        })
        .await
    }
}

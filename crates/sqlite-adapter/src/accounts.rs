//! Accounts and logins.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult,
    RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    ids::{SessionId, UserId},
};
use lionrocket_ports::{
    StoreResult,
    accounts::{CreateUserOutcome, Credentials, NewSession, NewUser, SessionStore, UserRepository},
};
use lionrocket_sql_model::{
    accounts::{CredentialsRow, NewSessionRow, NewUserRow, UserRow},
    schema::{sessions, users},
    time::StoredTime,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{statistics::count_new_account, store::SqliteStore};

/// Ends all logins of a person.
pub(crate) fn end_all_sessions(
    connection: &mut SqliteConnection,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<usize> {
    diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(StoredTime::from(now)))
        .execute(connection)
}

/// Notes that the deletion of an account was asked for, and ends all its logins and every token that
/// was given out.
pub(crate) fn mark_deleted(
    connection: &mut SqliteConnection,
    user: &User,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(users::table.find(user.id.get()))
        .set((
            users::deleted_at.eq(StoredTime::from(now)),
            users::token_version.eq(user.token_version + 1),
            users::version.eq(user.version + 1),
        ))
        .execute(connection)?;
    end_all_sessions(connection, user.id, now)?;
    Ok(())
}

#[async_trait]
impl UserRepository for SqliteStore {
    async fn create(&self, user: NewUser) -> StoreResult<CreateUserOutcome> {
        let username_key = user.username.key();
        let email_key = user.email.key();
        self.write(move |connection| {
            let row = NewUserRow {
                username: user.username.as_str(),
                email: user.email.as_str(),
                password_hash: user.password_hash.expose_secret(),
                is_admin: user.is_admin,
                created_at: user.created_at.into(),
                username_key: &username_key,
                email_key: &email_key,
            };
            // One statement for either key: nothing tells which of them was taken.
            let made = diesel::insert_into(users::table)
                .values(row)
                .on_conflict_do_nothing()
                .returning(UserRow::as_returning())
                .get_result(connection)
                .optional()?;
            Ok(match made {
                Some(row) => {
                    count_new_account(connection, user.created_on)?;
                    CreateUserOutcome::Created(row.into_domain()?)
                }
                None => CreateUserOutcome::Taken,
            })
        })
        .await
    }

    async fn by_id(&self, id: UserId) -> StoreResult<Option<User>> {
        self.read(move |connection| {
            let row = users::table
                .find(id.get())
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(UserRow::into_domain).transpose()?)
        })
        .await
    }

    async fn credentials(&self, login_key: String) -> StoreResult<Option<Credentials>> {
        self.read_at_once(move |connection| {
            let mut row = users::table
                .filter(users::username_key.eq(&login_key))
                .select(CredentialsRow::as_select())
                .first(connection)
                .optional()?;
            if row.is_none() {
                row = users::table
                    .filter(users::email_key.eq(&login_key))
                    .select(CredentialsRow::as_select())
                    .first(connection)
                    .optional()?;
            }
            Ok(row.map(CredentialsRow::into_domain).transpose()?)
        })
        .await
    }

    async fn count_failed_login(&self, id: UserId, at_most: u32) -> StoreResult<()> {
        self.write(move |connection| {
            diesel::update(users::table.find(id.get()))
                .filter(users::failed_logins.lt(i64::from(at_most)))
                .set(users::failed_logins.eq(users::failed_logins + 1))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn forget_failed_logins(&self, id: UserId) -> StoreResult<()> {
        self.write(move |connection| {
            diesel::update(users::table.find(id.get()))
                .set(users::failed_logins.eq(0))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn rehash_password(&self, id: UserId, password_hash: SecretString) -> StoreResult<()> {
        self.write(move |connection| {
            diesel::update(users::table.find(id.get()))
                .set(users::password_hash.eq(password_hash.expose_secret()))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open(&self, session: NewSession) -> StoreResult<()> {
        self.write(move |connection| {
            let row = NewSessionRow {
                id: &session.id.to_string(),
                user_id: session.user_id.get(),
                created_at: session.created_at.into(),
                expires_at: session.expires_at.into(),
                last_seen_at: session.created_at.into(),
                user_agent: session.user_agent,
                client_address: session.client_address,
            };
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn live(&self, id: SessionId, now: Timestamp) -> StoreResult<Option<User>> {
        self.read(move |connection| {
            let row = sessions::table
                .inner_join(users::table.on(users::id.eq(sessions::user_id)))
                .filter(
                    sessions::id
                        .eq(id.to_string())
                        .and(sessions::ended_at.is_null())
                        .and(sessions::expires_at.gt(StoredTime::from(now))),
                )
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(UserRow::into_domain).transpose()?)
        })
        .await
    }

    async fn end(&self, id: SessionId, now: Timestamp) -> StoreResult<()> {
        self.write(move |connection| {
            diesel::update(sessions::table.find(id.to_string()))
                .filter(sessions::ended_at.is_null())
                .set(sessions::ended_at.eq(StoredTime::from(now)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

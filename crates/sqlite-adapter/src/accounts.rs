//! Accounts.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection, dsl::exists,
};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::{AuditAction, AuditTarget},
    ids::UserId,
    text::{DisplayName, EmailAddress, Username},
};
use lionrocket_ports::{
    StoreResult,
    accounts::{
        AccountMaker, CreateUserOutcome, Credentials, NewUser, PasswordChange, ProfileChange,
        ProfileOutcome, UserRepository,
    },
};
use lionrocket_sql_model::{
    accounts::{CredentialsRow, HashSchemes, NewUserRow, ProfileChangeRow, UserRow},
    convert::{count, stored_count},
    schema::users,
    time::StoredTime,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    audit::append,
    error::DbError,
    invites::{usable_invite, use_invite},
    sessions::{end_logins, renew_refresh},
    statistics::count_new_account,
    store::SqliteStore,
};

/// Notes that the deletion of an account was asked for, and ends all its logins and every token that
/// was given out.
pub(crate) fn mark_deleted(
    connection: &mut SqliteConnection,
    user: &User,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(users::table.find(user.id.get()))
        .set((
            users::deleted_at.eq(StoredTime::from(now)),
            users::version.eq(user.version + 1),
        ))
        .execute(connection)?;
    end_logins(connection, user.id, None, now)
}

/// Whether people could take a new account for one of those who look after the service.
fn looks_like_an_administrator(
    connection: &mut SqliteConnection,
    user: &NewUser,
) -> QueryResult<bool> {
    let names = users::table
        .filter(users::is_admin)
        .select(users::username)
        .load::<String>(connection)?;
    Ok(names
        .into_iter()
        .any(|name| user.username.looks_like(&Username::from_stored(name))))
}

fn any_account(connection: &mut SqliteConnection) -> QueryResult<bool> {
    diesel::select(exists(users::table.select(users::id))).get_result(connection)
}

#[async_trait]
impl UserRepository for SqliteStore {
    async fn create(&self, user: NewUser) -> StoreResult<CreateUserOutcome> {
        let username_key = user.username.key();
        let email_key = user.email.key();
        let seal = self.audit_seal();
        self.write(move |connection| {
            if matches!(user.made_by, AccountMaker::First(_)) && any_account(connection)? {
                return Ok(CreateUserOutcome::NotFirst);
            }
            if looks_like_an_administrator(connection, &user)? {
                return Ok(CreateUserOutcome::Taken);
            }
            let invite = match user.invite {
                Some(secret) => match usable_invite(connection, secret, user.created_at)? {
                    Some(invite) => Some(invite),
                    None => return Ok(CreateUserOutcome::InviteRefused),
                },
                None => None,
            };
            let budget = invite.as_ref().and_then(|invite| invite.daily_token_budget);
            let row = NewUserRow {
                username: user.username.as_str(),
                email: user.email.as_str(),
                password_hash: user.password_hash.expose_secret(),
                is_admin: user.is_admin,
                created_at: user.created_at.into(),
                username_key: &username_key,
                email_key: &email_key,
                consent_version: match user.made_by {
                    AccountMaker::Person { consent_version } => Some(consent_version),
                    AccountMaker::Administration(_) | AccountMaker::First(_) => None,
                },
                daily_token_budget: budget.map(stored_count),
            };
            // One statement for either key: nothing tells which of them was taken.
            let made = diesel::insert_into(users::table)
                .values(row)
                .on_conflict_do_nothing()
                .returning(UserRow::as_returning())
                .get_result::<UserRow>(connection)
                .optional()?;
            let Some(row) = made else {
                return Ok(CreateUserOutcome::Taken);
            };
            count_new_account(connection, user.created_on)?;
            if let Some(invite) = invite {
                use_invite(connection, invite.id)?;
            }
            let made = row.into_domain()?;
            if let AccountMaker::Administration(by) | AccountMaker::First(by) = user.made_by.clone()
            {
                let target = AuditTarget::User(made.id);
                let mut record = by.record(AuditAction::UserCreate, target, Some(made.id));
                record.details = Some(serde_json::json!({ "is_admin": made.is_admin }));
                append(connection, &*seal, record, user.created_at)?;
            }
            Ok(CreateUserOutcome::Created(made))
        })
        .await
    }

    async fn any(&self) -> StoreResult<bool> {
        self.read(|connection| Ok(any_account(connection)?)).await
    }

    async fn hash_schemes(&self) -> StoreResult<Vec<(String, u64)>> {
        self.read(|connection| {
            let found: Vec<(String, i64)> = HashSchemes {}.load(connection)?;
            let counted = found.into_iter().map(|(scheme, accounts)| {
                let accounts = count("users", scheme.as_str(), accounts)?;
                Ok((scheme, accounts))
            });
            Ok(counted.collect::<StoreResult<_>>()?)
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

    async fn change_password(&self, change: PasswordChange) -> StoreResult<Option<User>> {
        self.write(move |connection| {
            let PasswordChange {
                user_id,
                session_id,
                now,
                ..
            } = change;
            if !renew_refresh(connection, user_id, session_id, &change.refresh_hash, now)? {
                return Ok(None);
            }
            end_logins(connection, user_id, Some(session_id), now)?;
            let row = diesel::update(users::table.find(user_id.get()))
                .set(users::password_hash.eq(change.password_hash.expose_secret()))
                .returning(UserRow::as_returning())
                .get_result(connection)
                .optional()?;
            Ok(row.map(UserRow::into_domain).transpose()?)
        })
        .await
    }

    async fn change_profile(&self, change: ProfileChange) -> StoreResult<ProfileOutcome> {
        self.write(move |connection| {
            let found: Option<i64> = users::table
                .find(change.user_id.get())
                .select(users::version)
                .first(connection)
                .optional()?;
            let Some(version) = found else {
                return Ok(ProfileOutcome::NotFound);
            };
            if change
                .expected_version
                .is_some_and(|wanted| wanted != version)
            {
                return Ok(ProfileOutcome::Stale);
            }
            let email_key = change.email.as_ref().map(EmailAddress::key);
            if let Some(key) = &email_key {
                let others: i64 = users::table
                    .filter(users::email_key.eq(key))
                    .filter(users::id.ne(change.user_id.get()))
                    .count()
                    .get_result(connection)?;
                if others > 0 {
                    return Ok(ProfileOutcome::Taken);
                }
            }
            let row = diesel::update(users::table.find(change.user_id.get()))
                .set(ProfileChangeRow {
                    display_name: change
                        .display_name
                        .clone()
                        .map(|name| name.map(DisplayName::into_string)),
                    locale: change.locale.clone(),
                    email: change.email.clone().map(EmailAddress::into_string),
                    email_key,
                    version: Some(version + 1),
                })
                .returning(UserRow::as_returning())
                .get_result(connection)?;
            Ok(ProfileOutcome::Changed(Box::new(row.into_domain()?)))
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

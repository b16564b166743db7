//! Accounts.

use diesel::{
    AsChangeset, Insertable, Queryable, Selectable,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use lionrocket_domain::{
    account::User,
    ids::UserId,
    text::{DisplayName, EmailAddress, Username},
};
use lionrocket_ports::{StoreResult, accounts::Credentials};

use crate::{
    convert::{corrupt, count},
    schema::users,
    time::StoredTime,
};

/// An account without anything secret.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct UserRow {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub is_admin: bool,
    pub is_active: bool,
    pub display_name: Option<String>,
    pub locale: Option<String>,
    pub token_version: i64,
    pub created_at: StoredTime,
    pub daily_token_budget: Option<i64>,
    pub version: i64,
    pub deleted_at: Option<StoredTime>,
}

impl UserRow {
    /// The account.
    pub fn into_domain(self) -> StoreResult<User> {
        const TABLE: &str = "users";
        let budget = self
            .daily_token_budget
            .map(|budget| count(TABLE, self.id, budget));
        let deleted_at = self
            .deleted_at
            .map(|moment| moment.into_domain(TABLE, self.id));
        Ok(User {
            id: UserId::from_stored(self.id),
            username: Username::from_stored(self.username),
            email: EmailAddress::from_stored(self.email),
            is_admin: self.is_admin,
            is_active: self.is_active,
            display_name: self.display_name.map(DisplayName::from_stored),
            locale: self.locale,
            token_version: self.token_version,
            created_at: self.created_at.into_domain(TABLE, self.id)?,
            daily_token_budget: budget.transpose()?,
            version: self.version,
            deleted_at: deleted_at.transpose()?,
        })
    }
}

/// An account with its password's hash.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
#[expect(missing_debug_implementations, reason = "holds a secret")]
pub struct CredentialsRow {
    #[diesel(embed)]
    pub user: UserRow,
    pub password_hash: Option<String>,
    pub failed_logins: i64,
}

impl CredentialsRow {
    /// The account with its hash kept from logs.
    pub fn into_domain(self) -> StoreResult<Credentials> {
        let id = self.user.id;
        let failed_logins = u32::try_from(self.failed_logins).map_err(|_| corrupt("users", id))?;
        Ok(Credentials {
            user: self.user.into_domain()?,
            password_hash: self.password_hash.map(Into::into),
            failed_logins,
        })
    }
}

/// An account to be made.
#[derive(Clone, Copy, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
#[expect(missing_debug_implementations, reason = "holds a secret")]
pub struct NewUserRow<'a> {
    pub username: &'a str,
    pub email: &'a str,
    pub password_hash: &'a str,
    pub is_admin: bool,
    pub created_at: StoredTime,
    pub username_key: &'a str,
    pub email_key: &'a str,
    pub consent_version: Option<i64>,
    pub daily_token_budget: Option<i64>,
}

static_query! {
    /// What stands before the first `$` of passwords' hashes, and how many accounts have it.
    pub struct HashSchemes {}
    rows (Text, BigInt);
    "SELECT substr(password_hash, 1, instr(password_hash, '$') - 1), count(*) \
     FROM users WHERE password_hash IS NOT NULL GROUP BY 1"
}

/// What its owner changes in an account. `None` leaves a column as it is.
#[derive(AsChangeset, Clone, Debug)]
#[diesel(table_name = users)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct ProfileChangeRow {
    pub display_name: Option<Option<String>>,
    pub locale: Option<Option<String>>,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub version: Option<i64>,
}

//! Accounts.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::Performer,
    calendar::Day,
    ids::{SessionId, UserId},
    text::{DisplayName, EmailAddress, Username},
};
use secrecy::SecretString;

use crate::{StoreResult, crypto::SecretHash, sessions::RefreshHash};

/// Who makes an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountMaker {
    /// The person who will use it.
    Person {
        /// The version of the notice of what administrators can read that they saw.
        consent_version: i64,
    },
    /// Somebody who looks after the service; that goes on the record.
    Administration(Performer),
    /// The same, for the first account of all: it is made only while there is no other.
    First(Performer),
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: Username,
    /// The e-mail address.
    pub email: EmailAddress,
    /// The password's hash as a PHC string.
    pub password_hash: SecretString,
    /// Whether the account administers the service.
    pub is_admin: bool,
    /// Now.
    pub created_at: Timestamp,
    /// The hash of an invite's secret, which is used up once.
    pub invite: Option<SecretHash>,
    /// The day to which the new account is counted.
    pub created_on: Day,
    /// Who makes it.
    pub made_by: AccountMaker,
}

/// What came of [`UserRepository::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUserOutcome {
    /// The account was made.
    Created(User),
    /// The name or the address belongs to somebody already. Which one is not told, so that nobody
    /// can find out who has an account.
    Taken,
    /// The invite is not known, ended, withdrawn or used up.
    InviteRefused,
    /// It was to be the first account, and there is one.
    NotFirst,
}

/// An account with the hash to check a password against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The password's hash; `None` when the account cannot sign in with a password.
    pub password_hash: Option<SecretString>,
    /// Wrong passwords since the last right one, or since the last reset.
    pub failed_logins: u32,
}

/// A password that its owner changes.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// Whose password it is.
    pub user_id: UserId,
    /// The new password's hash as a PHC string.
    pub password_hash: SecretString,
    /// The session by which the person comes; it lives on.
    pub session_id: SessionId,
    /// The hash of that session's new refresh secret.
    pub refresh_hash: RefreshHash,
    /// Now.
    pub now: Timestamp,
}

/// What its owner changes in an account; `None` leaves a field as it is, an inner `None` empties it.
#[derive(Clone, Debug)]
pub struct ProfileChange {
    /// Whose account it is.
    pub user_id: UserId,
    /// The name that others see.
    pub display_name: Option<Option<DisplayName>>,
    /// The language.
    pub locale: Option<Option<String>>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The version that is to be changed; any when it is `None`.
    pub expected_version: Option<i64>,
}

/// What came of [`UserRepository::change_profile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileOutcome {
    /// The account as it is now.
    Changed(Box<User>),
    /// The address belongs to somebody else.
    Taken,
    /// It is not the expected version any more.
    Stale,
    /// There is no such account.
    NotFound,
}

/// Accounts.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Makes an account and counts it on its day. Of several calls with names or addresses that fold to one key, at the same
    /// time or not, exactly one is `Created`.
    ///
    /// An invite is used up once, and the account gets what it gives. A name that looks like that of an
    /// administrator is taken.
    async fn create(&self, user: NewUser) -> StoreResult<CreateUserOutcome>;

    /// Whether there is any account.
    async fn any(&self) -> StoreResult<bool>;

    /// Tells what stands before the first `$` of passwords' hashes, and how many accounts have it.
    async fn hash_schemes(&self) -> StoreResult<Vec<(String, u64)>>;

    /// Finds an account by the folded key of its name or of its e-mail address; a name comes first.
    async fn credentials(&self, login_key: String) -> StoreResult<Option<Credentials>>;

    /// Counts a wrong password, up to a number from which on nothing changes any more.
    async fn count_failed_login(&self, id: UserId, at_most: u32) -> StoreResult<()>;

    /// Forgets wrong passwords.
    async fn forget_failed_logins(&self, id: UserId) -> StoreResult<()>;

    /// Changes a password: every token given out before is worthless, and every session but the one
    /// named is ended. Answers the account as it is then; `None` when that session has ended.
    async fn change_password(&self, change: PasswordChange) -> StoreResult<Option<User>>;

    /// Changes a profile and raises the account's version. Sessions stay.
    async fn change_profile(&self, change: ProfileChange) -> StoreResult<ProfileOutcome>;

    /// Replaces a password's hash by a stronger one of the same password. Sessions stay.
    async fn rehash_password(&self, id: UserId, password_hash: SecretString) -> StoreResult<()>;
}

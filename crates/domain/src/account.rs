//! People.

use jiff::{SignedDuration, Timestamp};

use crate::{
    ids::UserId,
    text::{DisplayName, EmailAddress, Username},
};

/// A person's account, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The account's id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// The e-mail address.
    pub email: EmailAddress,
    /// Whether the person administers the service.
    pub is_admin: bool,
    /// Whether the person may use the service.
    pub is_active: bool,
    /// The name that others see; the user name when there is none.
    pub display_name: Option<DisplayName>,
    /// The language of the person's choice, such as `ko`.
    pub locale: Option<String>,
    /// Counts the changes that end every token given out before.
    pub token_version: i64,
    /// Tokens that the person may use per day; the service's own limit when it is `None`.
    pub daily_token_budget: Option<u64>,
    /// Counts the changes of the account.
    pub version: i64,
    /// When its deletion was asked for; it can still be taken back until the account is erased.
    pub deleted_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl User {
    /// The version of the notice of what administrators can read that people see when they sign up.
    pub const PRIVACY_NOTICE_VERSION: i64 = 1;

    /// How long a deletion can be taken back.
    pub const DELETION_GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// When the account will be erased; `None` while nobody has asked for that.
    #[must_use]
    pub fn erase_at(&self) -> Option<Timestamp> {
        let asked_at = self.deleted_at?;
        Some(
            asked_at
                .saturating_add(Self::DELETION_GRACE)
                .unwrap_or(Timestamp::MAX),
        )
    }
}

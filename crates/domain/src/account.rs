//! People.

use jiff::Timestamp;

use crate::{
    ids::UserId,
    text::{EmailAddress, Username},
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
    pub display_name: Option<String>,
    /// The language of the person's choice, such as `ko`.
    pub locale: Option<String>,
    /// Counts the changes that end every token given out before.
    pub token_version: i64,
    /// When the account was made.
    pub created_at: Timestamp,
}

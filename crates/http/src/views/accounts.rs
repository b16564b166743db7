//! Accounts and logins.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::{accounts::NewAccount, sessions::SignedIn};
use lionrocket_domain::{
    account::User,
    text::{DisplayName, EmailAddress, Password, Username},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ServiceInfo,
    problem::Wrong,
    request::{Fields, Json, RequestBody, text},
};

/// A person's account, for that person.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    /// The account's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// The name to sign in with.
    #[schema(examples("haru"))]
    username: String,
    /// The e-mail address.
    #[schema(examples("haru@example.com"))]
    email: String,
    /// Whether the person administers the service.
    is_admin: bool,
    /// The name that others see; the user name when it is `null`.
    #[schema(required)]
    display_name: Option<String>,
    /// The language of the person's choice.
    #[schema(required, examples("ko"))]
    locale: Option<String>,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            username: user.username.into_string(),
            email: user.email.into_string(),
            is_admin: user.is_admin,
            display_name: user.display_name.map(DisplayName::into_string),
            locale: user.locale,
            created_at: user.created_at,
        }
    }
}

/// The only type of token.
#[derive(Serialize, ToSchema)]
pub(crate) enum TokenType {
    /// To be sent as `Authorization: Bearer …`.
    Bearer,
}

/// A person who has just signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuthView {
    /// The token for the `Authorization` header of every other request.
    #[schema(examples("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl"))]
    access_token: String,
    /// How the token is sent.
    token_type: TokenType,
    /// How long the token is good for, in seconds.
    #[schema(minimum = 0, examples(86400))]
    expires_in: i64,
    /// The account.
    user: UserView,
    /// The login.
    #[schema(format = "uuid")]
    session_id: String,
}

impl From<SignedIn> for AuthView {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.expose_secret().to_owned(),
            token_type: TokenType::Bearer,
            expires_in: signed_in.expires_in.as_secs(),
            user: signed_in.user.into(),
            session_id: signed_in.session_id.to_string(),
        }
    }
}

/// The shortest and the longest life of an access token that can be asked for, in seconds. What one
/// service lets tokens live may be less: then it is that, so that a client need not know it.
const ACCESS_TTL_SECONDS: RangeInclusive<i64> = 60..=604_800;

/// Reads how long a token shall live. `Some(None)` when that is left to the service.
#[expect(
    clippy::option_option,
    reason = "outside: whether it is right; inside: whether it is there"
)]
pub(crate) fn access_ttl(fields: &mut Fields) -> Option<Option<SignedDuration>> {
    fields.optional("access_ttl_seconds", |value| match value {
        Json::Integer(seconds) if ACCESS_TTL_SECONDS.contains(&seconds) => {
            Ok(SignedDuration::from_secs(seconds))
        }
        Json::Integer(_) | Json::Number => Err(Wrong::new(
            "out_of_range",
            "must be a whole number of seconds from 60 to 604,800",
        )),
        _ => Err(Wrong::new("wrong_type", "must be a whole number")),
    })
}

/// An account that somebody asks for.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// The name to sign in with: letters and digits of any script, `_`, `.` and `-`.
    #[schema(value_type = String, min_length = 3, max_length = 32, examples("haru"))]
    username: Username,
    /// The e-mail address. It can be used to sign in as well.
    #[schema(value_type = String, min_length = 3, max_length = 254, examples("haru@example.com"))]
    email: EmailAddress,
    /// The password; `/api/config` tells the shortest one.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 128, examples("correct horse battery"))]
    password: Password,
    /// How long the access token shall live, in seconds; as long as the service lets it when it is
    /// left out or more than that. `expires_in` of the answer tells how long it is.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 604_800, nullable = false, examples(900))]
    #[serde(rename = "access_ttl_seconds")]
    pub(crate) access_ttl: Option<SignedDuration>,
    /// What stands after the `#` of an invite's link. Needed while `/api/config` says `invite`.
    #[schema(value_type = Option<String>, nullable = false, examples("q1w2e3r4t5y6u7i8o9p0aQ"))]
    invite: Option<SecretString>,
}

impl RegisterBody {
    /// The invite, taken out.
    pub(crate) fn take_invite(&mut self) -> Option<SecretString> {
        self.invite.take()
    }
}

impl RequestBody for RegisterBody {
    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let username = fields.required("username", text(Username::parse));
        let email = fields.required("email", text(EmailAddress::parse));
        let password = fields.required(
            "password",
            text(|raw| Password::choose(raw, info.password_min_length)),
        );
        let access_ttl = access_ttl(fields);
        let invite = fields.optional("invite", Json::into_text);
        Some(Self {
            username: username?,
            email: email?,
            password: password?,
            invite: invite?.map(SecretString::from),
            access_ttl: access_ttl?,
        })
    }
}

impl From<RegisterBody> for NewAccount {
    fn from(body: RegisterBody) -> Self {
        Self {
            username: body.username,
            email: body.email,
            password: body.password,
        }
    }
}

/// Who wants to sign in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The user name or the e-mail address.
    #[schema(examples("haru"))]
    pub(crate) username: String,
    /// The password.
    #[schema(value_type = String, format = Password, examples("correct horse battery"))]
    pub(crate) password: SecretString,
    /// How long the access token shall live, in seconds; as long as the service lets it when it is
    /// left out or more than that. `expires_in` of the answer tells how long it is.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 604_800, nullable = false, examples(900))]
    #[serde(rename = "access_ttl_seconds")]
    pub(crate) access_ttl: Option<SignedDuration>,
}

impl RequestBody for LoginBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let username = fields.required("username", Json::into_text);
        let password = fields.required("password", Json::into_text);
        let access_ttl = access_ttl(fields);
        Some(Self {
            username: username?,
            password: password?.into(),
            access_ttl: access_ttl?,
        })
    }
}

//! Logins.

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::profile::ProfileUpdate;
use lionrocket_domain::{
    ids::SessionId,
    text::{DisplayName, EmailAddress, Password},
};
use lionrocket_ports::sessions::SessionRecord;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::access_ttl;
use crate::{
    ServiceInfo,
    request::{Fields, Json, RequestBody, choice, text},
};

/// Somewhere where the person is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The session's id.
    #[schema(format = "uuid")]
    id: String,
    /// When the person signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the session was used last, to about an hour.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What the browser calls itself.
    #[schema(
        required,
        examples("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    )]
    user_agent: Option<String>,
    /// From where it was used last.
    #[schema(required, examples("192.0.2.7"))]
    client_address: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    pub(crate) fn new(session: SessionRecord, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            client_address: session.client_address,
            current: session.id == current,
        }
    }
}

/// All places where the person is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// The sessions, newest first.
    pub(crate) items: Vec<SessionView>,
    /// Always `null`: there is one page.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// What is asked of a new token.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// How long the access token shall live, in seconds; as long as the service lets it when it is
    /// left out or more than that. `expires_in` of the answer tells how long it is.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 604_800, nullable = false, examples(900))]
    #[serde(rename = "access_ttl_seconds")]
    pub(crate) access_ttl: Option<SignedDuration>,
}

impl RequestBody for RefreshBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let access_ttl = access_ttl(fields)?;
        Some(Self { access_ttl })
    }
}

/// The password of the person who is signed in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReauthenticateBody {
    /// The password.
    #[schema(value_type = String, format = Password, examples("correct horse battery"))]
    pub(crate) password: SecretString,
}

impl RequestBody for ReauthenticateBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let password = fields.required("password", Json::into_text)?;
        Some(Self {
            password: password.into(),
        })
    }
}

/// A new password.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The password so far.
    #[schema(value_type = String, format = Password, examples("correct horse battery"))]
    pub(crate) current_password: SecretString,
    /// The new password; `/api/config` tells the shortest one.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 128, examples("quiet lighthouse 42 gulls"))]
    pub(crate) new_password: Password,
}

impl RequestBody for PasswordBody {
    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let current = fields.required("current_password", Json::into_text);
        let new = fields.required(
            "new_password",
            text(|raw| Password::choose(raw, info.password_min_length)),
        );
        Some(Self {
            current_password: current?.into(),
            new_password: new?,
        })
    }
}

/// What is to change in one's own account. What is left out stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// The name that others see; `null` takes it away.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 50, examples("Haru"))]
    #[expect(
        clippy::option_option,
        reason = "left out, null and a text are three things"
    )]
    display_name: Option<Option<DisplayName>>,
    /// The language, `ko` or `en`; `null` leaves it to the browser.
    #[schema(value_type = Option<String>, pattern = "^(ko|en)$", examples("ko"))]
    #[expect(
        clippy::option_option,
        reason = "left out, null and a text are three things"
    )]
    locale: Option<Option<String>>,
    /// The e-mail address. Needs the password to have been given again within five minutes.
    #[schema(value_type = Option<String>, nullable = false, format = "email", min_length = 3, max_length = 254, examples("haru@example.com"))]
    email: Option<EmailAddress>,
}

impl RequestBody for ProfileBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let locale = |name: &str| matches!(name, "ko" | "en").then(|| name.to_owned());
        let display_name = fields.nullable("display_name", text(DisplayName::parse));
        let locale = fields.nullable("locale", choice(locale, "must be ko or en"));
        let email = fields.optional("email", text(EmailAddress::parse));
        Some(Self {
            display_name: display_name?,
            locale: locale?,
            email: email?,
        })
    }
}

impl From<ProfileBody> for ProfileUpdate {
    fn from(body: ProfileBody) -> Self {
        Self {
            display_name: body.display_name,
            locale: body.locale,
            email: body.email,
        }
    }
}

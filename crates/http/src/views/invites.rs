//! Invites, and links for new passwords.

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::{invites::InviteDraft, resets::ResetLink};
use lionrocket_domain::text::{InviteNote, Password};
use lionrocket_ports::invites::Invite;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::{admin::tokens, list_view};
use crate::{
    ServiceInfo,
    problem::Wrong,
    request::{Fields, Json, RequestBody, text},
};

/// An invite, for an administrator.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteView {
    /// The invite's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// Who made it; `null` when that account is gone.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    created_by: Option<i64>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// How many accounts may be made with it.
    #[schema(minimum = 1, maximum = 1000, examples(1))]
    max_uses: u32,
    /// How many were made with it.
    #[schema(minimum = 0, examples(0))]
    uses: u32,
    /// Tokens that an account made with it may use per day; `null` for the service's own limit.
    #[schema(required, minimum = 0, examples(50000))]
    daily_token_budget: Option<u64>,
    /// What it is for.
    #[schema(examples("the reading circle"))]
    note: String,
    /// When it was withdrawn.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<Invite> for InviteView {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.id.get(),
            created_by: invite.created_by.map(lionrocket_domain::ids::UserId::get),
            created_at: invite.created_at,
            expires_at: invite.expires_at,
            max_uses: invite.max_uses,
            uses: invite.uses,
            daily_token_budget: invite.daily_token_budget,
            note: invite.note.into_string(),
            revoked_at: invite.revoked_at,
        }
    }
}

list_view!(
    /// A page of invites.
    InviteList, InviteView
);

/// A new invite with its link.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewInviteView {
    #[serde(flatten)]
    pub(crate) invite: InviteView,
    /// The link to pass on. It is shown this once; the secret in it stands after the `#`, which
    /// browsers send to nobody.
    #[schema(
        format = "uri",
        examples("https://chat.example.org/register#q1w2e3r4t5y6u7i8o9p0aQ")
    )]
    pub(crate) url: String,
}

/// An invite to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInviteBody {
    /// How many accounts may be made with it; 1 when it is left out.
    #[schema(nullable = false, minimum = 1, maximum = 1000, examples(1))]
    max_uses: Option<u32>,
    /// How long it is good, in hours; 72 when it is left out.
    #[schema(nullable = false, minimum = 1, maximum = 720, examples(72))]
    expires_in_hours: Option<u32>,
    /// Tokens that an account made with it may use per day; `null` for the service's own limit.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, examples(50000))]
    daily_token_budget: Option<u64>,
    /// What it is for, for those who look after the service.
    #[schema(value_type = Option<String>, nullable = false, max_length = 200, examples("the reading circle"))]
    note: Option<InviteNote>,
}

impl RequestBody for CreateInviteBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let max_uses = fields.optional("max_uses", |value| {
            within(&value, 1..=1000, "must be a whole number from 1 to 1000")
        });
        let hours = fields.optional("expires_in_hours", |value| {
            within(&value, 1..=720, "must be a whole number from 1 to 720")
        });
        let budget = fields.nullable("daily_token_budget", tokens);
        let note = fields.optional("note", text(InviteNote::parse));
        Some(Self {
            max_uses: max_uses?,
            expires_in_hours: hours?,
            daily_token_budget: budget?.flatten(),
            note: note?,
        })
    }
}

fn within(
    value: &Json,
    range: std::ops::RangeInclusive<u32>,
    detail: &'static str,
) -> Result<u32, Wrong> {
    match value {
        Json::Integer(number) => u32::try_from(*number)
            .ok()
            .filter(|number| range.contains(number))
            .ok_or(Wrong::new("out_of_range", detail)),
        Json::Number => Err(Wrong::new("out_of_range", detail)),
        _ => Err(Wrong::new("wrong_type", "must be a whole number")),
    }
}

impl From<CreateInviteBody> for InviteDraft {
    fn from(body: CreateInviteBody) -> Self {
        Self {
            lifetime: SignedDuration::from_hours(body.expires_in_hours.unwrap_or(72).into()),
            max_uses: body.max_uses.unwrap_or(1),
            daily_token_budget: body.daily_token_budget,
            note: body.note.unwrap_or(InviteNote::from_stored(String::new())),
        }
    }
}

/// A link by which a person sets a new password.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResetLinkView {
    /// The link to pass on, good once. It is shown this once; the secret in it stands after the `#`,
    /// which browsers send to nobody.
    #[schema(
        format = "uri",
        examples("https://chat.example.org/reset-password#q1w2e3r4t5y6u7i8o9p0aQ")
    )]
    url: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl ResetLinkView {
    pub(crate) fn new(info: &ServiceInfo, link: &ResetLink) -> Self {
        Self {
            url: link_to(info, "reset-password", &link.secret),
            expires_at: link.expires_at,
        }
    }
}

/// A link to a page of the web application with a secret.
pub(crate) fn link_to(info: &ServiceInfo, page: &str, secret: &SecretString) -> String {
    let origin = info.public_origins.first().map_or("", String::as_str);
    format!("{origin}/{page}#{}", secret.expose_secret())
}

/// A new password by a link.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetBody {
    /// What stands after the `#` of the link.
    #[schema(value_type = String, examples("q1w2e3r4t5y6u7i8o9p0aQ"))]
    pub(crate) token: SecretString,
    /// The new password; `/api/config` tells the shortest one.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 128, examples("violet harbour seven kites"))]
    pub(crate) password: Password,
}

impl RequestBody for PasswordResetBody {
    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let token = fields.required("token", Json::into_text);
        let password = fields.required(
            "password",
            text(|raw| Password::choose(raw, info.password_min_length)),
        );
        Some(Self {
            token: token?.into(),
            password: password?,
        })
    }
}

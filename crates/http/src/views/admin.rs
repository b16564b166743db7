//! Accounts and the audit log, for those who look after the service.

use jiff::Timestamp;
use lionrocket_domain::{
    audit::SealedEntry,
    ids::{ChatId, MAX_NUMERIC_ID, UserId},
    text::DisplayName,
};
use lionrocket_ports::admin::{Account, AccountChange, AdminView};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;
use crate::{
    ServiceInfo,
    problem::Wrong,
    request::{Fields, Json, RequestBody, boolean, text},
};

/// Somebody's account, for an administrator.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminUserView {
    /// The account's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// The name to sign in with.
    #[schema(examples("haru"))]
    username: String,
    /// The e-mail address.
    #[schema(examples("haru@example.com"))]
    email: String,
    /// The name that others see; the user name when it is `null`.
    #[schema(required, examples("하루"))]
    display_name: Option<String>,
    /// Whether the person administers the service.
    is_admin: bool,
    /// Whether the person may use the service.
    is_active: bool,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its deletion was asked for; seven days later it is erased.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    deleted_at: Option<Timestamp>,
    /// Tokens that the person may use per day; the service's own limit when it is `null`.
    #[schema(required, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    daily_token_budget: Option<u64>,
    /// Counts the changes, from 1.
    #[schema(minimum = 1)]
    pub(crate) version: i64,
    /// Chats that are there.
    chats: u64,
    /// Exchanges that were charged, those of deleted chats among them.
    exchanges: u64,
    /// Tokens of all kinds.
    total_tokens: u64,
    /// The cost in millionths of a US dollar.
    cost_micro_usd: u64,
    /// When the person was there last, as far as is still known.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_active_at: Option<Timestamp>,
}

impl From<Account> for AdminUserView {
    fn from(Account { user, totals }: Account) -> Self {
        Self {
            id: user.id.get(),
            username: user.username.into_string(),
            email: user.email.into_string(),
            display_name: user.display_name.map(DisplayName::into_string),
            is_admin: user.is_admin,
            is_active: user.is_active,
            created_at: user.created_at,
            deleted_at: user.deleted_at,
            daily_token_budget: user.daily_token_budget,
            version: user.version,
            chats: totals.chats,
            exchanges: totals.exchanges,
            total_tokens: totals.total_tokens,
            cost_micro_usd: totals.cost_micro_usd,
            last_active_at: totals.last_active_at,
        }
    }
}

list_view!(
    /// A page of accounts, newest first.
    AdminUserList, AdminUserView
);

/// Changes to an account; what is left out stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUserBody {
    /// Whether the person may use the service. `false` ends all their logins at once, `true` takes a
    /// deletion back as well.
    #[schema(nullable = false, examples(false))]
    is_active: Option<bool>,
    /// Whether the person administers the service. A change ends all their logins at once.
    #[schema(nullable = false)]
    is_admin: Option<bool>,
    /// Tokens that the person may use per day; `null` for the service's own limit.
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 9_007_199_254_740_991_i64, examples(50000))]
    #[expect(
        clippy::option_option,
        reason = "left out, null and a number are three things"
    )]
    daily_token_budget: Option<Option<u64>>,
    /// The name that others see; `null` for none.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60, examples("하루"))]
    #[expect(
        clippy::option_option,
        reason = "left out, null and a text are three things"
    )]
    display_name: Option<Option<DisplayName>>,
}

impl RequestBody for UpdateUserBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let is_active = fields.optional("is_active", boolean);
        let is_admin = fields.optional("is_admin", boolean);
        let budget = fields.nullable("daily_token_budget", tokens);
        let display_name = fields.nullable("display_name", text(DisplayName::parse));
        Some(Self {
            is_active: is_active?,
            is_admin: is_admin?,
            daily_token_budget: budget?,
            display_name: display_name?,
        })
    }
}

/// Reads a number of tokens.
#[expect(clippy::needless_pass_by_value, reason = "readers take what they read")]
pub(super) fn tokens(value: Json) -> Result<u64, Wrong> {
    let out_of_range = Wrong::new("out_of_range", "must be a whole number from 0 to 2^53 - 1");
    match value {
        Json::Integer(number) if number <= MAX_NUMERIC_ID => {
            u64::try_from(number).map_err(|_| out_of_range)
        }
        Json::Integer(_) | Json::Number => Err(out_of_range),
        _ => Err(Wrong::new("wrong_type", "must be a whole number")),
    }
}

impl From<UpdateUserBody> for AccountChange {
    fn from(body: UpdateUserBody) -> Self {
        Self {
            is_active: body.is_active,
            is_admin: body.is_admin,
            daily_token_budget: body.daily_token_budget,
            display_name: body.display_name,
        }
    }
}

/// A deletion that has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletionView {
    /// When the account will be erased. Until then it can be taken back.
    #[schema(value_type = String, format = DateTime, examples("2026-12-02T03:00:00Z"))]
    pub(crate) erase_at: Timestamp,
}

/// A row of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntryView {
    /// The row's id; ids rise by one.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who did it; `null` for the operator at the command line and for the service itself.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    actor_user_id: Option<i64>,
    /// What was done.
    #[schema(examples("messages.read"))]
    action: String,
    /// To what kind of thing.
    #[schema(examples("chat"))]
    target_type: String,
    /// To which one; empty for the service as a whole.
    #[schema(examples("42"))]
    target_id: String,
    /// Whose data it was about.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    subject_user_id: Option<i64>,
    /// Why, in the administrator's words.
    #[schema(required, examples("a complaint of 2026-11-22"))]
    reason: Option<String>,
    /// The id under which the server's log has the request.
    #[schema(required)]
    request_id: Option<String>,
    /// The address from which it was done.
    #[schema(required, examples("203.0.113.7"))]
    client_address: Option<String>,
    /// What changed.
    #[schema(required, value_type = Option<Object>)]
    details: Option<serde_json::Value>,
}

impl From<SealedEntry> for AuditEntryView {
    fn from(SealedEntry { entry, .. }: SealedEntry) -> Self {
        let details = entry.details;
        Self {
            id: entry.id.get(),
            created_at: entry.created_at,
            actor_user_id: entry.actor.map(UserId::get),
            action: entry.action,
            target_type: entry.target_type,
            target_id: entry.target_id,
            subject_user_id: entry.subject.map(UserId::get),
            reason: entry.reason,
            request_id: entry.origin.request_id,
            client_address: entry.origin.client_address,
            details: details.and_then(|details| serde_json::from_str(&details).ok()),
        }
    }
}

list_view!(
    /// A page of the audit log, newest first.
    AuditList, AuditEntryView
);

/// An administrator's look at one's own data.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminReadView {
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    viewed_at: Timestamp,
    /// Who looked; `null` when the account is gone.
    #[schema(required, examples("The boss"))]
    administrator: Option<String>,
    /// What was looked at: `chats.read`, `messages.read` or `usage.read`.
    #[schema(examples("messages.read"))]
    action: String,
    /// Why, in the administrator's words.
    #[schema(required, examples("a complaint of 2026-11-22"))]
    reason: Option<String>,
    /// The chat.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    chat_id: Option<i64>,
    /// The chat's title, or its character's name, while it is there.
    #[schema(required, examples("Evening at the lighthouse"))]
    chat_title: Option<String>,
}

impl From<AdminView> for AdminReadView {
    fn from(view: AdminView) -> Self {
        Self {
            viewed_at: view.viewed_at,
            administrator: view.administrator,
            action: view.action,
            reason: view.reason,
            chat_id: view.chat_id.map(ChatId::get),
            chat_title: view.chat_title,
        }
    }
}

list_view!(
    /// A page of looks, newest first.
    AdminReadList, AdminReadView
);

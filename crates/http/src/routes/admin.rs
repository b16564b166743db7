//! Looking after accounts; what people said, on the record.

use actix_web::{HttpResponse, delete, get, patch};
use lionrocket_domain::{audit::AuditAction, ids::UserId, text::AuditReason, usage::UsageDay};
use lionrocket_ports::{
    admin::{AccountFilter, AccountState},
    audit::AuditFilter,
    chats::ChatFilter,
};

use super::{Answer, messages::message_id};
use crate::{
    csv_file::csv_file,
    problem::{Code, Problem, Wrong},
    request::{Call, Json, choice, cursor, day, page_size, search, text, whole_id},
    views::{
        admin::{
            AdminReadList, AdminReadView, AdminUserList, AdminUserView, AuditEntryView, AuditList,
            DeletionView, UpdateUserBody,
        },
        chats::{ChatList, ChatView},
        messages::{MessageList, MessageView},
        usage::{UsageDayList, UsageDayView},
    },
};

/// List accounts
///
/// For administrators. Newest first, each with what was done with it.
#[utoipa::path(
    tag = "admin",
    params(
        ("q" = Option<String>, Query, description = "Only those whose user name, e-mail address or display name contains this text", max_length = 100, nullable = false),
        ("state" = Option<String>, Query, description = "Only those in this state: `active`, `disabled`, `deleted` (and not yet erased) or `admin`", pattern = "^(active|disabled|deleted|admin)$", nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of accounts", body = AdminUserList)),
    security(("bearer" = [])),
)]
#[get("/admin/users")]
pub(super) async fn list_users(call: Call) -> Answer {
    let by = call.administrator().await?;
    let filter = call.page_query(|fields| {
        let search = fields.optional("q", search);
        let state = fields.optional("state", choice(AccountState::parse, STATES));
        let size = fields.optional("limit", page_size);
        let after = fields.optional("cursor", cursor::to_user);
        Some(AccountFilter {
            search: search?.flatten(),
            state: state?,
            after: after?,
            size: size?.unwrap_or_default(),
        })
    })?;
    let page = call.state().admin.accounts(by, filter).await?;
    Ok(HttpResponse::Ok().json(AdminUserList {
        items: page.items.into_iter().map(AdminUserView::from).collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_user(next))),
    }))
}

const STATES: &str = "must be \"active\", \"disabled\", \"deleted\" or \"admin\"";

/// Read somebody's account
///
/// For administrators, and recorded.
#[utoipa::path(
    tag = "admin",
    responses((status = 200, description = "The account", body = AdminUserView)),
    security(("bearer" = [])),
)]
#[get("/admin/users/{user_id}")]
pub(super) async fn get_user(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let view = AdminUserView::from(call.state().admin.account(by, id).await?);
    call.resource(view.version, &view)
}

/// Change somebody's account
///
/// For administrators, and recorded. What is left out stays as it is. Disabling an account and
/// changing whether it administers the service end all its logins at once. The last active
/// administrator can be neither disabled nor demoted.
#[utoipa::path(
    tag = "admin",
    request_body = UpdateUserBody,
    responses((status = 200, description = "The account as it is now", body = AdminUserView)),
    security(("bearer" = [])),
)]
#[patch("/admin/users/{user_id}")]
pub(super) async fn update_user(mut call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let expected = call.expected_version()?;
    let body: UpdateUserBody = call.body().await?;
    let admin = &call.state().admin;
    let account = admin.change(by, id, body.into(), expected).await?;
    let view = AdminUserView::from(account);
    call.resource(view.version, &view)
}

/// Delete somebody's account
///
/// For administrators, and recorded. All its logins end at once; the account is erased seven days
/// later unless it is made active again. The last active administrator cannot be deleted.
#[utoipa::path(
    tag = "admin",
    responses((status = 202, description = "The deletion has begun", body = DeletionView)),
    security(("bearer" = [])),
)]
#[delete("/admin/users/{user_id}")]
pub(super) async fn delete_user(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let erase_at = call.state().admin.delete(by, id).await?.erase_at;
    Ok(HttpResponse::Accepted().json(DeletionView { erase_at }))
}

/// List somebody's chats
///
/// For administrators, and recorded with the reason before anything is read. The person sees who
/// looked, when and why, unless the operator has turned that off.
#[utoipa::path(
    tag = "admin",
    params(
        ("reason" = String, Query, description = "Why: one line, kept in the audit log", min_length = 5, max_length = 200, example = "a complaint of 2026-11-22"),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of chats, newest activity first", body = ChatList)),
    security(("bearer" = [])),
)]
#[get("/admin/users/{user_id}/chats")]
pub(super) async fn list_chats_of_user(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let (reason, filter) = call.page_query(|fields| {
        let reason = fields.required("reason", text(AuditReason::parse));
        let size = fields.optional("limit", page_size);
        let after = fields.optional("cursor", cursor::to_chat);
        let filter = ChatFilter {
            search: None,
            after: after?,
            size: size?.unwrap_or_default(),
        };
        Some((reason?, filter))
    })?;
    let page = call.state().admin.chats(by, id, filter, reason).await?;
    Ok(HttpResponse::Ok().json(ChatList {
        items: page.items.into_iter().map(ChatView::from).collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_chat(next))),
    }))
}

/// Read messages of somebody's chat
///
/// For administrators, and recorded with the reason before anything is read, once for each page. The
/// branch that its owner sees, page by page as for its owner.
#[utoipa::path(
    tag = "admin",
    params(
        ("reason" = String, Query, description = "Why: one line, kept in the audit log", min_length = 5, max_length = 200, example = "a complaint of 2026-11-22"),
        ("before" = Option<String>, Query, description = "The id of a message, or the `next_cursor` of the page after", pattern = "^[1-9][0-9]{0,14}$", nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
    ),
    responses((status = 200, description = "A page of messages, oldest first", body = MessageList)),
    security(("bearer" = [])),
)]
#[get("/admin/chats/{chat_id}/messages")]
pub(super) async fn list_messages_of_chat(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.chat_id()?;
    let (reason, before, size) = call.query(|fields| {
        let reason = fields.required("reason", text(AuditReason::parse));
        let before = fields.optional("before", message_id);
        let size = fields.optional("limit", page_size);
        Some((reason?, before?, size?.unwrap_or_default()))
    })?;
    let admin = &call.state().admin;
    let page = admin.messages(by, id, before, size, reason).await?;
    Ok(HttpResponse::Ok().json(MessageList {
        items: page.items.into_iter().map(MessageView::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Read somebody's usage by day
///
/// For administrators, and recorded. Oldest first; days on which nothing was used are left out.
/// Without a range: the last 30 days. As JSON, or with `Accept: text/csv` as a file for a spreadsheet,
/// which needs a reason.
#[utoipa::path(
    tag = "admin",
    params(
        ("from" = Option<String>, Query, description = "The first day, `YYYY-MM-DD`; 29 days before the last one when it is left out", format = Date, nullable = false),
        ("to" = Option<String>, Query, description = "The last day, `YYYY-MM-DD`; today when it is left out. At most 366 days in all", format = Date, nullable = false),
        ("reason" = Option<String>, Query, description = "Why: one line, kept in the audit log. Needed for a file", min_length = 5, max_length = 200, example = "the monthly bill", nullable = false),
    ),
    responses((status = 200, description = "The days", content(
        (UsageDayList = "application/json"),
        (String = "text/csv"),
    ))),
    security(("bearer" = [])),
)]
#[get("/admin/users/{user_id}/usage")]
pub(super) async fn get_usage_of_user(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let as_file = call.wants_csv()?;
    let (days, reason) = call.query(|fields| {
        let from = fields.optional("from", day);
        let to = fields.optional("to", day);
        let reason = if as_file {
            fields
                .required("reason", text(AuditReason::parse))
                .map(Some)
        } else {
            fields.optional("reason", text(AuditReason::parse))
        };
        Some(((from?, to?), reason?))
    })?;
    let days = call.state().admin.usage(by, id, days, reason).await?;
    if as_file {
        return usage_file(id, days);
    }
    Ok(HttpResponse::Ok().json(UsageDayList {
        items: days.into_iter().map(UsageDayView::from).collect(),
        next_cursor: None,
    }))
}

fn usage_file(id: UserId, days: Vec<UsageDay>) -> Answer {
    let columns = [
        "usage_date",
        "chat_count",
        "total_tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost_micro_usd",
    ];
    let rows = days.into_iter().map(|day| {
        let numbers = [
            day.chat_count,
            day.tokens.total(),
            day.tokens.input,
            day.tokens.output,
            day.tokens.cache_read,
            day.tokens.cache_write(),
            day.cost_micro_usd,
        ];
        let mut row = vec![day.usage_date.to_string()];
        row.extend(numbers.map(|number| number.to_string()));
        row
    });
    csv_file(&format!("usage-of-user-{id}"), &columns, rows)
}

/// Read the audit log
///
/// For administrators, and recorded itself. Newest first.
#[utoipa::path(
    tag = "admin",
    params(
        ("actor" = Option<i64>, Query, description = "Only acts of this person", minimum = 1, maximum = 9_007_199_254_740_991_i64, nullable = false),
        ("subject" = Option<i64>, Query, description = "Only acts about this person's data", minimum = 1, maximum = 9_007_199_254_740_991_i64, nullable = false),
        ("action" = Option<String>, Query, description = "Only this act, such as `messages.read`", example = "messages.read", nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of the log", body = AuditList)),
    security(("bearer" = [])),
)]
#[get("/admin/audit-log")]
pub(super) async fn list_audit_log(call: Call) -> Answer {
    let by = call.administrator().await?;
    let filter = call.page_query(|fields| {
        let actor = fields.optional("actor", user_id);
        let subject = fields.optional("subject", user_id);
        let action = fields.optional("action", choice(AuditAction::parse, "must be an act"));
        let size = fields.optional("limit", page_size);
        let before = fields.optional("cursor", cursor::to_audit);
        Some(AuditFilter {
            actor: actor?,
            subject: subject?,
            actions: action?.map(AuditAction::as_str).into_iter().collect(),
            before: before?,
            size: size?.unwrap_or_default(),
        })
    })?;
    let page = call.state().audit.list(by, filter).await?;
    Ok(HttpResponse::Ok().json(AuditList {
        items: page.items.into_iter().map(AuditEntryView::from).collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_audit(next))),
    }))
}

fn user_id(value: Json) -> Result<UserId, Wrong> {
    whole_id(&value.into_text()?)
        .and_then(UserId::parse)
        .ok_or(Wrong::new("invalid_format", "must be an account's id"))
}

/// See who looked at one's own data
///
/// When administrators read one's chats, messages and usage, who and why. Newest first. 403 when the
/// operator has turned this off, which `/api/config` tells.
#[utoipa::path(
    tag = "auth",
    params(
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of looks", body = AdminReadList)),
    security(("bearer" = [])),
)]
#[get("/auth/me/admin-views")]
pub(super) async fn list_my_admin_views(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    if !call.state().info.admin_reads_visible {
        return Err(Problem::new(Code::Forbidden));
    }
    let (before, size) = call.page_query(|fields| {
        let size = fields.optional("limit", page_size);
        let before = fields.optional("cursor", cursor::to_audit);
        Some((before?, size?.unwrap_or_default()))
    })?;
    let page = call.state().admin.views_of_own(actor, before, size).await?;
    Ok(HttpResponse::Ok().json(AdminReadList {
        items: page.items.into_iter().map(AdminReadView::from).collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_audit(next))),
    }))
}

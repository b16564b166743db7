//! Everything that is kept of a person.

use actix_web::get;

use super::Answer;
use crate::{export_file::export_file, limits::EXPORT, request::Call, views::export::ExportView};

/// Get everything that is kept of one
///
/// One JSON document as a file: the account, where one is signed in, one's own characters, all chats
/// with all messages of every branch, usage by day, and when administrators looked at one's data (where
/// the service shows that). Needs the password to have been given again within five minutes; twice an
/// hour. The document is written while it is read: one that breaks off is not well-formed.
#[utoipa::path(
    tag = "auth",
    responses((status = 200, description = "The document", body = ExportView, headers(
        ("Content-Disposition", description = "`attachment; filename=\"lionrocket-export.json\"`"),
    ), example = json!({
        "exported_at": "2026-11-25T09:00:00Z",
        "account": {
            "id": 7, "username": "haru", "email": "haru@example.com", "is_admin": false,
            "display_name": "하루", "locale": "ko", "created_at": "2026-11-22T12:00:00Z",
        },
        "sessions": [{
            "id": "019ab1c2-7f00-7000-8000-000000000000", "created_at": "2026-11-25T08:00:00Z",
            "last_seen_at": "2026-11-25T08:00:00Z", "expires_at": "2026-12-25T08:00:00Z",
            "user_agent": null, "client_address": "192.0.2.7", "current": true,
        }],
        "characters": [{
            "id": 3, "name": "등대지기", "description": "", "greeting": "", "visibility": "private",
            "is_mine": true, "is_system": false, "system_prompt": "You keep a lighthouse.",
            "version": 1, "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z",
        }],
        "chats": [{
            "id": 12, "title": "밤바다", "character_id": 3, "character_name": "등대지기",
            "pinned": false, "head_message_id": 40, "created_at": "2026-11-22T12:00:00Z",
            "last_message_at": "2026-11-22T12:01:00Z",
            "messages": [{
                "id": 40, "parent_id": null, "role": "user", "content": "오늘 바다는 어때요?",
                "status": "complete", "model": null, "stop_reason": null, "token_count": 12,
                "input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0,
                "cache_write_tokens": 0, "turn_id": "019ab1c2-7f00-7000-8000-000000000001",
                "created_at": "2026-11-22T12:01:00Z",
            }],
        }],
        "usage": [{
            "usage_date": "2026-11-22", "chat_count": 1, "total_tokens": 80, "input_tokens": 60,
            "output_tokens": 20, "cache_read_tokens": 0, "cache_write_tokens": 0,
            "cost_micro_usd": 160,
        }],
        "admin_views": [{
            "viewed_at": "2026-11-24T10:00:00Z", "administrator": "The boss",
            "action": "messages.read", "reason": "a complaint of 2026-11-22", "chat_id": 12,
            "chat_title": "밤바다",
        }],
    }))),
    security(("bearer" = [])),
)]
#[get("/auth/me/export")]
pub(super) async fn export_my_data(call: Call) -> Answer {
    let who = call.sign_in().await?.who;
    let state = call.state();
    let admin_views = state.info.admin_reads_visible;
    let export = state.export.begin(&who, admin_views).await?;
    // Not before the password was asked for again: whoever is only told to do that has got nothing.
    call.charge(&EXPORT, &who)?;
    Ok(export_file(export, who.actor, admin_views))
}

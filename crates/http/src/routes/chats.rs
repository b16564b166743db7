//! Chats.

use actix_web::{HttpResponse, delete, get, http::header, patch, post, put};
use lionrocket_ports::chats::ChatFilter;

use super::Answer;
use crate::{
    request::{Call, cursor, page_size, search},
    views::chats::{ChatList, ChatView, ChooseBranchBody, CreateChatBody, UpdateChatBody},
};

/// List one's own chats
///
/// Newest activity first.
#[utoipa::path(
    tag = "chats",
    params(
        ("q" = Option<String>, Query, description = "Only those whose title or character's name contains this text", max_length = 100, nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of chats", body = ChatList)),
    security(("bearer" = [])),
)]
#[get("/api/chats")]
pub(super) async fn list_chats(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let page = async {
        let filter = call.page_query(|fields| {
            let search = fields.optional("q", search);
            let size = fields.optional("limit", page_size);
            let after = fields.optional("cursor", cursor::to_chat);
            Some(ChatFilter {
                search: search?.flatten(),
                after: after?,
                size: size?.unwrap_or_default(),
            })
        })?;
        let page = call.state().chats.list(actor, filter).await?;
        Ok(ChatList {
            items: page.items.into_iter().map(ChatView::from).collect(),
            next_cursor: page
                .next
                .map(|next| call.seal_cursor(&cursor::from_chat(next))),
        })
    };
    call.list_of_own_chats(actor, page).await
}

/// Open a chat
///
/// With a character of one's own or a public one. Its greeting, if it has one, is the first message.
#[utoipa::path(
    tag = "chats",
    request_body = CreateChatBody,
    responses((status = 201, description = "The chat was opened", body = ChatView, headers(
        ("Location", description = "Where the chat is"),
    ))),
    security(("bearer" = [])),
)]
#[post("/api/chats")]
pub(super) async fn create_chat(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let body: CreateChatBody = call.body().await?;
    let chat = call
        .state()
        .chats
        .create(actor, body.character_id, body.title)
        .await?;
    let view = ChatView::from(chat);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/chats/{}", view.id)))
        .json(view))
}

/// Read a chat
#[utoipa::path(
    tag = "chats",
    responses((status = 200, description = "The chat", body = ChatView)),
    security(("bearer" = [])),
)]
#[get("/api/chats/{chat_id}")]
pub(super) async fn get_chat(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    let view = ChatView::from(call.state().chats.get(actor, id).await?);
    call.resource(view.version, &view)
}

/// Change a chat
///
/// What is left out stays as it is.
#[utoipa::path(
    tag = "chats",
    request_body = UpdateChatBody,
    responses((status = 200, description = "The chat as it is now", body = ChatView)),
    security(("bearer" = [])),
)]
#[patch("/api/chats/{chat_id}")]
pub(super) async fn update_chat(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    let expected = call.expected_version()?;
    let body: UpdateChatBody = call.body().await?;
    let chat = call
        .state()
        .chats
        .update(actor, id, body.into(), expected)
        .await?;
    let view = ChatView::from(chat);
    call.resource(view.version, &view)
}

/// Delete a chat
///
/// With all its messages. What it cost stays counted.
#[utoipa::path(
    tag = "chats",
    responses((status = 204, description = "The chat is gone")),
    security(("bearer" = [])),
)]
#[delete("/api/chats/{chat_id}")]
pub(super) async fn delete_chat(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    call.state().chats.delete(actor, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Choose the branch
///
/// Shows the branch through a message, down to its newest end: for a message, choose one of its
/// `sibling_ids`.
#[utoipa::path(
    tag = "chats",
    request_body = ChooseBranchBody,
    responses((status = 200, description = "The chat as it is now", body = ChatView)),
    security(("bearer" = [])),
)]
#[put("/api/chats/{chat_id}/head")]
pub(super) async fn choose_branch(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    let expected = call.expected_version()?;
    let body: ChooseBranchBody = call.body().await?;
    let chats = &call.state().chats;
    let chat = chats.show(actor, id, body.message_id, expected).await?;
    let view = ChatView::from(chat);
    call.resource(view.version, &view)
}

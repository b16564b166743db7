//! Characters.

use actix_web::{HttpResponse, delete, get, http::header, post, put};
use lionrocket_ports::characters::CharacterFilter;

use super::Answer;
use crate::{
    problem::Wrong,
    request::{Call, Json, cursor, page_size, search},
    views::characters::{CharacterBody, CharacterList, CharacterView},
};

/// List characters
///
/// One's own and public ones, newest first. Nobody but their maker sees private ones here.
#[utoipa::path(
    tag = "characters",
    params(
        ("scope" = Option<String>, Query, description = "Which ones: `mine`, `public` or `mine,public`; both when it is left out", pattern = "^(mine|public)(,(mine|public))?$", nullable = false),
        ("q" = Option<String>, Query, description = "Only those whose name or description contains this text", max_length = 100, nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of characters", body = CharacterList)),
    security(("bearer" = [])),
)]
#[get("/api/characters")]
pub(super) async fn list_characters(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let filter = call.page_query(|fields| {
        let scope = fields.optional("scope", scope);
        let search = fields.optional("q", search);
        let size = fields.optional("limit", page_size);
        let after = fields.optional("cursor", cursor::to_character);
        let (mine, public) = scope?.unwrap_or((true, true));
        Some(CharacterFilter {
            mine,
            public,
            search: search?.flatten(),
            after: after?,
            size: size?.unwrap_or_default(),
        })
    })?;
    let page = call.state().characters.list(actor, filter).await?;
    let items = page.items.into_iter();
    call.list(&CharacterList {
        items: items
            .map(|character| CharacterView::new(&actor, character))
            .collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_character(next))),
    })
}

/// Reads which characters are asked for: own ones, public ones.
fn scope(value: Json) -> Result<(bool, bool), Wrong> {
    let text = value.into_text()?;
    let (mut mine, mut public) = (false, false);
    for name in text.split(',') {
        match name {
            "mine" => mine = true,
            "public" => public = true,
            _ => {
                return Err(Wrong::new(
                    "not_a_choice",
                    "must be \"mine\", \"public\" or \"mine,public\"",
                ));
            }
        }
    }
    Ok((mine, public))
}

/// Make a character
#[utoipa::path(
    tag = "characters",
    request_body = CharacterBody,
    responses((status = 201, description = "The character was made", body = CharacterView, headers(
        ("Location", description = "Where the character is"),
    ))),
    security(("bearer" = [])),
)]
#[post("/api/characters")]
pub(super) async fn create_character(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let body: CharacterBody = call.body().await?;
    let character = call.state().characters.create(actor, body.into()).await?;
    let view = CharacterView::new(&actor, character);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/characters/{}", view.id)))
        .json(view))
}

/// Read a character
///
/// Its system prompt is for its maker and administrators only.
#[utoipa::path(
    tag = "characters",
    responses((status = 200, description = "The character", body = CharacterView)),
    security(("bearer" = [])),
)]
#[get("/api/characters/{character_id}")]
pub(super) async fn get_character(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.character_id()?;
    let character = call.state().characters.get(actor, id).await?;
    let view = CharacterView::new(&actor, character);
    call.resource(view.version, &view)
}

/// Replace a character
///
/// Fields that are left out get their defaults. Chats that run already use the new prompt.
#[utoipa::path(
    tag = "characters",
    request_body = CharacterBody,
    responses((status = 200, description = "The character as it is now", body = CharacterView)),
    security(("bearer" = [])),
)]
#[put("/api/characters/{character_id}")]
pub(super) async fn update_character(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.character_id()?;
    let expected = call.expected_version()?;
    let body: CharacterBody = call.body().await?;
    let character = call
        .state()
        .characters
        .update(actor, id, body.into(), expected, call.origin())
        .await?;
    let view = CharacterView::new(&actor, character);
    call.resource(view.version, &view)
}

/// Delete a character
///
/// Chats with it stay and can be read, but cannot go on.
#[utoipa::path(
    tag = "characters",
    responses((status = 204, description = "The character is gone")),
    security(("bearer" = [])),
)]
#[delete("/api/characters/{character_id}")]
pub(super) async fn delete_character(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.character_id()?;
    call.state()
        .characters
        .delete(actor, id, call.origin())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

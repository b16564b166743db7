//! Common prompts.

use actix_web::{HttpResponse, delete, get, post, put};

use super::Answer;
use crate::{
    request::Call,
    views::prompts::{PromptBody, PromptList, PromptView},
};

/// List common prompts
///
/// All of them in their order. Their text is for administrators only.
#[utoipa::path(
    tag = "prompts",
    responses((status = 200, description = "The common prompts", body = PromptList)),
    security(("bearer" = [])),
)]
#[get("/api/prompts")]
pub(super) async fn list_prompts(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let prompts = call.state().prompts.list(actor).await?;
    let prompts = prompts.into_iter();
    call.list(&PromptList {
        items: prompts
            .map(|prompt| PromptView::new(&actor, prompt))
            .collect(),
        next_cursor: None,
    })
}

/// Make a common prompt
///
/// For administrators, and recorded.
#[utoipa::path(
    tag = "prompts",
    request_body = PromptBody,
    responses((status = 201, description = "The common prompt was made", body = PromptView)),
    security(("bearer" = [])),
)]
#[post("/api/prompts")]
pub(super) async fn create_prompt(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let body: PromptBody = call.body().await?;
    let prompt = call
        .state()
        .prompts
        .create(actor, body.into(), call.origin())
        .await?;
    Ok(HttpResponse::Created().json(PromptView::new(&actor, prompt)))
}

/// Read a common prompt
///
/// For administrators.
#[utoipa::path(
    tag = "prompts",
    responses((status = 200, description = "The common prompt", body = PromptView)),
    security(("bearer" = [])),
)]
#[get("/api/prompts/{prompt_id}")]
pub(super) async fn get_prompt(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.prompt_id()?;
    let prompt = call.state().prompts.get(actor, id).await?;
    let view = PromptView::new(&actor, prompt);
    call.resource(view.version, &view)
}

/// Replace a common prompt
///
/// For administrators, and recorded. Fields that are left out get their defaults. The next turn of every chat
/// uses it.
#[utoipa::path(
    tag = "prompts",
    request_body = PromptBody,
    responses((status = 200, description = "The common prompt as it is now", body = PromptView)),
    security(("bearer" = [])),
)]
#[put("/api/prompts/{prompt_id}")]
pub(super) async fn update_prompt(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.prompt_id()?;
    let expected = call.expected_version()?;
    let body: PromptBody = call.body().await?;
    let prompt = call
        .state()
        .prompts
        .update(actor, id, body.into(), expected, call.origin())
        .await?;
    let view = PromptView::new(&actor, prompt);
    call.resource(view.version, &view)
}

/// Delete a common prompt
///
/// For administrators, and recorded.
#[utoipa::path(
    tag = "prompts",
    responses((status = 204, description = "The common prompt is gone")),
    security(("bearer" = [])),
)]
#[delete("/api/prompts/{prompt_id}")]
pub(super) async fn delete_prompt(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.prompt_id()?;
    call.state()
        .prompts
        .delete(actor, id, call.origin())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

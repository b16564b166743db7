//! The summary of a chat.

use actix_web::{get, put};

use super::Answer;
use crate::{
    request::Call,
    views::summaries::{ChatSummaryView, UpdateSummaryBody},
};

/// Read the summary of a chat
///
/// What was said too long ago to be sent to the model is summed up, and the summary is sent in its place.
/// This is the one that holds for the branch that is shown.
#[utoipa::path(
    tag = "chats",
    responses((status = 200, description = "The summary", body = ChatSummaryView)),
    security(("bearer" = [])),
)]
#[get("/api/chats/{chat_id}/summary")]
pub(super) async fn get_summary(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    let view = ChatSummaryView::from(call.state().summaries.get(actor, id).await?);
    call.resource(view.version, &view)
}

/// Change the summary of a chat
///
/// Gives it other words, which the model is sent from the next message on and the next summary goes on
/// from, or switches summaries on or off. What is left out stays as it is.
#[utoipa::path(
    tag = "chats",
    request_body = UpdateSummaryBody,
    responses((status = 200, description = "The summary as it is now", body = ChatSummaryView)),
    security(("bearer" = [])),
)]
#[put("/api/chats/{chat_id}/summary")]
pub(super) async fn update_summary(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let id = call.chat_id()?;
    let expected = call.expected_version()?;
    let body: UpdateSummaryBody = call.body().await?;
    let summaries = &call.state().summaries;
    let state = summaries.change(actor, id, body.into(), expected).await?;
    let view = ChatSummaryView::from(state);
    call.resource(view.version, &view)
}

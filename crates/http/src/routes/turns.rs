//! Turns: where they stand, and following them.

use actix_web::{HttpResponse, get};

use super::{Answer, messages::siblings};
use crate::{
    request::Call,
    turn_stream::{Start, TurnStream},
    views::turns::TurnView,
};

/// Read a turn
#[utoipa::path(
    tag = "messages",
    responses((status = 200, description = "Where the turn stands", body = TurnView)),
    security(("bearer" = [])),
)]
#[get("/api/chats/{chat_id}/turns/{turn_id}")]
pub(super) async fn get_turn(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let chat_id = call.chat_id()?;
    let turn_id = call.turn_id()?;
    let record = call.state().turns.get(actor, chat_id, turn_id).await?;
    Ok(HttpResponse::Ok().json(TurnView::from(&record)))
}

/// Follow a turn
///
/// The events of a turn, whether it runs or is over, from its beginning or from just after the event
/// in `Last-Event-ID`; the text then goes on at the very byte. Each event has an opaque `id`:
///
/// - `turn` (`TurnEventData`): first, unless `Last-Event-ID` was sent;
/// - `delta` (`DeltaEventData`): the reply goes on;
/// - `busy` (`BusyEventData`): the model is overloaded and will be asked again;
/// - `usage` (`UsageView`): what the exchange cost;
/// - then one of `done`, `stopped` (both `EndEventData`) and `error` (`Problem`);
/// - `revoked` (without an id) instead, when the session ends meanwhile.
///
/// A comment comes every 15 seconds. A stream without a last event was cut:
/// follow again.
#[utoipa::path(
    tag = "messages",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that arrived", min_length = 1, max_length = 80, nullable = false),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "Nothing is left after that event"),
    ),
    security(("bearer" = [])),
)]
#[get("/api/chats/{chat_id}/turns/{turn_id}/events")]
pub(super) async fn follow_turn(call: Call) -> Answer {
    let caller = call.sign_in().await?;
    let actor = caller.who.actor;
    let chat_id = call.chat_id()?;
    let turn_id = call.turn_id()?;
    call.accepts_events()?;
    let position = call.last_event(turn_id)?;
    let turns = &call.state().turns;
    let record = turns.get(actor, chat_id, turn_id).await?;
    let start = match position {
        None => Start::of_turn(&record, siblings(&call, actor, &record).await),
        Some(position) if position.is_end() => return Ok(HttpResponse::NoContent().finish()),
        Some(position) => Start::After(position),
    };
    let events = turns
        .follow(actor, chat_id, turn_id, start.offset())
        .await?;
    let stream = TurnStream::new(&call, caller, turn_id, start);
    Ok(stream.respond(HttpResponse::Ok(), events))
}

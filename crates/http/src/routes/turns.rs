//! Turns: where they stand, and following them.

use actix_web::{HttpResponse, get, post};

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
/// - `turn` (`TurnEventData`): first, unless `Last-Event-ID` was sent; the text begins here. It comes
///   after a `Last-Event-ID` as well when a loss of power cost text that the client has;
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
    let siblings = siblings(&call, actor, &record).await;
    let start = match position {
        Some(position) if position.is_known_to(&record.turn) => {
            if position.is_end() {
                return Ok(HttpResponse::NoContent().finish());
            }
            Start::After(position)
        }
        // What the client has of the text was lost before it was saved: the text begins anew.
        Some(_) | None => Start::of_turn(&record, &siblings),
    };
    let events = turns
        .follow(actor, chat_id, turn_id, start.offset())
        .await?;
    let stream = TurnStream::new(&call, caller, &record.turn, siblings, start);
    Ok(stream.respond(HttpResponse::Ok(), events))
}

/// Stop a turn
///
/// The reply ends within moments, in all its readers; what was written stays, marked as stopped, and is
/// counted. The wish is kept: it counts even when the server goes down right after it.
#[utoipa::path(
    tag = "messages",
    responses(
        (status = 202, description = "The turn ends within moments", body = TurnView),
        (status = 200, description = "The turn was over already", body = TurnView),
    ),
    security(("bearer" = [])),
)]
#[post("/api/chats/{chat_id}/turns/{turn_id}/stop")]
pub(super) async fn stop_turn(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let chat_id = call.chat_id()?;
    let turn_id = call.turn_id()?;
    let record = call.state().turns.stop(actor, chat_id, turn_id).await?;
    let mut answer = if record.turn.state.is_terminal() {
        HttpResponse::Ok()
    } else {
        HttpResponse::Accepted()
    };
    Ok(answer.json(TurnView::from(&record)))
}

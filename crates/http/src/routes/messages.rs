//! Messages: reading them and, above all, sending one.

use actix_web::{
    HttpResponse, HttpResponseBuilder, get,
    http::{StatusCode, header},
    post,
};
use lionrocket_app::turns::{SendMessage, SentTurn};
use lionrocket_domain::{
    access::Actor,
    ids::MessageId,
    page::PageSize,
    turn::{TurnFailure, TurnRecord, TurnState},
};

use super::Answer;
use crate::{
    problem::{Wrong, send_problem, turn_failure},
    request::{Call, Caller, Json, ReplyForm, page_size, whole_id},
    turn_stream::{Start, TurnStream},
    views::{
        messages::{MessageList, MessageView, SendMessageBody},
        turns::{ExchangeView, TurnView},
    },
};

/// Read messages of a chat
///
/// The branch that is shown, page by page: the newest page, or the one just before a message.
/// Oldest first within a page.
#[utoipa::path(
    tag = "messages",
    params(
        ("before" = Option<String>, Query, description = "The id of a message, or the `next_cursor` of the page after", pattern = "^[1-9][0-9]{0,14}$", nullable = false),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
    ),
    responses((status = 200, description = "A page of messages", body = MessageList)),
    security(("bearer" = [])),
)]
#[get("/api/chats/{chat_id}/messages")]
pub(super) async fn list_messages(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let page = async {
        let chat_id = call.chat_id()?;
        let (before, size) = call.query(|fields| {
            let before = fields.optional("before", message_id);
            let size = fields.optional("limit", page_size);
            Some((before?, size?.unwrap_or_default()))
        })?;
        let chats = &call.state().chats;
        let page = chats.messages(actor, chat_id, before, size).await?;
        Ok(MessageList {
            items: page.items.into_iter().map(MessageView::from).collect(),
            next_cursor: page.next.map(|id| id.to_string()),
        })
    };
    call.list_of_own_chats(actor, page).await
}

/// Reads a message's id.
pub(super) fn message_id(value: Json) -> Result<MessageId, Wrong> {
    whole_id(&value.into_text()?)
        .and_then(MessageId::parse)
        .ok_or(Wrong::new("invalid_format", "must be a message's id"))
}

/// Send a message
///
/// Stores the message and starts the reply, which then belongs to the server: it is written to its
/// end whatever becomes of the connection. The client chooses how it is told:
///
/// - `Accept: application/json` (or nothing): waits for the end and answers 201 with both messages.
///   A reply that fails is a problem that names the turn; the message is kept.
/// - `Accept: text/event-stream`: the reply as it is written, see *Follow a turn*.
/// - `Prefer: respond-async`: 202 at once, with the turn's address in `Location`.
///
/// With an `Idempotency-Key` a repeated request is answered by the same turn.
#[utoipa::path(
    tag = "messages",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own name for this message: requests with one key are one message. 1 to 128 visible ASCII characters", min_length = 1, max_length = 128, pattern = "^[!-~]+$", nullable = false),
        ("Prefer" = Option<String>, Header, description = "`respond-async` for an answer at once", nullable = false),
    ),
    request_body = SendMessageBody,
    responses(
        (status = 201, description = "The reply is complete (or was stopped)", body = ExchangeView, headers(
            ("Idempotent-Replayed", description = "`true` when the key was used before"),
        )),
        (status = 200, description = "The reply as it is written", body = String, content_type = "text/event-stream", headers(
            ("Idempotent-Replayed", description = "`true` when the key was used before"),
        )),
        (status = 202, description = "The message is stored and the reply on the way", body = TurnView, headers(
            ("Location", description = "Where the turn is"),
            ("Preference-Applied", description = "`respond-async`"),
            ("Idempotent-Replayed", description = "`true` when the key was used before"),
        )),
    ),
    security(("bearer" = [])),
)]
#[post("/api/chats/{chat_id}/messages")]
pub(super) async fn send_message(mut call: Call) -> Answer {
    let caller = call.sign_in().await?;
    let actor = caller.who.actor;
    let chat_id = call.chat_id()?;
    let form = call.reply_form()?;
    let idempotency_key = call.idempotency_key()?;
    let body: SendMessageBody = call.body().await?;
    let parent_was_named = body.parent_id.is_some();
    let message = SendMessage {
        chat_id,
        parent_id: body.parent_id,
        text: body.content,
        idempotency_key,
    };
    let sent = call.state().turns.send(actor, message).await;
    let sent = sent.map_err(|error| send_problem(error, parent_was_named))?;
    let siblings = if parent_was_named {
        siblings(&call, actor, &sent.record).await
    } else {
        vec![sent.record.user_message.id]
    };
    match form {
        ReplyForm::Json => when_ended(&call, &sent, siblings).await,
        ReplyForm::EventStream => Ok(as_events(&call, caller, &sent, siblings)),
        ReplyForm::Accepted => Ok(at_once(&sent)),
    }
}

/// Finds the siblings of the person's message of a turn. They are only decoration: when they cannot
/// be read, the message stands alone.
pub(super) async fn siblings(call: &Call, actor: Actor, record: &TurnRecord) -> Vec<MessageId> {
    let message = &record.user_message;
    let before = Some(record.assistant_message.id);
    let size = PageSize::parse(1).unwrap_or_default();
    let chats = &call.state().chats;
    let page = chats.messages(actor, message.chat_id, before, size).await;
    page.into_iter()
        .flat_map(|page| page.items)
        .find(|found| found.message.id == message.id)
        .map_or_else(|| vec![message.id], |found| found.sibling_ids)
}

fn answer(status: StatusCode, sent: &SentTurn) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    if sent.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response
}

/// Waits for the end of the reply.
async fn when_ended(call: &Call, sent: &SentTurn, siblings: Vec<MessageId>) -> Answer {
    let turn_id = sent.record.turn.id;
    let ended = call.state().turns.wait_sent(sent).await;
    let record = ended.ok_or_else(|| turn_failure(None, turn_id))?;
    match record.turn.state {
        TurnState::Completed | TurnState::Stopped => {
            Ok(answer(StatusCode::CREATED, sent).json(ExchangeView {
                user_message: MessageView::new(record.user_message.clone(), siblings),
                assistant_message: MessageView::alone(record.assistant_message.clone()),
                usage: record.charge.as_ref().into(),
            }))
        }
        _ => {
            let failure = record.turn.failure.unwrap_or(TurnFailure::Internal);
            Err(turn_failure(Some(failure), turn_id))
        }
    }
}

/// Tells the reply as it is written.
fn as_events(
    call: &Call,
    caller: Caller,
    sent: &SentTurn,
    siblings: Vec<MessageId>,
) -> HttpResponse {
    let events = call.state().turns.follow_sent(sent);
    let start = Start::of_turn(&sent.record, siblings);
    let stream = TurnStream::new(call, caller, sent.record.turn.id, start);
    stream.respond(answer(StatusCode::OK, sent), events)
}

/// Tells at once where the turn is.
fn at_once(sent: &SentTurn) -> HttpResponse {
    let turn = &sent.record.turn;
    let location = format!("/api/chats/{}/turns/{}", turn.chat_id, turn.id);
    answer(StatusCode::ACCEPTED, sent)
        .insert_header((header::LOCATION, location))
        .insert_header(("Preference-Applied", "respond-async"))
        .json(TurnView::from(&sent.record))
}

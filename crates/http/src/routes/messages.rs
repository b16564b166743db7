//! Messages: reading them and, above all, sending one.

use actix_web::{
    HttpResponse, HttpResponseBuilder, get,
    http::{StatusCode, header},
    post,
};
use lionrocket_app::turns::{Ask, BegunTurn, TurnRequest};
use lionrocket_domain::{
    access::Actor,
    ids::MessageId,
    page::PageSize,
    turn::{TurnFailure, TurnRecord, TurnState},
};

use super::Answer;
use crate::{
    problem::{Wrong, begin_problem, turn_failure},
    request::{Call, Caller, Json, ReplyForm, page_size, whole_id},
    turn_stream::{Start, TurnStream},
    views::{
        messages::{EditMessageBody, ExchangeSiblings, MessageList, MessageView, SendMessageBody},
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
    let chat_id = call.chat_id()?;
    let form = call.reply_form()?;
    let idempotency_key = call.idempotency_key()?;
    let body: SendMessageBody = call.body().await?;
    let ask = Ask::Say {
        after: body.parent_id,
        text: body.content,
    };
    let request = TurnRequest {
        chat_id,
        ask,
        idempotency_key,
    };
    begin_turn(&call, caller, request, form).await
}

/// Edit a message
///
/// Says it in other words: a new message beside the old one, with a reply of its own. Nothing is
/// lost: `PUT /api/chats/{chat_id}/head` shows the old branch again. The answer is as for *Send a
/// message*.
#[utoipa::path(
    tag = "messages",
    request_body = EditMessageBody,
    responses((status = 201, description = "The reply is complete (or was stopped)", body = ExchangeView)),
    security(("bearer" = [])),
)]
#[post("/api/chats/{chat_id}/messages/{message_id}/edit")]
pub(super) async fn edit_message(mut call: Call) -> Answer {
    let caller = call.sign_in().await?;
    let chat_id = call.chat_id()?;
    let message_id = call.message_id()?;
    let form = call.reply_form()?;
    let idempotency_key = call.idempotency_key()?;
    let body: EditMessageBody = call.body().await?;
    let ask = Ask::Edit {
        message_id,
        text: body.content,
    };
    let request = TurnRequest {
        chat_id,
        ask,
        idempotency_key,
    };
    begin_turn(&call, caller, request, form).await
}

/// Answer again
///
/// Another reply to the same message, beside the one that is there, whether that went well or not.
/// `message_id` is a reply, or one's own message. The answer is as for *Send a message*.
#[utoipa::path(
    tag = "messages",
    responses((status = 201, description = "The reply is complete (or was stopped)", body = ExchangeView)),
    security(("bearer" = [])),
)]
#[post("/api/chats/{chat_id}/messages/{message_id}/regenerate")]
pub(super) async fn regenerate_reply(call: Call) -> Answer {
    reply_beside(call, |message_id| Ask::Regenerate { message_id }).await
}

/// Continue a reply
///
/// A reply that was stopped, failed, or ended for want of room goes on: as another reply beside it
/// that begins with its text. The answer is as for *Send a message*.
#[utoipa::path(
    tag = "messages",
    responses((status = 201, description = "The reply is complete (or was stopped)", body = ExchangeView)),
    security(("bearer" = [])),
)]
#[post("/api/chats/{chat_id}/messages/{message_id}/continue")]
pub(super) async fn continue_reply(call: Call) -> Answer {
    reply_beside(call, |message_id| Ask::Continue { message_id }).await
}

/// Begins another reply beside one that is there.
async fn reply_beside(call: Call, ask: fn(MessageId) -> Ask) -> Answer {
    let caller = call.sign_in().await?;
    let request = TurnRequest {
        chat_id: call.chat_id()?,
        ask: ask(call.message_id()?),
        idempotency_key: call.idempotency_key()?,
    };
    let form = call.reply_form()?;
    begin_turn(&call, caller, request, form).await
}

/// Begins a turn and answers in the form that the client chose.
async fn begin_turn(call: &Call, caller: Caller, request: TurnRequest, form: ReplyForm) -> Answer {
    let actor = caller.who.actor;
    let turns = &call.state().turns;
    let ask = request.ask.clone();
    let begun = turns.begin(actor, request).await;
    let begun = begun.map_err(|error| begin_problem(error, &ask))?;
    let siblings = match ask {
        Ask::Say { after: None, .. } => ExchangeSiblings::none(&begun.record),
        _ => siblings(call, actor, &begun.record).await,
    };
    match form {
        ReplyForm::Json => when_ended(call, &begun, siblings).await,
        ReplyForm::EventStream => Ok(as_events(call, caller, &begun, siblings)),
        ReplyForm::Accepted => Ok(at_once(&begun)),
    }
}

/// Finds the siblings of both messages of a turn. They are only decoration: when they cannot be read,
/// or another branch is shown, the messages stand alone.
pub(super) async fn siblings(call: &Call, actor: Actor, record: &TurnRecord) -> ExchangeSiblings {
    let mut siblings = ExchangeSiblings::none(record);
    let size = PageSize::parse(2).unwrap_or_default();
    let chats = &call.state().chats;
    let page = chats.messages(actor, record.turn.chat_id, None, size).await;
    for found in page.into_iter().flat_map(|page| page.items) {
        if found.message.id == record.user_message.id {
            siblings.of_user_message = found.sibling_ids;
        } else if found.message.id == record.assistant_message.id {
            siblings.of_reply = found.sibling_ids;
        }
    }
    siblings
}

fn answer(status: StatusCode, begun: &BegunTurn) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    if begun.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response
}

/// Waits for the end of the reply.
async fn when_ended(call: &Call, begun: &BegunTurn, siblings: ExchangeSiblings) -> Answer {
    let turn_id = begun.record.turn.id;
    let ended = call.state().turns.wait_begun(begun).await;
    let record = ended.ok_or_else(|| turn_failure(None, turn_id))?;
    match record.turn.state {
        TurnState::Completed | TurnState::Stopped => {
            Ok(answer(StatusCode::CREATED, begun).json(ExchangeView {
                user_message: MessageView::new(
                    record.user_message.clone(),
                    siblings.of_user_message,
                ),
                assistant_message: MessageView::new(
                    record.assistant_message.clone(),
                    siblings.of_reply,
                ),
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
    begun: &BegunTurn,
    siblings: ExchangeSiblings,
) -> HttpResponse {
    let events = call.state().turns.follow_begun(begun);
    let start = Start::of_turn(&begun.record, &siblings);
    let stream = TurnStream::new(call, caller, &begun.record.turn, siblings, start);
    stream.respond(answer(StatusCode::OK, begun), events)
}

/// Tells at once where the turn is.
fn at_once(begun: &BegunTurn) -> HttpResponse {
    let turn = &begun.record.turn;
    let location = format!("/api/chats/{}/turns/{}", turn.chat_id, turn.id);
    answer(StatusCode::ACCEPTED, begun)
        .insert_header((header::LOCATION, location))
        .insert_header(("Preference-Applied", "respond-async"))
        .json(TurnView::from(&begun.record))
}

//! The beginning of a turn.

use diesel::{OptionalExtension, QueryResult, RunQueryDsl, SqliteConnection};
use lionrocket_domain::{
    chat::{Message, MessageStatus, Role},
    ids::{CharacterId, MessageId, TurnId},
    turn::{Turn, TurnState},
    usage::TokenUsage,
};
use lionrocket_ports::turns::{BeginOutcome, BeginTurn, NewMessages, StartedTurn};
use lionrocket_sql_model::{
    chats::{BeginFactsRow, FindBeginFacts, MoveHead},
    convert::{corrupt, count},
    messages::InsertMessage,
    turns::{FindTurnByKey, InsertTurn, KeyedTurnRow},
};

use super::{find_turn, stored_length};
use crate::{
    budgets::{Exhausted, Reservation, reserve},
    chats::{find_message, insert_message},
    error::DbError,
};

/// The outcome for a key that was used before.
fn replay(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
) -> Result<Option<BeginOutcome>, DbError> {
    let Some(idempotency) = &request.idempotency else {
        return Ok(None);
    };
    let earlier: Option<KeyedTurnRow> = FindTurnByKey {
        chat_id: request.chat_id.get(),
        idempotency_key: &idempotency.key,
    }
    .get_result(connection)
    .optional()?;
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    if earlier.request_hash.as_deref() != Some(&idempotency.request_hash[..]) {
        return Ok(Some(BeginOutcome::KeyReused));
    }
    let turn = find_turn(connection, &earlier.id)?
        .ok_or_else(|| corrupt("turns", &earlier.id))?
        .into_domain()?;
    Ok(Some(BeginOutcome::Replayed(Box::new(turn))))
}

/// The message that the first new one follows, and who must have said it.
const fn parent(messages: &NewMessages) -> (Option<MessageId>, Role) {
    match messages {
        NewMessages::Exchange { parent_id, .. } => (*parent_id, Role::Assistant),
        NewMessages::Reply {
            user_message_id, ..
        } => (Some(*user_message_id), Role::User),
    }
}

/// Why a turn may not begin, or how many messages come before the first new one.
fn refuse(
    facts: &BeginFactsRow,
    request: &BeginTurn,
) -> Result<Result<i64, BeginOutcome>, DbError> {
    if !facts.accepts_messages {
        return Ok(Err(BeginOutcome::Paused));
    }
    if facts.character_id.is_none() {
        return Ok(Err(BeginOutcome::ChatReadOnly));
    }
    if let Some(running) = &facts.running_turn_id {
        let running = TurnId::parse(running).ok_or_else(|| corrupt("turns", running))?;
        return Ok(Err(BeginOutcome::ChatBusy(running)));
    }
    if facts.running_of_user >= i64::from(request.max_running_per_user) {
        return Ok(Err(BeginOutcome::UserBusy));
    }
    let (parent_id, _) = parent(&request.messages);
    let parent_id = parent_id.map(MessageId::get);
    let has_moved = match &request.messages {
        NewMessages::Exchange {
            parent_must_be_head,
            ..
        } => *parent_must_be_head && parent_id != facts.head_message_id,
        NewMessages::Reply { .. } => false,
    };
    if has_moved || request.character_id.map(CharacterId::get) != facts.character_id {
        return Ok(Err(BeginOutcome::ParentMoved));
    }
    Ok(match (parent_id, facts.parent_depth) {
        (None, _) => Ok(0),
        (Some(_), Some(depth)) => Ok(depth + 1),
        (Some(_), None) => Err(BeginOutcome::ParentMoved),
    })
}

/// A message that a turn adds.
struct Draft<'a> {
    role: Role,
    content: &'a str,
    parent_id: Option<MessageId>,
    depth: i64,
}

/// Writes a message of a turn and answers it.
fn write_message(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
    turn_id: &str,
    draft: &Draft<'_>,
) -> QueryResult<Message> {
    let status = match draft.role {
        Role::User => MessageStatus::Complete,
        Role::Assistant => MessageStatus::Streaming,
    };
    let row = InsertMessage {
        chat_id: request.chat_id.get(),
        role: draft.role.as_str(),
        content: draft.content,
        created_at: request.accepted_at.into(),
        parent_id: draft.parent_id.map(MessageId::get),
        depth: draft.depth,
        turn_id: Some(turn_id),
        status: status.as_str(),
    };
    Ok(Message {
        id: MessageId::from_stored(insert_message(connection, row)?),
        chat_id: request.chat_id,
        parent_id: draft.parent_id,
        depth: draft.depth,
        role: draft.role,
        content: draft.content.to_owned(),
        status,
        turn_id: Some(request.turn_id),
        model: None,
        stop_reason: None,
        token_count: 0,
        tokens: TokenUsage::default(),
        created_at: request.accepted_at,
    })
}

/// Writes what a turn adds and answers the person's message and the reply.
fn write_messages(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
    turn_id: &str,
    depth: i64,
) -> Result<(Message, Message), DbError> {
    let (user_message, beginning) = match &request.messages {
        NewMessages::Exchange {
            parent_id, text, ..
        } => {
            let draft = Draft {
                role: Role::User,
                content: text.as_str(),
                parent_id: *parent_id,
                depth,
            };
            (write_message(connection, request, turn_id, &draft)?, "")
        }
        NewMessages::Reply {
            user_message_id,
            beginning,
        } => {
            let id = user_message_id.get();
            let found = find_message(connection, request.chat_id.get(), id)?;
            let message = found.ok_or_else(|| corrupt("messages", id))?;
            (message.into_domain()?, beginning.as_str())
        }
    };
    let draft = Draft {
        role: Role::Assistant,
        content: beginning,
        parent_id: Some(user_message.id),
        depth: user_message.depth + 1,
    };
    let reply = write_message(connection, request, turn_id, &draft)?;
    Ok((user_message, reply))
}

fn start(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
    character_id: Option<i64>,
    depth: i64,
) -> Result<StartedTurn, DbError> {
    let turn_id = request.turn_id.to_string();
    let (user_message, assistant_message) = write_messages(connection, request, &turn_id, depth)?;
    let idempotency = request.idempotency.as_ref();
    InsertTurn {
        id: &turn_id,
        user_id: request.user_id.get(),
        chat_id: request.chat_id.get(),
        character_id,
        user_message_id: user_message.id.get(),
        assistant_message_id: assistant_message.id.get(),
        node_id: &request.node_id.to_string(),
        lease_until: request.lease_until.into(),
        idempotency_key: idempotency.map(|idempotency| idempotency.key.as_str()),
        request_hash: idempotency.map(|idempotency| &idempotency.request_hash[..]),
        usage_date: &request.usage_date.to_string(),
        accepted_at: request.accepted_at.into(),
        resumed_from: stored_length(&assistant_message.content),
    }
    .execute(connection)?;
    MoveHead {
        id: request.chat_id.get(),
        head_message_id: Some(assistant_message.id.get()),
        last_message_at: request.accepted_at.into(),
    }
    .execute(connection)?;
    Ok(StartedTurn {
        turn: Turn {
            id: request.turn_id,
            user_id: request.user_id,
            chat_id: request.chat_id,
            user_message_id: user_message.id,
            assistant_message_id: assistant_message.id,
            state: TurnState::Queued,
            failure: None,
            attempts: 1,
            resumed_from: assistant_message.content.len(),
            accepted_at: request.accepted_at,
            first_text_at: None,
            ended_at: None,
        },
        user_message,
        assistant_message,
    })
}

pub(super) fn begin(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
) -> Result<BeginOutcome, DbError> {
    let (parent_id, parent_role) = parent(&request.messages);
    let facts: Option<BeginFactsRow> = FindBeginFacts {
        user_id: request.user_id.get(),
        id: request.chat_id.get(),
        parent_id: parent_id.map(MessageId::get),
        parent_role: parent_role.as_str(),
    }
    .get_result(connection)
    .optional()?;
    let Some(facts) = facts else {
        return Ok(BeginOutcome::NoChat);
    };
    // A repeated request gets its turn whatever has become of the chat since.
    if let Some(outcome) = replay(connection, request)? {
        return Ok(outcome);
    }
    let depth = match refuse(&facts, request)? {
        Err(outcome) => return Ok(outcome),
        Ok(depth) => depth,
    };
    let own_tokens = facts
        .daily_token_budget
        .map(|own| count("users", request.user_id, own))
        .transpose()?;
    let reservation = Reservation {
        turn_id: &request.turn_id.to_string(),
        user_id: request.user_id,
        usage_date: request.usage_date,
        own_tokens,
        plan: request.budget,
    };
    if let Some(Exhausted { scope, is_certain }) = reserve(connection, &reservation)? {
        return Ok(BeginOutcome::BudgetExhausted { scope, is_certain });
    }
    let started = start(connection, request, facts.character_id, depth)?;
    Ok(BeginOutcome::Started(Box::new(started)))
}

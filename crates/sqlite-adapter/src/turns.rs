//! The writes of a turn.

use async_trait::async_trait;
use diesel::{
    OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    chat::{Message, MessageStatus, Role},
    ids::{CharacterId, ChatId, MessageId, NodeId, TurnId, UserId},
    statistics::LatencyBucket,
    turn::{StopReason, Turn, TurnFailure, TurnRecord, TurnState},
    usage::{Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    StoreResult,
    turns::{
        BeginOutcome, BeginTurn, FinishOutcome, FinishTurn, OrphanedTurn, ReplyCheckpoint,
        StartedTurn, TurnStore,
    },
};
use lionrocket_sql_model::{
    budgets::DeleteLeftoverReservations,
    chats::{BeginFactsRow, FindBeginFacts, MoveHead, TouchChat},
    convert::{corrupt, count as read_count, stored_count},
    messages::{CountUserMessage, EndReply, InsertMessage, MessageRow, SaveReply},
    schema::{usage_events, users},
    time::StoredTime,
    turns::{
        EndTurn, FindOrphans, FindTurn, FindTurnByKey, FindTurnOf, InsertTurn, KeyedTurnRow,
        OrphanRow, RenewTurn, TakeTurn, TurnRow,
    },
    usage::{AddToDay, ChargeRow, InsertCharge},
};

use crate::{
    budgets::{give_back, reserve},
    chats::find_message,
    error::DbError,
    statistics::{EndedTurn, count_active_account, count_turn},
    store::SqliteStore,
};

fn find_turn(connection: &mut SqliteConnection, id: &str) -> QueryResult<Option<TurnRow>> {
    FindTurn { id }.get_result(connection).optional()
}

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

/// Why a turn may not begin, or how many messages come before the person's.
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
    let parent_id = request.parent_id.map(MessageId::get);
    let has_moved = request.parent_must_be_head && parent_id != facts.head_message_id;
    if has_moved || request.character_id.map(CharacterId::get) != facts.character_id {
        return Ok(Err(BeginOutcome::ParentMoved));
    }
    Ok(match (parent_id, facts.parent_depth) {
        (None, _) => Ok(0),
        (Some(_), Some(depth)) => Ok(depth + 1),
        (Some(_), None) => Err(BeginOutcome::ParentMoved),
    })
}

/// Writes one of a turn's two messages and answers it.
fn write_message(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
    turn_id: &str,
    role: Role,
    parent_id: Option<MessageId>,
    depth: i64,
) -> QueryResult<Message> {
    let (content, status) = match role {
        Role::User => (request.text.as_str(), MessageStatus::Complete),
        Role::Assistant => ("", MessageStatus::Streaming),
    };
    let (id,): (i64,) = InsertMessage {
        chat_id: request.chat_id.get(),
        role: role.as_str(),
        content,
        created_at: request.accepted_at.into(),
        parent_id: parent_id.map(MessageId::get),
        depth,
        turn_id: Some(turn_id),
        status: status.as_str(),
    }
    .get_result(connection)?;
    Ok(Message {
        id: MessageId::from_stored(id),
        chat_id: request.chat_id,
        parent_id,
        depth,
        role,
        content: content.to_owned(),
        status,
        turn_id: Some(request.turn_id),
        model: None,
        stop_reason: None,
        token_count: 0,
        tokens: TokenUsage::default(),
        created_at: request.accepted_at,
    })
}

fn start(
    connection: &mut SqliteConnection,
    request: &BeginTurn,
    character_id: Option<i64>,
    depth: i64,
) -> Result<StartedTurn, DbError> {
    let turn_id = request.turn_id.to_string();
    let user_message = write_message(
        connection,
        request,
        &turn_id,
        Role::User,
        request.parent_id,
        depth,
    )?;
    let assistant_message = write_message(
        connection,
        request,
        &turn_id,
        Role::Assistant,
        Some(user_message.id),
        depth + 1,
    )?;
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
            accepted_at: request.accepted_at,
            first_text_at: None,
            ended_at: None,
        },
        user_message,
        assistant_message,
    })
}

fn begin(connection: &mut SqliteConnection, request: &BeginTurn) -> Result<BeginOutcome, DbError> {
    let facts: Option<BeginFactsRow> = FindBeginFacts {
        user_id: request.user_id.get(),
        id: request.chat_id.get(),
        parent_id: request.parent_id.map(MessageId::get),
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
    match refuse(&facts, request)? {
        Err(outcome) => Ok(outcome),
        Ok(depth) => {
            let own_tokens = facts
                .daily_token_budget
                .map(|own| read_count("users", request.user_id, own))
                .transpose()?;
            if let Some(outcome) = reserve(connection, request, own_tokens)? {
                return Ok(outcome);
            }
            let started = start(connection, request, facts.character_id, depth)?;
            Ok(BeginOutcome::Started(Box::new(started)))
        }
    }
}

fn checkpoint(
    connection: &mut SqliteConnection,
    checkpoint: &ReplyCheckpoint,
) -> Result<bool, DbError> {
    let renewed: Option<(i64,)> = RenewTurn {
        id: &checkpoint.turn_id.to_string(),
        lease_until: checkpoint.lease_until.into(),
        first_text_at: checkpoint.first_text_at.map(StoredTime::from),
        cache_write_1h_tokens: stored_count(checkpoint.tokens.cache_write_1h),
    }
    .get_result(connection)
    .optional()?;
    let Some((reply_id,)) = renewed else {
        return Ok(false);
    };
    SaveReply {
        id: reply_id,
        content: &checkpoint.text,
        model: checkpoint.model.as_deref(),
        input_tokens: stored_count(checkpoint.tokens.input),
        output_tokens: stored_count(checkpoint.tokens.output),
        cache_read_tokens: stored_count(checkpoint.tokens.cache_read),
        cache_write_tokens: stored_count(checkpoint.tokens.cache_write()),
    }
    .execute(connection)?;
    Ok(true)
}

/// Writes a turn's row of the ledger and adds it to the user's day. `false` when the row is there
/// already.
fn write_charge(
    connection: &mut SqliteConnection,
    account: &ChargeAccount,
    user_id: Option<i64>,
    charge: &Charge,
    now: Timestamp,
) -> QueryResult<bool> {
    let usage_date = account.usage_date.to_string();
    let tokens = &charge.tokens;
    let added = InsertCharge {
        turn_id: &account.turn_id.to_string(),
        user_id,
        chat_id: account.chat_id.get(),
        character_id: account.character_id.map(CharacterId::get),
        usage_date: &usage_date,
        model: &charge.model,
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_5m_tokens: stored_count(tokens.cache_write_5m),
        cache_write_1h_tokens: stored_count(tokens.cache_write_1h),
        cost_micro_usd: stored_count(charge.cost_micro_usd),
        price_version: &charge.price_version,
        estimated: charge.estimated,
        created_at: now.into(),
    }
    .execute(connection)?;
    if added == 0 {
        return Ok(false);
    }
    let (exchanges,): (i64,) = AddToDay {
        user_id,
        usage_date: &usage_date,
        total_tokens: stored_count(tokens.total()),
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_tokens: stored_count(tokens.cache_write()),
        cost_micro_usd: stored_count(charge.cost_micro_usd),
    }
    .get_result(connection)?;
    if user_id.is_some() && exchanges == 1 {
        count_active_account(connection, &usage_date)?;
    }
    Ok(true)
}

/// Adds a turn that has just ended to the statistics of its day.
fn count(
    connection: &mut SqliteConnection,
    request: &FinishTurn,
    first_text_at: Option<Timestamp>,
) -> QueryResult<()> {
    let account = &request.account;
    count_turn(
        connection,
        &EndedTurn {
            usage_date: &account.usage_date.to_string(),
            end: request.end,
            failure: request.failure,
            first_text: first_text_at
                .map(|first| LatencyBucket::between(account.accepted_at, first)),
            character_id: account.character_id,
            charge: request.charge.as_ref(),
        },
    )
}

/// Saves the final texts and counts of a turn that has just ended.
fn end_messages(
    connection: &mut SqliteConnection,
    turn: &TurnRow,
    request: &FinishTurn,
) -> QueryResult<(MessageRow, MessageRow)> {
    let tokens = match &request.charge {
        Some(charge) => charge.tokens,
        None => TokenUsage::default(),
    };
    let status = MessageStatus::from(TurnState::from(request.end));
    let assistant = EndReply {
        id: turn.assistant_message_id,
        content: &request.text,
        status: status.as_str(),
        model: request.charge.as_ref().map(|charge| charge.model.as_str()),
        stop_reason: request.stop_reason.as_ref().map(StopReason::as_str),
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_tokens: stored_count(tokens.cache_write()),
    }
    .get_result(connection)?;
    let user = CountUserMessage {
        id: turn.user_message_id,
        token_count: stored_count(tokens.input),
    }
    .get_result(connection)?;
    Ok((user, assistant))
}

fn finish(
    connection: &mut SqliteConnection,
    request: FinishTurn,
) -> Result<FinishOutcome, DbError> {
    let account = request.account;
    let turn_id = account.turn_id.to_string();
    let ended: Option<TurnRow> = EndTurn {
        id: &turn_id,
        state: TurnState::from(request.end).as_str(),
        error_code: request.failure.map(TurnFailure::code),
        first_text_at: request.first_text_at.map(StoredTime::from),
        ended_at: request.ended_at.into(),
    }
    .get_result(connection)
    .optional()?;
    let Some(turn) = ended else {
        return finish_late(connection, &request, &turn_id);
    };
    let (user, assistant) = end_messages(connection, &turn, &request)?;
    if let Some(charge) = &request.charge {
        let user_id = Some(account.user_id.get());
        write_charge(connection, &account, user_id, charge, request.ended_at)?;
    }
    TouchChat {
        id: turn.chat_id,
        last_message_at: request.ended_at.into(),
    }
    .execute(connection)?;
    let turn = turn.into_domain()?;
    count(connection, &request, turn.first_text_at)?;
    give_back(connection, &turn_id)?;
    Ok(FinishOutcome::Finished(Box::new(TurnRecord {
        turn,
        user_message: user.into_domain()?,
        assistant_message: assistant.into_domain()?,
        charge: request.charge,
    })))
}

/// The end of a turn that is over already, or whose chat was deleted. The latter is counted when it
/// was charged, once by its row of the ledger; of one that cost nothing, nothing is left to count by.
fn finish_late(
    connection: &mut SqliteConnection,
    request: &FinishTurn,
    turn_id: &str,
) -> Result<FinishOutcome, DbError> {
    if let Some(turn) = find_turn(connection, turn_id)? {
        let record = record(connection, turn)?;
        return Ok(FinishOutcome::AlreadyFinished(Box::new(record)));
    }
    if let Some(charge) = &request.charge {
        let account = &request.account;
        // The account may be gone together with the chat.
        let user_id = users::table
            .find(account.user_id.get())
            .select(users::id)
            .first::<i64>(connection)
            .optional()?;
        if write_charge(connection, account, user_id, charge, request.ended_at)? {
            count(connection, request, request.first_text_at)?;
        }
    }
    give_back(connection, turn_id)?;
    Ok(FinishOutcome::ChatGone)
}

/// Puts a turn together with its messages and its row of the ledger.
fn record(connection: &mut SqliteConnection, turn: TurnRow) -> Result<TurnRecord, DbError> {
    let mut message = |id| -> Result<Message, DbError> {
        let row = find_message(connection, turn.chat_id, id)?
            .ok_or_else(|| corrupt("turns", &turn.id))?;
        Ok(row.into_domain()?)
    };
    let user_message = message(turn.user_message_id)?;
    let assistant_message = message(turn.assistant_message_id)?;
    let charge = usage_events::table
        .find(&turn.id)
        .select(ChargeRow::as_select())
        .first(connection)
        .optional()?;
    Ok(TurnRecord {
        turn: turn.into_domain()?,
        user_message,
        assistant_message,
        charge: charge.map(ChargeRow::into_domain).transpose()?,
    })
}

fn claim_orphans(
    connection: &mut SqliteConnection,
    node_id: NodeId,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<OrphanedTurn>, DbError> {
    let rows: Vec<OrphanRow> = FindOrphans {
        now: now.into(),
        limit: limit.into(),
    }
    .load(connection)?;
    let node_id = node_id.to_string();
    let mut orphans = Vec::with_capacity(rows.len());
    for row in rows {
        TakeTurn {
            id: &row.id,
            node_id: &node_id,
            lease_until: lease_until.into(),
        }
        .execute(connection)?;
        orphans.push(row.into_domain()?);
    }
    Ok(orphans)
}

#[async_trait]
impl TurnStore for SqliteStore {
    async fn begin(&self, request: BeginTurn) -> StoreResult<BeginOutcome> {
        self.write_chats(request.user_id, move |connection| {
            begin(connection, &request)
        })
        .await
    }

    async fn checkpoint(&self, reply: ReplyCheckpoint) -> StoreResult<bool> {
        self.write_chats(reply.user_id, move |connection| {
            checkpoint(connection, &reply)
        })
        .await
    }

    async fn finish(&self, request: FinishTurn) -> StoreResult<FinishOutcome> {
        self.write_chats(request.account.user_id, move |connection| {
            finish(connection, request)
        })
        .await
    }

    async fn get(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> StoreResult<Option<TurnRecord>> {
        self.read_at_once(move |connection| {
            let turn: Option<TurnRow> = FindTurnOf {
                user_id: owner.get(),
                chat_id: chat_id.get(),
                id: &turn_id.to_string(),
            }
            .get_result(connection)
            .optional()?;
            turn.map(|turn| record(connection, turn)).transpose()
        })
        .await
    }

    async fn claim_orphans(
        &self,
        node_id: NodeId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<OrphanedTurn>> {
        self.write(move |connection| claim_orphans(connection, node_id, now, lease_until, limit))
            .await
    }

    async fn give_back_leftovers(&self) -> StoreResult<usize> {
        self.write(|connection| Ok(DeleteLeftoverReservations {}.execute(connection)?))
            .await
    }
}

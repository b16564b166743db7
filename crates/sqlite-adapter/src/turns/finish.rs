//! The end of a turn.

use diesel::{OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use lionrocket_domain::{
    chat::MessageStatus,
    ids::CharacterId,
    statistics::LatencyBucket,
    turn::{StopReason, Turn, TurnFailure, TurnState},
    usage::{Attempt, Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    StoreResult,
    turns::{FinishOutcome, FinishTurn},
};
use lionrocket_sql_model::{
    chats::TouchChat,
    convert::stored_count,
    messages::{CountUserMessage, EndReply},
    schema::{usage_events, users},
    time::StoredTime,
    turns::EndTurn,
    usage::{AddToDay, AttemptRow, FindAttempts, InsertAttempt, InsertCharge},
};

use super::{find_turn, record, stored_length, with_messages};
use crate::{
    budgets::give_back,
    error::DbError,
    statistics::{EndedTurn, count_active_account, count_turn},
};

/// Writes the last attempts at a turn or a summary down and answers all that there are. There can be
/// earlier ones only if another process has worked on it before; one that dies right after it has taken
/// up a turn leaves the same attempts to its successor once more.
pub(super) fn write_attempts(
    connection: &mut SqliteConnection,
    turn_id: &str,
    last: &[Attempt],
    was_taken_up: bool,
    now: Timestamp,
) -> Result<Vec<Attempt>, DbError> {
    let mut all = Vec::new();
    if was_taken_up {
        let rows: Vec<AttemptRow> = FindAttempts { turn_id }.load(connection)?;
        let known = rows.into_iter().map(AttemptRow::into_domain);
        all = known.collect::<StoreResult<_>>()?;
    }
    for attempt in last {
        let name = &attempt.upstream_request_id;
        let is_there = |known: &Attempt| name.is_some() && known.upstream_request_id == *name;
        if all.iter().any(is_there) {
            continue;
        }
        all.push(attempt.clone());
        insert_attempt(connection, turn_id, all.len(), attempt, now)?;
    }
    Ok(all)
}

fn insert_attempt(
    connection: &mut SqliteConnection,
    turn_id: &str,
    number: usize,
    attempt: &Attempt,
    now: Timestamp,
) -> QueryResult<()> {
    let charge = &attempt.charge;
    let tokens = &charge.tokens;
    InsertAttempt {
        turn_id,
        attempt: stored_count(u64::try_from(number).unwrap_or(u64::MAX)),
        upstream_request_id: attempt.upstream_request_id.as_deref(),
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
    Ok(())
}

/// Writes the last attempts at a turn or a summary down and answers what all of them cost.
pub(crate) fn settle(
    connection: &mut SqliteConnection,
    turn_id: &str,
    last: &[Attempt],
    was_taken_up: bool,
    now: Timestamp,
) -> Result<Option<Charge>, DbError> {
    let all = write_attempts(connection, turn_id, last, was_taken_up, now)?;
    Ok(Charge::of_attempts(&all))
}

/// What is charged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChargedFor {
    /// A person's exchange.
    Reply,
    /// A summary, which counts as no exchange.
    Summary,
}

/// Writes a row of the ledger and adds it to the user's day.
pub(crate) fn write_charge(
    connection: &mut SqliteConnection,
    charged_for: ChargedFor,
    account: &ChargeAccount,
    user_id: Option<i64>,
    charge: &Charge,
    now: Timestamp,
) -> QueryResult<()> {
    let is_exchange = charged_for == ChargedFor::Reply;
    let usage_date = account.usage_date.to_string();
    let tokens = &charge.tokens;
    InsertCharge {
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
        kind: if is_exchange { "reply" } else { "summary" },
    }
    .execute(connection)?;
    let (exchanges,): (i64,) = AddToDay {
        user_id,
        usage_date: &usage_date,
        exchanges: i64::from(is_exchange),
        total_tokens: stored_count(tokens.total()),
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_tokens: stored_count(tokens.cache_write()),
        cost_micro_usd: stored_count(charge.cost_micro_usd),
    }
    .get_result(connection)?;
    if is_exchange && user_id.is_some() && exchanges == 1 {
        count_active_account(connection, &usage_date)?;
    }
    Ok(())
}

/// How a turn ended.
#[derive(Clone, Copy)]
struct End {
    state: TurnState,
    failure: Option<TurnFailure>,
    first_text_at: Option<Timestamp>,
}

/// Adds a turn that has just ended to the statistics of its day.
fn count(
    connection: &mut SqliteConnection,
    account: &ChargeAccount,
    end: End,
    charge: Option<&Charge>,
) -> QueryResult<()> {
    count_turn(
        connection,
        &EndedTurn {
            usage_date: &account.usage_date.to_string(),
            state: Some(end.state),
            failure: end.failure,
            first_text: end
                .first_text_at
                .map(|first| LatencyBucket::between(account.accepted_at, first)),
            character_id: account.character_id,
            charge,
        },
    )
}

/// Saves the final texts and counts of a turn that has just ended.
fn end_messages(
    connection: &mut SqliteConnection,
    turn: &Turn,
    request: &FinishTurn,
    charge: Option<&Charge>,
) -> QueryResult<()> {
    let tokens = charge.map_or_else(TokenUsage::default, |charge| charge.tokens);
    EndReply {
        id: turn.assistant_message_id.get(),
        content: &request.text,
        status: MessageStatus::from(turn.state).as_str(),
        model: charge.map(|charge| charge.model.as_str()),
        stop_reason: request.stop_reason.as_ref().map(StopReason::as_str),
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_tokens: stored_count(tokens.cache_write()),
    }
    .execute(connection)?;
    CountUserMessage {
        id: turn.user_message_id.get(),
        token_count: stored_count(tokens.input),
    }
    .execute(connection)?;
    Ok(())
}

pub(super) fn finish(
    connection: &mut SqliteConnection,
    request: &FinishTurn,
) -> Result<FinishOutcome, DbError> {
    let account = request.account;
    let turn_id = account.turn_id.to_string();
    let ended = EndTurn {
        id: &turn_id,
        state: TurnState::from(request.end).as_str(),
        error_code: request.failure.map(TurnFailure::code),
        first_text_at: request.first_text_at.map(StoredTime::from),
        resumed_from: request.is_left_over.then(|| stored_length(&request.text)),
        ended_at: request.ended_at.into(),
    }
    .execute(connection)?;
    // Not `RETURNING`, for which SQLite opens a temporary table at each execution.
    let turn = match find_turn(connection, &turn_id)? {
        Some(turn) if ended == 1 => turn.into_domain()?,
        Some(turn) => {
            let record = record(connection, turn)?;
            return Ok(FinishOutcome::AlreadyFinished(Box::new(record)));
        }
        None => return finish_without_chat(connection, request, &turn_id),
    };
    let (attempts, now) = (&request.attempts, request.ended_at);
    let charge = settle(connection, &turn_id, attempts, turn.attempts > 1, now)?;
    end_messages(connection, &turn, request, charge.as_ref())?;
    if let Some(charge) = &charge {
        let user_id = Some(account.user_id.get());
        let kind = ChargedFor::Reply;
        write_charge(connection, kind, &account, user_id, charge, now)?;
    }
    TouchChat {
        id: turn.chat_id.get(),
        last_message_at: now.into(),
    }
    .execute(connection)?;
    let end = End {
        state: turn.state,
        failure: turn.failure,
        first_text_at: turn.first_text_at,
    };
    count(connection, &account, end, charge.as_ref())?;
    give_back(connection, &turn_id)?;
    let record = with_messages(connection, turn, charge)?;
    Ok(FinishOutcome::Finished(Box::new(record)))
}

/// The end of a turn whose chat was deleted. It is counted when it was charged, once by its row of the
/// ledger; of one that cost nothing, nothing is left to count by.
fn finish_without_chat(
    connection: &mut SqliteConnection,
    request: &FinishTurn,
    turn_id: &str,
) -> Result<FinishOutcome, DbError> {
    let is_charged = usage_events::table
        .find(turn_id)
        .select(usage_events::turn_id)
        .first::<String>(connection)
        .optional()?
        .is_some();
    let (attempts, now) = (&request.attempts, request.ended_at);
    if !is_charged && let Some(charge) = settle(connection, turn_id, attempts, true, now)? {
        let account = &request.account;
        let user_id = payer(connection, account)?;
        let kind = ChargedFor::Reply;
        write_charge(connection, kind, account, user_id, &charge, now)?;
        let end = End {
            state: request.end.into(),
            failure: request.failure,
            first_text_at: request.first_text_at,
        };
        count(connection, account, end, Some(&charge))?;
    }
    give_back(connection, turn_id)?;
    Ok(FinishOutcome::ChatGone)
}

/// Who pays; `None` when the account is gone together with the chat.
pub(crate) fn payer(
    connection: &mut SqliteConnection,
    account: &ChargeAccount,
) -> QueryResult<Option<i64>> {
    users::table
        .find(account.user_id.get())
        .select(users::id)
        .first::<i64>(connection)
        .optional()
}

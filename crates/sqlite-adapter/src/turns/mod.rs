//! The writes of a turn.

mod begin;
pub(crate) mod finish;
mod orphans;

use async_trait::async_trait;
use diesel::{
    OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    chat::Message,
    ids::{ChatId, MessageId, NodeId, TurnId, UserId},
    turn::{Turn, TurnRecord},
    usage::Charge,
};
use lionrocket_ports::{
    StoreError, StoreResult,
    turns::{
        BeginOutcome, BeginTurn, CheckpointOutcome, FinishOutcome, FinishTurn, OrphanedTurn,
        ReplyCheckpoint, ResumeOutcome, ResumeTurn, TurnStore,
    },
};
use lionrocket_sql_model::{
    budgets::DeleteLeftoverReservations,
    convert::{corrupt, stored_count},
    messages::SaveReply,
    schema::usage_events,
    time::StoredTime,
    turns::{FindTurn, FindTurnOf, RenewTurn, RequestStop, TurnRow},
    usage::ChargeRow,
};

use crate::{chats::find_message, error::DbError, store::SqliteStore};

/// The length of a text in bytes.
fn stored_length(text: &str) -> i64 {
    stored_count(u64::try_from(text.len()).unwrap_or(u64::MAX))
}

fn find_turn(connection: &mut SqliteConnection, id: &str) -> QueryResult<Option<TurnRow>> {
    FindTurn { id }.get_result(connection).optional()
}

fn find_turn_of(
    connection: &mut SqliteConnection,
    owner: UserId,
    chat_id: ChatId,
    turn_id: TurnId,
) -> Result<Option<TurnRecord>, DbError> {
    let turn: Option<TurnRow> = FindTurnOf {
        user_id: owner.get(),
        chat_id: chat_id.get(),
        id: &turn_id.to_string(),
    }
    .get_result(connection)
    .optional()?;
    turn.map(|turn| record(connection, turn)).transpose()
}

/// Puts a turn together with its messages and its row of the ledger.
fn record(connection: &mut SqliteConnection, turn: TurnRow) -> Result<TurnRecord, DbError> {
    let charge = usage_events::table
        .find(&turn.id)
        .select(ChargeRow::as_select())
        .first(connection)
        .optional()?;
    let charge = charge.map(ChargeRow::into_domain).transpose()?;
    with_messages(connection, turn.into_domain()?, charge)
}

/// Puts a turn and what it cost together with its messages.
fn with_messages(
    connection: &mut SqliteConnection,
    turn: Turn,
    charge: Option<Charge>,
) -> Result<TurnRecord, DbError> {
    let mut message = |id: MessageId| -> Result<Message, DbError> {
        let row = find_message(connection, turn.chat_id.get(), id.get())?
            .ok_or_else(|| corrupt("turns", turn.id))?;
        Ok(row.into_domain()?)
    };
    Ok(TurnRecord {
        user_message: message(turn.user_message_id)?,
        assistant_message: message(turn.assistant_message_id)?,
        turn,
        charge,
    })
}

fn checkpoint(
    connection: &mut SqliteConnection,
    checkpoint: &ReplyCheckpoint,
) -> Result<CheckpointOutcome, DbError> {
    let renewed: Option<(i64, bool)> = RenewTurn {
        id: &checkpoint.turn_id.to_string(),
        lease_until: checkpoint.lease_until.into(),
        first_text_at: checkpoint.first_text_at.map(StoredTime::from),
        cache_write_1h_tokens: stored_count(checkpoint.tokens.cache_write_1h),
        upstream_request_id: checkpoint.upstream_request_id.as_deref(),
    }
    .get_result(connection)
    .optional()?;
    let Some((reply_id, stop_requested)) = renewed else {
        return Ok(CheckpointOutcome::Over);
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
    Ok(if stop_requested {
        CheckpointOutcome::StopRequested
    } else {
        CheckpointOutcome::Saved
    })
}

fn request_stop(
    connection: &mut SqliteConnection,
    owner: UserId,
    chat_id: ChatId,
    turn_id: TurnId,
    now: Timestamp,
) -> Result<Option<TurnRecord>, DbError> {
    RequestStop {
        user_id: owner.get(),
        chat_id: chat_id.get(),
        id: &turn_id.to_string(),
        now: now.into(),
    }
    .execute(connection)?;
    find_turn_of(connection, owner, chat_id, turn_id)
}

#[async_trait]
impl TurnStore for SqliteStore {
    async fn begin(&self, request: BeginTurn) -> StoreResult<BeginOutcome> {
        let room = self.room();
        self.write_chats(request.user_id, move |connection| {
            let outcome = begin::begin(connection, &request)?;
            // Asked only now: the disk may have become full just before, in the same batch.
            let has_room = room.as_ref().is_none_or(|room| room.has_room());
            match outcome {
                // Taken back, unlike what was begun before and is only told again.
                BeginOutcome::Started(_) if !has_room => Err(StoreError::Full.into()),
                outcome => Ok(outcome),
            }
        })
        .await
    }

    async fn checkpoint(&self, reply: ReplyCheckpoint) -> StoreResult<CheckpointOutcome> {
        self.write_chats(reply.user_id, move |connection| {
            checkpoint(connection, &reply)
        })
        .await
    }

    async fn request_stop(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
        now: Timestamp,
    ) -> StoreResult<Option<TurnRecord>> {
        self.write_chats(owner, move |connection| {
            request_stop(connection, owner, chat_id, turn_id, now)
        })
        .await
    }

    async fn finish(&self, request: FinishTurn) -> StoreResult<FinishOutcome> {
        self.write_chats(request.account.user_id, move |connection| {
            finish::finish(connection, &request)
        })
        .await
    }

    async fn get(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> StoreResult<Option<TurnRecord>> {
        self.read_at_once(move |connection| find_turn_of(connection, owner, chat_id, turn_id))
            .await
    }

    async fn claim_orphans(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        lease_until: Timestamp,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<OrphanedTurn>> {
        self.write(move |connection| {
            let wanted = orphans::Wanted {
                lease_before,
                limit,
                at_work: at_work.clone(),
            };
            orphans::claim(connection, node_id, lease_until, &wanted)
        })
        .await
    }

    async fn resume(&self, request: ResumeTurn) -> StoreResult<ResumeOutcome> {
        self.write_chats(request.account.user_id, move |connection| {
            orphans::resume(connection, &request)
        })
        .await
    }

    async fn give_back_leftovers(&self) -> StoreResult<usize> {
        self.write(|connection| Ok(DeleteLeftoverReservations {}.execute(connection)?))
            .await
    }
}

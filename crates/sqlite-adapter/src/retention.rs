//! Forgetting.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditAction, AuditTarget, Performer},
    ids::{SessionId, TurnId, UserId},
};
use lionrocket_ports::{
    StoreResult,
    audit::AuditSeal,
    retention::{EraseOutcome, ErasePiece, RetentionStore, Stretch, Walked},
};
use lionrocket_sql_model::{
    convert::corrupt,
    retention::{
        EraseCharacters, EraseMessages, EraseSummaries, EraseTurns, FindSessionsAfter,
        FindTurnsAfter, ForgetClients, ForgetKeys, ForgetSessions,
    },
    schema::{chats, password_resets, users},
    time::StoredTime,
};

use crate::{audit::append, error::DbError, statistics::count_erased_account, store::SqliteStore};

/// Deletes chats with all in them until the piece is used up. Answers how many rows may still go.
fn erase_chats(
    connection: &mut SqliteConnection,
    user_id: UserId,
    mut left: i64,
) -> QueryResult<i64> {
    let deleted = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    while left > 0 {
        let next: Option<i64> = chats::table
            .filter(chats::user_id.eq(user_id.get()))
            .select(chats::id)
            .first(connection)
            .optional()?;
        let Some(chat_id) = next else { break };
        let limit = left;
        left -= deleted(EraseSummaries { chat_id, limit }.execute(connection)?);
        let limit = left;
        left -= deleted(EraseMessages { chat_id, limit }.execute(connection)?);
        let limit = left;
        left -= deleted(EraseTurns { chat_id, limit }.execute(connection)?);
        if left > 0 {
            diesel::delete(chats::table.find(chat_id)).execute(connection)?;
            left -= 1;
        }
    }
    Ok(left)
}

fn erase(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    piece: ErasePiece,
) -> Result<EraseOutcome, DbError> {
    let id = piece.user_id;
    let due = users::table
        .find(id.get())
        .filter(users::deleted_at.le(StoredTime::from(piece.asked_by)))
        .select(users::id)
        .first::<i64>(connection)
        .optional()?;
    if due.is_none() {
        return Ok(EraseOutcome::Kept);
    }
    let left = erase_chats(connection, id, i64::from(piece.rows))?;
    let characters = EraseCharacters {
        user_id: id.get(),
        limit: left,
    };
    let erased = characters.execute(connection)?;
    if i64::try_from(erased).unwrap_or(i64::MAX) >= left {
        return Ok(EraseOutcome::More);
    }
    // Foreign keys and a trigger take the rest along: logins and links go; public characters,
    // invites, the ledger and the days only lose the person.
    diesel::delete(users::table.find(id.get())).execute(connection)?;
    count_erased_account(connection, piece.today)?;
    let target = AuditTarget::User(id);
    let record = Performer::operator().record(AuditAction::UserErase, target, Some(id));
    append(connection, seal, record, piece.now)?;
    Ok(EraseOutcome::Erased)
}

fn forget_sessions(
    connection: &mut SqliteConnection,
    stretch: Stretch<SessionId>,
    until: Timestamp,
) -> Result<Walked<SessionId>, DbError> {
    let after = stretch.after.map(|id| id.to_string()).unwrap_or_default();
    let found: Vec<(String,)> = FindSessionsAfter {
        after: &after,
        limit: stretch.rows.into(),
    }
    .load(connection)?;
    let is_more = found.len() >= stretch.rows as usize;
    let Some((last,)) = found.last() else {
        return Ok(Walked {
            last: None,
            is_more,
        });
    };
    let (after, until) = (after.as_str(), StoredTime::from(until));
    ForgetSessions { after, last, until }.execute(connection)?;
    ForgetClients { after, last, until }.execute(connection)?;
    // Keys of sessions are not told.
    let id = SessionId::parse(last).ok_or_else(|| corrupt("sessions", "a session"))?;
    Ok(Walked {
        last: Some(id),
        is_more,
    })
}

fn forget_keys(
    connection: &mut SqliteConnection,
    stretch: Stretch<TurnId>,
    until: Timestamp,
) -> Result<Walked<TurnId>, DbError> {
    let after = stretch.after.map(|id| id.to_string()).unwrap_or_default();
    let found: Vec<(String, StoredTime)> = FindTurnsAfter {
        after: &after,
        limit: stretch.rows.into(),
    }
    .load(connection)?;
    let mut old = 0;
    for (id, accepted_at) in &found {
        if accepted_at.into_domain("turns", id)? > until {
            break;
        }
        old += 1;
    }
    let is_more = old >= stretch.rows as usize;
    let Some((last, _)) = found[..old].last() else {
        return Ok(Walked {
            last: None,
            is_more,
        });
    };
    let after = after.as_str();
    ForgetKeys { after, last }.execute(connection)?;
    let id = TurnId::parse(last).ok_or_else(|| corrupt("turns", last))?;
    Ok(Walked {
        last: Some(id),
        is_more,
    })
}

#[async_trait]
impl RetentionStore for SqliteStore {
    async fn to_erase(&self, asked_by: Timestamp, limit: u32) -> StoreResult<Vec<UserId>> {
        self.read(move |connection| {
            let due: Vec<i64> = users::table
                .filter(users::deleted_at.le(StoredTime::from(asked_by)))
                .order(users::deleted_at)
                .limit(limit.into())
                .select(users::id)
                .load(connection)?;
            Ok(due.into_iter().map(UserId::from_stored).collect())
        })
        .await
    }

    async fn erase(&self, piece: ErasePiece) -> StoreResult<EraseOutcome> {
        let seal = self.audit_seal();
        self.write(move |connection| erase(connection, &*seal, piece))
            .await
    }

    async fn forget_sessions(
        &self,
        stretch: Stretch<SessionId>,
        until: Timestamp,
    ) -> StoreResult<Walked<SessionId>> {
        self.write(move |connection| forget_sessions(connection, stretch, until))
            .await
    }

    async fn forget_keys(
        &self,
        stretch: Stretch<TurnId>,
        until: Timestamp,
    ) -> StoreResult<Walked<TurnId>> {
        self.write(move |connection| forget_keys(connection, stretch, until))
            .await
    }

    async fn forget_resets(&self, now: Timestamp) -> StoreResult<()> {
        self.write(move |connection| {
            diesel::delete(password_resets::table)
                .filter(password_resets::expires_at.le(StoredTime::from(now)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn clear_traces(&self) -> StoreResult<bool> {
        self.empty_log().await
    }
}

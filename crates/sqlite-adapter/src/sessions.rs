//! Logins.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, RunQueryDsl,
    SelectableHelper, SqliteConnection,
    dsl::{auto_type, update},
};
use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditAction, AuditRecord, AuditTarget, Origin},
    ids::{SessionId, UserId},
};
use lionrocket_ports::{
    StoreResult,
    audit::AuditSeal,
    sessions::{
        LiveAt, LiveSession, NewSession, RefreshHash, RotateOutcome, RotateRefresh, SessionRecord,
        SessionStore,
    },
};
use lionrocket_sql_model::{
    accounts::UserRow,
    schema::{sessions, users},
    sessions::{NewSessionRow, RefreshRow, SessionRow, SessionTimesRow, session_id},
    time::StoredTime,
};

use crate::{audit, error::DbError, store::SqliteStore};

/// Takes away whatever an account is signed in with: every token given out so far is worthless, and
/// every session but `kept` is ended. Part of the transaction of any change after which people must
/// sign in again: a password change or reset, disabling, deleting, a change of rights. The service
/// publishes `AccountChanged` once it is durable.
pub(crate) fn end_logins(
    connection: &mut SqliteConnection,
    user_id: UserId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<(), DbError> {
    update(users::table.find(user_id.get()))
        .set(users::token_version.eq(users::token_version + 1))
        .execute(connection)?;
    end_all(connection, user_id, kept, now)
}

fn end_all(
    connection: &mut SqliteConnection,
    user_id: UserId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<(), DbError> {
    // No session has an empty id.
    let kept = kept.map_or_else(String::new, |id| id.to_string());
    update(sessions::table)
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(kept))
        .set(sessions::ended_at.eq(StoredTime::from(now)))
        .execute(connection)?;
    Ok(())
}

/// Gives a live session a new refresh secret that follows from none before. `false` when it has ended.
pub(crate) fn renew_refresh(
    connection: &mut SqliteConnection,
    user_id: UserId,
    id: SessionId,
    hash: &RefreshHash,
    now: Timestamp,
) -> Result<bool, DbError> {
    let renewed = update(sessions::table.find(id.to_string()))
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::ended_at.is_null())
        .set((
            sessions::refresh_hash.eq(&hash[..]),
            sessions::previous_refresh_hash.eq(None::<Vec<u8>>),
            sessions::refreshed_at.eq(StoredTime::from(now)),
        ))
        .execute(connection)?;
    Ok(renewed > 0)
}

#[auto_type(no_type_alias)]
fn is_live(at: LiveAt) -> _ {
    let now: StoredTime = at.now.into();
    let seen_after: StoredTime = at.seen_after.into();
    sessions::ended_at
        .is_null()
        .and(sessions::expires_at.gt(now))
        .and(sessions::last_seen_at.gt(seen_after))
}

fn find_live(
    connection: &mut SqliteConnection,
    id: SessionId,
    at: LiveAt,
) -> Result<Option<LiveSession>, DbError> {
    let found = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::id.eq(id.to_string()).and(is_live(at)))
        .select((SessionTimesRow::as_select(), UserRow::as_select()))
        .first::<(SessionTimesRow, UserRow)>(connection)
        .optional()?;
    let session = found.map(|(times, user)| times.into_domain(user));
    Ok(session.transpose()?)
}

/// Ends the oldest live sessions of an account, so that at most `left` are left.
fn end_oldest(
    connection: &mut SqliteConnection,
    user_id: UserId,
    left: u32,
    at: LiveAt,
) -> Result<Vec<SessionId>, DbError> {
    let too_many: Vec<String> = sessions::table
        .filter(sessions::user_id.eq(user_id.get()).and(is_live(at)))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .offset(left.into())
        // SQLite takes an offset only with a limit.
        .limit(i64::MAX)
        .select(sessions::id)
        .load(connection)?;
    update(sessions::table.filter(sessions::id.eq_any(&too_many)))
        .set(sessions::ended_at.eq(StoredTime::from(at.now)))
        .execute(connection)?;
    let ids = too_many.iter().map(|id| session_id(id, user_id.get()));
    Ok(ids.collect::<StoreResult<_>>()?)
}

fn end_one(
    connection: &mut SqliteConnection,
    id: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    update(sessions::table.find(id.to_string()))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(StoredTime::from(now)))
        .execute(connection)?;
    Ok(())
}

fn rotate(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    rotation: RotateRefresh,
) -> Result<RotateOutcome, DbError> {
    let RotateRefresh { session_id, at, .. } = rotation;
    let Some(mut session) = find_live(connection, session_id, at)? else {
        return Ok(RotateOutcome::Ended);
    };
    if !session.user.is_active || session.user.deleted_at.is_some() {
        return Ok(RotateOutcome::Ended);
    }
    let stored: RefreshRow = sessions::table
        .find(session_id.to_string())
        .select(RefreshRow::as_select())
        .first(connection)?;
    let is = |hash: &Option<Vec<u8>>, wanted: &RefreshHash| hash.as_deref() == Some(&wanted[..]);

    if let Some(next) = rotation.successors.first()
        && is(&stored.refresh_hash, &rotation.presented)
    {
        let now = StoredTime::from(at.now);
        update(sessions::table.find(session_id.to_string()))
            .set((
                sessions::previous_refresh_hash.eq(&rotation.presented[..]),
                sessions::refresh_hash.eq(&next[..]),
                sessions::refreshed_at.eq(now),
                sessions::last_seen_at.eq(now),
                sessions::client_address.eq(rotation.origin.client_address),
            ))
            .execute(connection)?;
        session.last_seen_at = at.now;
        return Ok(RotateOutcome::Rotated(session));
    }
    let was_just_now = stored
        .refreshed_at
        .map(|moment| moment.into_domain("sessions", session.user.id))
        .transpose()?
        .is_some_and(|moment| moment > rotation.replay_after);
    if was_just_now && is(&stored.previous_refresh_hash, &rotation.presented) {
        let mut successors = rotation.successors.iter();
        if let Some(successor) = successors.position(|hash| is(&stored.refresh_hash, hash)) {
            return Ok(RotateOutcome::Replayed { session, successor });
        }
    }
    let user_id = session.user.id;
    end_one(connection, session_id, at.now)?;
    let record = reuse(session_id, user_id, rotation.origin);
    audit::append(connection, seal, record, at.now)?;
    Ok(RotateOutcome::Reused { user_id })
}

/// What the audit log says of a secret that came again. Who sent it is not known.
fn reuse(session_id: SessionId, user_id: UserId, origin: Origin) -> AuditRecord {
    AuditRecord {
        actor: None,
        action: AuditAction::SessionReuse,
        target: AuditTarget::Session(session_id),
        subject: Some(user_id),
        reason: None,
        origin,
        details: None,
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open(&self, session: NewSession) -> StoreResult<Vec<SessionId>> {
        self.write(move |connection| {
            let left = session.max_live.saturating_sub(1);
            let ended = end_oldest(connection, session.user_id, left, session.at)?;
            let row = NewSessionRow {
                id: &session.id.to_string(),
                user_id: session.user_id.get(),
                created_at: session.at.now.into(),
                expires_at: session.expires_at.into(),
                last_seen_at: session.at.now.into(),
                refresh_hash: &session.refresh_hash,
                user_agent: session.user_agent.clone(),
                client_address: session.client_address.clone(),
            };
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(connection)?;
            Ok(ended)
        })
        .await
    }

    async fn live(&self, id: SessionId, at: LiveAt) -> StoreResult<Option<LiveSession>> {
        if let Some(session) = self.logins().recall(self.changes(), id, at) {
            return Ok(Some(session));
        }
        // Taken before reading: a change that comes meanwhile makes the mark worthless.
        let mark = self.changes().of_everybody();
        let found = self
            .read(move |connection| find_live(connection, id, at))
            .await?;
        if let Some(session) = &found {
            self.logins().remember(id, session.clone(), mark, at.now);
        }
        Ok(found)
    }

    async fn touch(
        &self,
        id: SessionId,
        client_address: Option<String>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.write(move |connection| {
            let now = StoredTime::from(now);
            update(sessions::table.find(id.to_string()))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::last_seen_at.lt(now))
                .set((
                    sessions::last_seen_at.eq(now),
                    sessions::client_address.eq(client_address.clone()),
                ))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn rotate_refresh(&self, rotation: RotateRefresh) -> StoreResult<RotateOutcome> {
        let seal = self.audit_seal();
        self.write(move |connection| rotate(connection, &*seal, rotation.clone()))
            .await
    }

    async fn reauthenticated(&self, id: SessionId, now: Timestamp) -> StoreResult<()> {
        self.write(move |connection| {
            update(sessions::table.find(id.to_string()))
                .filter(sessions::ended_at.is_null())
                .set(sessions::reauthenticated_at.eq(StoredTime::from(now)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn end(&self, id: SessionId, now: Timestamp) -> StoreResult<()> {
        self.write(move |connection| end_one(connection, id, now))
            .await
    }

    async fn end_by_secret(
        &self,
        id: SessionId,
        presented: RefreshHash,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.write(move |connection| {
            let presented = &presented[..];
            let ended = update(sessions::table.find(id.to_string()))
                .filter(sessions::ended_at.is_null())
                .filter(
                    sessions::refresh_hash
                        .eq(presented)
                        .or(sessions::previous_refresh_hash.eq(presented)),
                )
                .set(sessions::ended_at.eq(StoredTime::from(now)))
                .execute(connection)?;
            Ok(ended > 0)
        })
        .await
    }

    async fn end_own(&self, user_id: UserId, id: SessionId, at: LiveAt) -> StoreResult<bool> {
        self.write(move |connection| {
            let ended = update(sessions::table.find(id.to_string()))
                .filter(sessions::user_id.eq(user_id.get()).and(is_live(at)))
                .set(sessions::ended_at.eq(StoredTime::from(at.now)))
                .execute(connection)?;
            Ok(ended > 0)
        })
        .await
    }

    async fn end_others(
        &self,
        user_id: UserId,
        kept: SessionId,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.write(move |connection| end_all(connection, user_id, Some(kept), now))
            .await
    }

    async fn list(&self, user_id: UserId, at: LiveAt) -> StoreResult<Vec<SessionRecord>> {
        self.read(move |connection| {
            let rows = sessions::table
                .filter(sessions::user_id.eq(user_id.get()).and(is_live(at)))
                .order((sessions::created_at.desc(), sessions::id.desc()))
                .select(SessionRow::as_select())
                .load(connection)?;
            let records = rows.into_iter().map(SessionRow::into_domain);
            Ok(records.collect::<StoreResult<_>>()?)
        })
        .await
    }
}

//! The audit log.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection, dsl::sql, sql_types::BigInt,
};
use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditEntry, AuditRecord, SealedEntry},
    ids::{AuditId, UserId},
    page::Page,
    text::AuditReason,
};
use lionrocket_ports::{
    StoreResult,
    audit::{AuditFilter, AuditLog, AuditSeal},
};
use lionrocket_sql_model::{audit::AuditRow, convert::corrupt, schema::audit_log};

use crate::{error::DbError, store::SqliteStore};

/// Writes a row at the end of the chain. Part of the transaction of the act that it records.
pub(crate) fn append(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    record: AuditRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    let last: Option<(i64, Vec<u8>)> = audit_log::table
        .order(audit_log::id.desc())
        .select((audit_log::id, audit_log::hash))
        .first(connection)
        .optional()?;
    let previous_hash = match last {
        Some((id, hash)) => hash.try_into().map_err(|_| corrupt("audit_log", id))?,
        None => [0; 32],
    };
    // One more than was ever given, and not one more than is there: rows that were cut off leave a
    // gap for good.
    let last_id = last_given_id(connection)?.unwrap_or(0);
    let entry = AuditEntry {
        id: AuditId::from_stored(last_id + 1),
        created_at: now,
        actor: record.actor,
        action: record.action.as_str().to_owned(),
        target_type: record.target.kind().to_owned(),
        target_id: record.target.id(),
        subject: record.subject,
        reason: record.reason.map(AuditReason::into_string),
        origin: record.origin,
        details: record.details.map(|details| details.to_string()),
    };
    let hash = seal.seal(&previous_hash, &entry.canonical());
    diesel::insert_into(audit_log::table)
        .values(AuditRow::from(SealedEntry {
            entry,
            key_id: seal.key_id(),
            previous_hash,
            hash,
        }))
        .execute(connection)?;
    Ok(())
}

/// The largest id that a row was ever given.
fn last_given_id(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    sql::<BigInt>("SELECT seq FROM sqlite_sequence WHERE name = 'audit_log'")
        .get_result(connection)
        .optional()
}

fn into_domain(rows: Vec<AuditRow>) -> StoreResult<Vec<SealedEntry>> {
    rows.into_iter().map(AuditRow::into_domain).collect()
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn record(&self, record: AuditRecord, now: Timestamp) -> StoreResult<()> {
        let seal = self.audit_seal();
        self.write(move |connection| append(connection, &*seal, record.clone(), now))
            .await
    }

    async fn list(&self, filter: AuditFilter) -> StoreResult<Page<SealedEntry, AuditId>> {
        let size = filter.size;
        self.read(move |connection| {
            let mut query = audit_log::table
                .order(audit_log::id.desc())
                .limit(i64::from(size.get()) + 1)
                .select(AuditRow::as_select())
                .into_boxed();
            if let Some(actor) = filter.actor {
                query = query.filter(audit_log::actor_user_id.eq(UserId::get(actor)));
            }
            if let Some(subject) = filter.subject {
                query = query.filter(audit_log::subject_user_id.eq(UserId::get(subject)));
            }
            if !filter.actions.is_empty() {
                query = query.filter(audit_log::action.eq_any(filter.actions));
            }
            if let Some(before) = filter.before {
                query = query.filter(audit_log::id.lt(before.get()));
            }
            let rows = into_domain(query.load(connection)?)?;
            Ok(Page::from_overfull(rows, size, |row| row.entry.id))
        })
        .await
    }

    async fn chain(&self, after: Option<AuditId>, limit: u32) -> StoreResult<Vec<SealedEntry>> {
        self.read(move |connection| {
            let rows = audit_log::table
                .filter(audit_log::id.gt(after.map_or(0, AuditId::get)))
                .order(audit_log::id)
                .limit(limit.into())
                .select(AuditRow::as_select())
                .load(connection)?;
            Ok(into_domain(rows)?)
        })
        .await
    }

    async fn last_id(&self) -> StoreResult<Option<AuditId>> {
        self.read(|connection| Ok(last_given_id(connection)?.map(AuditId::from_stored)))
            .await
    }
}

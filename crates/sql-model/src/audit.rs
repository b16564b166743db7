//! The audit log.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use lionrocket_domain::{
    audit::{AuditEntry, Origin, SealedEntry},
    ids::{AuditId, UserId},
};
use lionrocket_ports::StoreResult;

use crate::{convert::corrupt, schema::audit_log, time::StoredTime};

/// A row of the log.
#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Sqlite), treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct AuditRow {
    pub id: i64,
    pub created_at: StoredTime,
    pub actor_user_id: Option<i64>,
    pub action: String,
    pub target_type: String,
    pub target_id: String,
    pub subject_user_id: Option<i64>,
    pub reason: Option<String>,
    pub request_id: Option<String>,
    pub client_address: Option<String>,
    pub details: Option<String>,
    pub key_id: String,
    pub previous_hash: Vec<u8>,
    pub hash: Vec<u8>,
}

impl From<SealedEntry> for AuditRow {
    fn from(sealed: SealedEntry) -> Self {
        let entry = sealed.entry;
        Self {
            id: entry.id.get(),
            created_at: entry.created_at.into(),
            actor_user_id: entry.actor.map(UserId::get),
            action: entry.action,
            target_type: entry.target_type,
            target_id: entry.target_id,
            subject_user_id: entry.subject.map(UserId::get),
            reason: entry.reason,
            request_id: entry.origin.request_id,
            client_address: entry.origin.client_address,
            details: entry.details,
            key_id: sealed.key_id,
            previous_hash: sealed.previous_hash.to_vec(),
            hash: sealed.hash.to_vec(),
        }
    }
}

impl AuditRow {
    /// The row with its place in the chain.
    pub fn into_domain(self) -> StoreResult<SealedEntry> {
        const TABLE: &str = "audit_log";
        let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| corrupt(TABLE, self.id));
        Ok(SealedEntry {
            previous_hash: hash(self.previous_hash)?,
            hash: hash(self.hash)?,
            key_id: self.key_id,
            entry: AuditEntry {
                id: AuditId::from_stored(self.id),
                created_at: self.created_at.into_domain(TABLE, self.id)?,
                actor: self.actor_user_id.map(UserId::from_stored),
                action: self.action,
                target_type: self.target_type,
                target_id: self.target_id,
                subject: self.subject_user_id.map(UserId::from_stored),
                reason: self.reason,
                origin: Origin {
                    request_id: self.request_id,
                    client_address: self.client_address,
                },
                details: self.details,
            },
        })
    }
}

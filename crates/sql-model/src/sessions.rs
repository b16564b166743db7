//! Logins.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use lionrocket_domain::ids::SessionId;
use lionrocket_ports::{
    StoreResult,
    sessions::{LiveSession, SessionRecord},
};

use crate::{accounts::UserRow, convert::corrupt, schema::sessions, time::StoredTime};

/// The table's name for errors. Keys of sessions are not told.
const TABLE: &str = "sessions";

/// A login to be recorded.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct NewSessionRow<'a> {
    pub id: &'a str,
    pub user_id: i64,
    pub created_at: StoredTime,
    pub expires_at: StoredTime,
    pub last_seen_at: StoredTime,
    pub refresh_hash: &'a [u8],
    pub user_agent: Option<String>,
    pub client_address: Option<String>,
}

/// The times of a session that a request needs.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct SessionTimesRow {
    pub expires_at: StoredTime,
    pub last_seen_at: StoredTime,
    pub reauthenticated_at: Option<StoredTime>,
}

impl SessionTimesRow {
    /// The session with its account.
    pub fn into_domain(self, user: UserRow) -> StoreResult<LiveSession> {
        let owner = user.id;
        let reauthenticated_at = self
            .reauthenticated_at
            .map(|moment| moment.into_domain(TABLE, owner));
        Ok(LiveSession {
            expires_at: self.expires_at.into_domain(TABLE, owner)?,
            last_seen_at: self.last_seen_at.into_domain(TABLE, owner)?,
            reauthenticated_at: reauthenticated_at.transpose()?,
            user: user.into_domain()?,
        })
    }
}

/// The refresh secrets of a session.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct RefreshRow {
    pub refresh_hash: Option<Vec<u8>>,
    pub previous_refresh_hash: Option<Vec<u8>>,
    pub refreshed_at: Option<StoredTime>,
}

/// A session in a list.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct SessionRow {
    pub id: String,
    pub user_id: i64,
    pub created_at: StoredTime,
    pub last_seen_at: StoredTime,
    pub expires_at: StoredTime,
    pub user_agent: Option<String>,
    pub client_address: Option<String>,
}

impl SessionRow {
    /// The session.
    pub fn into_domain(self) -> StoreResult<SessionRecord> {
        let owner = self.user_id;
        Ok(SessionRecord {
            id: session_id(&self.id, owner)?,
            created_at: self.created_at.into_domain(TABLE, owner)?,
            last_seen_at: self.last_seen_at.into_domain(TABLE, owner)?,
            expires_at: self.expires_at.into_domain(TABLE, owner)?,
            user_agent: self.user_agent,
            client_address: self.client_address,
        })
    }
}

/// A stored session id.
pub fn session_id(stored: &str, owner: i64) -> StoreResult<SessionId> {
    SessionId::parse(stored).ok_or_else(|| corrupt(TABLE, owner))
}

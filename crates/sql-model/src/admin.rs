//! Accounts as those see them who look after the service.

use diesel::{
    AsChangeset, Queryable,
    sql_types::{BigInt, Nullable, Text},
};
use lionrocket_domain::ids::{AuditId, ChatId};
use lionrocket_ports::{StoreResult, admin::AdminView};

use crate::{
    schema::users,
    time::{StoredTime, UtcTimestamp},
};

/// Changes to an account; `None` leaves a column as it is.
#[derive(AsChangeset, Clone, Debug, Default)]
#[diesel(table_name = users)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct AccountChangeRow {
    pub is_active: Option<bool>,
    pub is_admin: Option<bool>,
    pub daily_token_budget: Option<Option<i64>>,
    pub display_name: Option<Option<String>>,
    pub deleted_at: Option<Option<StoredTime>>,
    pub version: Option<i64>,
}

static_query! {
    /// Lists when administrators looked at a person's data, newest first. The names of the acts are
    /// those of [`AuditAction`](lionrocket_domain::audit::AuditAction).
    pub struct ListViews {
        /// Whose data it was.
        user_id: BigInt = i64,
        /// Rows with smaller ids only.
        before: BigInt = i64,
        /// The largest number of rows.
        limit: BigInt = i64,
    }
    rows (BigInt, UtcTimestamp, Nullable<Text>, Text, Nullable<Text>, Nullable<BigInt>, Nullable<Text>);
    "SELECT a.id, a.created_at, coalesce(u.display_name, u.username), a.action, a.reason, \
     CASE a.target_type WHEN 'chat' THEN CAST(a.target_id AS INTEGER) END, \
     coalesce(c.title, c.character_name) \
     FROM audit_log a LEFT JOIN users u ON u.id = a.actor_user_id \
     LEFT JOIN chats c ON a.target_type = 'chat' AND c.id = CAST(a.target_id AS INTEGER) \
     AND c.user_id = a.subject_user_id \
     WHERE a.subject_user_id = " user_id " AND a.id < " before
    " AND a.action IN ('chats.read', 'messages.read', 'usage.read') ORDER BY a.id DESC LIMIT " limit
}

/// A row of [`ListViews`].
#[derive(Clone, Debug, Queryable)]
pub struct AdminViewRow {
    /// The row of the audit log.
    pub id: i64,
    /// When it was.
    pub viewed_at: StoredTime,
    /// The name of the one who looked.
    pub administrator: Option<String>,
    /// What was done.
    pub action: String,
    /// Why.
    pub reason: Option<String>,
    /// The chat that was looked at.
    pub chat_id: Option<i64>,
    /// The chat's title or character.
    pub chat_title: Option<String>,
}

impl AdminViewRow {
    /// The view.
    pub fn into_domain(self) -> StoreResult<AdminView> {
        Ok(AdminView {
            id: AuditId::from_stored(self.id),
            viewed_at: self.viewed_at.into_domain("audit_log", self.id)?,
            administrator: self.administrator,
            action: self.action,
            reason: self.reason,
            chat_id: self.chat_id.map(ChatId::from_stored),
            chat_title: self.chat_title,
        })
    }
}

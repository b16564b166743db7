//! Walks from a message towards the beginning of its branch.
//!
//! A walk takes as many steps as it is told and no more, each by primary key: its effort does not
//! grow with the chat.

use diesel::sql_types::{BigInt, Bool, Integer, Nullable};

use crate::{messages::PastMessageSqlType, schema::messages};

const COLUMNS: &str = ") SELECT m.id, m.chat_id, m.role, m.content, m.token_count, m.created_at, m.parent_id, \
         m.depth, m.turn_id, m.status, m.model, m.stop_reason, m.input_tokens, m.output_tokens, \
         m.cache_read_tokens, m.cache_write_tokens";

/// Begins a walk; the chat, the message to begin at, [`STEP`] and the number of steps follow.
const WALK: &str = "WITH RECURSIVE branch (id, parent_id, step) AS (\
     SELECT id, parent_id, 1 FROM messages WHERE chat_id = ";

const STEP: &str = " UNION ALL SELECT m.id, m.parent_id, b.step + 1 FROM branch b \
     JOIN messages m ON m.id = b.parent_id WHERE b.step < ";

/// No order: a message knows how many come before it, and sorting whole rows is what a database does
/// slowest here.
const EACH: &str = " FROM branch b CROSS JOIN messages m ON m.id = b.id";

static_query! {
    /// The messages of all branches after one and up to another, greatest id first. Where the chat has
    /// one branch, as nearly always, this finds what [`BranchUpTo`] does, without the walk.
    pub struct MessagesUpTo {
        /// The chat.
        chat_id: BigInt = i64,
        /// The last message that is not wanted any more; 0 when all are.
        after_id: BigInt = i64,
        /// The message to begin at.
        last_id: BigInt = i64,
        /// The largest number of messages.
        limit: Integer = i32,
    }
    rows PastMessageSqlType;
    "SELECT id, parent_id, depth, role, content, status, stop_reason FROM messages WHERE chat_id = " chat_id " AND id > " after_id
    " AND id <= " last_id " ORDER BY id DESC LIMIT " limit
}

static_query! {
    /// The last messages of a branch up to and with `last_id`, in any order.
    pub struct BranchUpTo {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message to begin at.
        last_id: BigInt = i64,
        /// The largest number of messages, at least one.
        limit: Integer = i32,
    }
    rows PastMessageSqlType;
    (WALK) chat_id " AND id = " last_id (STEP) limit
    ") SELECT m.id, m.parent_id, m.depth, m.role, m.content, m.status, m.stop_reason" (EACH)
}

static_query! {
    /// The same, and for each message whether it has siblings, which most have not.
    pub struct PageUpTo {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message to begin at.
        last_id: BigInt = i64,
        /// The largest number of messages, at least one.
        limit: Integer = i32,
    }
    rows (messages::SqlType, Bool);
    (WALK) chat_id " AND id = " last_id (STEP) limit (COLUMNS)
    ", EXISTS (SELECT 1 FROM messages s WHERE s.chat_id = m.chat_id \
     AND s.parent_id IS m.parent_id AND s.id <> m.id)" (EACH)
}

static_query! {
    /// The ids of the siblings of the same messages, those messages among them, each with the id
    /// of its parent; smaller ids first.
    pub struct SiblingsUpTo {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message to begin at.
        last_id: BigInt = i64,
        /// The largest number of messages, at least one.
        limit: Integer = i32,
    }
    rows (Nullable<BigInt>, BigInt);
    (WALK) chat_id " AND id = " last_id (STEP) limit
    ") SELECT s.parent_id, s.id FROM branch b CROSS JOIN messages s \
     ON s.chat_id = " chat_id " AND s.parent_id IS b.parent_id ORDER BY s.id"
}

static_query! {
    /// The end of the branch that begins with a message and takes the newest answer at each fork. The
    /// one walk that grows with the chat: it goes to the end however far that is.
    pub struct NewestEnd {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message to begin at.
        first_id: BigInt = i64,
    }
    rows (BigInt,);
    "WITH RECURSIVE down (id, step) AS (SELECT id, 1 FROM messages WHERE chat_id = " chat_id
    " AND id = " first_id " UNION ALL SELECT (SELECT max(s.id) FROM messages s WHERE s.chat_id = "
    chat_id " AND s.parent_id = d.id), d.step + 1 FROM down d WHERE d.id IS NOT NULL) \
     SELECT id FROM down WHERE id IS NOT NULL ORDER BY step DESC LIMIT 1"
}

//! Forgetting in bounded pieces.

use diesel::sql_types::{BigInt, Text};

use crate::time::{StoredTime, UtcTimestamp};

static_query! {
    /// Deletes the newest messages of a chat, so that no message is left without its parent.
    pub struct EraseMessages {
        /// The chat.
        chat_id: BigInt = i64,
        /// The largest number of messages.
        limit: BigInt = i64,
    }
    rows ();
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE chat_id = " chat_id
    " ORDER BY id DESC LIMIT " limit ")"
}

static_query! {
    /// Deletes summaries of a chat.
    pub struct EraseSummaries {
        /// The chat.
        chat_id: BigInt = i64,
        /// The largest number of summaries.
        limit: BigInt = i64,
    }
    rows ();
    "DELETE FROM chat_summaries WHERE chat_id = " chat_id " AND covers_up_to IN \
     (SELECT covers_up_to FROM chat_summaries WHERE chat_id = " chat_id " LIMIT " limit ")"
}

static_query! {
    /// Deletes turns of a chat.
    pub struct EraseTurns {
        /// The chat.
        chat_id: BigInt = i64,
        /// The largest number of turns.
        limit: BigInt = i64,
    }
    rows ();
    "DELETE FROM turns WHERE id IN (SELECT id FROM turns WHERE chat_id = " chat_id
    " LIMIT " limit ")"
}

static_query! {
    /// Deletes characters that nobody but their maker could use, and those that the maker deleted.
    pub struct EraseCharacters {
        /// The maker.
        user_id: BigInt = i64,
        /// The largest number of characters.
        limit: BigInt = i64,
    }
    rows ();
    "DELETE FROM characters WHERE id IN (SELECT id FROM characters WHERE created_by = " user_id
    " AND (visibility = 'private' OR deleted_at IS NOT NULL) LIMIT " limit ")"
}

static_query! {
    /// Finds the ids of a stretch of sessions.
    pub struct FindSessionsAfter<'a> {
        /// The session before the first.
        after: Text = &'a str,
        /// The largest number of sessions.
        limit: BigInt = i64,
    }
    rows (Text,);
    "SELECT id FROM sessions WHERE id > " after " ORDER BY id LIMIT " limit
}

static_query! {
    /// Deletes the sessions of a stretch that ended or ran out long ago.
    pub struct ForgetSessions<'a> {
        /// The session before the first.
        after: Text = &'a str,
        /// The last session.
        last: Text = &'a str,
        /// How long ago at least.
        until: UtcTimestamp = StoredTime,
    }
    rows ();
    "DELETE FROM sessions WHERE id > " after " AND id <= " last " AND (ended_at <= " until
    " OR expires_at <= " until ")"
}

static_query! {
    /// Takes from the sessions of a stretch from where they were used, when that was long ago.
    pub struct ForgetClients<'a> {
        /// The session before the first.
        after: Text = &'a str,
        /// The last session.
        last: Text = &'a str,
        /// How long ago at least.
        until: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE sessions SET client_address = NULL, user_agent = NULL WHERE id > " after " AND id <= "
    last " AND last_seen_at <= " until
    " AND (client_address IS NOT NULL OR user_agent IS NOT NULL)"
}

static_query! {
    /// Finds a stretch of turns and when they were accepted.
    pub struct FindTurnsAfter<'a> {
        /// The turn before the first.
        after: Text = &'a str,
        /// The largest number of turns.
        limit: BigInt = i64,
    }
    rows (Text, UtcTimestamp);
    "SELECT id, accepted_at FROM turns WHERE id > " after " ORDER BY id LIMIT " limit
}

static_query! {
    /// Takes their keys from a stretch of turns.
    pub struct ForgetKeys<'a> {
        /// The turn before the first.
        after: Text = &'a str,
        /// The last turn.
        last: Text = &'a str,
    }
    rows ();
    "UPDATE turns SET idempotency_key = NULL, request_hash = NULL WHERE id > " after " AND id <= "
    last " AND idempotency_key IS NOT NULL"
}

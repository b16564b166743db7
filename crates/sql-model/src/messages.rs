//! Messages.

use diesel::{
    Queryable, Selectable,
    sql_types::{BigInt, Nullable, Text},
    sqlite::Sqlite,
};
use lionrocket_domain::{
    chat::{Message, MessageStatus, PastMessage, Role},
    ids::{ChatId, MessageId, TurnId},
    usage::TokenUsage,
};
use lionrocket_ports::StoreResult;

use crate::{
    convert::{corrupt, count},
    schema::messages,
    time::{StoredTime, UtcTimestamp},
};

/// All columns of `messages` in the order of [`MessageRow`].
pub(crate) const COLUMNS: &str = "id, chat_id, role, content, token_count, created_at, parent_id, \
     depth, turn_id, status, model, stop_reason, input_tokens, output_tokens, cache_read_tokens, \
     cache_write_tokens";

/// A message: all columns in the table's order.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct MessageRow {
    pub id: i64,
    pub chat_id: i64,
    pub role: String,
    pub content: String,
    pub token_count: i64,
    pub created_at: StoredTime,
    pub parent_id: Option<i64>,
    pub depth: i64,
    pub turn_id: Option<String>,
    pub status: String,
    pub model: Option<String>,
    pub stop_reason: Option<String>,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
}

impl MessageRow {
    /// The message. All cache writes are counted as `cache_write_5m`.
    pub fn into_domain(self) -> StoreResult<Message> {
        const TABLE: &str = "messages";
        let id = self.id;
        let bad = || corrupt(TABLE, id);
        let turn_id = match self.turn_id {
            Some(text) => Some(TurnId::parse(&text).ok_or_else(bad)?),
            None => None,
        };
        Ok(Message {
            id: MessageId::from_stored(id),
            chat_id: ChatId::from_stored(self.chat_id),
            parent_id: self.parent_id.map(MessageId::from_stored),
            depth: self.depth,
            role: Role::parse(&self.role).ok_or_else(bad)?,
            content: self.content,
            status: MessageStatus::parse(&self.status).ok_or_else(bad)?,
            turn_id,
            model: self.model,
            stop_reason: self.stop_reason.map(Into::into),
            token_count: count(TABLE, id, self.token_count)?,
            tokens: TokenUsage {
                input: count(TABLE, id, self.input_tokens)?,
                output: count(TABLE, id, self.output_tokens)?,
                cache_read: count(TABLE, id, self.cache_read_tokens)?,
                cache_write_5m: count(TABLE, id, self.cache_write_tokens)?,
                cache_write_1h: 0,
            },
            created_at: self.created_at.into_domain(TABLE, id)?,
        })
    }
}

/// A message of a branch as far as it matters to what a model is sent of it.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct PastMessageRow {
    pub id: i64,
    pub parent_id: Option<i64>,
    pub depth: i64,
    pub role: String,
    pub content: String,
    pub status: String,
    pub stop_reason: Option<String>,
}

/// The SQL types of a [`PastMessageRow`].
pub(crate) type PastMessageSqlType = (
    BigInt,
    Nullable<BigInt>,
    BigInt,
    Text,
    Text,
    Text,
    Nullable<Text>,
);

impl PastMessageRow {
    /// The message.
    pub fn into_domain(self) -> StoreResult<PastMessage> {
        let bad = || corrupt("messages", self.id);
        Ok(PastMessage {
            id: MessageId::from_stored(self.id),
            parent_id: self.parent_id.map(MessageId::from_stored),
            depth: self.depth,
            role: Role::parse(&self.role).ok_or_else(bad)?,
            status: MessageStatus::parse(&self.status).ok_or_else(bad)?,
            stop_reason: self.stop_reason.map(Into::into),
            content: self.content,
        })
    }
}

static_query! {
    /// Finds a message of a chat.
    pub struct FindMessage {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message.
        id: BigInt = i64,
    }
    rows messages::SqlType;
    "SELECT " (COLUMNS) " FROM messages WHERE chat_id = " chat_id " AND id = " id
}

static_query! {
    /// Lists the messages of all branches of an owner's chat after one of them, smallest id first.
    pub struct ListMessagesById {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
        /// The last message before the page; 0 for the first page.
        after_id: BigInt = i64,
        /// The largest number of messages.
        limit: BigInt = i64,
    }
    rows messages::SqlType;
    "SELECT " (COLUMNS) " FROM messages WHERE chat_id = " chat_id " AND id > " after_id
    " AND EXISTS (SELECT 1 FROM chats c WHERE c.id = " chat_id " AND c.user_id = " user_id
    ") ORDER BY id LIMIT " limit
}

static_query! {
    /// Writes a message down under a new id.
    pub struct InsertMessage<'a> {
        /// The chat.
        chat_id: BigInt = i64,
        /// Who speaks.
        role: Text = &'a str,
        /// The words.
        content: Text = &'a str,
        /// Now.
        created_at: UtcTimestamp = StoredTime,
        /// The message before it.
        parent_id: Nullable<BigInt> = Option<i64>,
        /// How many messages come before it.
        depth: BigInt = i64,
        /// The exchange it belongs to.
        turn_id: Nullable<Text> = Option<&'a str>,
        /// How far it came.
        status: Text = &'a str,
    }
    rows ();
    "INSERT INTO messages (chat_id, role, content, created_at, parent_id, depth, turn_id, status) VALUES ("
    chat_id ", " role ", " content ", " created_at ", " parent_id ", " depth ", " turn_id ", " status
    ")"
}

static_query! {
    /// Saves what there is of a reply.
    pub struct SaveReply<'a> {
        /// The reply.
        id: BigInt = i64,
        /// The whole text so far.
        content: Text = &'a str,
        /// The model; `None` leaves the one that is there.
        model: Nullable<Text> = Option<&'a str>,
        /// Uncached input.
        input_tokens: BigInt = i64,
        /// Output.
        output_tokens: BigInt = i64,
        /// Input read from the cache.
        cache_read_tokens: BigInt = i64,
        /// Input written to the cache.
        cache_write_tokens: BigInt = i64,
    }
    rows ();
    "UPDATE messages SET content = " content ", model = coalesce(" model ", model), input_tokens = "
    input_tokens ", output_tokens = " output_tokens ", cache_read_tokens = " cache_read_tokens
    ", cache_write_tokens = " cache_write_tokens " WHERE id = " id
}

static_query! {
    /// Saves a reply that is over, with what it cost.
    pub struct EndReply<'a> {
        /// The reply.
        id: BigInt = i64,
        /// The whole text.
        content: Text = &'a str,
        /// How far it came.
        status: Text = &'a str,
        /// The model; `None` leaves the one that is there.
        model: Nullable<Text> = Option<&'a str>,
        /// Why the model stopped.
        stop_reason: Nullable<Text> = Option<&'a str>,
        /// Uncached input.
        input_tokens: BigInt = i64,
        /// Output, which is also the reply's own count.
        output_tokens: BigInt = i64,
        /// Input read from the cache.
        cache_read_tokens: BigInt = i64,
        /// Input written to the cache.
        cache_write_tokens: BigInt = i64,
    }
    rows ();
    "UPDATE messages SET content = " content ", status = " status ", model = coalesce(" model
    ", model), stop_reason = " stop_reason ", input_tokens = " input_tokens ", output_tokens = "
    output_tokens ", token_count = " output_tokens ", cache_read_tokens = " cache_read_tokens
    ", cache_write_tokens = " cache_write_tokens " WHERE id = " id
}

static_query! {
    /// Saves the text from which a reply goes on with another request, and forgets what the one before
    /// told.
    pub struct RestartReply<'a> {
        /// The reply.
        id: BigInt = i64,
        /// The whole text so far.
        content: Text = &'a str,
    }
    rows ();
    "UPDATE messages SET content = " content ", model = NULL, input_tokens = 0, output_tokens = 0, \
     cache_read_tokens = 0, cache_write_tokens = 0 WHERE id = " id
}

static_query! {
    /// Notes what a person's message cost by itself.
    pub struct CountUserMessage {
        /// The message.
        id: BigInt = i64,
        /// The turn's uncached input.
        token_count: BigInt = i64,
    }
    rows ();
    "UPDATE messages SET token_count = " token_count " WHERE id = " id
}

//! Turns.

use diesel::{
    Queryable, Selectable,
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
    sqlite::Sqlite,
};
use jiff::Timestamp;
use lionrocket_domain::{
    calendar::Day,
    ids::{CharacterId, ChatId, MessageId, TurnId, UserId},
    turn::{Turn, TurnFailure, TurnState},
    usage::{ChargeAccount, TokenUsage},
};
use lionrocket_ports::{StoreResult, turns::OrphanedTurn};

use crate::{
    convert::{corrupt, count},
    schema::turns,
    time::{StoredTime, UtcTimestamp},
};

const TABLE: &str = "turns";

const COLUMNS: &str = "id, user_id, chat_id, user_message_id, assistant_message_id, state, \
     error_code, attempts, accepted_at, first_text_at, ended_at, resumed_from";

type TurnSqlType = (
    Text,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    Text,
    Nullable<Text>,
    BigInt,
    UtcTimestamp,
    Nullable<UtcTimestamp>,
    Nullable<UtcTimestamp>,
    BigInt,
);

/// A turn as its owner sees it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = turns, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct TurnRow {
    pub id: String,
    pub user_id: i64,
    pub chat_id: i64,
    pub user_message_id: i64,
    pub assistant_message_id: i64,
    pub state: String,
    pub error_code: Option<String>,
    pub attempts: i64,
    pub accepted_at: StoredTime,
    pub first_text_at: Option<StoredTime>,
    pub ended_at: Option<StoredTime>,
    pub resumed_from: i64,
}

fn optional_time(time: Option<StoredTime>, key: &str) -> StoreResult<Option<Timestamp>> {
    time.map(|time| time.into_domain(TABLE, key)).transpose()
}

impl TurnRow {
    /// The turn.
    pub fn into_domain(self) -> StoreResult<Turn> {
        let bad = || corrupt(TABLE, &self.id);
        let failure = match &self.error_code {
            Some(code) => Some(TurnFailure::parse(code).ok_or_else(bad)?),
            None => None,
        };
        Ok(Turn {
            id: TurnId::parse(&self.id).ok_or_else(bad)?,
            user_id: UserId::from_stored(self.user_id),
            chat_id: ChatId::from_stored(self.chat_id),
            user_message_id: MessageId::from_stored(self.user_message_id),
            assistant_message_id: MessageId::from_stored(self.assistant_message_id),
            state: TurnState::parse(&self.state).ok_or_else(bad)?,
            failure,
            attempts: u32::try_from(self.attempts).map_err(|_| bad())?,
            resumed_from: usize::try_from(self.resumed_from).map_err(|_| bad())?,
            accepted_at: self.accepted_at.into_domain(TABLE, &self.id)?,
            first_text_at: optional_time(self.first_text_at, &self.id)?,
            ended_at: optional_time(self.ended_at, &self.id)?,
        })
    }
}

static_query! {
    /// Finds a turn by its id alone: for the process that works on it.
    pub struct FindTurn<'a> {
        /// The turn.
        id: Text = &'a str,
    }
    rows TurnSqlType;
    "SELECT " (COLUMNS) " FROM turns WHERE id = " id
}

static_query! {
    /// Finds a turn in an owner's chat.
    pub struct FindTurnOf<'a> {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
        /// The turn.
        id: Text = &'a str,
    }
    rows TurnSqlType;
    "SELECT " (COLUMNS) " FROM turns WHERE id = " id " AND chat_id = " chat_id
    " AND user_id = " user_id
}

/// A turn with the hash of the request that began it.
#[derive(Clone, Debug, Queryable)]
pub struct KeyedTurnRow {
    /// The hash.
    pub request_hash: Option<Vec<u8>>,
    /// The turn.
    pub id: String,
}

static_query! {
    /// Finds the turn of a client's key.
    pub struct FindTurnByKey<'a> {
        /// The chat.
        chat_id: BigInt = i64,
        /// The key.
        idempotency_key: Text = &'a str,
    }
    rows (Nullable<Binary>, Text);
    "SELECT request_hash, id FROM turns WHERE chat_id = " chat_id
    " AND idempotency_key = " idempotency_key
}

static_query! {
    /// Writes a turn down, `queued`.
    pub struct InsertTurn<'a> {
        /// The turn.
        id: Text = &'a str,
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
        /// The character.
        character_id: Nullable<BigInt> = Option<i64>,
        /// The person's message.
        user_message_id: BigInt = i64,
        /// The reply.
        assistant_message_id: BigInt = i64,
        /// The process that works on it.
        node_id: Text = &'a str,
        /// Until when that process is taken to be alive.
        lease_until: UtcTimestamp = StoredTime,
        /// The client's key.
        idempotency_key: Nullable<Text> = Option<&'a str>,
        /// SHA-256 of what was asked with that key.
        request_hash: Nullable<Binary> = Option<&'a [u8]>,
        /// The day to which it is counted.
        usage_date: Text = &'a str,
        /// Now.
        accepted_at: UtcTimestamp = StoredTime,
        /// How many bytes the reply begins with.
        resumed_from: BigInt = i64,
    }
    rows ();
    "INSERT INTO turns (id, user_id, chat_id, character_id, user_message_id, assistant_message_id, \
     state, node_id, lease_until, idempotency_key, request_hash, usage_date, accepted_at, \
     resumed_from) VALUES ("
    id ", " user_id ", " chat_id ", " character_id ", " user_message_id ", " assistant_message_id
    ", 'queued', " node_id ", " lease_until ", " idempotency_key ", " request_hash ", " usage_date
    ", " accepted_at ", " resumed_from ")"
}

static_query! {
    /// Renews a running turn's lease and makes it `streaming`; answers the id of its reply, or
    /// nothing when it is over or gone.
    pub struct RenewTurn<'a> {
        /// The turn.
        id: Text = &'a str,
        /// Until when the working process is taken to be alive.
        lease_until: UtcTimestamp = StoredTime,
        /// When the first word came, unless that is known already.
        first_text_at: Nullable<UtcTimestamp> = Option<StoredTime>,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens: BigInt = i64,
        /// Upstream's name for the request that runs.
        upstream_request_id: Nullable<Text> = Option<&'a str>,
    }
    rows (BigInt, Bool);
    "UPDATE turns SET state = 'streaming', lease_until = " lease_until
    ", first_text_at = coalesce(first_text_at, " first_text_at "), cache_write_1h_tokens = "
    cache_write_1h_tokens ", upstream_request_id = " upstream_request_id " WHERE id = " id
    " AND ended_at IS NULL RETURNING assistant_message_id, stop_requested_at IS NOT NULL"
}

static_query! {
    /// Notes that a running turn's owner asks for its end, unless that is noted already.
    pub struct RequestStop<'a> {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
        /// The turn.
        id: Text = &'a str,
        /// Now.
        now: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE turns SET stop_requested_at = " now " WHERE id = " id " AND chat_id = " chat_id
    " AND user_id = " user_id " AND ended_at IS NULL AND stop_requested_at IS NULL"
}

static_query! {
    /// Notes from where a running turn goes on; answers the id of its reply, or nothing when it is
    /// over or gone.
    pub struct NoteResumption<'a> {
        /// The turn.
        id: Text = &'a str,
        /// How many bytes of the reply there are.
        resumed_from: BigInt = i64,
        /// Until when the working process is taken to be alive.
        lease_until: UtcTimestamp = StoredTime,
        /// When the first word came, unless that is known already.
        first_text_at: Nullable<UtcTimestamp> = Option<StoredTime>,
    }
    rows (BigInt,);
    "UPDATE turns SET resumed_from = " resumed_from ", lease_until = " lease_until
    ", first_text_at = coalesce(first_text_at, " first_text_at
    "), cache_write_1h_tokens = 0, upstream_request_id = NULL WHERE id = " id
    " AND ended_at IS NULL RETURNING assistant_message_id"
}

static_query! {
    /// Ends a running turn; changes nothing when it is over or gone. One whose owner has asked for its
    /// end is stopped, however it came to it.
    pub struct EndTurn<'a> {
        /// The turn.
        id: Text = &'a str,
        /// How it ends.
        state: Text = &'a str,
        /// Why it did not end well.
        error_code: Nullable<Text> = Option<&'a str>,
        /// When the first word came, unless that is known already.
        first_text_at: Nullable<UtcTimestamp> = Option<StoredTime>,
        /// How many bytes of the reply were left by processes before, when that is more than is known.
        resumed_from: Nullable<BigInt> = Option<i64>,
        /// Now.
        ended_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE turns SET state = CASE WHEN stop_requested_at IS NULL THEN " state
    " ELSE 'stopped' END, error_code = CASE WHEN stop_requested_at IS NULL THEN " error_code
    " END, first_text_at = coalesce(first_text_at, " first_text_at "), resumed_from = coalesce("
    resumed_from ", resumed_from), ended_at = " ended_at
    " WHERE id = " id " AND ended_at IS NULL"
}

/// A running turn whose lease is over, with what was saved of its reply.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct OrphanRow {
    pub id: String,
    pub user_id: i64,
    pub chat_id: i64,
    pub character_id: Option<i64>,
    pub usage_date: String,
    pub accepted_at: StoredTime,
    pub first_text_at: Option<StoredTime>,
    pub content: String,
    pub model: Option<String>,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub cache_write_1h_tokens: i64,
    pub upstream_request_id: Option<String>,
    pub assistant_message_id: i64,
    pub attempts: i64,
    pub stop_requested: bool,
    pub resumed_from: i64,
}

impl OrphanRow {
    /// The orphaned turn.
    pub fn into_domain(self) -> StoreResult<OrphanedTurn> {
        let key = &self.id;
        let bad = || corrupt(TABLE, key);
        let cache_write = count(TABLE, key, self.cache_write_tokens)?;
        let cache_write_1h = count(TABLE, key, self.cache_write_1h_tokens)?;
        Ok(OrphanedTurn {
            account: ChargeAccount {
                turn_id: TurnId::parse(key).ok_or_else(bad)?,
                user_id: UserId::from_stored(self.user_id),
                chat_id: ChatId::from_stored(self.chat_id),
                character_id: self.character_id.map(CharacterId::from_stored),
                usage_date: Day::parse(&self.usage_date).ok_or_else(bad)?,
                accepted_at: self.accepted_at.into_domain(TABLE, key)?,
            },
            tokens: TokenUsage {
                input: count(TABLE, key, self.input_tokens)?,
                output: count(TABLE, key, self.output_tokens)?,
                cache_read: count(TABLE, key, self.cache_read_tokens)?,
                cache_write_5m: cache_write.checked_sub(cache_write_1h).ok_or_else(bad)?,
                cache_write_1h,
            },
            first_text_at: optional_time(self.first_text_at, key)?,
            assistant_message_id: MessageId::from_stored(self.assistant_message_id),
            attempts: u32::try_from(self.attempts).map_err(|_| bad())?,
            stop_requested: self.stop_requested,
            resumed_from: usize::try_from(self.resumed_from).map_err(|_| bad())?,
            upstream_request_id: self.upstream_request_id,
            text: self.content,
            model: self.model,
        })
    }
}

static_query! {
    /// Finds running turns whose lease is over, oldest first.
    pub struct FindOrphans<'a> {
        /// When the lease ended at the latest; `None` for all turns that another process has.
        lease_before: Nullable<UtcTimestamp> = Option<StoredTime>,
        /// This process.
        node_id: Text = &'a str,
        /// The turns that it works on, as a JSON array of their ids.
        at_work: Text = &'a str,
        /// The largest number of turns.
        limit: BigInt = i64,
    }
    rows (
        Text, BigInt, BigInt, Nullable<BigInt>, Text, UtcTimestamp, Nullable<UtcTimestamp>, Text,
        Nullable<Text>, BigInt, BigInt, BigInt, BigInt, BigInt, Nullable<Text>, BigInt, BigInt, Bool,
        BigInt,
    );
    "SELECT t.id, t.user_id, t.chat_id, t.character_id, t.usage_date, t.accepted_at, \
     t.first_text_at, m.content, m.model, m.input_tokens, m.output_tokens, m.cache_read_tokens, \
     m.cache_write_tokens, t.cache_write_1h_tokens, t.upstream_request_id, \
     t.assistant_message_id, t.attempts, t.stop_requested_at IS NOT NULL, t.resumed_from \
     FROM turns t JOIN messages m ON m.id = t.assistant_message_id \
     WHERE t.ended_at IS NULL AND (t.lease_until < " lease_before " OR (" lease_before
    " IS NULL AND t.node_id <> " node_id "))"
    " AND t.id NOT IN (SELECT value FROM json_each(" at_work ")) ORDER BY t.accepted_at, t.id LIMIT " limit
}

static_query! {
    /// Gives a running turn to another process. Where its last request began stays known until it goes
    /// on or ends: this process may die before.
    pub struct TakeTurn<'a> {
        /// The turn.
        id: Text = &'a str,
        /// The process.
        node_id: Text = &'a str,
        /// Until when that process is taken to be alive.
        lease_until: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE turns SET node_id = " node_id ", lease_until = " lease_until
    ", attempts = attempts + 1 WHERE id = " id " AND ended_at IS NULL"
}

//! The ledger and the daily totals.

use diesel::{
    Queryable, Selectable,
    sql_types::{BigInt, Bool, Nullable, Text},
    sqlite::Sqlite,
};
use lionrocket_domain::{
    calendar::Day,
    usage::{Attempt, Charge, TokenUsage, UsageDay},
};
use lionrocket_ports::StoreResult;

use crate::{
    convert::{corrupt, count},
    schema::{usage_events, usage_stats},
    time::{StoredTime, UtcTimestamp},
};

/// A row of the ledger, without whose it is.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = usage_events, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct ChargeRow {
    pub turn_id: String,
    pub model: String,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_5m_tokens: i64,
    pub cache_write_1h_tokens: i64,
    pub cost_micro_usd: i64,
    pub price_version: String,
    pub estimated: bool,
}

impl ChargeRow {
    /// The charge.
    pub fn into_domain(self) -> StoreResult<Charge> {
        let number = |stored| count("usage_events", &self.turn_id, stored);
        Ok(Charge {
            tokens: TokenUsage {
                input: number(self.input_tokens)?,
                output: number(self.output_tokens)?,
                cache_read: number(self.cache_read_tokens)?,
                cache_write_5m: number(self.cache_write_5m_tokens)?,
                cache_write_1h: number(self.cache_write_1h_tokens)?,
            },
            cost_micro_usd: number(self.cost_micro_usd)?,
            model: self.model,
            price_version: self.price_version,
            estimated: self.estimated,
        })
    }
}

/// A request that upstream took.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct AttemptRow {
    pub turn_id: String,
    pub model: String,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_5m_tokens: i64,
    pub cache_write_1h_tokens: i64,
    pub cost_micro_usd: i64,
    pub price_version: String,
    pub estimated: bool,
    pub upstream_request_id: Option<String>,
}

impl AttemptRow {
    /// The attempt.
    pub fn into_domain(self) -> StoreResult<Attempt> {
        let charge = ChargeRow {
            turn_id: self.turn_id,
            model: self.model,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cache_read_tokens: self.cache_read_tokens,
            cache_write_5m_tokens: self.cache_write_5m_tokens,
            cache_write_1h_tokens: self.cache_write_1h_tokens,
            cost_micro_usd: self.cost_micro_usd,
            price_version: self.price_version,
            estimated: self.estimated,
        };
        Ok(Attempt {
            charge: charge.into_domain()?,
            upstream_request_id: self.upstream_request_id,
        })
    }
}

static_query! {
    /// Finds all attempts at a turn, oldest first.
    pub struct FindAttempts<'a> {
        /// The exchange.
        turn_id: Text = &'a str,
    }
    rows (Text, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Text, Bool, Nullable<Text>);
    "SELECT turn_id, model, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, cost_micro_usd, price_version, estimated, upstream_request_id \
     FROM usage_attempts WHERE turn_id = " turn_id " ORDER BY attempt"
}

static_query! {
    /// Writes an attempt at a turn down.
    pub struct InsertAttempt<'a> {
        /// The exchange.
        turn_id: Text = &'a str,
        /// Its number, from 1.
        attempt: BigInt = i64,
        /// Upstream's name for it.
        upstream_request_id: Nullable<Text> = Option<&'a str>,
        /// The model that answered.
        model: Text = &'a str,
        /// Uncached input.
        input_tokens: BigInt = i64,
        /// Output.
        output_tokens: BigInt = i64,
        /// Input read from the cache.
        cache_read_tokens: BigInt = i64,
        /// Input written to the cache for five minutes.
        cache_write_5m_tokens: BigInt = i64,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens: BigInt = i64,
        /// The cost in micro-dollars.
        cost_micro_usd: BigInt = i64,
        /// The price table that gave the cost.
        price_version: Text = &'a str,
        /// Whether the tokens are an estimate.
        estimated: Bool = bool,
        /// Now.
        created_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "INSERT INTO usage_attempts (turn_id, attempt, upstream_request_id, model, input_tokens, \
     output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
     cost_micro_usd, price_version, estimated, created_at) VALUES (" turn_id ", " attempt ", "
    upstream_request_id ", " model ", " input_tokens ", " output_tokens ", " cache_read_tokens ", "
    cache_write_5m_tokens ", " cache_write_1h_tokens ", " cost_micro_usd ", " price_version ", "
    estimated ", " created_at ")"
}

static_query! {
    /// Writes a row of the ledger, unless the turn has one.
    pub struct InsertCharge<'a> {
        /// The exchange.
        turn_id: Text = &'a str,
        /// Who pays; `None` when the account is gone.
        user_id: Nullable<BigInt> = Option<i64>,
        /// The chat.
        chat_id: BigInt = i64,
        /// The character.
        character_id: Nullable<BigInt> = Option<i64>,
        /// The day to which it is counted.
        usage_date: Text = &'a str,
        /// The model that answered.
        model: Text = &'a str,
        /// Uncached input.
        input_tokens: BigInt = i64,
        /// Output.
        output_tokens: BigInt = i64,
        /// Input read from the cache.
        cache_read_tokens: BigInt = i64,
        /// Input written to the cache for five minutes.
        cache_write_5m_tokens: BigInt = i64,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens: BigInt = i64,
        /// The cost in micro-dollars.
        cost_micro_usd: BigInt = i64,
        /// The price table that gave the cost.
        price_version: Text = &'a str,
        /// Whether the tokens are an estimate.
        estimated: Bool = bool,
        /// Now.
        created_at: UtcTimestamp = StoredTime,
        /// What it is for.
        kind: Text = &'a str,
    }
    rows ();
    "INSERT INTO usage_events (turn_id, user_id, chat_id, character_id, usage_date, model, \
     input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
     cost_micro_usd, price_version, estimated, created_at, kind) VALUES ("
    turn_id ", " user_id ", " chat_id ", " character_id ", " usage_date ", " model ", " input_tokens
    ", " output_tokens ", " cache_read_tokens ", " cache_write_5m_tokens ", " cache_write_1h_tokens
    ", " cost_micro_usd ", " price_version ", " estimated ", " created_at ", " kind
    ") ON CONFLICT (turn_id) DO NOTHING"
}

/// The columns for tokens by kind and their cost that every table of days has.
pub(crate) const TOKEN_COLUMNS: &str =
    "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd";
/// What adds a new row's [`TOKEN_COLUMNS`] to those that the table, called `day`, has already.
pub(crate) const ADD_TOKENS: &str = "input_tokens = day.input_tokens + excluded.input_tokens, \
     output_tokens = day.output_tokens + excluded.output_tokens, \
     cache_read_tokens = day.cache_read_tokens + excluded.cache_read_tokens, \
     cache_write_tokens = day.cache_write_tokens + excluded.cache_write_tokens, \
     cost_micro_usd = day.cost_micro_usd + excluded.cost_micro_usd";

static_query! {
    /// Adds an exchange or a summary to a user's day and answers how many exchanges the day has now.
    pub struct AddToDay<'a> {
        /// Whose day it is; `None` when the account is gone.
        user_id: Nullable<BigInt> = Option<i64>,
        /// The day.
        usage_date: Text = &'a str,
        /// 1 for an exchange.
        exchanges: BigInt = i64,
        /// Tokens of all kinds.
        total_tokens: BigInt = i64,
        /// Uncached input.
        input_tokens: BigInt = i64,
        /// Output.
        output_tokens: BigInt = i64,
        /// Input read from the cache.
        cache_read_tokens: BigInt = i64,
        /// Input written to the cache.
        cache_write_tokens: BigInt = i64,
        /// The cost in micro-dollars.
        cost_micro_usd: BigInt = i64,
    }
    rows (BigInt,);
    "INSERT INTO usage_stats AS day (user_id, usage_date, chat_count, total_tokens, " (TOKEN_COLUMNS)
    ") VALUES (" user_id ", " usage_date ", " exchanges ", " total_tokens ", " input_tokens ", " output_tokens ", "
    cache_read_tokens ", " cache_write_tokens ", " cost_micro_usd
    ") ON CONFLICT (user_id, usage_date) DO UPDATE SET chat_count = day.chat_count + excluded.chat_count, \
     total_tokens = day.total_tokens + excluded.total_tokens, " (ADD_TOKENS) " RETURNING chat_count"
}

/// A user's day.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = usage_stats, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct UsageDayRow {
    pub id: i64,
    pub usage_date: String,
    pub chat_count: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub cost_micro_usd: i64,
}

impl UsageDayRow {
    /// The day. All cache writes are counted as `cache_write_5m`.
    pub fn into_domain(self) -> StoreResult<UsageDay> {
        const TABLE: &str = "usage_stats";
        let number = |stored| count(TABLE, self.id, stored);
        Ok(UsageDay {
            usage_date: Day::parse(&self.usage_date).ok_or_else(|| corrupt(TABLE, self.id))?,
            chat_count: number(self.chat_count)?,
            tokens: TokenUsage {
                input: number(self.input_tokens)?,
                output: number(self.output_tokens)?,
                cache_read: number(self.cache_read_tokens)?,
                cache_write_5m: number(self.cache_write_tokens)?,
                cache_write_1h: 0,
            },
            cost_micro_usd: number(self.cost_micro_usd)?,
        })
    }
}

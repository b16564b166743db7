//! Statistics by day, written together with what they count.

use diesel::{
    Queryable,
    sql_types::{BigInt, Nullable, Text},
};
use lionrocket_domain::{
    calendar::Day,
    ids::{CharacterId, UserId},
    statistics::{
        AccountDay, Activity, CharacterRank, FailureCount, LatencyBucket, LatencyHistogram,
        ModelDay, TurnOutcomes, UserRank,
    },
    text::{CharacterName, Username},
    usage::TokenUsage,
};
use lionrocket_ports::StoreResult;

use crate::{
    convert::{corrupt, count},
    usage::{ADD_TOKENS, TOKEN_COLUMNS},
};

fn day(table: &'static str, stored: &str) -> StoreResult<Day> {
    Day::parse(stored).ok_or_else(|| corrupt(table, stored))
}

static_query! {
    /// Adds a turn or a summary that has ended to the day of its model.
    pub struct AddToModelDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The model; empty when none answered.
        model: Text = &'a str,
        /// 1 when a turn was charged.
        exchanges: BigInt = i64,
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
        /// 1 when the turn ended well.
        completed: BigInt = i64,
        /// 1 when the turn was stopped.
        stopped: BigInt = i64,
        /// 1 when the turn failed.
        failed: BigInt = i64,
        /// 1 when the turn was cut.
        interrupted: BigInt = i64,
    }
    rows ();
    "INSERT INTO model_days AS day (usage_date, model, exchanges, " (TOKEN_COLUMNS)
    ", completed, stopped, failed, interrupted) VALUES (" usage_date ", " model ", " exchanges ", " input_tokens ", " output_tokens ", "
    cache_read_tokens ", " cache_write_tokens ", " cost_micro_usd ", " completed ", " stopped ", "
    failed ", " interrupted
    ") ON CONFLICT (usage_date, model) DO UPDATE SET exchanges = day.exchanges + excluded.exchanges, "
    (ADD_TOKENS) ", completed = day.completed + excluded.completed, \
     stopped = day.stopped + excluded.stopped, failed = day.failed + excluded.failed, \
     interrupted = day.interrupted + excluded.interrupted"
}

static_query! {
    /// Adds a charged exchange or summary to the day of its character.
    pub struct AddToCharacterDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The character.
        character_id: BigInt = i64,
        /// 1 for an exchange.
        exchanges: BigInt = i64,
        /// Tokens of all kinds.
        total_tokens: BigInt = i64,
        /// The cost in micro-dollars.
        cost_micro_usd: BigInt = i64,
    }
    rows ();
    "INSERT INTO character_days (usage_date, character_id, exchanges, total_tokens, cost_micro_usd) \
     VALUES (" usage_date ", " character_id ", " exchanges ", " total_tokens ", " cost_micro_usd
    ") ON CONFLICT (usage_date, character_id) DO UPDATE SET exchanges = character_days.exchanges + excluded.exchanges, \
     total_tokens = character_days.total_tokens + excluded.total_tokens, \
     cost_micro_usd = character_days.cost_micro_usd + excluded.cost_micro_usd"
}

static_query! {
    /// Counts how long the first text of a turn took.
    pub struct AddToLatencyDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The bucket of the scale.
        bucket: BigInt = i64,
    }
    rows ();
    "INSERT INTO latency_days (usage_date, bucket, turns) VALUES (" usage_date ", " bucket
    ", 1) ON CONFLICT (usage_date, bucket) DO UPDATE SET turns = latency_days.turns + 1"
}

static_query! {
    /// Counts a turn that did not end well by its reason.
    pub struct AddToFailureDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The reason.
        error_code: Text = &'a str,
    }
    rows ();
    "INSERT INTO failure_days (usage_date, error_code, turns) VALUES (" usage_date ", " error_code
    ", 1) ON CONFLICT (usage_date, error_code) DO UPDATE SET turns = failure_days.turns + 1"
}

static_query! {
    /// Counts accounts on a day.
    pub struct AddToAccountDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// Accounts that were made.
        new_accounts: BigInt = i64,
        /// Accounts that were erased.
        erased_accounts: BigInt = i64,
        /// Accounts that were charged for the first time on the day.
        active_accounts: BigInt = i64,
    }
    rows ();
    "INSERT INTO account_days (usage_date, new_accounts, erased_accounts, active_accounts) VALUES ("
    usage_date ", " new_accounts ", " erased_accounts ", " active_accounts
    ") ON CONFLICT (usage_date) DO UPDATE SET new_accounts = account_days.new_accounts + excluded.new_accounts, \
     erased_accounts = account_days.erased_accounts + excluded.erased_accounts, \
     active_accounts = account_days.active_accounts + excluded.active_accounts"
}

static_query! {
    /// Finds how many accounts there were before a day.
    pub struct CountAccountsBefore<'a> {
        /// The day.
        day: Text = &'a str,
    }
    rows (BigInt,);
    "SELECT coalesce(sum(new_accounts - erased_accounts), 0) FROM account_days WHERE usage_date < " day
}

/// Accounts of one day.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct AccountDayRow {
    pub usage_date: String,
    pub new_accounts: i64,
    pub erased_accounts: i64,
    pub active_accounts: i64,
}

impl AccountDayRow {
    /// The day.
    pub fn into_domain(self) -> StoreResult<AccountDay> {
        const TABLE: &str = "account_days";
        let number = |stored| count(TABLE, &self.usage_date, stored);
        Ok(AccountDay {
            usage_date: day(TABLE, &self.usage_date)?,
            new_accounts: number(self.new_accounts)?,
            erased_accounts: number(self.erased_accounts)?,
            active_accounts: number(self.active_accounts)?,
        })
    }
}

static_query! {
    /// Finds the accounts of a range of days, oldest first.
    pub struct FindAccountDays<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
    }
    rows (Text, BigInt, BigInt, BigInt);
    "SELECT usage_date, new_accounts, erased_accounts, active_accounts FROM account_days \
     WHERE usage_date BETWEEN " first " AND " last " ORDER BY usage_date"
}

/// What one model did on one day.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct ModelDayRow {
    pub usage_date: String,
    pub model: String,
    pub exchanges: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub cost_micro_usd: i64,
    pub completed: i64,
    pub stopped: i64,
    pub failed: i64,
    pub interrupted: i64,
}

impl ModelDayRow {
    /// The model's day. All cache writes are counted as `cache_write_5m`.
    pub fn into_domain(self) -> StoreResult<ModelDay> {
        const TABLE: &str = "model_days";
        let number = |stored| count(TABLE, &self.usage_date, stored);
        Ok(ModelDay {
            usage_date: day(TABLE, &self.usage_date)?,
            activity: Activity {
                exchanges: number(self.exchanges)?,
                tokens: TokenUsage {
                    input: number(self.input_tokens)?,
                    output: number(self.output_tokens)?,
                    cache_read: number(self.cache_read_tokens)?,
                    cache_write_5m: number(self.cache_write_tokens)?,
                    cache_write_1h: 0,
                },
                cost_micro_usd: number(self.cost_micro_usd)?,
                turns: TurnOutcomes {
                    completed: number(self.completed)?,
                    stopped: number(self.stopped)?,
                    failed: number(self.failed)?,
                    interrupted: number(self.interrupted)?,
                },
            },
            model: Some(self.model).filter(|model| !model.is_empty()),
        })
    }
}

static_query! {
    /// Finds what models did in a range of days, oldest first.
    pub struct FindModelDays<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
    }
    rows (
        Text, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt,
    );
    "SELECT usage_date, model, exchanges, input_tokens, output_tokens, cache_read_tokens, \
     cache_write_tokens, cost_micro_usd, completed, stopped, failed, interrupted FROM model_days \
     WHERE usage_date BETWEEN " first " AND " last " ORDER BY usage_date, model"
}

/// A character with what it was used for.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct CharacterRankRow {
    pub character_id: i64,
    pub name: Option<String>,
    pub exchanges: i64,
    pub total_tokens: i64,
    pub cost_micro_usd: i64,
}

impl CharacterRankRow {
    /// The character.
    pub fn into_domain(self) -> StoreResult<CharacterRank> {
        let number = |stored| count("character_days", self.character_id, stored);
        Ok(CharacterRank {
            character_id: CharacterId::from_stored(self.character_id),
            exchanges: number(self.exchanges)?,
            total_tokens: number(self.total_tokens)?,
            cost_micro_usd: number(self.cost_micro_usd)?,
            name: self.name.map(CharacterName::from_stored),
        })
    }
}

static_query! {
    /// Finds the characters with most exchanges in a range of days.
    pub struct FindTopCharacters<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
        /// The largest number of characters.
        limit: BigInt = i64,
    }
    rows (BigInt, Nullable<Text>, BigInt, BigInt, BigInt);
    "SELECT top.character_id, c.name, top.exchanges, top.total_tokens, top.cost_micro_usd \
     FROM (SELECT character_id, sum(exchanges) AS exchanges, sum(total_tokens) AS total_tokens, \
     sum(cost_micro_usd) AS cost_micro_usd FROM character_days WHERE usage_date BETWEEN " first
    " AND " last " GROUP BY character_id ORDER BY 2 DESC, 1 LIMIT " limit ") AS top \
     LEFT JOIN characters c ON c.id = top.character_id AND c.deleted_at IS NULL \
     ORDER BY top.exchanges DESC, top.character_id"
}

/// A person with what they used, and how many people used something.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct UserRankRow {
    pub user_id: i64,
    pub username: String,
    pub exchanges: i64,
    pub total_tokens: i64,
    pub cost_micro_usd: i64,
    pub active_accounts: i64,
}

impl UserRankRow {
    /// The person.
    pub fn into_domain(self) -> StoreResult<UserRank> {
        let number = |stored| count("usage_stats", self.user_id, stored);
        Ok(UserRank {
            user_id: UserId::from_stored(self.user_id),
            exchanges: number(self.exchanges)?,
            total_tokens: number(self.total_tokens)?,
            cost_micro_usd: number(self.cost_micro_usd)?,
            username: Username::from_stored(self.username),
        })
    }
}

static_query! {
    /// Finds the people with most tokens in a range of days, and how many used any.
    pub struct FindTopUsers<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
        /// The largest number of people.
        limit: BigInt = i64,
    }
    rows (BigInt, Text, BigInt, BigInt, BigInt, BigInt);
    "SELECT top.user_id, u.username, top.exchanges, top.total_tokens, top.cost_micro_usd, \
     top.people FROM (SELECT user_id, sum(chat_count) AS exchanges, \
     sum(total_tokens) AS total_tokens, sum(cost_micro_usd) AS cost_micro_usd, \
     count(*) OVER () AS people FROM usage_stats WHERE usage_date BETWEEN " first " AND " last
    " AND user_id IS NOT NULL GROUP BY user_id ORDER BY 3 DESC, 1 LIMIT " limit ") AS top \
     JOIN users u ON u.id = top.user_id ORDER BY top.total_tokens DESC, top.user_id"
}

static_query! {
    /// Finds why turns of a range of days did not end well.
    pub struct FindFailures<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
    }
    rows (Text, BigInt);
    "SELECT error_code, sum(turns) FROM failure_days WHERE usage_date BETWEEN " first " AND " last
    " GROUP BY error_code ORDER BY 2 DESC, 1"
}

static_query! {
    /// Finds how long the first texts of turns of a range of days took.
    pub struct FindLatencies<'a> {
        /// The first day.
        first: Text = &'a str,
        /// The last day.
        last: Text = &'a str,
    }
    rows (BigInt, BigInt);
    "SELECT bucket, sum(turns) FROM latency_days WHERE usage_date BETWEEN " first " AND " last
    " GROUP BY bucket"
}

/// Reads the answer of [`FindFailures`].
pub fn failures(rows: Vec<(String, i64)>) -> StoreResult<Vec<FailureCount>> {
    rows.into_iter()
        .map(|(code, turns)| {
            let turns = count("failure_days", &code, turns)?;
            Ok(FailureCount { code, turns })
        })
        .collect()
}

/// Reads the answer of [`FindLatencies`].
pub fn latencies(rows: Vec<(i64, i64)>) -> StoreResult<LatencyHistogram> {
    const TABLE: &str = "latency_days";
    let mut histogram = LatencyHistogram::default();
    for (bucket, turns) in rows {
        let known = LatencyBucket::from_stored(bucket).ok_or_else(|| corrupt(TABLE, bucket))?;
        histogram.add(known, count(TABLE, bucket, turns)?);
    }
    Ok(histogram)
}

//! Statistics by day, written together with what they count.

use diesel::sql_types::{BigInt, Text};

static_query! {
    /// Adds a turn that has ended to the day of its model.
    pub struct AddToModelDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The model; empty when none answered.
        model: Text = &'a str,
        /// 1 when the turn was charged.
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
    "INSERT INTO model_days (usage_date, model, exchanges, input_tokens, output_tokens, \
     cache_read_tokens, cache_write_tokens, cost_micro_usd, completed, stopped, failed, interrupted) \
     VALUES (" usage_date ", " model ", " exchanges ", " input_tokens ", " output_tokens ", "
    cache_read_tokens ", " cache_write_tokens ", " cost_micro_usd ", " completed ", " stopped ", "
    failed ", " interrupted
    ") ON CONFLICT (usage_date, model) DO UPDATE SET exchanges = model_days.exchanges + excluded.exchanges, \
     input_tokens = model_days.input_tokens + excluded.input_tokens, \
     output_tokens = model_days.output_tokens + excluded.output_tokens, \
     cache_read_tokens = model_days.cache_read_tokens + excluded.cache_read_tokens, \
     cache_write_tokens = model_days.cache_write_tokens + excluded.cache_write_tokens, \
     cost_micro_usd = model_days.cost_micro_usd + excluded.cost_micro_usd, \
     completed = model_days.completed + excluded.completed, stopped = model_days.stopped + excluded.stopped, \
     failed = model_days.failed + excluded.failed, interrupted = model_days.interrupted + excluded.interrupted"
}

static_query! {
    /// Adds a charged exchange to the day of its character.
    pub struct AddToCharacterDay<'a> {
        /// The day.
        usage_date: Text = &'a str,
        /// The character.
        character_id: BigInt = i64,
        /// Tokens of all kinds.
        total_tokens: BigInt = i64,
        /// The cost in micro-dollars.
        cost_micro_usd: BigInt = i64,
    }
    rows ();
    "INSERT INTO character_days (usage_date, character_id, exchanges, total_tokens, cost_micro_usd) \
     VALUES (" usage_date ", " character_id ", 1, " total_tokens ", " cost_micro_usd
    ") ON CONFLICT (usage_date, character_id) DO UPDATE SET exchanges = character_days.exchanges + 1, \
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

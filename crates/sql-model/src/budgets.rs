//! Budgets, and what running turns may cost at most.

use diesel::sql_types::{BigInt, Bool, Text};

use crate::time::{StoredTime, UtcTimestamp};

static_query! {
    /// Adds up what a person used on a day and what is set aside for their running turns: tokens and
    /// micro-dollars.
    pub struct FindUsedByUser<'a> {
        /// The person.
        user_id: BigInt = i64,
        /// The day.
        usage_date: Text = &'a str,
    }
    rows (BigInt, BigInt);
    "SELECT coalesce(sum(tokens), 0), coalesce(sum(cost_micro_usd), 0) FROM (\
     SELECT total_tokens AS tokens, cost_micro_usd FROM usage_stats WHERE user_id = " user_id
    " AND usage_date = " usage_date
    " UNION ALL SELECT tokens, cost_micro_usd FROM budget_reservations WHERE user_id = " user_id
    " AND usage_date = " usage_date ") AS used"
}

static_query! {
    /// Adds up what all people used on a day and what is set aside for running turns: tokens and
    /// micro-dollars.
    pub struct FindUsedByAll<'a> {
        /// The day.
        usage_date: Text = &'a str,
    }
    rows (BigInt, BigInt);
    "SELECT coalesce(sum(tokens), 0), coalesce(sum(cost_micro_usd), 0) FROM (\
     SELECT input_tokens + output_tokens + cache_read_tokens + cache_write_tokens AS tokens, \
     cost_micro_usd FROM model_days WHERE usage_date = " usage_date
    " UNION ALL SELECT tokens, cost_micro_usd FROM budget_reservations WHERE usage_date = "
    usage_date ") AS used"
}

static_query! {
    /// Sets aside what a turn may cost at most.
    pub struct InsertReservation<'a> {
        /// The turn.
        turn_id: Text = &'a str,
        /// Who pays.
        user_id: BigInt = i64,
        /// The day to which it is counted.
        usage_date: Text = &'a str,
        /// Tokens of all kinds.
        tokens: BigInt = i64,
        /// Micro-dollars.
        cost_micro_usd: BigInt = i64,
    }
    rows ();
    "INSERT INTO budget_reservations (turn_id, user_id, usage_date, tokens, cost_micro_usd) VALUES ("
    turn_id ", " user_id ", " usage_date ", " tokens ", " cost_micro_usd ")"
}

static_query! {
    /// Gives back what was set aside for a turn.
    pub struct DeleteReservation<'a> {
        /// The turn.
        turn_id: Text = &'a str,
    }
    rows ();
    "DELETE FROM budget_reservations WHERE turn_id = " turn_id
}

static_query! {
    /// The same, and answers the tokens and micro-dollars that were set aside.
    pub struct TakeReservation<'a> {
        /// The turn.
        turn_id: Text = &'a str,
    }
    rows (BigInt, BigInt);
    "DELETE FROM budget_reservations WHERE turn_id = " turn_id " RETURNING tokens, cost_micro_usd"
}

static_query! {
    /// Gives back what was set aside for turns that do not run.
    pub struct DeleteLeftoverReservations {}
    rows ();
    "DELETE FROM budget_reservations \
     WHERE turn_id NOT IN (SELECT id FROM turns WHERE ended_at IS NULL) \
     AND turn_id NOT IN (SELECT id FROM summary_runs)"
}

static_query! {
    /// Finds whether new messages are taken, and when that was switched last.
    pub struct FindServiceState {}
    rows (Bool, UtcTimestamp);
    "SELECT accepts_messages, changed_at FROM service_state WHERE id = 1"
}

static_query! {
    /// Switches whether new messages are taken.
    pub struct SwitchService {
        /// Whether they are.
        accepts_messages: Bool = bool,
        /// Now.
        changed_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE service_state SET accepts_messages = " accepts_messages ", changed_at = " changed_at
    " WHERE id = 1"
}

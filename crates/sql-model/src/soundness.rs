//! Whether the rows of a database agree with each other.

use diesel::sql_types::BigInt;

/// What the ledger has by person and day.
const LEDGER: &str = "SELECT user_id, usage_date, sum(kind = 'reply'), sum(input_tokens), \
     sum(output_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens + cache_write_1h_tokens), \
     sum(cost_micro_usd) FROM usage_events GROUP BY user_id, usage_date";

/// The same of a time without summaries.
const OLD_LEDGER: &str = "SELECT user_id, usage_date, count(*), sum(input_tokens), \
     sum(output_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens + cache_write_1h_tokens), \
     sum(cost_micro_usd) FROM usage_events GROUP BY user_id, usage_date";

/// The same by the totals of the days. Of a day, the rows of all deleted accounts are one.
const DAYS: &str = "SELECT user_id, usage_date, sum(chat_count), sum(input_tokens), \
     sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_micro_usd) \
     FROM usage_stats GROUP BY user_id, usage_date";

static_query! {
    /// Counts the days of persons on which the ledger and the totals differ.
    pub struct CountLedgerDifferences {}
    rows (BigInt,);
    "SELECT (SELECT count(*) FROM (" (LEDGER) " EXCEPT " (DAYS) "))"
    " + (SELECT count(*) FROM (" (DAYS) " EXCEPT " (LEDGER) "))"
}

static_query! {
    /// The same for a database of a time without summaries.
    pub struct CountOldLedgerDifferences {}
    rows (BigInt,);
    "SELECT (SELECT count(*) FROM (" (OLD_LEDGER) " EXCEPT " (DAYS) "))"
    " + (SELECT count(*) FROM (" (DAYS) " EXCEPT " (OLD_LEDGER) "))"
}

static_query! {
    /// Counts the turns that are over and used tokens without a row in the ledger.
    pub struct CountUnchargedTurns {}
    rows (BigInt,);
    "SELECT count(*) FROM turns JOIN messages ON messages.id = turns.assistant_message_id"
    " WHERE turns.ended_at IS NOT NULL AND messages.input_tokens + messages.output_tokens"
    " + messages.cache_read_tokens + messages.cache_write_tokens > 0"
    " AND NOT EXISTS (SELECT 1 FROM usage_events WHERE usage_events.turn_id = turns.id)"
}

static_query! {
    /// Counts the rows of the ledger that are not the sum of their turn's attempts.
    pub struct CountAttemptDifferences {}
    rows (BigInt,);
    "SELECT count(*) FROM (SELECT turn_id, input_tokens, output_tokens, cache_read_tokens,"
    " cache_write_5m_tokens, cache_write_1h_tokens, cost_micro_usd FROM usage_events"
    " EXCEPT SELECT turn_id, sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),"
    " sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(cost_micro_usd)"
    " FROM usage_attempts GROUP BY turn_id)"
}

//! Compares the ledger of a database with upstream's bill.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use anyhow::Result;
use lionrocket_domain::usage::TokenUsage;
use rusqlite::{Connection, Row};

/// A request on upstream's bill.
#[derive(Clone, Debug)]
pub struct Billed {
    /// Upstream's name for it.
    pub request_id: String,
    /// The tokens by kind; of a request that is free, those that are shown.
    pub tokens: TokenUsage,
    /// What it costs.
    pub cost_micro_usd: u64,
    /// Whether it costs anything.
    pub is_billed: bool,
    /// Whether we were told that it had begun. A connection that breaks before that leaves a charge
    /// of which nobody can know here.
    pub was_heard: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Balance {
    /// Turns in the database.
    pub turns: u64,
    /// Requests on the bill that the ledger has exactly as they are.
    pub exact: u64,
    /// Those of which upstream never told the end: their input is exact, their output estimated.
    pub estimated: u64,
    /// How many output tokens the estimates say, and how many the bill.
    pub estimated_output: (u64, u64),
    /// Charges that nobody could know of.
    pub unheard: u64,
    /// All that is wrong.
    pub faults: Vec<String>,
}

/// A row of `usage_attempts`.
struct Entry {
    turn_id: String,
    tokens: TokenUsage,
    cost_micro_usd: u64,
    is_estimated: bool,
}

/// Each selects what must not be there.
const SUMS: &[(&str, &str)] = &[
    (
        "a turn never ended",
        "SELECT id FROM turns WHERE ended_at IS NULL",
    ),
    ("a summary never ended", "SELECT id FROM summary_runs"),
    (
        "something is still set aside for a turn",
        "SELECT turn_id FROM budget_reservations",
    ),
    (
        "a request is charged twice",
        "SELECT upstream_request_id FROM usage_attempts WHERE upstream_request_id IS NOT NULL \
         GROUP BY upstream_request_id HAVING count(*) > 1",
    ),
    (
        "a turn's row is not the sum of its attempts",
        "SELECT coalesce(a.turn_id, u.turn_id) FROM (SELECT turn_id, sum(input_tokens) i, \
         sum(output_tokens) o, sum(cache_read_tokens) r, sum(cache_write_5m_tokens) s, \
         sum(cache_write_1h_tokens) l, sum(cost_micro_usd) c, max(estimated) e \
         FROM usage_attempts GROUP BY turn_id) a FULL JOIN usage_events u ON u.turn_id = a.turn_id \
         WHERE (a.i, a.o, a.r, a.s, a.l, a.c, a.e) IS NOT (u.input_tokens, u.output_tokens, \
         u.cache_read_tokens, u.cache_write_5m_tokens, u.cache_write_1h_tokens, u.cost_micro_usd, \
         u.estimated)",
    ),
    (
        "a person's day is not the sum of its turns",
        "SELECT coalesce(e.d, s.usage_date) || ' ' || coalesce(e.user_id, s.user_id) FROM \
         (SELECT user_id, usage_date d, sum(kind = 'reply') n, sum(input_tokens) i, sum(output_tokens) o, \
         sum(cache_read_tokens) r, sum(cache_write_5m_tokens + cache_write_1h_tokens) w, \
         sum(cost_micro_usd) c FROM usage_events GROUP BY user_id, usage_date) e \
         FULL JOIN usage_stats s ON s.user_id = e.user_id AND s.usage_date = e.d \
         WHERE (e.n, e.i, e.o, e.r, e.w, e.c, e.i + e.o + e.r + e.w) IS NOT (s.chat_count, \
         s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_write_tokens, \
         s.cost_micro_usd, s.total_tokens)",
    ),
    (
        "a model's day is not the sum of its turns",
        "SELECT coalesce(e.d, m.usage_date) || ' ' || coalesce(e.model, m.model) FROM \
         (SELECT model, usage_date d, sum(kind = 'reply') n, sum(input_tokens) i, sum(output_tokens) o, \
         sum(cache_read_tokens) r, sum(cache_write_5m_tokens + cache_write_1h_tokens) w, \
         sum(cost_micro_usd) c FROM usage_events GROUP BY model, usage_date) e \
         FULL JOIN (SELECT * FROM model_days WHERE model <> '') m \
         ON m.model = e.model AND m.usage_date = e.d \
         WHERE (e.n, e.i, e.o, e.r, e.w, e.c) IS NOT (m.exchanges, m.input_tokens, \
         m.output_tokens, m.cache_read_tokens, m.cache_write_tokens, m.cost_micro_usd)",
    ),
    (
        "a character's day is not the sum of its turns",
        "SELECT coalesce(e.d, c.usage_date) || ' ' || coalesce(e.character_id, c.character_id) FROM \
         (SELECT character_id, usage_date d, sum(kind = 'reply') n, sum(input_tokens + output_tokens \
         + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens) t, \
         sum(cost_micro_usd) m FROM usage_events GROUP BY character_id, usage_date) e \
         FULL JOIN character_days c ON c.character_id = e.character_id AND c.usage_date = e.d \
         WHERE (e.n, e.t, e.m) IS NOT (c.exchanges, c.total_tokens, c.cost_micro_usd)",
    ),
    (
        "the days do not count every turn once",
        "SELECT t.d || ': ' || t.n || ' turns' FROM (SELECT usage_date d, count(*) n, \
         sum(state = 'completed') c, sum(state = 'stopped') s, sum(state = 'failed') f, \
         sum(state = 'interrupted') i FROM turns GROUP BY usage_date) t LEFT JOIN \
         (SELECT usage_date d, sum(completed) c, sum(stopped) s, sum(failed) f, \
         sum(interrupted) i FROM model_days GROUP BY usage_date) m ON m.d = t.d \
         WHERE (t.c, t.s, t.f, t.i) IS NOT (m.c, m.s, m.f, m.i)",
    ),
];

/// A number that is never negative.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    Ok(number.unsigned_abs())
}

/// Adds everything up and compares it with the bill. For a database on which nobody works.
///
/// # Errors
/// The database cannot be read.
pub fn balance(database: &Path, bill: &[Billed]) -> Result<Balance> {
    let connection = Connection::open(database)?;
    let mut balance = Balance {
        turns: connection.query_row("SELECT count(*) FROM turns", [], |row| count(row, 0))?,
        ..Balance::default()
    };
    for (fault, query) in SUMS {
        let mut statement = connection.prepare(query)?;
        let found = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
        for key in found {
            let key = key?.unwrap_or_default();
            balance.faults.push(format!("{fault}: {key}"));
        }
    }
    let rows = rows(&connection)?;
    for billed in bill {
        balance.compare(billed, rows.get(&billed.request_id));
    }
    let known: HashSet<&str> = bill.iter().map(|billed| &*billed.request_id).collect();
    for (request_id, row) in &rows {
        if !known.contains(&**request_id) {
            let turn_id = &row.turn_id;
            let fault = format!("turn {turn_id}: request {request_id} is not on the bill");
            balance.faults.push(fault);
        }
    }
    Ok(balance)
}

fn rows(connection: &Connection) -> Result<HashMap<String, Entry>> {
    let mut statement = connection.prepare(
        "SELECT coalesce(upstream_request_id, 'none of ' || turn_id), turn_id, input_tokens, \
         output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
         cost_micro_usd, estimated FROM usage_attempts",
    )?;
    let rows = statement.query_map([], |row| {
        let tokens = TokenUsage {
            input: count(row, 2)?,
            output: count(row, 3)?,
            cache_read: count(row, 4)?,
            cache_write_5m: count(row, 5)?,
            cache_write_1h: count(row, 6)?,
        };
        let attempt = Entry {
            turn_id: row.get(1)?,
            tokens,
            cost_micro_usd: count(row, 7)?,
            is_estimated: row.get(8)?,
        };
        Ok((row.get(0)?, attempt))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Balance {
    fn compare(&mut self, billed: &Billed, row: Option<&Entry>) {
        let request_id = &billed.request_id;
        let Some(row) = row else {
            if billed.is_billed && billed.was_heard {
                let fault = format!("request {request_id} was charged and is not in the ledger");
                self.faults.push(fault);
            } else if billed.is_billed {
                self.unheard += 1;
            }
            return;
        };
        let mut expected = billed.tokens;
        let matches = if row.is_estimated {
            self.estimated += 1;
            self.estimated_output.0 += row.tokens.output;
            self.estimated_output.1 += billed.tokens.output;
            expected.output = row.tokens.output;
            row.tokens == expected
        } else {
            self.exact += 1;
            row.tokens == expected && row.cost_micro_usd == billed.cost_micro_usd
        };
        if !matches {
            let (turn_id, told, cost) = (&row.turn_id, row.tokens, row.cost_micro_usd);
            let billed_cost = billed.cost_micro_usd;
            self.faults.push(format!(
                "turn {turn_id}, request {request_id}: {told:?} at {cost} in the ledger, \
                 {expected:?} at {billed_cost} on the bill"
            ));
        }
    }
}

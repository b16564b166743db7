//! What was promised, and what was broken of it.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use lionrocket_domain::{ids::TurnId, turn::TurnRecord};
use rusqlite::Connection;

use crate::books::count;

/// What a world has to keep.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    broken: Mutex<Vec<String>>,
    /// How turns ended, as it was told first.
    ends: Mutex<HashMap<TurnId, TurnRecord>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Promises {
    /// Notes a broken promise.
    pub(crate) fn broken(&self, what: String) {
        lock(&self.broken).push(what);
    }

    /// All that was broken so far.
    pub(crate) fn all_broken(&self) -> Vec<String> {
        lock(&self.broken).clone()
    }

    /// Notes how a turn ended: it may never be told otherwise.
    pub(crate) fn ended(&self, record: &TurnRecord) {
        let mut ends = lock(&self.ends);
        let first = ends
            .entry(record.turn.id)
            .or_insert_with(|| record.clone())
            .clone();
        drop(ends);
        // The message may be answered again and count once more.
        let is_same = first.turn == record.turn
            && first.assistant_message == record.assistant_message
            && first.charge == record.charge;
        if !is_same {
            let turn_id = record.turn.id;
            self.broken(format!("turn {turn_id} has changed after its end"));
        }
    }

    /// The turns of which an end was told.
    pub(crate) fn ends(&self) -> Vec<TurnRecord> {
        lock(&self.ends).values().cloned().collect()
    }
}

/// Each selects what must never be there, whatever happens.
const ALWAYS: &[(&str, &str)] = &[
    (
        "a chat has two turns under way",
        "SELECT group_concat(id) FROM turns WHERE ended_at IS NULL GROUP BY chat_id HAVING count(*) > 1",
    ),
    (
        "a person has more turns under way than allowed",
        "SELECT group_concat(id) FROM turns WHERE ended_at IS NULL GROUP BY user_id HAVING count(*) > 2",
    ),
    (
        "a turn was charged before its end",
        "SELECT id FROM turns JOIN usage_events ON turn_id = id WHERE ended_at IS NULL",
    ),
    (
        "a turn whose end was asked for ended otherwise",
        "SELECT id FROM turns WHERE ended_at IS NOT NULL AND stop_requested_at IS NOT NULL \
         AND state <> 'stopped'",
    ),
    (
        "a chat is summed up twice at once",
        "SELECT group_concat(id) FROM summary_runs GROUP BY chat_id HAVING count(*) > 1",
    ),
    (
        "a summary was charged before its end",
        "SELECT id FROM summary_runs JOIN usage_events ON turn_id = id",
    ),
    (
        "a summary tells of a branch that is not there",
        "SELECT CAST(s.covers_up_to AS TEXT) FROM chat_summaries s LEFT JOIN messages m \
         ON m.id = s.covers_up_to AND m.chat_id = s.chat_id AND m.depth = s.depth WHERE m.id IS NULL",
    ),
    (
        "a turn ended and its reply did not",
        "SELECT t.id FROM turns t JOIN messages m ON m.id = t.assistant_message_id \
         WHERE (t.ended_at IS NULL) <> (m.status = 'streaming')",
    ),
];

/// Looks at a database from outside.
pub(crate) struct Onlooker(Connection);

impl Onlooker {
    pub(crate) fn open(database: &Path) -> Result<Self> {
        Ok(Self(Connection::open(database)?))
    }

    /// Names what must never be there.
    pub(crate) fn look(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (what, query) in ALWAYS {
            let mut statement = self.0.prepare(query)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            for key in rows {
                found.push(format!("{what}: {}", key?));
            }
        }
        Ok(found)
    }

    /// How many turns and summaries are under way.
    pub(crate) fn under_way(&self) -> Result<u32> {
        let query = "SELECT (SELECT count(*) FROM turns WHERE ended_at IS NULL) \
             + (SELECT count(*) FROM summary_runs)";
        Ok(self.0.query_row(query, [], |row| row.get(0))?)
    }

    /// The most tokens that a person has used in a day.
    pub(crate) fn most_used(&self) -> Result<u64> {
        let query = "SELECT coalesce(max(total_tokens), 0) FROM usage_stats";
        Ok(self.0.query_row(query, [], |row| count(row, 0))?)
    }
}

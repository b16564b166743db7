//! The overview of the service over a store with 200,000 messages of 300 people on 30 days:
//! `cargo bench -p lionrocket-sqlite-adapter --bench overview`.

#![expect(clippy::unwrap_used, reason = "a bench that fails should stop")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use lionrocket_domain::{
    calendar::{Day, DayRange},
    statistics::Overview,
};
use lionrocket_ports::stats::StatsRepository;
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;

const CALLS: usize = 200;

/// Rows as the service would have written them: 300 people with a chat each, 100,000 exchanges.
const SEED: &str = "
BEGIN;
CREATE TEMP TABLE numbers AS
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) SELECT i FROM n;
INSERT INTO users (id, username, email, created_at, username_key, email_key)
SELECT i + 1, 'user' || i, 'user' || i || '@example.com', 0, 'user' || i, 'user' || i || '@example.com'
FROM numbers WHERE i < 300;
INSERT INTO characters (id, name, system_prompt, created_at, updated_at, name_folded)
SELECT i + 1, 'character' || i, 'prompt', 0, 0, 'character' || i FROM numbers WHERE i < 50;
INSERT INTO chats (id, user_id, character_id, created_at, last_message_at, character_name, character_name_folded)
SELECT i + 1, i + 1, i % 50 + 1, 0, 0, 'c', 'c' FROM numbers WHERE i < 300;
INSERT INTO messages (chat_id, role, content, created_at, depth, status)
SELECT i % 300 + 1, 'user', '오늘 하루는 어땠어요?', i, 0, 'complete' FROM numbers;
INSERT INTO messages (chat_id, role, content, created_at, depth, status)
SELECT i % 300 + 1, 'assistant', '안개가 끼면 등대는 더 바빠져요.', i, 0, 'complete' FROM numbers;
CREATE TEMP TABLE exchanges AS
SELECT
    printf('%08d', i) AS turn_id, i % 300 + 1 AS user_id, i % 50 + 1 AS character_id,
    printf('2026-11-%02d', i / 300 % 30 + 1) AS usage_date,
    CASE i % 7 WHEN 0 THEN 'large' ELSE 'small' END AS model, i % 900 AS input, i % 200 AS output
FROM numbers;
INSERT INTO usage_events
SELECT turn_id, user_id, user_id, character_id, usage_date, model, input, output, 0, 0, 0, 10, 'v', 0, 0, 'reply'
FROM exchanges;
INSERT INTO usage_stats (
    user_id, usage_date, chat_count, total_tokens, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cost_micro_usd
)
SELECT user_id, usage_date, count(*), sum(input + output), sum(input), sum(output), 0, 0, count(*) * 10
FROM exchanges GROUP BY user_id, usage_date;
INSERT INTO model_days (usage_date, model, exchanges, input_tokens, output_tokens, cost_micro_usd, completed)
SELECT usage_date, model, count(*), sum(input), sum(output), count(*) * 10, count(*)
FROM exchanges GROUP BY usage_date, model;
INSERT INTO character_days
SELECT usage_date, character_id, count(*), sum(input + output), count(*) * 10
FROM exchanges GROUP BY usage_date, character_id;
INSERT INTO latency_days
SELECT usage_date, input % 60 + 40, count(*) FROM exchanges GROUP BY usage_date, input % 60;
INSERT INTO failure_days
SELECT usage_date, 'upstream_timeout', count(*) FROM exchanges WHERE output = 1 GROUP BY usage_date;
INSERT INTO account_days
SELECT usage_date, 10, 0, count(DISTINCT user_id) FROM exchanges GROUP BY usage_date;
COMMIT;
";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let store = SqliteStore::open(&SqliteOptions::new(&path, audit_seal())).unwrap();
    seed(&path);
    let mut times = runtime.block_on(measure(&store));
    times.sort_unstable();
    println!(
        "overview of 30 days over 200,000 messages: median {:?}, slowest of {CALLS} {:?} (bar: 10 ms)",
        times[CALLS / 2],
        times[CALLS - 1],
    );
    runtime.block_on(store.close());
}

fn seed(path: &Path) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.batch_execute(SEED).unwrap();
}

async fn measure(store: &SqliteStore) -> Vec<Duration> {
    let range = DayRange {
        from: Day::parse("2026-11-01").unwrap(),
        to: Day::parse("2026-11-30").unwrap(),
    };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let overview = Overview::new(range, store.overview(range, 10).await.unwrap());
        times.push(start.elapsed());
        assert_eq!(overview.totals.activity.exchanges, 100_000);
        assert_eq!(overview.totals.active_accounts, 300);
    }
    times
}

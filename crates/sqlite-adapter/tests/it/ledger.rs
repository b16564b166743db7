//! What the database itself keeps anybody from doing to the ledger and the audit log.

use diesel::{SqliteConnection, connection::SimpleConnection};
use lionrocket_contract_tests::store::{Stores, usage};

use crate::files::{DatabaseFile, user};

const CHARGE: &str = "INSERT INTO usage_events (turn_id, user_id, chat_id, usage_date, model, \
     input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
     cost_micro_usd, price_version, estimated, created_at) \
     VALUES ('t', 1, 1, '2026-11-22', 'm', 1, 2, 3, 4, 5, 6, 'v', 0, 7)";

const DAY: &str = "INSERT INTO usage_stats (user_id, usage_date, chat_count, total_tokens, \
     input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd) \
     VALUES (1, '2026-11-22', 1, 15, 1, 2, 3, 9, 6)";

fn refused(connection: &mut SqliteConnection, statement: &str) {
    let error = connection.batch_execute(statement).unwrap_err().to_string();
    assert!(error.contains("append-only"), "{statement}: {error}");
}

#[tokio::test]
async fn a_row_of_the_ledger_can_only_lose_its_user() {
    let file = DatabaseFile::new();
    user(&file.open(), "haru").await;
    let mut connection = file.connect();
    connection.batch_execute(CHARGE).unwrap();
    refused(&mut connection, "DELETE FROM usage_events");
    refused(&mut connection, "UPDATE usage_events SET user_id = 2");
    refused(
        &mut connection,
        "UPDATE usage_events SET user_id = NULL, cost_micro_usd = 0",
    );
    refused(&mut connection, "UPDATE usage_events SET estimated = 1");
    refused(
        &mut connection,
        "UPDATE usage_events SET user_id = NULL, kind = 'summary'",
    );
    connection
        .batch_execute("UPDATE usage_events SET user_id = NULL")
        .unwrap();
}

#[tokio::test]
async fn a_deleted_account_leaves_the_ledger_and_the_totals() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    let mut connection = file.connect();
    connection.batch_execute(CHARGE).unwrap();
    connection.batch_execute(DAY).unwrap();
    connection.batch_execute("DELETE FROM users").unwrap();
    assert_eq!(
        file.number("SELECT sum(cost_micro_usd) FROM usage_events WHERE user_id IS NULL"),
        6
    );
    assert_eq!(
        file.number("SELECT sum(cost_micro_usd) FROM usage_stats WHERE user_id IS NULL"),
        6
    );
}

#[test]
fn the_audit_log_is_append_only() {
    let file = DatabaseFile::new();
    drop(file.open());
    let mut connection = file.connect();
    connection
        .batch_execute(
            "INSERT INTO audit_log (created_at, action, target_type, target_id, key_id, \
             previous_hash, hash) VALUES (1, 'a', 'b', 'c', 'k', zeroblob(32), zeroblob(32))",
        )
        .unwrap();
    refused(&mut connection, "DELETE FROM audit_log");
    refused(&mut connection, "UPDATE audit_log SET action = 'nothing'");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_of_the_ledger_is_the_sum_of_the_days() {
    let file = DatabaseFile::new();
    let stores = Stores::of(file.open());
    usage::the_ledger_and_the_days_agree_after_many_turns_at_once(stores).await;
    assert!(file.number("SELECT count(*) FROM usage_events") > 100);
    // What one side has by user, day, kind and cost and the other has not.
    let ledger = "SELECT user_id, usage_date, sum(kind = 'reply'), sum(input_tokens), sum(output_tokens), \
         sum(cache_read_tokens), sum(cache_write_5m_tokens + cache_write_1h_tokens), \
         sum(cost_micro_usd) FROM usage_events GROUP BY user_id, usage_date";
    let days = "SELECT user_id, usage_date, chat_count, input_tokens, output_tokens, \
         cache_read_tokens, cache_write_tokens, cost_micro_usd FROM usage_stats";
    assert_same(&file, ledger, days);
}

/// Checks that two statements have the same rows.
fn assert_same(file: &DatabaseFile, one: &str, other: &str) {
    for (one, other) in [(one, other), (other, one)] {
        let difference = format!("count(*) FROM ({one} EXCEPT {other})");
        assert_eq!(file.number(&format!("SELECT {difference}")), 0, "{one}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_by_day_agree_with_the_ledger_and_the_turns() {
    let file = DatabaseFile::new();
    let stores = Stores::of(file.open());
    usage::the_ledger_and_the_days_agree_after_many_turns_at_once(stores).await;
    assert_same(
        &file,
        "SELECT usage_date, model, sum(kind = 'reply'), sum(input_tokens), sum(output_tokens), \
         sum(cache_read_tokens), sum(cache_write_5m_tokens + cache_write_1h_tokens), \
         sum(cost_micro_usd) FROM usage_events GROUP BY usage_date, model",
        "SELECT usage_date, model, exchanges, input_tokens, output_tokens, cache_read_tokens, \
         cache_write_tokens, cost_micro_usd FROM model_days WHERE exchanges > 0",
    );
    assert_same(
        &file,
        "SELECT usage_date, character_id, sum(kind = 'reply'), sum(input_tokens + output_tokens \
         + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens), \
         sum(cost_micro_usd) FROM usage_events GROUP BY usage_date, character_id",
        "SELECT usage_date, character_id, exchanges, total_tokens, cost_micro_usd \
         FROM character_days",
    );
    // Every turn that is still there, and each of a deleted chat that was charged.
    let counted = "SELECT id AS id, usage_date FROM turns \
         UNION SELECT turn_id, usage_date FROM usage_events";
    assert_same(
        &file,
        &format!("SELECT usage_date, count(*) FROM ({counted}) GROUP BY usage_date"),
        "SELECT usage_date, sum(completed + stopped + failed + interrupted) FROM model_days \
         GROUP BY usage_date",
    );
    assert_same(
        &file,
        &format!("SELECT usage_date, count(*) FROM ({counted}) GROUP BY usage_date"),
        "SELECT usage_date, sum(turns) FROM latency_days GROUP BY usage_date",
    );
    assert_same(
        &file,
        "SELECT usage_date, sum(failed + interrupted) FROM model_days GROUP BY usage_date",
        "SELECT usage_date, sum(turns) FROM failure_days GROUP BY usage_date",
    );
    assert_same(
        &file,
        "SELECT usage_date, count(DISTINCT user_id) FROM usage_events GROUP BY usage_date",
        "SELECT usage_date, active_accounts FROM account_days WHERE active_accounts > 0",
    );
    assert_eq!(
        file.number("SELECT sum(new_accounts) FROM account_days"),
        4,
        "accounts are counted on the day on which they are made"
    );
}

#[tokio::test]
async fn ids_of_deleted_rows_never_come_back() {
    let file = DatabaseFile::new();
    let store = file.open();
    let haru = user(&store, "haru").await;
    file.connect().batch_execute("DELETE FROM users").unwrap();
    assert!(user(&store, "haru").await.id > haru.id);
}

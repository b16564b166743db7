//! What is left in the tables after forgetting.

use diesel::connection::SimpleConnection as _;
use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    audit::Performer,
    calendar::Day,
    ids::{SessionId, UserId},
};
use lionrocket_ports::{
    admin::AdminRepository as _,
    resets::{NewReset, ResetRepository},
    retention::{EraseOutcome, ErasePiece, RetentionStore, Stretch},
    sessions::{LiveAt, NewSession, SessionStore as _},
};
use lionrocket_sqlite_adapter::SqliteStore;
use uuid::Uuid;

use crate::files::{DatabaseFile, now, user};

fn later(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

async fn open_session(store: &SqliteStore, user_id: UserId, number: u8) -> SessionId {
    let id = SessionId::from_uuid(Uuid::from_u128(number.into()));
    let session = NewSession {
        id,
        user_id,
        at: LiveAt {
            now: now(),
            seen_after: Timestamp::MIN,
        },
        expires_at: later(1000),
        refresh_hash: [number; 32],
        user_agent: None,
        client_address: None,
        max_live: 20,
    };
    store.open(session).await.unwrap();
    id
}

#[tokio::test]
async fn a_session_that_ended_is_deleted_and_one_that_lives_is_not() {
    let file = DatabaseFile::new();
    let store = file.open();
    let user = user(&store, "haru").await;
    let ended = open_session(&store, user.id, 1).await;
    open_session(&store, user.id, 2).await;
    store.end(ended, later(1)).await.unwrap();
    let stretch = Stretch {
        after: None,
        rows: 10,
    };
    for (until, left) in [(0, 2), (1, 1), (999, 1), (1000, 0)] {
        store.forget_sessions(stretch, later(until)).await.unwrap();
        assert_eq!(file.number("SELECT count(*) FROM sessions"), left);
    }
}

#[tokio::test]
async fn links_for_new_passwords_go_once_they_have_run_out() {
    let file = DatabaseFile::new();
    let store = file.open();
    let user = user(&store, "haru").await;
    let reset = NewReset {
        secret_hash: [7; 32],
        user_id: user.id,
        created_at: now(),
        expires_at: later(1),
    };
    let by = Performer::operator();
    assert!(ResetRepository::create(&store, reset, by).await.unwrap());
    for (hours, left) in [(0, 1), (1, 0)] {
        store.forget_resets(later(hours)).await.unwrap();
        assert_eq!(file.number("SELECT count(*) FROM password_resets"), left);
    }
}

#[tokio::test]
async fn no_row_refers_to_an_erased_account() {
    let file = DatabaseFile::new();
    let store = file.open();
    let user = user(&store, "haru").await;
    let id = user.id.get();
    open_session(&store, user.id, 1).await;
    for statement in [
        "INSERT INTO invites (token_hash, created_by, created_at, expires_at, max_uses) \
         VALUES (zeroblob(32), 1, 0, 0, 1)",
        "INSERT INTO usage_stats (user_id, usage_date, chat_count, total_tokens, input_tokens, \
         output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd) \
         VALUES (1, '2026-11-22', 3, 10, 4, 3, 2, 1, 70)",
        "INSERT INTO usage_events (turn_id, user_id, chat_id, usage_date, model, input_tokens, \
         output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
         cost_micro_usd, price_version, estimated, created_at) \
         VALUES ('t', 1, 1, '2026-11-22', 'm', 4, 3, 2, 1, 0, 70, 'p', 0, 0)",
        "INSERT INTO chats (id, user_id, created_at, last_message_at, character_name, \
         character_name_folded) VALUES (1, 1, 0, 0, 'Haru', 'haru')",
        "INSERT INTO chat_summaries (chat_id, covers_up_to, depth, text, updated_at) \
         VALUES (1, 1, 0, 'They met.', 0), (1, 2, 1, 'They met again.', 0)",
    ] {
        file.connect().batch_execute(statement).unwrap();
    }
    assert_eq!(id, 1, "the rows above are the person's");
    let by = Performer::operator();
    store.begin_deletion(user.id, by, now()).await.unwrap();
    let piece = ErasePiece {
        user_id: user.id,
        asked_by: now(),
        rows: 10,
        now: later(1),
        today: Day::parse("2026-11-29").unwrap(),
    };
    assert_eq!(store.erase(piece).await.unwrap(), EraseOutcome::Erased);
    for (statement, expected) in [
        ("SELECT count(*) FROM users", 0),
        ("SELECT count(*) FROM sessions", 0),
        ("SELECT count(*) FROM chats", 0),
        ("SELECT count(*) FROM chat_summaries", 0),
        ("SELECT count(*) FROM invites WHERE created_by IS NULL", 1),
        (
            "SELECT sum(cost_micro_usd) FROM usage_stats WHERE user_id IS NULL",
            70,
        ),
        (
            "SELECT sum(cost_micro_usd) FROM usage_events WHERE user_id IS NULL",
            70,
        ),
        (
            "SELECT erased_accounts FROM account_days WHERE usage_date = '2026-11-29'",
            1,
        ),
    ] {
        assert_eq!(file.number(statement), expected, "{statement}");
    }
}

#[tokio::test]
async fn a_log_that_somebody_reads_is_not_emptied_and_the_next_time_it_is() {
    let file = DatabaseFile::new();
    let mut options = file.options();
    options.busy_timeout = std::time::Duration::ZERO;
    let store = SqliteStore::open(&options).unwrap();
    user(&store, "haru").await;
    let log = file.path().with_extension("db-wal");
    let mut reader = file.connect();
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM users")
        .unwrap();
    user(&store, "mina").await;
    assert!(!store.clear_traces().await.unwrap());
    assert_ne!(std::fs::metadata(&log).unwrap().len(), 0);
    reader.batch_execute("COMMIT").unwrap();
    assert!(store.clear_traces().await.unwrap());
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
}

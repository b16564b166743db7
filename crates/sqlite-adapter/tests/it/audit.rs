//! Whoever changes the audit log behind the service's back is found out.

use std::sync::Arc;

use diesel::{
    QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Integer,
};
use lionrocket_app::audit::{AuditBreak, AuditReport, AuditService, BreakReason};
use lionrocket_crypto_adapter::{AuditSealer, SigningSecret};
use lionrocket_domain::{
    audit::{AuditAction, AuditTarget, Origin, Performer},
    ids::{AuditId, UserId},
};
use lionrocket_ports::audit::{AuditLog, AuditSeal};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::{TestClock, audit_seal, secret};

use crate::files::{DatabaseFile, now};

async fn write(store: &SqliteStore, rows: i64) {
    for number in 1..=rows {
        let subject = UserId::from_stored(number);
        let admin = Performer::person(UserId::from_stored(7), Origin::default());
        let mut record = admin.record(
            AuditAction::UserUpdate,
            AuditTarget::User(subject),
            Some(subject),
        );
        record.details = Some(serde_json::json!({"is_active": {"old": true, "new": false}}));
        store.record(record, now()).await.unwrap();
    }
}

async fn verify_with(file: &DatabaseFile, seal: Arc<dyn AuditSeal>) -> AuditReport {
    let log = Arc::new(file.open());
    let service = AuditService::new(log.clone(), seal, Arc::new(TestClock::at(now())));
    let report = service.verify().await.unwrap();
    log.close().await;
    report
}

async fn verify(file: &DatabaseFile) -> AuditReport {
    verify_with(file, audit_seal()).await
}

/// A file with five rows, changed by somebody who can do anything with it but does not know the key.
async fn tampered(statement: &str) -> AuditReport {
    let file = DatabaseFile::new();
    let store = file.open();
    write(&store, 5).await;
    store.close().await;
    assert_eq!(verify(&file).await, intact(5));
    file.connect()
        .batch_execute(&format!(
            "DROP TRIGGER audit_log_cannot_be_changed; DROP TRIGGER audit_log_cannot_be_deleted;
             {statement}"
        ))
        .unwrap();
    verify(&file).await
}

fn intact(rows: u64) -> AuditReport {
    AuditReport {
        rows,
        ..AuditReport::default()
    }
}

fn broken_at(id: i64, reason: BreakReason) -> AuditBreak {
    let id = AuditId::from_stored(id);
    AuditBreak { id, reason }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    rows: i32,
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_intact() {
    let file = DatabaseFile::new();
    assert_eq!(verify(&file).await, intact(0));
    let store = file.open();
    write(&store, 3).await;
    assert_eq!(verify(&file).await, intact(3));
}

#[tokio::test]
async fn a_row_can_be_neither_changed_nor_deleted() {
    let file = DatabaseFile::new();
    write(&file.open(), 1).await;
    for statement in ["UPDATE audit_log SET reason = 'x'", "DELETE FROM audit_log"] {
        let refused = file.connect().batch_execute(statement);
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("append-only"), "{message}");
    }
    let count: Count = sql_query("SELECT count(*) AS \"rows\" FROM audit_log WHERE reason IS NULL")
        .get_result(&mut file.connect())
        .unwrap();
    assert_eq!(count.rows, 1);
}

#[tokio::test]
async fn a_change_of_any_field_of_a_row_is_found() {
    for change in [
        "created_at = created_at + 1",
        "created_at = 9223372036854775807",
        "actor_user_id = 8",
        "actor_user_id = NULL",
        "action = 'user.read'",
        "target_type = 'chat'",
        "target_id = '4'",
        "subject_user_id = NULL",
        "reason = 'they asked for it'",
        "request_id = 'r'",
        "client_address = '192.0.2.1'",
        "details = '{}'",
        "previous_hash = zeroblob(32)",
        "hash = zeroblob(32)",
    ] {
        let report = tampered(&format!("UPDATE audit_log SET {change} WHERE id = 3")).await;
        let expected = Some(broken_at(3, BreakReason::Changed));
        assert_eq!(report.broken, expected, "{change}");
    }
}

#[tokio::test]
async fn a_row_that_was_taken_out_is_missed() {
    for (id, next) in [(1, 2), (3, 4)] {
        let report = tampered(&format!("DELETE FROM audit_log WHERE id = {id}")).await;
        assert_eq!(
            report.broken,
            Some(broken_at(next, BreakReason::OutOfOrder))
        );
    }
    // Closing the gap changes the rows after it.
    let report = tampered(
        "DELETE FROM audit_log WHERE id = 3;
         UPDATE audit_log SET id = 3 WHERE id = 4; UPDATE audit_log SET id = 4 WHERE id = 5",
    )
    .await;
    assert_eq!(report.broken, Some(broken_at(3, BreakReason::Changed)));
}

#[tokio::test]
async fn rows_that_changed_places_are_found() {
    let report = tampered(
        "UPDATE audit_log SET id = 99 WHERE id = 2; UPDATE audit_log SET id = 2 WHERE id = 3;
         UPDATE audit_log SET id = 3 WHERE id = 99",
    )
    .await;
    assert_eq!(report.broken, Some(broken_at(2, BreakReason::Changed)));
}

#[tokio::test]
async fn rows_that_were_cut_off_the_end_are_missed() {
    let report = tampered("DELETE FROM audit_log WHERE id > 3").await;
    assert_eq!(report.broken, Some(broken_at(4, BreakReason::Missing)));
    let report = tampered("DELETE FROM audit_log").await;
    assert_eq!(report.broken, Some(broken_at(1, BreakReason::Missing)));
}

#[tokio::test]
async fn rows_that_were_cut_off_are_missed_for_good() {
    let file = DatabaseFile::new();
    let store = file.open();
    write(&store, 5).await;
    file.connect()
        .batch_execute(
            "DROP TRIGGER audit_log_cannot_be_deleted; DELETE FROM audit_log WHERE id > 3",
        )
        .unwrap();
    // As many as were cut off, so that the end is where it was.
    write(&store, 2).await;
    let report = verify(&file).await;
    assert_eq!(report.broken, Some(broken_at(6, BreakReason::OutOfOrder)));
}

#[tokio::test]
async fn two_processes_that_write_at_once_make_one_chain() {
    let file = DatabaseFile::new();
    let (one, other) = (file.open(), file.open());
    tokio::join!(write(&one, 30), write(&other, 30));
    assert_eq!(verify(&file).await, intact(60));
}

#[tokio::test]
async fn rows_of_a_former_key_are_checked_as_long_as_it_is_known() {
    let file = DatabaseFile::new();
    let store = file.open();
    write(&store, 2).await;
    store.close().await;
    let new = SigningSecret::parse("yP4mR7sT1vW9xZ3aB6cD8eF0gH2jK5nL-_QuXo2iSr8").unwrap();
    let rotated = Arc::new(AuditSealer::new(&new, &[secret()]));
    let options = SqliteOptions::new(file.path(), rotated.clone());
    let store = SqliteStore::open(&options).unwrap();
    write(&store, 3).await;
    store.close().await;
    assert_eq!(verify_with(&file, rotated).await, intact(5));

    let report = verify_with(&file, Arc::new(AuditSealer::new(&new, &[]))).await;
    assert_eq!(
        (report.rows, report.unknown_keys, report.broken),
        (5, 2, None)
    );
    assert!(!report.is_intact());
}

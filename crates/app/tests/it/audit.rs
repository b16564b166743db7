//! The audit log.

use std::sync::Arc;

use lionrocket_app::{
    admin::{AdminError, Administrator},
    audit::{AuditReport, AuditService},
};
use lionrocket_domain::{audit::Origin, ids::UserId, page::Page};
use lionrocket_ports::{
    StoreError,
    audit::{AuditFilter, AuditLog, MockAuditLog, MockAuditSeal},
};

use crate::support::{FixedClock, actor, now};

fn service(log: MockAuditLog) -> AuditService {
    let log: Arc<dyn AuditLog> = Arc::new(log);
    AuditService::new(log, Arc::new(MockAuditSeal::new()), Arc::new(FixedClock))
}

fn person(id: i64, is_admin: bool) -> Administrator {
    Administrator::Person(actor(id, is_admin), Origin::default())
}

fn about(subject: i64) -> AuditFilter {
    AuditFilter {
        subject: Some(UserId::from_stored(subject)),
        ..AuditFilter::default()
    }
}

#[tokio::test]
async fn only_administrators_read_the_audit_log() {
    let read = service(MockAuditLog::new())
        .list(person(1, false), about(1))
        .await;
    assert!(matches!(read, Err(AdminError::Forbidden)));
}

#[tokio::test]
async fn reading_the_audit_log_is_recorded_before_anything_is_read() {
    let mut order = mockall::Sequence::new();
    let mut log = MockAuditLog::new();
    log.expect_record()
        .once()
        .in_sequence(&mut order)
        .withf(|record, moment| {
            let who = record.actor.map(UserId::get);
            let subject = record.subject.map(UserId::get);
            record.action.as_str() == "audit.read"
                && (who, subject) == (Some(9), Some(2))
                && *moment == now()
        })
        .returning(|_, _| Ok(()));
    log.expect_list()
        .once()
        .in_sequence(&mut order)
        .returning(|_| {
            Ok(Page {
                items: Vec::new(),
                next: None,
            })
        });
    let read = service(log).list(person(9, true), about(2)).await;
    assert!(read.is_ok());
}

#[tokio::test]
async fn without_a_record_there_is_no_answer() {
    let mut log = MockAuditLog::new();
    log.expect_record()
        .returning(|_, _| Err(StoreError::Unavailable("disk full".into())));
    let read = service(log).list(person(9, true), about(2)).await;
    assert!(matches!(read, Err(AdminError::Store(_))));
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_called_broken() {
    let mut log = MockAuditLog::new();
    log.expect_last_id().returning(|| Ok(None));
    log.expect_chain()
        .returning(|_, _| Err(StoreError::Unavailable("disk full".into())));
    assert!(service(log).verify().await.is_err());
}

#[tokio::test]
async fn an_empty_log_is_intact() {
    let mut log = MockAuditLog::new();
    log.expect_last_id().returning(|| Ok(None));
    log.expect_chain().returning(|_, _| Ok(Vec::new()));
    let report = service(log).verify().await.unwrap();
    assert_eq!(report, AuditReport::default());
    assert!(report.is_intact());
}

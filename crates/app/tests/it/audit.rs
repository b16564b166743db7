//! The audit log.

use std::sync::Arc;

use jiff::SignedDuration;
use lionrocket_app::{
    admin::{AdminError, Administrator},
    audit::{AuditReport, AuditService},
};
use lionrocket_domain::{
    audit::{AuditAction, AuditEntry, Origin, SealedEntry},
    ids::{AuditId, UserId},
    page::Page,
};
use lionrocket_ports::{
    StoreError,
    audit::{AuditFilter, AuditLog, MockAuditLog, MockAuditSeal, SealCheck},
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

/// A row of a chain: what an administrator did to somebody's data, `after` microseconds from now.
fn row(id: i64, action: AuditAction, subject: i64, after: i64) -> SealedEntry {
    let subject = UserId::from_stored(subject);
    SealedEntry {
        entry: AuditEntry {
            id: AuditId::from_stored(id),
            created_at: now() + SignedDuration::from_micros(after),
            actor: Some(UserId::from_stored(9)),
            action: action.as_str().to_owned(),
            target_type: "user".to_owned(),
            target_id: subject.to_string(),
            subject: Some(subject),
            reason: None,
            origin: Origin::default(),
            details: None,
        },
        key_id: "key".to_owned(),
        previous_hash: [0; 32],
        hash: [0; 32],
    }
}

/// A service whose log has these rows and whose seals are all like this.
fn over(rows: Vec<SealedEntry>, check: SealCheck) -> AuditService {
    let mut log = MockAuditLog::new();
    let last = rows.last().map(|row| row.entry.id);
    log.expect_last_id().returning(move || Ok(last));
    log.expect_chain().returning(move |after, _| {
        let rest = rows.iter().filter(|row| Some(row.entry.id) > after);
        Ok(rest.cloned().collect())
    });
    let mut seal = MockAuditSeal::new();
    seal.expect_check().returning(move |_| check);
    AuditService::new(Arc::new(log), Arc::new(seal), Arc::new(FixedClock))
}

fn rows_around_a_time() -> Vec<SealedEntry> {
    vec![
        row(1, AuditAction::ChatsRead, 2, -1),
        row(2, AuditAction::ChatsRead, 2, 0),
        row(3, AuditAction::UserUpdate, 2, 1),
        row(4, AuditAction::UserUpdate, 3, 2),
        row(5, AuditAction::UserUpdate, 2, 3),
        row(6, AuditAction::MessagesRead, 3, 99),
        row(7, AuditAction::MessagesRead, 3, 100),
    ]
}

#[tokio::test]
async fn what_was_done_in_a_time_is_counted_by_person_kind_and_subject() {
    let time = now()..now() + SignedDuration::from_micros(100);
    for (check, is_intact) in [(SealCheck::Intact, true), (SealCheck::Broken, false)] {
        let service = over(rows_around_a_time(), check);
        let summary = service.summary(time.clone()).await.unwrap();
        assert_eq!(summary.check.is_intact(), is_intact);
        let acts = summary.acts.iter().map(|(acts, count)| {
            assert_eq!(acts.actor.map(UserId::get), Some(9));
            (acts.action.as_str(), acts.subject.map(UserId::get), *count)
        });
        let expected = [
            ("chats.read", Some(2), 1),
            ("messages.read", Some(3), 1),
            ("user.update", Some(2), 2),
            ("user.update", Some(3), 1),
        ];
        assert_eq!(acts.collect::<Vec<_>>(), expected);
        let reads = summary.reads.iter().map(|read| read.id.get());
        assert_eq!(reads.collect::<Vec<_>>(), [2, 6]);
    }
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

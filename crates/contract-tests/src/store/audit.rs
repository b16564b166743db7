//! The audit log.

use futures_util::future::join_all;
use lionrocket_domain::{
    audit::{AuditAction, AuditRecord, AuditTarget, Origin, Performer},
    ids::{AuditId, UserId},
    text::AuditReason,
};
use lionrocket_ports::audit::AuditFilter;

use super::fixture::{NO_USER, Stores, at, page_size};

fn record(actor: i64, subject: i64, action: AuditAction) -> AuditRecord {
    let subject = UserId::from_stored(subject);
    Performer::person(UserId::from_stored(actor), Origin::default()).record(
        action,
        AuditTarget::User(subject),
        Some(subject),
    )
}

async fn fill(stores: &Stores, records: impl IntoIterator<Item = AuditRecord>) {
    for (second, record) in (0_i64..).zip(records) {
        stores
            .audit
            .record(record, at(second))
            .await
            .expect("record");
    }
}

async fn listed(stores: &Stores, filter: AuditFilter) -> Vec<i64> {
    let page = stores.audit.list(filter).await.expect("list");
    page.items.iter().map(|row| row.entry.id.get()).collect()
}

/// Every field, to the microsecond, in the list and in the chain.
pub async fn a_record_is_found_as_it_was_made(stores: Stores) {
    assert_eq!(stores.audit.last_id().await.expect("last_id"), None);
    let whole = AuditRecord {
        reason: Some(AuditReason::parse("a complaint of 2026-11-22").expect("a reason")),
        origin: Origin {
            request_id: Some("request-1".to_owned()),
            client_address: Some("203.0.113.7".to_owned()),
        },
        details: Some(serde_json::json!({"is_admin": {"old": false, "new": true}})),
        ..record(1, 2, AuditAction::UserUpdate)
    };
    let bare = AuditRecord {
        actor: None,
        subject: None,
        ..record(1, 2, AuditAction::UserErase)
    };
    fill(&stores, [whole.clone(), bare]).await;
    let page = stores
        .audit
        .list(AuditFilter::default())
        .await
        .expect("list");
    assert_eq!(page.next, None);
    let chain = stores.audit.chain(None, 10).await.expect("chain");
    assert_eq!(
        page.items.iter().rev().collect::<Vec<_>>(),
        chain.iter().collect::<Vec<_>>()
    );
    let [first, second] = chain.as_slice() else {
        panic!("{chain:?}");
    };
    assert_eq!((first.entry.id.get(), first.entry.created_at), (1, at(0)));
    assert_eq!(first.entry.actor, whole.actor);
    assert_eq!(first.entry.action, "user.update");
    assert_eq!(
        (&*first.entry.target_type, &*first.entry.target_id),
        ("user", "2")
    );
    assert_eq!(first.entry.subject, whole.subject);
    assert_eq!(
        first.entry.reason,
        whole.reason.map(AuditReason::into_string)
    );
    assert_eq!(first.entry.origin, whole.origin);
    let details = whole.details.map(|details| details.to_string());
    assert_eq!(first.entry.details, details);
    assert_eq!((second.entry.actor, second.entry.subject), (None, None));
    assert_eq!(
        (&second.entry.reason, &second.entry.details),
        (&None, &None)
    );
    assert_eq!(second.entry.origin, Origin::default());
}

/// Each row names the hash of the one before it, and ids have no gap.
pub async fn records_are_chained_in_the_order_of_their_ids(stores: Stores) {
    let made = join_all((0..40).map(|number| {
        stores
            .audit
            .record(record(1, number, AuditAction::UserRead), at(number))
    }))
    .await;
    assert!(made.iter().all(Result::is_ok));
    let mut chain = stores.audit.chain(None, 25).await.expect("chain");
    assert_eq!(chain.len(), 25);
    let last = chain.last().map(|row| row.entry.id);
    chain.extend(stores.audit.chain(last, 25).await.expect("chain"));
    let mut previous = [0; 32];
    for (number, row) in (1..).zip(&chain) {
        assert_eq!(row.entry.id.get(), number);
        assert_eq!(row.previous_hash, previous);
        previous = row.hash;
    }
    assert_eq!(chain.len(), 40);
    let last = stores.audit.last_id().await.expect("last_id");
    assert_eq!(last, Some(AuditId::from_stored(40)));
}

/// Filters combine, and a page ends where the next one begins.
pub async fn the_log_is_listed_newest_first_by_filter_and_page(stores: Stores) {
    let read = AuditAction::ChatsRead;
    let changed = AuditAction::UserUpdate;
    fill(
        &stores,
        [
            record(1, 2, read),
            record(1, 3, changed),
            record(4, 2, changed),
            record(1, 2, changed),
            record(4, 3, read),
        ],
    )
    .await;
    let actor = |id| AuditFilter {
        actor: Some(UserId::from_stored(id)),
        ..AuditFilter::default()
    };
    let subject = |id| AuditFilter {
        subject: Some(UserId::from_stored(id)),
        ..AuditFilter::default()
    };
    assert_eq!(
        listed(&stores, AuditFilter::default()).await,
        [5, 4, 3, 2, 1]
    );
    assert_eq!(listed(&stores, actor(1)).await, [4, 2, 1]);
    assert_eq!(listed(&stores, subject(2)).await, [4, 3, 1]);
    assert_eq!(listed(&stores, subject(NO_USER.get())).await, [0; 0]);
    let acts = |actions: &[AuditAction]| AuditFilter {
        actions: actions.iter().map(|action| action.as_str()).collect(),
        ..actor(1)
    };
    assert_eq!(listed(&stores, acts(&[changed])).await, [4, 2]);
    assert_eq!(listed(&stores, acts(&[changed, read])).await, [4, 2, 1]);
    let page = |before: Option<AuditId>| AuditFilter {
        before,
        size: page_size(2),
        ..actor(1)
    };
    let first = stores.audit.list(page(None)).await.expect("list");
    assert_eq!(first.next, Some(AuditId::from_stored(2)));
    assert_eq!(first.items.len(), 2);
    let second = stores.audit.list(page(first.next)).await.expect("list");
    assert_eq!((second.items.len(), second.next), (1, None));
}

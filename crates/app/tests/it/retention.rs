//! Forgetting.

use std::sync::Arc;

use jiff::SignedDuration;
use lionrocket_app::retention::{Forgotten, RetentionService};
use lionrocket_domain::{calendar::StatsZone, ids::UserId};
use lionrocket_ports::{
    StoreError,
    retention::{EraseOutcome, MockRetentionStore, Walked},
};

use crate::support::{FixedClock, now, turn_id};

fn service(store: MockRetentionStore) -> RetentionService {
    let zone = StatsZone::parse("Asia/Seoul").unwrap();
    RetentionService::new(Arc::new(store), Arc::new(FixedClock), zone)
}

/// A store in which nothing but accounts is due.
fn quiet() -> MockRetentionStore {
    let mut store = MockRetentionStore::new();
    store.expect_forget_sessions().returning(|_, until| {
        assert_eq!(until, now() - SignedDuration::from_hours(30 * 24));
        Ok(Walked {
            last: None,
            is_more: false,
        })
    });
    store.expect_forget_resets().returning(|_| Ok(()));
    store.expect_clear_traces().returning(|| Ok(true));
    store
}

#[tokio::test]
async fn an_account_that_cannot_be_erased_holds_up_no_other() {
    let ids = [1, 2, 3].map(UserId::from_stored);
    let mut store = quiet();
    store.expect_to_erase().returning(move |asked_by, _| {
        assert_eq!(asked_by, now() - SignedDuration::from_hours(7 * 24));
        Ok(ids.to_vec())
    });
    let mut pieces = 0;
    store.expect_erase().returning(move |piece| {
        if piece.user_id == ids[0] {
            return Err(StoreError::Internal("broken".into()));
        }
        if piece.user_id == ids[1] {
            return Ok(EraseOutcome::Kept);
        }
        pieces += 1;
        Ok(if pieces < 3 {
            EraseOutcome::More
        } else {
            EraseOutcome::Erased
        })
    });
    store.expect_forget_keys().returning(|_, _| {
        Ok(Walked {
            last: None,
            is_more: false,
        })
    });
    let forgotten = service(store).forget().await.unwrap();
    let expected = Forgotten {
        erased: 1,
        failed: 1,
        is_traceless: true,
    };
    assert_eq!(forgotten, expected);
}

#[tokio::test]
async fn turns_are_gone_through_once_and_then_only_the_new_ones() {
    let mut store = quiet();
    store.expect_to_erase().returning(|_, _| Ok(Vec::new()));
    let mut begun_after = vec![Some(turn_id()), Some(turn_id()), None];
    store
        .expect_forget_keys()
        .times(3)
        .returning(move |stretch, until| {
            assert_eq!(until, now() - SignedDuration::from_hours(24));
            assert_eq!(stretch.after, begun_after.pop().unwrap());
            let is_first = stretch.after.is_none();
            Ok(Walked {
                last: is_first.then(turn_id),
                is_more: is_first,
            })
        });
    let service = service(store);
    service.forget().await.unwrap();
    service.forget().await.unwrap();
}

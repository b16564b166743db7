//! Logins.

use futures_util::future::join_all;
use lionrocket_domain::{audit::Origin, ids::SessionId};
use lionrocket_ports::{
    audit::AuditFilter,
    sessions::{NewSession, RotateOutcome, RotateRefresh},
};
use uuid::Uuid;

use super::fixture::{IDLE_SECONDS, NO_USER, Stores, at, live_at, new_session};

async fn open(stores: &Stores, session: &NewSession) -> Vec<SessionId> {
    stores.sessions.open(session.clone()).await.expect("open")
}

async fn is_live(stores: &Stores, session: &NewSession, second: i64) -> bool {
    let live = stores.sessions.live(session.id, live_at(second)).await;
    let user = live.expect("live").map(|live| live.user.id);
    assert!(user.is_none() || user == Some(session.user_id));
    user.is_some()
}

/// Ending is for good and harms no other session.
pub async fn a_session_lives_until_it_is_ended_or_runs_out_or_is_idle(stores: Stores) {
    let haru = stores.user("haru").await;
    let (ended, other) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    let short = NewSession {
        expires_at: at(100),
        ..new_session(3, &haru, 0)
    };
    for session in [&ended, &other, &short] {
        open(&stores, session).await;
    }
    let unknown = new_session(4, &haru, 0);
    assert!(is_live(&stores, &ended, 99).await);
    assert!(is_live(&stores, &short, 99).await);
    assert!(!is_live(&stores, &short, 100).await);
    assert!(!is_live(&stores, &unknown, 99).await);
    for again in 0..2 {
        let end = stores.sessions.end(ended.id, at(60 + again)).await;
        end.expect("end");
        assert!(!is_live(&stores, &ended, 99).await);
    }
    stores.sessions.end(unknown.id, at(60)).await.expect("end");
    assert!(is_live(&stores, &other, IDLE_SECONDS - 1).await);
    assert!(!is_live(&stores, &other, IDLE_SECONDS).await);
}

/// What is noted is told, and nothing brings an ended session back.
pub async fn a_session_that_is_used_is_not_idle(stores: Stores) {
    let haru = stores.user("haru").await;
    let (used, ended) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    for session in [&used, &ended] {
        open(&stores, session).await;
    }
    stores.sessions.end(ended.id, at(1)).await.expect("end");
    for (session, second) in [(&used, 400), (&used, 300), (&ended, 400)] {
        let address = Some("192.0.2.8".to_owned());
        let touched = stores.sessions.touch(session.id, address, at(second)).await;
        touched.expect("touch");
    }
    assert!(is_live(&stores, &used, 899).await);
    assert!(!is_live(&stores, &used, 900).await);
    assert!(!is_live(&stores, &ended, 401).await);
    let listed = stores.sessions.list(haru.id, live_at(450)).await;
    let listed = listed.expect("list").remove(0);
    assert_eq!(listed.last_seen_at, at(400));
    assert_eq!(listed.client_address.as_deref(), Some("192.0.2.8"));
}

/// Only live ones count, and only those of the same account.
pub async fn the_oldest_of_too_many_sessions_are_ended(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let of_haru = |number: u8| NewSession {
        max_live: 2,
        ..new_session(number, &haru, number.into())
    };
    let of_mina = new_session(9, &mina, 0);
    open(&stores, &of_mina).await;
    let (first, second, third, fourth) = (of_haru(1), of_haru(2), of_haru(3), of_haru(4));
    assert_eq!(open(&stores, &first).await, []);
    assert_eq!(open(&stores, &second).await, []);
    assert_eq!(open(&stores, &third).await, [first.id]);
    let ended = stores.sessions.end(second.id, at(4)).await;
    ended.expect("end");
    assert_eq!(open(&stores, &fourth).await, [], "one had ended by itself");
    for (session, live) in [
        (&first, false),
        (&third, true),
        (&fourth, true),
        (&of_mina, true),
    ] {
        assert_eq!(is_live(&stores, session, 10).await, live);
    }
}

/// With all that was recorded of them, and without those that are over.
pub async fn sessions_are_listed_for_their_owner_newest_first(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let unnamed = NewSession {
        user_agent: None,
        client_address: None,
        ..new_session(2, &haru, 20)
    };
    let ended = new_session(3, &haru, 30);
    for session in [
        &new_session(1, &haru, 10),
        &unnamed,
        &ended,
        &new_session(4, &mina, 40),
    ] {
        open(&stores, session).await;
    }
    stores.sessions.end(ended.id, at(50)).await.expect("end");
    let listed = stores
        .sessions
        .list(haru.id, live_at(60))
        .await
        .expect("list");
    let [newer, older] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert_eq!((newer.id, newer.user_agent.as_deref()), (unnamed.id, None));
    assert_eq!(newer.client_address, None);
    assert_eq!((older.created_at, older.expires_at), (at(10), at(1010)));
    assert_eq!(older.last_seen_at, at(10));
    assert_eq!(older.user_agent.as_deref(), Some("Browser/1"));
    assert_eq!(older.client_address.as_deref(), Some("192.0.2.7"));
    let idle = stores
        .sessions
        .list(haru.id, live_at(10 + IDLE_SECONDS))
        .await;
    assert_eq!(idle.expect("list").len(), 1);
    let of_nobody = stores.sessions.list(NO_USER, live_at(60)).await;
    assert_eq!(of_nobody.expect("list"), []);
}

/// Somebody else's is not there, and one that is over cannot be ended again.
pub async fn only_the_owner_ends_a_session(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let session = new_session(1, &haru, 0);
    open(&stores, &session).await;
    let end = async |user, second| {
        let ended = stores.sessions.end_own(user, session.id, live_at(second));
        ended.await.expect("end_own")
    };
    assert!(!end(mina.id, 1).await);
    assert!(is_live(&stores, &session, 2).await);
    assert!(!end(haru.id, IDLE_SECONDS).await, "idle for too long");
    assert!(end(haru.id, 3).await);
    assert!(!is_live(&stores, &session, 4).await);
    assert!(!end(haru.id, 5).await);
}

/// Other people's stay.
pub async fn all_sessions_but_one_are_ended(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (kept, other) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    let of_mina = new_session(3, &mina, 0);
    for session in [&kept, &other, &of_mina] {
        open(&stores, session).await;
    }
    let ended = stores.sessions.end_others(haru.id, kept.id, at(5)).await;
    ended.expect("end_others");
    for (session, live) in [(&kept, true), (&other, false), (&of_mina, true)] {
        assert_eq!(is_live(&stores, session, 6).await, live);
    }
}

/// By the one before as well: it may be that the answer with the newest was lost.
pub async fn a_session_is_ended_by_its_secret(stores: Stores) {
    let haru = stores.user("haru").await;
    for (number, secret, ends) in [(1, 1, true), (2, 102, true), (3, 77, false)] {
        let session = new_session(number, &haru, 0);
        open(&stores, &session).await;
        rotate(&stores, &session, number, &[number + 100], 1).await;
        let ended = stores
            .sessions
            .end_by_secret(session.id, [secret; 32], at(2));
        assert_eq!(ended.await.expect("end_by_secret"), ends);
        assert_eq!(is_live(&stores, &session, 3).await, !ends);
        let again = stores
            .sessions
            .end_by_secret(session.id, [secret; 32], at(4));
        assert!(!again.await.expect("end_by_secret"));
    }
}

/// Presents a secret; secrets and their hashes are told by one number each.
async fn rotate(
    stores: &Stores,
    session: &NewSession,
    presented: u8,
    successors: &[u8],
    second: i64,
) -> RotateOutcome {
    let rotation = RotateRefresh {
        session_id: session.id,
        presented: [presented; 32],
        successors: successors.iter().map(|number| [*number; 32]).collect(),
        at: live_at(second),
        replay_after: at(second - 10),
        origin: Origin {
            request_id: Some("request".to_owned()),
            client_address: Some("192.0.2.9".to_owned()),
        },
    };
    let outcome = stores.sessions.rotate_refresh(rotation).await;
    outcome.expect("rotate_refresh")
}

/// The number of rows of the audit log about sessions.
async fn reuses(stores: &Stores) -> usize {
    let filter = AuditFilter {
        actions: vec!["session.reuse"],
        ..AuditFilter::default()
    };
    stores.audit.list(filter).await.expect("list").items.len()
}

/// It counts as a use of the session.
pub async fn a_refresh_secret_is_exchanged_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let session = new_session(1, &haru, 0);
    open(&stores, &session).await;
    for (presented, next, second) in [(1, 2, 300), (2, 3, 600), (3, 4, 610)] {
        let outcome = rotate(&stores, &session, presented, &[next], second).await;
        let RotateOutcome::Rotated(live) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!((live.user.id, live.expires_at), (haru.id, at(1000)));
    }
    assert!(is_live(&stores, &session, 999).await, "used at 610");
    let listed = stores.sessions.list(haru.id, live_at(700)).await;
    let listed = listed.expect("list").remove(0);
    assert_eq!(listed.client_address.as_deref(), Some("192.0.2.9"));
    assert_eq!(reuses(&stores).await, 0);
}

/// Because the answer was lost, or two tabs asked at once.
pub async fn an_immediate_predecessor_gets_the_same_answer_for_a_moment(stores: Stores) {
    let haru = stores.user("haru").await;
    let session = new_session(1, &haru, 0);
    open(&stores, &session).await;
    rotate(&stores, &session, 1, &[2], 50).await;
    for second in [50, 55, 59] {
        let outcome = rotate(&stores, &session, 1, &[2], second).await;
        assert!(
            matches!(outcome, RotateOutcome::Replayed { successor: 0, .. }),
            "{outcome:?}"
        );
    }
    let next = rotate(&stores, &session, 2, &[3], 59).await;
    assert!(matches!(next, RotateOutcome::Rotated(_)), "{next:?}");
    assert!(is_live(&stores, &session, 60).await);
    assert_eq!(reuses(&stores).await, 0);
}

/// Too late, after its successor was used, or never given out at all.
pub async fn a_secret_that_is_used_up_ends_its_session(stores: Stores) {
    let haru = stores.user("haru").await;
    for (number, presented, second) in [(1, 1, 60), (2, 2, 51), (3, 77, 51)] {
        let (next, after_next) = (number + 100, number + 110);
        let session = new_session(number, &haru, 0);
        open(&stores, &session).await;
        rotate(&stores, &session, number, &[next], 50).await;
        if number == 2 {
            rotate(&stores, &session, next, &[after_next], 50).await;
        }
        let outcome = rotate(&stores, &session, presented, &[next], second).await;
        assert_eq!(outcome, RotateOutcome::Reused { user_id: haru.id });
        assert!(!is_live(&stores, &session, second).await);
        assert_eq!(reuses(&stores).await, usize::from(number));
        for late in [next, after_next, presented] {
            let outcome = rotate(&stores, &session, late, &[99], second + 1).await;
            assert_eq!(outcome, RotateOutcome::Ended);
        }
    }
    let log = stores.audit.list(AuditFilter::default()).await;
    let row = log.expect("list").items.remove(0).entry;
    assert_eq!((row.actor, row.subject), (None, Some(haru.id)));
    assert_eq!(row.target_id, Uuid::from_u128(3).to_string());
    assert_eq!(row.origin.request_id.as_deref(), Some("request"));
    assert_eq!(row.origin.client_address.as_deref(), Some("192.0.2.9"));
}

/// However many ask with one secret.
pub async fn of_refreshes_at_once_one_rotates_and_all_get_one_successor(stores: Stores) {
    let haru = stores.user("haru").await;
    let session = new_session(1, &haru, 0);
    open(&stores, &session).await;
    let outcomes = join_all((0..32).map(|_| rotate(&stores, &session, 1, &[2], 50))).await;
    let (rotated, others): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| matches!(outcome, RotateOutcome::Rotated(_)));
    assert_eq!(rotated.len(), 1);
    for outcome in others {
        assert!(
            matches!(outcome, RotateOutcome::Replayed { successor: 0, .. }),
            "{outcome:?}"
        );
    }
    assert_eq!(reuses(&stores).await, 0);
}

/// The key may have changed between a request and its repetition.
pub async fn a_successor_of_any_known_key_is_found_again(stores: Stores) {
    let haru = stores.user("haru").await;
    let session = new_session(1, &haru, 0);
    open(&stores, &session).await;
    rotate(&stores, &session, 1, &[2], 50).await;
    let outcome = rotate(&stores, &session, 1, &[9, 8, 2], 51).await;
    assert!(
        matches!(outcome, RotateOutcome::Replayed { successor: 2, .. }),
        "{outcome:?}"
    );
    let next = rotate(&stores, &session, 2, &[10, 11], 52).await;
    assert!(matches!(next, RotateOutcome::Rotated(_)), "{next:?}");
    let next = rotate(&stores, &session, 10, &[12, 13], 53).await;
    assert!(
        matches!(next, RotateOutcome::Rotated(_)),
        "the newest key's"
    );
}

/// Nor one that is not there, and no row is written.
pub async fn a_session_that_has_ended_is_not_refreshed(stores: Stores) {
    let haru = stores.user("haru").await;
    let (ended, idle) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    for session in [&ended, &idle] {
        open(&stores, session).await;
    }
    stores.sessions.end(ended.id, at(1)).await.expect("end");
    let unknown = new_session(3, &haru, 0);
    for (session, secret, second) in [(&ended, 1, 2), (&idle, 2, IDLE_SECONDS), (&unknown, 3, 2)] {
        let outcome = rotate(&stores, session, secret, &[50], second).await;
        assert_eq!(outcome, RotateOutcome::Ended);
    }
    assert_eq!(reuses(&stores).await, 0);
}

/// In that session only.
pub async fn a_password_that_was_asked_for_again_is_noted(stores: Stores) {
    let haru = stores.user("haru").await;
    let (asked, other) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    for session in [&asked, &other] {
        open(&stores, session).await;
    }
    let noted = stores.sessions.reauthenticated(asked.id, at(7)).await;
    noted.expect("reauthenticated");
    for (session, moment) in [(&asked, Some(at(7))), (&other, None)] {
        let live = stores.sessions.live(session.id, live_at(8)).await;
        let live = live.expect("live").expect("a live session");
        assert_eq!(live.reauthenticated_at, moment);
    }
}

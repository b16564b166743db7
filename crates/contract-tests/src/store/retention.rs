//! Forgetting.

use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::{Origin, Performer},
    calendar::DayRange,
    chat::Chat,
    ids::{SessionId, TurnId},
    statistics::{AccountDay, Figures},
    usage::ChargeAccount,
};
use lionrocket_ports::{
    accounts::CreateUserOutcome,
    admin::{AccountChange, AccountOutcome},
    audit::AuditFilter,
    retention::{EraseOutcome, ErasePiece, Stretch, Walked},
    sessions::LiveAt,
    turns::{BeginOutcome, BeginTurn, FinishTurn, Idempotency},
};
use uuid::Uuid;

use super::fixture::{
    NO_USER, Stores, actor, at, begin, branch_off, day, draft, finish, new_session, new_user,
    private_draft, turn_id,
};

/// Asks for the deletion of an account at a moment.
async fn ask_for_deletion(stores: &Stores, user: &User, second: i64) {
    let by = Performer::operator();
    let outcome = stores.admin.begin_deletion(user.id, by, at(second)).await;
    assert!(matches!(outcome, Ok(AccountOutcome::Changed(_))));
}

async fn piece(stores: &Stores, user: &User, asked_by: i64, rows: u32) -> EraseOutcome {
    let piece = ErasePiece {
        user_id: user.id,
        asked_by: at(asked_by),
        rows,
        now: at(1000),
        today: day("2026-11-29"),
    };
    stores.retention.erase(piece).await.expect("erase")
}

/// Erases an account and answers in how many pieces.
async fn erase(stores: &Stores, user: &User, rows: u32) -> u32 {
    for count in 1..100 {
        match piece(stores, user, 500, rows).await {
            EraseOutcome::More => {}
            EraseOutcome::Erased => return count,
            EraseOutcome::Kept => panic!("it is kept"),
        }
    }
    panic!("there is no end");
}

fn administrator() -> Actor {
    Actor {
        user_id: NO_USER,
        is_admin: true,
        session_id: SessionId::from_uuid(Uuid::nil()),
    }
}

/// A chat with so many exchanges.
async fn long_chat(stores: &Stores, owner: &User, exchanges: u32) -> Chat {
    let chat = stores.chat(owner).await;
    let mut parent = None;
    for number in 0..exchanges {
        let record = stores.exchange(&chat, parent, &number.to_string()).await;
        parent = Some(record.turn.assistant_message_id);
    }
    chat
}

/// What is a person's own is erased, in pieces.
pub async fn an_account_is_erased_in_pieces_with_all_that_is_its_own(stores: Stores) {
    let user = stores.user("haru").await;
    let chats = [
        long_chat(&stores, &user, 3).await,
        long_chat(&stores, &user, 2).await,
    ];
    let private = stores.character(Some(&user), private_draft("비밀")).await;
    let public = stores.character(Some(&user), draft("모두")).await;
    let session = new_session(1, &user, 0);
    stores.sessions.open(session.clone()).await.expect("open");
    ask_for_deletion(&stores, &user, 100).await;

    // Ten messages, five turns, two chats and a character, four at a time.
    assert_eq!(erase(&stores, &user, 4).await, 5);
    assert_eq!(stores.account(user.id).await, None);
    for chat in chats {
        let owner = stores.admin.owner_of(chat.id).await.expect("owner_of");
        assert_eq!(owner, None);
    }
    let characters = &stores.characters;
    let found = characters.get(administrator(), private.id).await;
    assert_eq!(found.expect("get"), None);
    let kept = characters.get(administrator(), public.id).await;
    let kept = kept.expect("get").expect("it stays");
    assert_eq!(kept.created_by, None);
    let at = LiveAt {
        now: at(1),
        seen_after: Timestamp::MIN,
    };
    let live = stores.sessions.live(session.id, at).await;
    assert_eq!(live.expect("live"), None);
    let again = stores.users.create(new_user("haru")).await.expect("create");
    assert!(matches!(again, CreateUserOutcome::Created(new) if new.id != user.id));
    assert_eq!(piece(&stores, &user, 500, 4).await, EraseOutcome::Kept);
}

/// The erasure is recorded once, with the last piece.
pub async fn an_erasure_is_recorded_with_its_last_piece(stores: Stores) {
    let user = stores.user("haru").await;
    long_chat(&stores, &user, 2).await;
    ask_for_deletion(&stores, &user, 100).await;
    let rows = async || {
        let filter = AuditFilter {
            actions: vec!["user.erase"],
            ..AuditFilter::default()
        };
        stores.audit.list(filter).await.expect("list").items
    };
    assert_eq!(piece(&stores, &user, 500, 2).await, EraseOutcome::More);
    assert_eq!(rows().await, []);
    erase(&stores, &user, 100).await;
    let rows = rows().await;
    assert_eq!(rows.len(), 1);
    let entry = &rows[0].entry;
    assert_eq!((entry.actor, entry.subject), (None, Some(user.id)));
}

/// Sums are those of before; only the erased accounts are one more.
pub async fn an_erasure_changes_no_sum(stores: Stores) {
    let (user, other) = (stores.user("haru").await, stores.user("mina").await);
    long_chat(&stores, &user, 2).await;
    long_chat(&stores, &other, 1).await;
    let range = DayRange {
        from: day("2026-11-22"),
        to: day("2026-11-29"),
    };
    let figures = async || stores.stats.overview(range, 10).await.expect("overview");
    let before = figures().await;
    ask_for_deletion(&stores, &user, 100).await;
    erase(&stores, &user, 500).await;
    let after = figures().await;
    assert_eq!(after.model_days, before.model_days);
    assert_eq!(after.failures, before.failures);
    assert_eq!(after.first_text, before.first_text);
    let exchanges = |figures: &Figures| -> Vec<_> {
        let characters = figures.characters.iter();
        characters
            .map(|one| (one.character_id, one.exchanges))
            .collect()
    };
    assert_eq!(exchanges(&after), exchanges(&before));
    let counts = |figures: &Figures| {
        let days = &figures.account_days;
        let sum = |of: fn(&AccountDay) -> u64| days.iter().map(of).sum::<u64>();
        (
            sum(|day| day.new_accounts),
            sum(|day| day.active_accounts),
            sum(|day| day.erased_accounts),
        )
    };
    assert_eq!(counts(&before), (2, 2, 0));
    assert_eq!(counts(&after), (2, 2, 1));
}

/// Nothing is erased too early, or after the deletion was taken back.
pub async fn an_account_is_kept_in_its_time_of_grace_and_when_it_is_taken_back(stores: Stores) {
    let (user, back) = (stores.user("haru").await, stores.user("mina").await);
    let never = stores.user("yuna").await;
    ask_for_deletion(&stores, &user, 100).await;
    ask_for_deletion(&stores, &back, 100).await;
    let due = async |second| {
        stores
            .retention
            .to_erase(at(second), 10)
            .await
            .expect("due")
    };
    assert_eq!(due(99).await, []);
    assert_eq!(due(100).await, [user.id, back.id]);
    let restore = AccountChange {
        is_active: Some(true),
        ..AccountChange::default()
    };
    let by = Performer::operator();
    let restored = stores
        .admin
        .change(back.id, restore, None, by, at(200))
        .await;
    assert!(matches!(restored, Ok(AccountOutcome::Changed(_))));
    assert_eq!(due(500).await, [user.id]);
    assert_eq!(piece(&stores, &user, 99, 10).await, EraseOutcome::Kept);
    assert_eq!(piece(&stores, &back, 500, 10).await, EraseOutcome::Kept);
    assert_eq!(piece(&stores, &never, 500, 10).await, EraseOutcome::Kept);
    for kept in [&user, &back, &never] {
        let found = stores.account(kept.id).await;
        assert!(found.is_some());
    }
}

/// Somebody else's chat outlives the maker of its character.
pub async fn others_keep_their_chats_with_the_characters_of_an_erased_account(stores: Stores) {
    let (maker, other) = (stores.user("haru").await, stores.user("mina").await);
    let public = stores.character(Some(&maker), draft("모두")).await;
    let deleted = stores.character(Some(&maker), draft("하루")).await;
    let open = stores.chat_with(&other, public.id).await;
    let closed = stores.chat_with(&other, deleted.id).await;
    let characters = &stores.characters;
    let gone = characters
        .delete(actor(&maker), deleted.id, Origin::default(), at(50))
        .await;
    assert!(gone.expect("delete"));
    ask_for_deletion(&stores, &maker, 100).await;
    erase(&stores, &maker, 500).await;
    let open = stores.chat_now(&open).await;
    assert_eq!(open.character.id, Some(public.id));
    let closed = stores.chat_now(&closed).await;
    assert_eq!(
        (closed.character.id, closed.character.name.as_str()),
        (None, "하루")
    );
}

async fn forget_sessions(
    stores: &Stores,
    after: Option<SessionId>,
    rows: u32,
    until: i64,
) -> Walked<SessionId> {
    let stretch = Stretch { after, rows };
    let walked = stores.retention.forget_sessions(stretch, at(until)).await;
    walked.expect("forget_sessions")
}

/// Old sessions go, and those that were not used for long lose their address and browser.
pub async fn old_sessions_are_forgotten_stretch_by_stretch(stores: Stores) {
    let user = stores.user("haru").await;
    // They run out at 1,000, 1,100, 5,000 and 5,100; all are still there.
    for (number, begun) in [(1, 0), (2, 100), (3, 4000), (4, 4100)] {
        let session = new_session(number, &user, begun);
        stores.sessions.open(session).await.expect("open");
    }
    let kept = async || {
        let at = LiveAt {
            now: at(1),
            seen_after: Timestamp::MIN,
        };
        let all = stores.sessions.list(user.id, at).await.expect("list");
        let seen = all
            .into_iter()
            .map(|one| (one.id, one.client_address.is_some()));
        let mut seen: Vec<_> = seen.collect();
        seen.sort();
        seen
    };
    let id = |number| new_session(number, &user, 0).id;
    let first = forget_sessions(&stores, None, 2, 1050).await;
    assert_eq!((first.last, first.is_more), (Some(id(2)), true));
    assert_eq!(kept().await, [(id(2), false), (id(3), true), (id(4), true)]);
    let rest = forget_sessions(&stores, first.last, 2, 4000).await;
    assert_eq!((rest.last, rest.is_more), (Some(id(4)), true));
    assert_eq!(
        kept().await,
        [(id(2), false), (id(3), false), (id(4), true)]
    );
    let end = forget_sessions(&stores, rest.last, 2, 4000).await;
    assert_eq!((end.last, end.is_more), (None, false));
}

/// A turn with a key, accepted at a moment and ended.
async fn keyed(stores: &Stores, chat: &Chat, id: TurnId, key: &str, second: i64) {
    let request = keyed_request(chat, id, key, second);
    stores.start(&request).await;
    let end = finish(&request, "네");
    let account = ChargeAccount {
        accepted_at: at(second),
        ..end.account
    };
    stores.end(&FinishTurn { account, ..end }).await;
}

fn keyed_request(chat: &Chat, id: TurnId, key: &str, second: i64) -> BeginTurn {
    BeginTurn {
        turn_id: id,
        messages: branch_off(None, "안녕"),
        accepted_at: at(second),
        idempotency: Some(Idempotency {
            key: key.to_owned(),
            request_hash: [7; 32],
        }),
        ..begin(chat, None)
    }
}

/// Keys are forgotten up to the first turn that is not old enough, and then they are free.
pub async fn keys_are_forgotten_up_to_the_first_younger_turn(stores: Stores) {
    let user = stores.user("haru").await;
    let chat = stores.chat(&user).await;
    let ids: Vec<_> = (0..4).map(|_| turn_id()).collect();
    for (id, (key, second)) in ids.iter().zip([("a", 10), ("b", 20), ("c", 90), ("d", 30)]) {
        keyed(&stores, &chat, *id, key, second).await;
    }
    let forget = async |after, rows| {
        let stretch = Stretch { after, rows };
        let walked = stores.retention.forget_keys(stretch, at(50)).await;
        walked.expect("forget_keys")
    };
    let first = forget(None, 1).await;
    assert_eq!((first.last, first.is_more), (Some(ids[0]), true));
    let second = forget(first.last, 5).await;
    assert_eq!((second.last, second.is_more), (Some(ids[1]), false));
    let none = forget(second.last, 5).await;
    assert_eq!((none.last, none.is_more), (None, false));
    for (key, is_free) in [("c", false), ("d", false), ("a", true)] {
        let request = keyed_request(&chat, turn_id(), key, 100);
        let outcome = stores.turns.begin(request).await.expect("begin");
        assert_eq!(
            matches!(outcome, BeginOutcome::Started(_)),
            is_free,
            "{key}"
        );
    }
}

/// Nothing that was forgotten is left in a file.
pub async fn traces_are_cleared_while_nobody_reads(stores: Stores) {
    stores.user("haru").await;
    assert!(stores.retention.clear_traces().await.expect("clear_traces"));
}

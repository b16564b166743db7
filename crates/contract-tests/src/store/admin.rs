//! Looking after accounts.

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    audit::{AuditAction, AuditRecord, AuditTarget, Origin, Performer},
    ids::{ChatId, SessionId, UserId},
    text::{AuditReason, DisplayName},
};
use lionrocket_ports::{
    accounts::{CreateUserOutcome, NewUser},
    admin::{Account, AccountChange, AccountFilter, AccountOutcome, AccountState, AccountTotals},
    audit::AuditFilter,
};

use super::fixture::{
    NO_CHAT, NO_USER, Stores, TOKENS, at, live_at, new_user, open_session, page_size,
};

/// An administrator of that name.
async fn admin(stores: &Stores, name: &str) -> User {
    let wanted = NewUser {
        is_admin: true,
        ..new_user(name)
    };
    match stores.users.create(wanted).await.expect("create") {
        CreateUserOutcome::Created(user) => user,
        other => panic!("{name} was not made: {other:?}"),
    }
}

fn by(admin: &User) -> Performer {
    Performer::person(
        admin.id,
        Origin {
            request_id: Some("request-1".to_owned()),
            client_address: None,
        },
    )
}

async fn change(
    stores: &Stores,
    by_whom: &User,
    of: &User,
    change: AccountChange,
) -> AccountOutcome {
    let admin = &stores.admin;
    let outcome = admin.change(of.id, change, None, by(by_whom), at(50)).await;
    outcome.expect("change")
}

#[track_caller]
fn done(outcome: AccountOutcome) -> Account {
    match outcome {
        AccountOutcome::Changed(account) => *account,
        other => panic!("not changed: {other:?}"),
    }
}

async fn now_of(stores: &Stores, user: &User) -> User {
    let found = stores.admin.get(user.id).await.expect("get");
    found.expect("the account is there").user
}

fn active(is_active: bool) -> AccountChange {
    AccountChange {
        is_active: Some(is_active),
        ..AccountChange::default()
    }
}

fn role(is_admin: bool) -> AccountChange {
    AccountChange {
        is_admin: Some(is_admin),
        ..AccountChange::default()
    }
}

fn name(text: &str) -> AccountChange {
    AccountChange {
        display_name: Some(Some(DisplayName::parse(text).expect("a name"))),
        ..AccountChange::default()
    }
}

/// What the log says of one person, oldest first: what was done, and what changed.
async fn log_of(stores: &Stores, user: &User) -> Vec<(String, String)> {
    let filter = AuditFilter {
        subject: Some(user.id),
        ..AuditFilter::default()
    };
    let page = stores.audit.list(filter).await.expect("list");
    let rows = page.items.into_iter().rev().map(|row| row.entry);
    rows.map(|entry| (entry.action, entry.details.unwrap_or_default()))
        .collect()
}

async fn names(stores: &Stores, filter: AccountFilter) -> Vec<String> {
    let page = stores.admin.list(filter).await.expect("list");
    let users = page.items.into_iter().map(|account| account.user);
    users.map(|user| user.username.into_string()).collect()
}

fn in_state(state: AccountState) -> AccountFilter {
    AccountFilter {
        state: Some(state),
        ..AccountFilter::default()
    }
}

/// Nothing at first; then chats, exchanges and what they cost, whether the chats are still there or
/// not.
pub async fn an_account_is_told_with_what_was_done_with_it(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let nothing = stores.admin.get(haru.id).await.expect("get");
    let nothing = nothing.expect("an account");
    assert_eq!(
        (nothing.user, nothing.totals),
        (haru.clone(), AccountTotals::default())
    );
    let (kept, deleted) = (stores.chat(&haru).await, stores.chat(&haru).await);
    stores.exchange(&kept, None, "하나").await;
    stores.exchange(&deleted, None, "둘").await;
    stores.exchange(&stores.chat(&mina).await, None, "셋").await;
    assert!(
        stores
            .chats
            .delete(haru.id, deleted.id)
            .await
            .expect("delete")
    );
    let told = stores.admin.get(haru.id).await.expect("get");
    let totals = told.expect("an account").totals;
    let expected = AccountTotals {
        chats: 1,
        exchanges: 2,
        total_tokens: 2 * TOKENS.total(),
        cost_micro_usd: 20 * TOKENS.total(),
        last_active_at: Some(at(12)),
    };
    assert_eq!(totals, expected);
    open_session(&stores, 1, &haru, at(40)).await;
    let page = stores
        .admin
        .list(AccountFilter::default())
        .await
        .expect("list");
    assert_eq!(page.items.len(), 2);
    for account in page.items {
        let alone = stores.admin.get(account.user.id).await.expect("get");
        assert_eq!(alone, Some(account.clone()));
        if account.user.id == haru.id {
            assert_eq!(account.totals.last_active_at, Some(at(40)));
        }
    }
    assert_eq!(stores.admin.get(NO_USER).await.expect("get"), None);
}

/// By id, so that new accounts do not shift pages.
pub async fn accounts_are_listed_newest_first_page_by_page(stores: Stores) {
    for number in 1..=5 {
        stores.user(&format!("person{number}")).await;
    }
    let page = |after: Option<UserId>| AccountFilter {
        after,
        size: page_size(2),
        ..AccountFilter::default()
    };
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let filter = page(after);
        found.push(names(&stores, filter.clone()).await);
        after = stores.admin.list(filter).await.expect("list").next;
        stores.user(&format!("later{}", found.len())).await;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        found,
        [
            vec!["person5", "person4"],
            vec!["person3", "person2"],
            vec!["person1"]
        ]
    );
}

/// By any of the three, in any case and form; `%`, `_` and `\` are letters.
pub async fn accounts_are_searched_by_folded_names_taken_literally(stores: Stores) {
    let boss = admin(&stores, "boss").await;
    let haru = stores.user("Haru_1").await;
    stores.user("harux1").await;
    let mina = stores.user("mina").await;
    change(&stores, &boss, &mina, name("ÉMILE 100%")).await;
    change(&stores, &boss, &haru, name("등대지기")).await;
    let search = |text: &str| AccountFilter {
        search: Some(text.to_owned()),
        ..AccountFilter::default()
    };
    for (text, expected) in [
        ("haru", vec!["harux1", "Haru_1"]),
        (" ＨＡＲＵ_ ", vec!["Haru_1"]),
        ("_1@example", vec!["Haru_1"]),
        ("MINA@EXAMPLE.COM", vec!["mina"]),
        ("émile", vec!["mina"]),
        ("100%", vec!["mina"]),
        ("등대", vec!["Haru_1"]),
        ("%", vec!["mina"]),
        (r"\", vec![]),
        ("nobody", vec![]),
    ] {
        assert_eq!(names(&stores, search(text)).await, expected, "{text}");
    }
}

/// Each state by itself, and together with a search.
pub async fn accounts_are_listed_by_state(stores: Stores) {
    let boss = admin(&stores, "boss").await;
    let (off, gone) = (stores.user("off").await, stores.user("gone").await);
    stores.user("haru").await;
    change(&stores, &boss, &off, active(false)).await;
    let deleted = stores
        .admin
        .begin_deletion(gone.id, by(&boss), at(60))
        .await;
    done(deleted.expect("delete"));
    for (state, expected) in [
        (AccountState::Active, vec!["haru", "boss"]),
        (AccountState::Disabled, vec!["off"]),
        (AccountState::Deleted, vec!["gone"]),
        (AccountState::Admin, vec!["boss"]),
    ] {
        assert_eq!(names(&stores, in_state(state)).await, expected, "{state:?}");
        let with_search = AccountFilter {
            search: Some("boss".to_owned()),
            ..in_state(state)
        };
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|name| *name == "boss")
            .collect();
        assert_eq!(names(&stores, with_search).await, expected, "{state:?}");
    }
}

/// Under the key that the name folds to.
pub async fn an_account_is_found_by_its_user_name_alone(stores: Stores) {
    let haru = stores.user("haru").await;
    let found = stores.admin.id_of("haru".to_owned()).await;
    assert_eq!(found.expect("id_of"), Some(haru.id));
    let address = stores.admin.id_of("haru@example.com".to_owned()).await;
    assert_eq!(address.expect("id_of"), None);
}

/// Only what is named, with the version raised, in the same breath as the record.
pub async fn a_change_of_an_account_is_recorded_with_it(stores: Stores) {
    let (boss, haru) = (admin(&stores, "boss").await, stores.user("haru").await);
    let wanted = AccountChange {
        daily_token_budget: Some(Some(5000)),
        ..name("Haru")
    };
    let account = done(change(&stores, &boss, &haru, wanted).await);
    let expected = User {
        daily_token_budget: Some(5000),
        display_name: Some(DisplayName::parse("Haru").expect("a name")),
        version: 2,
        ..haru.clone()
    };
    assert_eq!(account.user, expected);
    let back = AccountChange {
        daily_token_budget: Some(None),
        display_name: Some(None),
        ..AccountChange::default()
    };
    let account = done(change(&stores, &boss, &haru, back).await);
    assert_eq!(
        account.user,
        User {
            version: 3,
            ..haru.clone()
        }
    );
    let rows = log_of(&stores, &haru).await;
    let budget = |old, new| format!(r#""daily_token_budget":{{"old":{old},"new":{new}}}"#);
    let (given, taken) = (budget("null", "5000"), budget("5000", "null"));
    for ((action, details), budget) in rows.iter().zip([given, taken]) {
        assert_eq!(action, "user.update");
        assert!(details.contains(&budget), "{details}");
        // The log is never erased, so it keeps no name.
        assert!(!details.contains("Haru"), "{details}");
    }
    assert_eq!(rows.len(), 2);
    let row = stores
        .audit
        .chain(None, 1)
        .await
        .expect("chain")
        .remove(0)
        .entry;
    assert_eq!((row.actor, row.subject), (Some(boss.id), Some(haru.id)));
    assert_eq!(
        (&*row.target_type, row.target_id),
        ("user", haru.id.to_string())
    );
    assert_eq!((row.origin, row.created_at), (by(&boss).origin, at(50)));
}

/// Neither touches the account, and neither is recorded.
pub async fn a_stale_change_of_an_account_and_one_of_nobody_are_refused(stores: Stores) {
    let (boss, haru) = (admin(&stores, "boss").await, stores.user("haru").await);
    let stale = stores
        .admin
        .change(haru.id, active(false), Some(7), by(&boss), at(50))
        .await;
    assert_eq!(stale.expect("change"), AccountOutcome::Stale);
    let nobody = stores
        .admin
        .change(NO_USER, active(false), None, by(&boss), at(50))
        .await;
    assert_eq!(nobody.expect("change"), AccountOutcome::NotFound);
    let nobody = stores
        .admin
        .begin_deletion(NO_USER, by(&boss), at(50))
        .await;
    assert_eq!(nobody.expect("delete"), AccountOutcome::NotFound);
    assert_eq!(now_of(&stores, &haru).await, haru);
    assert_eq!(stores.audit.last_id().await.expect("last_id"), None);
    let current = stores
        .admin
        .change(haru.id, active(false), Some(1), by(&boss), at(50))
        .await;
    assert!(!done(current.expect("change")).user.is_active);
}

/// The act is on the record; the version stays.
pub async fn a_change_that_changes_nothing_raises_no_version(stores: Stores) {
    let (boss, haru) = (admin(&stores, "boss").await, stores.user("haru").await);
    open_session(&stores, 1, &haru, at(0)).await;
    let same = AccountChange {
        is_admin: Some(false),
        daily_token_budget: Some(None),
        ..active(true)
    };
    assert_eq!(done(change(&stores, &boss, &haru, same).await).user, haru);
    let expected = [("user.update".to_owned(), "{}".to_owned())];
    assert_eq!(log_of(&stores, &haru).await, expected);
    assert!(is_signed_in(&stores, 1).await);
}

async fn is_signed_in(stores: &Stores, session: u8) -> bool {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(session.into()));
    let live = stores.sessions.live(id, live_at(55)).await;
    live.expect("live").is_some()
}

/// Disabling, deletion and a change of role do, for that person alone; other changes do not.
pub async fn what_takes_rights_away_ends_every_login(stores: Stores) {
    let (boss, other) = (admin(&stores, "boss").await, stores.user("other").await);
    open_session(&stores, 100, &other, at(0)).await;
    for (number, ending) in (1..).zip([active(false), role(true), name("Haru")]) {
        let haru = stores.user(&format!("haru{number}")).await;
        open_session(&stores, number, &haru, at(0)).await;
        open_session(&stores, number + 10, &haru, at(0)).await;
        let is_ending = ending.display_name.is_none();
        let account = done(change(&stores, &boss, &haru, ending).await);
        let raised = account.user.token_version - haru.token_version;
        assert_eq!(raised, i64::from(is_ending));
        for session in [number, number + 10] {
            assert_eq!(is_signed_in(&stores, session).await, !is_ending);
        }
    }
    let haru = stores.user("haru4").await;
    open_session(&stores, 4, &haru, at(0)).await;
    let deleted = stores
        .admin
        .begin_deletion(haru.id, by(&boss), at(50))
        .await;
    let account = done(deleted.expect("delete"));
    assert_eq!(account.user.token_version, haru.token_version + 1);
    assert!(!is_signed_in(&stores, 4).await);
    assert!(is_signed_in(&stores, 100).await);
}

/// The first time counts. Making the account active takes it back.
pub async fn a_deletion_is_begun_once_and_can_be_taken_back(stores: Stores) {
    let (boss, haru) = (admin(&stores, "boss").await, stores.user("haru").await);
    for second in [50, 70] {
        let begun = stores
            .admin
            .begin_deletion(haru.id, by(&boss), at(second))
            .await;
        let user = done(begun.expect("delete")).user;
        assert_eq!((user.deleted_at, user.version), (Some(at(50)), 2));
        assert_eq!(user.erase_at(), Some(at(50 + 7 * 24 * 3600)));
    }
    let account = done(change(&stores, &boss, &haru, active(true)).await);
    assert_eq!(account.user.deleted_at, None);
    assert!(account.user.is_active);
    let actions = log_of(&stores, &haru).await;
    let actions: Vec<_> = actions.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["user.delete", "user.delete", "user.update"]);
    assert!(log_of(&stores, &haru).await[2].1.contains("is_deleted"));
}

/// Neither disabled, demoted nor deleted, while others may be; one that is disabled or deleted does
/// not count.
pub async fn the_last_administrator_stays(stores: Stores) {
    let boss = admin(&stores, "boss").await;
    let (off, gone) = (admin(&stores, "off").await, admin(&stores, "gone").await);
    change(&stores, &boss, &off, active(false)).await;
    let deleted = stores
        .admin
        .begin_deletion(gone.id, by(&boss), at(50))
        .await;
    done(deleted.expect("delete"));
    let before = stores.audit.last_id().await.expect("last_id");
    for refused in [active(false), role(false)] {
        let outcome = change(&stores, &boss, &boss, refused).await;
        assert_eq!(outcome, AccountOutcome::LastAdministrator);
    }
    let deleted = stores
        .admin
        .begin_deletion(boss.id, by(&boss), at(51))
        .await;
    assert_eq!(deleted.expect("delete"), AccountOutcome::LastAdministrator);
    assert_eq!(stores.audit.last_id().await.expect("last_id"), before);
    assert_eq!(now_of(&stores, &boss).await, boss);
    // Those who administer nothing at the moment may go on losing their rights.
    assert!(
        !done(change(&stores, &boss, &off, role(false)).await)
            .user
            .is_admin
    );
    change(&stores, &boss, &gone, active(true)).await;
    assert!(
        !done(change(&stores, &boss, &boss, role(false)).await)
            .user
            .is_admin
    );
}

/// However many ask at once.
pub async fn administrators_who_demote_each_other_at_once_leave_one(stores: Stores) {
    let mut admins = Vec::new();
    for number in 0..8 {
        admins.push(admin(&stores, &format!("admin{number}")).await);
    }
    let outcomes = join_all(admins.iter().zip(admins.iter().cycle().skip(1)).map(
        |(one, other)| async {
            match one.id.get() % 3 {
                0 => change(&stores, one, other, role(false)).await,
                1 => change(&stores, one, other, active(false)).await,
                _ => {
                    let admin = &stores.admin;
                    let begun = admin.begin_deletion(other.id, by(one), at(50)).await;
                    begun.expect("delete")
                }
            }
        },
    ))
    .await;
    let refused = outcomes
        .iter()
        .filter(|outcome| **outcome == AccountOutcome::LastAdministrator)
        .count();
    assert_eq!(refused, 1, "{outcomes:?}");
}

/// Whoever it belongs to; nobody when it is not there.
pub async fn a_chats_owner_is_told(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let owner = stores.admin.owner_of(chat.id).await;
    assert_eq!(owner.expect("owner_of"), Some(haru.id));
    assert_eq!(
        stores.admin.owner_of(NO_CHAT).await.expect("owner_of"),
        None
    );
}

/// Looks at chats, messages and usage, not other acts and not other people's.
pub async fn a_person_is_told_who_looked_at_what(stores: Stores) {
    let (boss, haru) = (admin(&stores, "boss").await, stores.user("haru").await);
    let mina = stores.user("mina").await;
    let chat = stores.chat(&haru).await;
    let reason = AuditReason::parse("a complaint").expect("a reason");
    let look = |action, target, subject: &User| AuditRecord {
        reason: Some(reason.clone()),
        ..by(&boss).record(action, target, Some(subject.id))
    };
    let of_user = |user: &User| AuditTarget::User(user.id);
    let gone = AuditTarget::Chat(ChatId::from_stored(888));
    let operator = AuditRecord {
        actor: None,
        reason: None,
        ..look(AuditAction::UsageRead, of_user(&haru), &haru)
    };
    for (second, record) in (0..).zip([
        look(AuditAction::ChatsRead, of_user(&haru), &haru),
        look(AuditAction::ChatsRead, of_user(&mina), &mina),
        look(AuditAction::MessagesRead, AuditTarget::Chat(chat.id), &haru),
        look(AuditAction::UserRead, of_user(&haru), &haru),
        look(AuditAction::MessagesRead, gone, &haru),
        operator,
    ]) {
        stores
            .audit
            .record(record, at(second))
            .await
            .expect("record");
    }
    let first = stores.admin.views_of(haru.id, None, page_size(3)).await;
    let first = first.expect("views_of");
    let rest = stores
        .admin
        .views_of(haru.id, first.next, page_size(3))
        .await;
    let rest = rest.expect("views_of");
    assert_eq!(
        (first.items.len(), rest.items.len(), rest.next),
        (3, 1, None)
    );
    let [usage, unknown, messages] = first.items.as_slice() else {
        panic!("{first:?}");
    };
    assert_eq!(
        (&*usage.action, &usage.administrator),
        ("usage.read", &None)
    );
    assert_eq!((usage.chat_id, &usage.reason), (None, &None));
    assert_eq!(
        (unknown.chat_id.map(ChatId::get), &unknown.chat_title),
        (Some(888), &None)
    );
    assert_eq!(
        (&*messages.action, messages.viewed_at),
        ("messages.read", at(2))
    );
    assert_eq!(messages.administrator.as_deref(), Some("boss"));
    assert_eq!(messages.reason.as_deref(), Some("a complaint"));
    assert_eq!(messages.chat_id, Some(chat.id));
    assert_eq!(messages.chat_title.as_deref(), Some("하루"));
    assert_eq!(rest.items[0].action, "chats.read");
    change(&stores, &boss, &boss, name("The boss")).await;
    let renamed = stores.admin.views_of(mina.id, None, page_size(3)).await;
    let renamed = renamed.expect("views_of").items.remove(0);
    assert_eq!(renamed.administrator.as_deref(), Some("The boss"));
}

//! What is remembered of what was read, and when it is forgotten.

use diesel::{RunQueryDsl, sql_query};
use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::Performer,
    character::{CharacterDraft, Visibility},
    ids::{SessionId, UserId},
    text::{CharacterName, Description, Greeting, SystemPrompt},
};
use lionrocket_ports::{
    accounts::{PasswordChange, UserRepository},
    admin::{AccountChange, AdminRepository},
    characters::CharacterRepository,
    chats::{ChatChange, ChatRepository},
    marks::ChangeMarks,
    sessions::{LiveAt, LiveSession, NewSession, SessionStore},
};
use lionrocket_sqlite_adapter::SqliteStore;
use uuid::Uuid;

use crate::files::{DatabaseFile, now, user};

fn after(milliseconds: i64) -> Timestamp {
    now() + SignedDuration::from_millis(milliseconds)
}

fn at(now: Timestamp) -> LiveAt {
    LiveAt {
        now,
        seen_after: now - SignedDuration::from_hours(1),
    }
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// Signs somebody in; the hash of the secret is the number again and again.
async fn sign_in(store: &SqliteStore, number: u8, user: &User) -> SessionId {
    let session = NewSession {
        id: id(number.into()),
        user_id: user.id,
        at: at(now()),
        expires_at: after(10_000),
        refresh_hash: [number; 32],
        user_agent: None,
        client_address: None,
        max_live: 20,
    };
    SessionStore::open(store, session).await.unwrap();
    id(number.into())
}

async fn live(store: &SqliteStore, id: SessionId, milliseconds: i64) -> Option<LiveSession> {
    let found = store.live(id, at(after(milliseconds))).await;
    found.unwrap()
}

fn actor(user: &User) -> Actor {
    Actor {
        user_id: user.id,
        session_id: id(0),
        is_admin: false,
    }
}

fn haru() -> CharacterDraft {
    CharacterDraft {
        name: CharacterName::parse("Haru").unwrap(),
        system_prompt: SystemPrompt::parse("You keep a lighthouse.").unwrap(),
        greeting: Greeting::parse("").unwrap(),
        description: Description::parse("").unwrap(),
        visibility: Visibility::Public,
    }
}

#[tokio::test]
async fn what_another_process_does_to_a_login_is_heeded_within_five_seconds() {
    let file = DatabaseFile::new();
    let (ours, other) = (file.open(), file.open());
    let mina = user(&ours, "mina").await;
    let (ended, disabled) = (
        sign_in(&ours, 1, &mina).await,
        sign_in(&ours, 2, &mina).await,
    );
    for login in [ended, disabled] {
        assert!(live(&ours, login, 0).await.is_some());
    }
    SessionStore::end(&other, ended, after(1)).await.unwrap();
    sql_query("UPDATE users SET is_active = 0")
        .execute(&mut file.connect())
        .unwrap();
    let remembered = live(&ours, ended, 4_999).await;
    assert!(remembered.is_some(), "remembered, not read again");
    assert!(live(&ours, ended, 5_000).await.is_none());
    let session = live(&ours, disabled, 5_000).await.unwrap();
    assert!(!session.user.is_active);
}

#[tokio::test]
async fn a_remembered_login_runs_out_and_grows_idle_all_the_same() {
    let file = DatabaseFile::new();
    let store = file.open();
    let mina = user(&store, "mina").await;
    let login = sign_in(&store, 1, &mina).await;
    assert!(live(&store, login, 9_998).await.is_some());
    assert!(live(&store, login, 9_999).await.is_some());
    assert!(live(&store, login, 10_000).await.is_none());
    assert!(live(&store, login, 9_999).await.is_some());
    let idle = LiveAt {
        now: after(9_999),
        seen_after: now(),
    };
    assert!(store.live(login, idle).await.unwrap().is_none());
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_live_longer() {
    let file = DatabaseFile::new();
    let store = file.open();
    let mina = user(&store, "mina").await;
    let login = sign_in(&store, 1, &mina).await;
    assert!(live(&store, login, 5_000).await.is_some());
    sql_query("UPDATE sessions SET ended_at = created_at")
        .execute(&mut file.connect())
        .unwrap();
    assert!(live(&store, login, 4_999).await.is_none());
}

/// Each act is done to a login of its own that was looked up just before.
#[tokio::test]
async fn whatever_is_done_to_a_login_here_is_heeded_at_once() {
    let file = DatabaseFile::new();
    let store = file.open();
    let people = ["a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8"];
    let mut logins = Vec::new();
    for (number, name) in (1..).zip(people) {
        let person = user(&store, &format!("person{name}")).await;
        let login = sign_in(&store, number, &person).await;
        logins.push((person, login));
    }
    let [
        ended,
        own,
        others,
        secret,
        password,
        disabled,
        promoted,
        deleted,
    ] = &logins[..]
    else {
        panic!("eight people");
    };
    let kept = sign_in(&store, 90, &others.0).await;
    let changed = sign_in(&store, 91, &password.0).await;
    for (_, login) in &logins {
        assert!(live(&store, *login, 1).await.is_some());
    }

    let now = after(1);
    SessionStore::end(&store, ended.1, now).await.unwrap();
    let is_own = store.end_own(own.0.id, own.1, at(now)).await;
    assert!(is_own.unwrap());
    store.end_others(others.0.id, kept, now).await.unwrap();
    let is_it = store.end_by_secret(secret.1, [4; 32], now).await;
    assert!(is_it.unwrap());
    let change = PasswordChange {
        user_id: password.0.id,
        password_hash: "$argon2id$".to_owned().into(),
        session_id: changed,
        refresh_hash: [9; 32],
        now,
    };
    store.change_password(change).await.unwrap().unwrap();
    for (person, change) in [
        (
            disabled,
            AccountChange {
                is_active: Some(false),
                ..AccountChange::default()
            },
        ),
        (
            promoted,
            AccountChange {
                is_admin: Some(true),
                ..AccountChange::default()
            },
        ),
    ] {
        let by = Performer::operator();
        let outcome = AdminRepository::change(&store, person.0.id, change, None, by, now).await;
        outcome.unwrap();
    }
    let by = Performer::operator();
    let outcome = store.begin_deletion(deleted.0.id, by, now).await;
    outcome.unwrap();

    for (person, login) in &logins {
        let found = live(&store, *login, 1).await;
        assert!(found.is_none(), "{}", person.username.as_str());
    }
    for login in [kept, changed] {
        assert!(live(&store, login, 1).await.is_some());
    }
}

#[tokio::test]
async fn what_is_said_in_chats_makes_no_login_forgotten() {
    let file = DatabaseFile::new();
    let store = file.open();
    let mina = user(&store, "mina").await;
    let character = CharacterRepository::create(&store, None, haru(), now()).await;
    let character = character.unwrap().id;
    let login = sign_in(&store, 1, &mina).await;
    assert!(live(&store, login, 0).await.is_some());
    // Seen only by who reads again.
    sql_query("UPDATE sessions SET ended_at = created_at")
        .execute(&mut file.connect())
        .unwrap();
    let chat = ChatRepository::create(&store, actor(&mina), character, None, now()).await;
    chat.unwrap().unwrap();
    assert!(live(&store, login, 0).await.is_some());
}

#[tokio::test]
async fn the_mark_of_an_owners_chats_changes_with_what_concerns_them_and_no_others() {
    let file = DatabaseFile::new();
    let store = file.open();
    let (mina, jun) = (user(&store, "mina").await, user(&store, "jun").await);
    let marks = |store: &SqliteStore| (store.of_chats(mina.id), store.of_chats(jun.id));

    let start = marks(&store);
    let character = CharacterRepository::create(&store, None, haru(), now()).await;
    let character = character.unwrap().id;
    let made = marks(&store);
    assert!(
        start.0 != made.0 && start.1 != made.1,
        "a character is everybody's"
    );

    let chat = ChatRepository::create(&store, actor(&mina), character, None, now()).await;
    let chat = chat.unwrap().unwrap().id;
    let opened = marks(&store);
    assert!(made.0 != opened.0 && made.1 == opened.1);

    let pinned = ChatChange {
        pinned: Some(true),
        ..ChatChange::default()
    };
    let changed = ChatRepository::update(&store, mina.id, chat, pinned, None).await;
    changed.unwrap();
    let changed = marks(&store);
    assert!(opened.0 != changed.0 && opened.1 == changed.1);

    assert!(ChatRepository::delete(&store, mina.id, chat).await.unwrap());
    let deleted = marks(&store);
    assert!(changed.0 != deleted.0 && changed.1 == deleted.1);

    // Two owners may share a counter; then both forget.
    let twin = UserId::from_stored(mina.id.get() + 1024);
    assert_eq!(store.of_chats(twin), deleted.0);
}

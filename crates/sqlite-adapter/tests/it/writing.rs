//! When a write is answered, and what a failure touches.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use lionrocket_domain::{
    access::Actor,
    character::{CharacterDraft, Visibility},
    ids::{SessionId, UserId},
    page::PageSize,
    text::{CharacterName, Description, Greeting, SystemPrompt},
};
use lionrocket_ports::{
    StoreError,
    accounts::{CreateUserOutcome, UserRepository},
    characters::CharacterRepository,
    chats::ChatRepository,
    sessions::{LiveAt, NewSession, SessionStore},
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use crate::files::{DatabaseFile, account, new_user, now, user};

/// Another one for each session, as secrets are.
fn refresh_hash(number: u128) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(&number.to_be_bytes());
    hash
}

fn session(number: u128, user_id: UserId) -> NewSession {
    NewSession {
        id: SessionId::from_uuid(Uuid::from_u128(number)),
        user_id,
        at: LiveAt {
            now: now(),
            seen_after: now(),
        },
        expires_at: now(),
        refresh_hash: refresh_hash(number),
        user_agent: None,
        client_address: None,
        max_live: u32::MAX,
    }
}

#[tokio::test]
async fn an_answer_comes_after_the_commit() {
    let file = DatabaseFile::new();
    let store = file.open();
    for number in 1..=50 {
        user(&store, &format!("user{number}")).await;
        assert_eq!(file.number("SELECT count(*) FROM users"), number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_does_not_spoil_its_neighbours() {
    let file = DatabaseFile::new();
    let store = file.open();
    let haru = user(&store, "haru").await.id;
    let nobody = UserId::from_stored(999);
    let outcomes = join_all((0..200).map(|number| {
        let owner = if number % 3 == 0 { nobody } else { haru };
        SessionStore::open(&store, session(number, owner))
    }))
    .await;
    for (number, outcome) in outcomes.iter().enumerate() {
        if number % 3 == 0 {
            assert!(
                matches!(outcome, Err(StoreError::Internal(_))),
                "{outcome:?}"
            );
        } else {
            assert!(outcome.is_ok(), "{outcome:?}");
        }
    }
    assert_eq!(file.number("SELECT count(*) FROM sessions"), 133);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_another_process_that_writes() {
    let file = DatabaseFile::new();
    let store = file.open();
    let mut other = file.connect();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let mut write = Box::pin(UserRepository::create(&store, new_user("haru")));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut write).await;
    assert!(early.is_err(), "answered while another process writes");
    other.batch_execute("COMMIT").unwrap();
    assert!(matches!(write.await, Ok(CreateUserOutcome::Created(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_write_at_the_same_time() {
    let file = DatabaseFile::new();
    let stores = [file.open(), file.open()];
    let names: Vec<_> = (0..200).map(|number| format!("user{number}")).collect();
    let writes = names
        .iter()
        .zip(stores.iter().cycle())
        .map(|(name, store)| UserRepository::create(store, new_user(name)));
    for outcome in join_all(writes).await {
        assert!(
            matches!(outcome, Ok(CreateUserOutcome::Created(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(file.number("SELECT count(*) FROM users"), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waited_too_long_is_unavailable_and_a_later_one_goes_through() {
    let file = DatabaseFile::new();
    let store = SqliteStore::open(&SqliteOptions {
        busy_timeout: Duration::from_millis(50),
        ..file.options()
    })
    .unwrap();
    let mut other = file.connect();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let names: Vec<_> = (0..20).map(|number| format!("user{number}")).collect();
    let writes = names
        .iter()
        .map(|name| UserRepository::create(&store, new_user(name)));
    for outcome in join_all(writes).await {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    let read = account(&store, UserId::from_stored(1)).await;
    assert!(matches!(read, Ok(None)), "reads go on");
    other.batch_execute("COMMIT").unwrap();
    user(&store, "user0").await;
    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
}

#[tokio::test]
async fn a_row_that_breaks_the_rules_is_told_as_corrupt() {
    let file = DatabaseFile::new();
    let store = file.open();
    let haru = user(&store, "haru").await;
    let draft = CharacterDraft {
        name: CharacterName::parse("등대지기").unwrap(),
        system_prompt: SystemPrompt::parse("You keep a lighthouse.").unwrap(),
        greeting: Greeting::parse("어서 와.").unwrap(),
        description: Description::parse("").unwrap(),
        visibility: Visibility::Public,
    };
    let character = CharacterRepository::create(&store, None, draft, now()).await;
    let actor = Actor {
        user_id: haru.id,
        session_id: SessionId::from_uuid(Uuid::nil()),
        is_admin: false,
    };
    let chat = ChatRepository::create(&store, actor, character.unwrap().id, None, now()).await;
    let chat = chat.unwrap().unwrap();
    file.connect()
        .batch_execute(
            "PRAGMA ignore_check_constraints = ON; UPDATE messages SET status = 'half-way'; \
             UPDATE users SET created_at = 9000000000000000000",
        )
        .unwrap();
    let page = ChatRepository::messages(&store, haru.id, chat.id, None, PageSize::default()).await;
    let error = page.unwrap_err();
    let StoreError::Corrupt { table, key } = &error else {
        panic!("not corrupt: {error:?}");
    };
    assert_eq!(
        (*table, key.clone()),
        ("messages", chat.head_message_id.unwrap().to_string())
    );
    let error = account(&store, haru.id).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Corrupt { table: "users", .. }),
        "{error:?}"
    );
}

//! A running service whose disk fails or is full.

use rusqlite::Connection;

use crate::support::{Home, Person};

/// Lets a message fail as a disk would make it fail: SQLite's text is all that the service sees of its
/// errors, and a trigger may say anything.
fn fail_with(home: &Home, message: &str) {
    let database = Connection::open(home.path().join("data/app.db")).unwrap();
    database
        .execute_batch(&format!(
            "CREATE TRIGGER fail BEFORE INSERT ON messages WHEN NEW.content = 'unlucky' \
             BEGIN SELECT RAISE(ROLLBACK, '{message}'); END"
        ))
        .unwrap();
}

#[tokio::test]
async fn after_an_error_of_the_disk_the_service_writes_no_more_and_ends_with_its_own_code() {
    for message in ["disk I/O error", "attempt to write a readonly database"] {
        let home = Home::new();
        let mut server = home.serve();
        let person = Person::register(&server, "mina").await;
        let chat = person.open_chat().await;
        person.say(chat, "hello").await.with_status(201);
        fail_with(&home, message);
        // Whether this very message was kept is not known, so it is not acknowledged.
        let refused = person.say(chat, "unlucky").await;
        assert_eq!(refused.code(), "service_unavailable", "{refused:?}");
        let status = server.ended().await;
        assert_eq!(status.code(), Some(74), "{}", server.log());
        server.has_said("the storage failed").await;

        Connection::open(home.path().join("data/app.db"))
            .unwrap()
            .execute_batch("DROP TRIGGER fail")
            .unwrap();
        let server = home.serve();
        let person = person.at(&server);
        assert_eq!(person.messages(chat).await.len(), 2);
        person.say(chat, "unlucky").await.with_status(201);
        server.stop().await;
    }
}

#[tokio::test]
async fn damage_that_is_found_while_the_service_runs_ends_it() {
    let home = Home::new();
    let mut server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    fail_with(&home, "database disk image is malformed");
    let refused = person.say(chat, "unlucky").await;
    assert_eq!(refused.code(), "service_unavailable", "{refused:?}");
    assert_eq!(server.ended().await.code(), Some(74), "{}", server.log());
    assert!(
        server.log().contains("lionrocket restore --input"),
        "{}",
        server.log()
    );
}

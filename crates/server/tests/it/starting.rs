//! What is answered before the service is there, and which databases it does not start with.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
};

use reqwest::header;
use rusqlite::Connection;

use crate::support::{Home, Person, client, eventually};

/// A port that is free just now.
fn free_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[tokio::test]
async fn while_the_schema_is_made_people_are_told_that_the_service_is_starting() {
    let home = Home::new().with("PORT", &free_port());
    fs::create_dir(home.path().join("data")).unwrap();
    let other = Connection::open(home.path().join("data/app.db")).unwrap();
    // As another process would that is at the same work.
    other
        .execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE")
        .unwrap();
    let server = home.begin_to_serve();
    let ask = |path: &str, accept: &str| {
        let request = client().get(format!("{}{path}", server.base));
        request.header(header::ACCEPT, accept)
    };
    let problem = eventually("an answer", async || {
        ask("/api/config", "application/json").send().await.ok()
    })
    .await;
    assert_eq!(problem.status(), 503);
    assert_eq!(problem.headers()[header::RETRY_AFTER], "5");
    assert_eq!(
        problem.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert!(problem.text().await.unwrap().contains("\"not_ready\""));
    let page = ask("/", "text/html,*/*").send().await.unwrap();
    assert_eq!(page.status(), 503);
    assert_eq!(page.headers()[header::RETRY_AFTER], "5");
    let page = page.text().await.unwrap();
    assert!(
        page.contains("is starting") && page.contains("시작"),
        "{page}"
    );
    assert_eq!(ask("/readyz", "*/*").send().await.unwrap().status(), 503);
    assert_eq!(ask("/livez", "*/*").send().await.unwrap().status(), 200);

    other.execute_batch("COMMIT").unwrap();
    server.has_said("listens on http://").await;
    assert_eq!(ask("/readyz", "*/*").send().await.unwrap().status(), 200);
    Person::register(&server, "mina").await;
    server.stop().await;
}

#[tokio::test]
async fn a_start_that_waits_can_be_stopped() {
    let home = Home::new();
    fs::create_dir(home.path().join("data")).unwrap();
    let other = Connection::open(home.path().join("data/app.db")).unwrap();
    other
        .execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE")
        .unwrap();
    let server = home.begin_to_serve();
    server.has_said("takes long").await;
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_database_is_not_served_and_the_way_back_is_named() {
    let home = Home::new();
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    server.stop().await;
    let made = home.run(&["backup", "--output", "backups"], "");
    assert_eq!(made.code(), Some(0), "{made:?}");
    let database = home.path().join("data/app.db");
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x5a);
    fs::write(&database, &bytes).unwrap();
    for command in [&["serve"][..], &["user", "list"], &["migrate"]] {
        let finished = home.run(command, "");
        assert_eq!(finished.code(), Some(74), "{finished:?}");
        let line = finished.complaint();
        assert!(line.contains("lionrocket restore --input"), "{line}");
    }
    assert!(fs::read(&database).unwrap() == bytes, "it was written to");

    let restored = home.run(&["restore", "--input", "backups"], "");
    assert_eq!(restored.code(), Some(0), "{restored:?}");
    let server = home.serve();
    person.at(&server).get("/auth/me").await.with_status(200);
}

#[tokio::test]
async fn a_migration_that_was_changed_is_told_in_one_line() {
    let home = Home::new();
    assert_eq!(home.run(&["migrate"], "").code(), Some(0));
    Connection::open(home.path().join("data/app.db"))
        .unwrap()
        .execute_batch("UPDATE migration_checksums SET sha256 = zeroblob(32)")
        .unwrap();
    let finished = home.run(&["serve"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("must never be changed"),
        "{finished:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_file_system_is_told_by_its_exit_code() {
    let home = Home::new();
    let Some(disk) = crate::support::SmallDisk::mount(home.path().join("data"), 16) else {
        return;
    };
    assert_eq!(home.run(&["migrate"], "").code(), Some(0));
    disk.make_read_only();
    let finished = home.run(&["serve"], "");
    assert_eq!(finished.code(), Some(74), "{finished:?}");
}

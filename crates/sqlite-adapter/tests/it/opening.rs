//! Opening, closing and sharing a file.

use std::{error::Error, fs, thread};

use diesel::{connection::SimpleConnection, migration::MigrationSource, sqlite::Sqlite};
use lionrocket_ports::{StoreError, accounts::UserRepository};
use lionrocket_sqlite_adapter::{LockError, MIGRATIONS, OpenError, SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;

use crate::files::{DatabaseFile, account, new_user, user};

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_and_its_directory_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let file = DatabaseFile::new();
    let store = file.open();
    let _lock = file.options().lock_for_serving().unwrap();
    user(&store, "haru").await;
    let directory = file.path().parent().unwrap().to_owned();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["app.db", "app.db-shm", "app.db-wal", "app.db.lock"]);
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let file = DatabaseFile::new();
    let store = file.open();
    let haru = user(&store, "haru").await;
    store.close().await;
    let found = account(&file.open(), haru.id).await.unwrap();
    assert_eq!(found, Some(haru));
}

#[tokio::test]
async fn closing_empties_the_log_and_refuses_what_comes_later() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    store.check().await.unwrap();
    store.close().await;
    store.close().await;
    let log = file.path().with_file_name("app.db-wal");
    assert_eq!(fs::metadata(log).map_or(0, |log| log.len()), 0);
    let late = UserRepository::create(&store, new_user("mina")).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let late = store.check().await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_still_writes_what_was_queued() {
    let file = DatabaseFile::new();
    let store = file.open();
    let names: Vec<_> = (0..100).map(|number| format!("user{number}")).collect();
    let writes = names
        .iter()
        .map(|name| UserRepository::create(&store, new_user(name)));
    let mut writes = Box::pin(futures_util::future::join_all(writes));
    // One poll puts every job into the queue.
    assert!(futures_util::poll!(&mut writes).is_pending());
    store.close().await;
    assert!(writes.await.iter().all(Result::is_ok));
    assert_eq!(file.number("SELECT count(*) FROM users"), 100);
}

/// How many migrations are built in.
fn migrations() -> i64 {
    let known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap();
    i64::try_from(known.len()).unwrap()
}

#[test]
fn processes_that_open_a_new_file_at_once_make_it_once() {
    let file = DatabaseFile::new();
    thread::scope(|scope| {
        let openings: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| SqliteStore::open(&file.options()).map(drop)))
            .collect();
        for opening in openings {
            opening.join().unwrap().unwrap();
        }
    });
    assert_eq!(
        file.number("SELECT count(*) FROM __diesel_schema_migrations"),
        migrations()
    );
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let file = DatabaseFile::new();
    drop(file.open());
    file.connect()
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000001')")
        .unwrap();
    let error = SqliteStore::open(&file.options()).unwrap_err();
    assert!(matches!(&error, OpenError::Newer { version, .. } if version == "99991231000001"));
    let message = error.to_string();
    assert!(message.contains("app.db") && message.contains("newer version of LionRocket"));
    assert_eq!(
        file.number("SELECT count(*) FROM __diesel_schema_migrations"),
        migrations() + 1
    );
}

#[test]
fn a_file_that_is_no_database_is_refused_by_name_and_left_alone() {
    let file = DatabaseFile::new();
    fs::create_dir(file.path().parent().unwrap()).unwrap();
    let text = "a letter to somebody\n".repeat(100);
    fs::write(file.path(), &text).unwrap();
    let error = SqliteStore::open(&file.options()).unwrap_err();
    assert!(error.to_string().contains("app.db"), "{error}");
    assert!(error.to_string().contains("not a database"), "{error}");
    assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
}

#[test]
fn a_path_that_cannot_be_made_is_named_with_the_reason() {
    let file = DatabaseFile::new();
    drop(file.open());
    let below_a_file = SqliteOptions::new(file.path().join("app.db"), audit_seal());
    let error = SqliteStore::open(&below_a_file).unwrap_err();
    assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    assert!(error.to_string().contains("app.db"), "{error}");
    assert!(error.source().is_some());
}

#[test]
fn one_process_serves_from_a_file_and_the_next_when_it_is_done() {
    let file = DatabaseFile::new();
    let lock = file.options().lock_for_serving().unwrap();
    let error = file.options().lock_for_serving().unwrap_err();
    assert!(matches!(error, LockError::AlreadyServed { .. }));
    let message = error.to_string();
    assert!(message.contains("app.db.lock") && message.contains("DATABASE_URL"));
    drop(lock);
    file.options().lock_for_serving().unwrap();
}

//! Disks that are full, failing or damaged.

use std::fs;

use diesel::connection::SimpleConnection;
use lionrocket_domain::ids::UserId;
use lionrocket_ports::{StoreError, accounts::UserRepository, admin::AdminRepository};
use lionrocket_sqlite_adapter::{OpenError, SqliteOptions, SqliteStore, StorageFault};

use crate::files::{DatabaseFile, new_user, user};

/// Lets every account of this name fail as a disk would make it fail: SQLite's text is all that is
/// seen of its errors, and a trigger may say anything.
fn fail_with(file: &DatabaseFile, message: &str) {
    file.connect()
        .batch_execute(&format!(
            "CREATE TRIGGER fail BEFORE INSERT ON users WHEN NEW.username = 'unlucky' \
             BEGIN SELECT RAISE(ROLLBACK, '{message}'); END"
        ))
        .unwrap();
}

#[tokio::test]
async fn after_an_error_of_the_disk_nothing_is_written_any_more() {
    for (message, expected) in [
        ("disk I/O error", "the disk failed"),
        (
            "attempt to write a readonly database",
            "cannot be written to",
        ),
        ("database disk image is malformed", "lionrocket restore"),
    ] {
        let file = DatabaseFile::new();
        let store = file.open();
        user(&store, "haru").await;
        fail_with(&file, message);
        assert_eq!(store.fault(), None);
        let lost = UserRepository::create(&store, new_user("unlucky")).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
        let fault = store.failed().await;
        assert!(fault.to_string().contains(expected), "{fault}");
        assert_eq!(store.fault(), Some(fault));
        let refused = UserRepository::create(&store, new_user("mina")).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(store.check().await.is_err());
        let read = AdminRepository::get(&store, UserId::from_stored(1)).await;
        assert!(read.unwrap().is_some(), "reads go on");
        store.close().await;
        assert_eq!(file.number("SELECT count(*) FROM users"), 1);
    }
}

#[tokio::test]
async fn damage_that_a_reader_finds_ends_all_writing() {
    let file = DatabaseFile::new();
    let store = file.open();
    for number in 0..200 {
        user(&store, &format!("haru{number}")).await;
    }
    store.close().await;
    let store = file.open();
    let mut bytes = fs::read(file.path()).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(file.path(), bytes).unwrap();
    let mut number = 0;
    while store.fault().is_none() {
        number += 1;
        assert!(number < 200, "nothing was noticed");
        let found = AdminRepository::get(&store, UserId::from_stored(number)).await;
        // Whoever asks is told to come back, as the service ends.
        assert!(
            matches!(found, Ok(_) | Err(StoreError::Unavailable(_))),
            "{found:?}"
        );
    }
    let fault = store.fault();
    assert!(matches!(fault, Some(StorageFault::Damaged(_))), "{fault:?}");
    assert!(
        UserRepository::create(&store, new_user("mina"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_damaged_file_is_not_opened_and_left_alone() {
    let file = DatabaseFile::new();
    let store = file.open();
    for number in 0..50 {
        user(&store, &format!("haru{number}")).await;
    }
    store.close().await;
    let mut bytes = fs::read(file.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x5a);
    fs::write(file.path(), &bytes).unwrap();
    let error = SqliteStore::open(&file.options()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("lionrocket restore --input"), "{message}");
    assert!(message.contains("app.db"), "{message}");
    assert!(fs::read(file.path()).unwrap() == bytes);
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_leaves_the_rest() {
    let file = DatabaseFile::new();
    let store = SqliteStore::open(&SqliteOptions {
        low_water: Some(1),
        ..file.options()
    })
    .unwrap();
    let reserve = file.path().with_file_name("app.db.reserve");
    assert!(reserve.exists() && store.has_room());
    fail_with(&file, "database or disk is full");
    let lost = UserRepository::create(&store, new_user("unlucky")).await;
    assert!(matches!(lost, Err(StoreError::Full)), "{lost:?}");
    assert_eq!(store.fault(), None);
    user(&store, "mina").await;
    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
}

#[tokio::test]
async fn below_low_water_there_is_no_room() {
    let file = DatabaseFile::new();
    let store = SqliteStore::open(&SqliteOptions {
        low_water: Some(u64::MAX),
        ..file.options()
    })
    .unwrap();
    assert!(!store.has_room());
    assert!(!file.path().with_file_name("app.db.reserve").exists());
    // Small things are still written.
    user(&store, "haru").await;
    assert!(file.open().has_room(), "nobody looks for short work");
}

/// Writes until the log is moved into the file, and half as much again. Answers the log's size in bytes
/// when it was moved; it must be used again from its beginning.
async fn size_of_a_long_log(low_water: Option<u64>) -> u64 {
    let file = DatabaseFile::new();
    let store = SqliteStore::open(&SqliteOptions {
        low_water,
        ..file.options()
    })
    .unwrap();
    let log = file.path().with_file_name("app.db-wal");
    let length = || fs::metadata(file.path()).unwrap().len();
    let log_length = || fs::metadata(&log).unwrap().len();
    let before = length();
    let mut number = 0;
    while length() == before {
        user(&store, &format!("haru{number}")).await;
        number += 1;
        assert!(number < 5000, "the log is {} bytes", log_length());
    }
    let size = log_length();
    for more in 0..number / 2 {
        user(&store, &format!("mina{more}")).await;
    }
    let later = log_length();
    assert!(later < size + size / 4, "{size} bytes became {later}");
    size
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_moved_into_the_file_while_the_store_is_open_and_sooner_without_room() {
    const MIB: u64 = 1024 * 1024;
    let long = size_of_a_long_log(None).await;
    assert!((8 * MIB..20 * MIB).contains(&long), "{long}");
    // What is kept back for a full disk is 4 MiB.
    let short = size_of_a_long_log(Some(u64::MAX)).await;
    assert!(short < 2 * MIB, "{short}");
}

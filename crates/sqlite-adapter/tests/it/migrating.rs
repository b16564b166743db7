//! Bringing an older database up to date.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use diesel_migrations::MigrationHarness;
use jiff::{SignedDuration, Timestamp};
use lionrocket_sqlite_adapter::{MIGRATIONS, OpenError, SqliteStore};

use crate::files::DatabaseFile;

/// A database of the first release, with so many chats in it.
fn old_database(chats: u32) -> DatabaseFile {
    let file = DatabaseFile::new();
    fs::create_dir(file.path().parent().unwrap()).unwrap();
    let mut connection = SqliteConnection::establish(file.path().to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    connection.run_next_migration(MIGRATIONS).unwrap();
    connection
        .batch_execute(&format!(
            "INSERT INTO users (username, email, created_at, username_key, email_key) \
             VALUES ('haru', 'haru@example.com', 0, 'haru', 'haru@example.com'); \
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < {chats}) INSERT INTO chats (user_id, created_at, last_message_at, \
             character_name, character_name_folded) SELECT 1, n, n, 'Keeper', 'keeper' FROM numbers"
        ))
        .unwrap();
    file
}

const APPLIED: &str = "SELECT count(*) FROM __diesel_schema_migrations";

/// The copies that were made before a migration.
fn copies(file: &DatabaseFile) -> Vec<PathBuf> {
    let entries = fs::read_dir(file.path().parent().unwrap()).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains(".before-"))
        .collect()
}

fn count(path: &Path, statement: &str) -> i64 {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let number = diesel::dsl::sql::<diesel::sql_types::BigInt>(statement);
    diesel::RunQueryDsl::get_result(number, &mut connection).unwrap()
}

#[cfg(unix)]
#[test]
fn a_database_with_data_is_copied_before_its_schema_changes() {
    use std::os::unix::fs::PermissionsExt as _;

    let file = old_database(3);
    drop(file.open());
    assert!(file.number(APPLIED) > 1);
    let copies = copies(&file);
    let [copy] = &copies[..] else {
        panic!("{copies:?}");
    };
    let newest = file.number("SELECT max(version) FROM __diesel_schema_migrations");
    let name = format!("app.db.before-{newest}");
    assert_eq!(copy.file_name().unwrap().to_str(), Some(&name[..]));
    let mode = fs::metadata(copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(count(copy, APPLIED), 1);
    assert_eq!(count(copy, "SELECT count(*) FROM chats"), 3);
    assert_eq!(file.number("SELECT count(*) FROM chats"), 3);
}

#[test]
fn neither_a_new_database_nor_one_that_is_up_to_date_is_copied() {
    let file = DatabaseFile::new();
    drop(file.open());
    drop(file.open());
    assert_eq!(copies(&file), [""; 0].map(PathBuf::from));
}

#[test]
fn a_schema_that_cannot_be_copied_first_is_not_changed() {
    let file = old_database(1);
    // A directory is in the way of the copy.
    drop(file.open());
    let copy = copies(&file).remove(0);
    let file = old_database(1);
    let copy = file.path().with_file_name(copy.file_name().unwrap());
    fs::create_dir(&copy).unwrap();
    let error = SqliteStore::open(&file.options()).unwrap_err();
    assert!(matches!(error, OpenError::Backup { .. }), "{error:?}");
    assert_eq!(file.number(APPLIED), 1);
    fs::remove_dir(&copy).unwrap();
    drop(file.open());
    assert!(file.number(APPLIED) > 1);
}

#[test]
fn a_migration_that_is_not_what_it_was_is_refused_and_the_database_left_alone() {
    let file = DatabaseFile::new();
    drop(file.open());
    assert_eq!(
        file.number("SELECT count(*) FROM migration_checksums"),
        file.number(APPLIED)
    );
    drop(file.open());
    file.connect()
        .batch_execute(
            "UPDATE migration_checksums SET sha256 = zeroblob(32) WHERE version LIKE '20261122%'",
        )
        .unwrap();
    let error = SqliteStore::open(&file.options()).unwrap_err();
    assert!(
        matches!(&error, OpenError::Altered { version, .. } if version == "20261122000001"),
        "{error:?}"
    );
    let message = error.to_string();
    assert!(
        message.contains("app.db") && message.contains("restore a backup"),
        "{message}"
    );
}

#[test]
fn a_copy_that_was_interrupted_is_made_anew() {
    let file = old_database(3);
    let partial = file
        .path()
        .with_file_name(".app.db.before-20991231000001.partial");
    fs::write(&partial, "half").unwrap();
    drop(file.open());
    assert!(!partial.exists());
    assert_eq!(copies(&file).len(), 1);
}

#[tokio::test]
async fn copies_age_out() {
    let file = old_database(1);
    let store = file.open();
    let directory = file.path().parent().unwrap().to_owned();
    let replaced = directory.join("app.db.replaced-20260921T141320.000Z");
    let others = [
        directory.join("app.db.notes"),
        directory.join("other.db.before-1"),
    ];
    for path in others.iter().chain([&replaced]) {
        fs::write(path, "copy").unwrap();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    let moment = Timestamp::from_second(1_000_001).unwrap();
    assert_eq!(store.forget_copies(moment).await.unwrap(), 1);
    assert!(!replaced.exists() && others.iter().all(|path| path.exists()));
    assert_eq!(
        copies(&file).len(),
        2,
        "the fresh one and that of another file"
    );
    let later = SystemTime::from(moment) + Duration::from_secs(u64::from(u32::MAX));
    let later = Timestamp::try_from(later).unwrap() + SignedDuration::from_hours(1);
    assert_eq!(store.forget_copies(later).await.unwrap(), 1);
}

/// Runs this very program as another process, which opens the database in a directory.
fn open_elsewhere(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "migrating::a_process_that_opens_a_database",
            "--ignored",
        ])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the tests run it, in a process of its own"]
fn a_process_that_opens_a_database() {
    let file = Path::new("data/app.db");
    if file.exists() {
        let seal = lionrocket_test_support::audit_seal();
        drop(
            SqliteStore::open(&lionrocket_sqlite_adapter::SqliteOptions::new(file, seal)).unwrap(),
        );
    }
}

#[test]
fn a_process_that_is_killed_leaves_the_old_schema_or_the_new_one() {
    const CHATS: u32 = 30_000;
    const KILLS: u32 = 12;
    let old = old_database(CHATS);
    let image = fs::read(old.path()).unwrap();
    let place = |file: &DatabaseFile| {
        fs::create_dir(file.path().parent().unwrap()).unwrap();
        fs::write(file.path(), &image).unwrap();
    };
    let root = |file: &DatabaseFile| file.path().parent().unwrap().parent().unwrap().to_owned();

    let whole = DatabaseFile::new();
    place(&whole);
    let begun = Instant::now();
    assert!(open_elsewhere(&root(&whole)).wait().unwrap().success());
    let takes = begun.elapsed();
    let all = whole.number(APPLIED);

    let mut unfinished = 0;
    for kill in 0..KILLS {
        let file = DatabaseFile::new();
        place(&file);
        let mut child = open_elsewhere(&root(&file));
        thread::sleep(takes * kill / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        let applied = file.number(APPLIED);
        assert!(
            applied == 1 || applied == all,
            "{applied} of {all} after {kill}"
        );
        unfinished += u32::from(applied == 1);
        let new_tables = file.number("SELECT count(*) FROM sqlite_schema WHERE name = 'invites'");
        assert_eq!(new_tables == 1, applied == all, "after {kill}");
        assert_eq!(file.number("SELECT count(*) FROM chats"), i64::from(CHATS));
        drop(file.open());
        assert_eq!(file.number(APPLIED), all);
        assert_eq!(file.number("SELECT count(*) FROM chats"), i64::from(CHATS));
    }
    assert!(unfinished > 0, "nothing was interrupted");
}

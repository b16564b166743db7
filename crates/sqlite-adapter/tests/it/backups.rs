//! Copies of a database and going back to them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diesel::connection::SimpleConnection;
use jiff::{SignedDuration, Timestamp};
use lionrocket_contract_tests::store::{Stores, usage};
use lionrocket_sqlite_adapter::{
    Backup, CopyError, Finding, LockError, Manifest, back_up, forget_backups, restore,
};

use tokio::task::JoinSet;

use crate::files::{DatabaseFile, now, user};

/// Where a test keeps its backups.
fn shelf(file: &DatabaseFile) -> PathBuf {
    file.path().parent().unwrap().join("backups")
}

fn take(file: &DatabaseFile) -> Result<Backup, CopyError> {
    back_up(&file.path(), &shelf(file), "1.2.3", now())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_a_private_file_of_its_own_with_a_manifest() {
    use std::os::unix::fs::PermissionsExt as _;

    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    let Backup { path, manifest } = take(&file).unwrap();
    let expected = [
        "lionrocket-20260921T141320.000Z.db",
        "lionrocket-20260921T141320.000Z.json",
    ];
    assert_eq!(names(&shelf(&file)), expected);
    for name in expected {
        let mode = fs::metadata(shelf(&file).join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let written = fs::read_to_string(path.with_extension("json")).unwrap();
    let written: Manifest = serde_json::from_str(&written).unwrap();
    assert_eq!(written, manifest);
    assert_eq!(manifest.file, expected[0]);
    assert_eq!(manifest.version, "1.2.3");
    assert_eq!(manifest.made_at, now());
    assert_eq!(manifest.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(manifest.sha256.len(), 64);
    assert_eq!(manifest.rows["users"], 1);
    assert!(!manifest.schema_version.is_empty());
    // The store goes on as before.
    user(&store, "mina").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_backup_is_in_it_while_others_go_on_writing() {
    let file = DatabaseFile::new();
    let store = file.open();
    let writing = store.clone();
    let mut writer = JoinSet::new();
    writer.spawn(async move {
        let mut number = 0;
        loop {
            user(&writing, &format!("writer{number}")).await;
            number += 1;
        }
    });
    for number in 0_i64..5 {
        user(&store, &format!("haru{number}")).await;
        let before = file.number("SELECT count(*) FROM users");
        let moment = now() + SignedDuration::from_secs(number);
        let backup = back_up(&file.path(), &shelf(&file), "1", moment).unwrap();
        assert!(backup.manifest.rows["users"] >= before);
    }
    writer.abort_all();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_brings_everything_that_the_backup_has_and_keeps_what_was_there() {
    let file = DatabaseFile::new();
    let stores = Stores::of(file.open());
    usage::the_ledger_and_the_days_agree_after_many_turns_at_once(stores).await;
    let charged = file.number("SELECT count(*) FROM usage_events");
    let backup = take(&file).unwrap();
    let store = file.open();
    user(&store, "later").await;
    store.close().await;

    let restored = restore(&file.path(), &shelf(&file), now()).unwrap();
    assert_eq!(restored.from, backup.path);
    assert_eq!(restored.contents.rows, backup.manifest.rows);
    assert_eq!(restored.manifest, Some(backup.manifest));
    assert_eq!(file.number("SELECT count(*) FROM usage_events"), charged);
    let later = "SELECT count(*) FROM users WHERE username = 'later'";
    assert_eq!(file.number(later), 0);
    let former = restored.former.unwrap();
    assert_eq!(
        former.file_name().unwrap(),
        "app.db.replaced-20260921T141320.000Z"
    );
    fs::rename(&former, file.path()).unwrap();
    assert_eq!(file.number(later), 1);
    let store = file.open();
    user(&store, "afterwards").await;
}

#[tokio::test]
async fn a_log_without_its_file_is_not_taken_for_one_of_the_restored_database() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    take(&file).unwrap();
    user(&store, "mina").await;
    // As after a loss of power: the log is there, the file is gone.
    let log = fs::read(file.path().with_extension("db-wal")).unwrap();
    store.close().await;
    assert!(!log.is_empty());
    fs::write(file.path().with_extension("db-wal"), log).unwrap();
    fs::remove_file(file.path()).unwrap();
    let restored = restore(&file.path(), &shelf(&file), now()).unwrap();
    assert_eq!(restored.former, None);
    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
    assert_eq!(file.number("SELECT count(*) FROM chats"), 0);
}

#[tokio::test]
async fn a_damaged_database_gives_no_backup_and_is_replaced_by_one() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    store.close().await;
    take(&file).unwrap();
    damage(&file.path());
    let later = now() + SignedDuration::from_secs(1);
    let error = back_up(&file.path(), &shelf(&file), "1", later).unwrap_err();
    let CopyError::Unsound { path, finding } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*path, file.path());
    assert!(matches!(finding, Finding::Damaged(_)), "{finding:?}");
    assert_eq!(names(&shelf(&file)).len(), 2);

    let restored = restore(&file.path(), &shelf(&file), later).unwrap();
    assert!(restored.former.is_some());
    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
    user(&file.open(), "mina").await;
}

/// Writes noise over the middle of a database, its beginning stays.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_database_whose_rows_do_not_agree_gives_no_backup() {
    let wrong = [
        (
            "INSERT INTO usage_stats (user_id, usage_date, chat_count, total_tokens, input_tokens, \
             output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd) \
             VALUES (1, '2026-11-22', 1, 0, 0, 0, 0, 0, 0)",
            Finding::LedgerDiffers(1),
        ),
        (
            "INSERT INTO usage_events (turn_id, user_id, chat_id, usage_date, model, input_tokens, \
             output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
             cost_micro_usd, price_version, estimated, created_at) \
             VALUES ('t', 1, 1, '2026-11-22', 'm', 1, 0, 0, 0, 0, 6, 'v', 0, 7); \
             INSERT INTO usage_stats (user_id, usage_date, chat_count, total_tokens, input_tokens, \
             output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd) \
             VALUES (1, '2026-11-22', 1, 1, 1, 0, 0, 0, 6)",
            Finding::AttemptsDiffer(1),
        ),
        (
            "PRAGMA foreign_keys = OFF; INSERT INTO chats (id, user_id, created_at, \
             last_message_at, character_name, character_name_folded) VALUES (1, 99, 0, 0, '', '')",
            Finding::DanglingRows(1),
        ),
        (
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000001')",
            Finding::Newer("99991231000001".to_owned()),
        ),
        (
            "PRAGMA foreign_keys = OFF; INSERT INTO messages (id, chat_id, role, content, \
             created_at, depth, status, output_tokens) \
             VALUES (1, 1, 'assistant', 'Hello', 0, 0, 'complete', 5); \
             INSERT INTO users (id, username, email, created_at, username_key, email_key) \
             VALUES (7, 'q', 'q', 0, 'q', 'q'); \
             INSERT INTO chats (id, user_id, created_at, \
             last_message_at, character_name, character_name_folded) VALUES (1, 7, 0, 0, '', ''); \
             INSERT INTO turns (id, user_id, chat_id, user_message_id, assistant_message_id, state, \
             node_id, lease_until, usage_date, accepted_at, ended_at) \
             VALUES ('t', 7, 1, 1, 1, 'completed', 'n', 0, '2026-11-22', 0, 1)",
            Finding::UnchargedTurns(1),
        ),
    ];
    for (statement, expected) in wrong {
        let file = DatabaseFile::new();
        user(&file.open(), "haru").await;
        file.connect().batch_execute(statement).unwrap();
        let error = take(&file).unwrap_err();
        assert!(
            matches!(&error, CopyError::Unsound { finding, .. } if *finding == expected),
            "{error:?}"
        );
        assert_eq!(names(&shelf(&file)), [""; 0], "{error}");
    }
}

#[tokio::test]
async fn nothing_is_replaced_by_what_cannot_be_relied_on() {
    let file = DatabaseFile::new();
    user(&file.open(), "haru").await;
    let directory = file.path().parent().unwrap().to_owned();
    let backup = take(&file).unwrap().path;
    let bytes = fs::read(&backup).unwrap();

    fs::write(&backup, &bytes[..bytes.len() - 1]).unwrap();
    let error = restore(&file.path(), &backup, now()).unwrap_err();
    assert!(matches!(error, CopyError::Changed { .. }), "{error:?}");

    // The same without a manifest that would tell.
    let copy = directory.join("copy.db");
    fs::write(&copy, &bytes).unwrap();
    damage(&copy);
    let error = restore(&file.path(), &copy, now()).unwrap_err();
    assert!(
        matches!(&error, CopyError::Unsound { path, .. } if *path == copy),
        "{error:?}"
    );
    fs::write(&copy, "a letter to somebody\n".repeat(100)).unwrap();
    let error = restore(&file.path(), &copy, now()).unwrap_err();
    assert!(matches!(error, CopyError::Unsound { .. }), "{error:?}");
    fs::write(&copy, "").unwrap();
    let error = restore(&file.path(), &copy, now()).unwrap_err();
    let finding = CopyError::Unsound {
        path: copy.clone(),
        finding: Finding::Foreign,
    };
    assert_eq!(error.to_string(), finding.to_string());
    let error = restore(&file.path(), &directory.join("nothing"), now()).unwrap_err();
    assert!(matches!(error, CopyError::File { .. }), "{error:?}");
    fs::create_dir(directory.join("empty")).unwrap();
    let error = restore(&file.path(), &directory.join("empty"), now()).unwrap_err();
    assert!(matches!(error, CopyError::NoBackup { .. }), "{error:?}");

    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
    let left = names(&directory);
    assert!(
        !left
            .iter()
            .any(|name| name.contains("partial") || name.contains("replaced")),
        "{left:?}"
    );
}

#[tokio::test]
async fn nothing_is_replaced_while_somebody_uses_the_database() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    take(&file).unwrap();
    let lock = file.options().lock_for_serving().unwrap();
    let error = restore(&file.path(), &shelf(&file), now()).unwrap_err();
    assert!(
        matches!(error, CopyError::Lock(LockError::AlreadyServed { .. })),
        "{error:?}"
    );
    drop(lock);
    // Such as a command that makes an account.
    let error = restore(&file.path(), &shelf(&file), now()).unwrap_err();
    assert!(matches!(error, CopyError::InUse { .. }), "{error:?}");
    user(&store, "mina").await;
    assert_eq!(file.number("SELECT count(*) FROM users"), 2);
    store.close().await;
    restore(&file.path(), &shelf(&file), now()).unwrap();
}

#[tokio::test]
async fn a_copy_that_somebody_made_by_hand_is_taken_with_its_log() {
    let file = DatabaseFile::new();
    let store = file.open();
    user(&store, "haru").await;
    let copy = file.path().parent().unwrap().join("by-hand.db");
    fs::copy(file.path(), &copy).unwrap();
    fs::copy(
        file.path().with_extension("db-wal"),
        copy.with_extension("db-wal"),
    )
    .unwrap();
    store.close().await;
    let restored = restore(&file.path(), &copy, now()).unwrap();
    assert_eq!(restored.manifest, None);
    assert_eq!(restored.contents.rows["users"], 1);
    assert_eq!(file.number("SELECT count(*) FROM users"), 1);
}

#[tokio::test]
async fn backups_age_out_and_other_files_stay() {
    let file = DatabaseFile::new();
    user(&file.open(), "haru").await;
    let day = SignedDuration::from_hours(24);
    let made: Vec<Timestamp> = (0..4).map(|age| now() - day * age).collect();
    for moment in &made {
        back_up(&file.path(), &shelf(&file), "1", *moment).unwrap();
    }
    fs::write(shelf(&file).join("notes.txt"), "mine").unwrap();
    let before = now() - day - SignedDuration::from_secs(1);
    assert_eq!(forget_backups(&shelf(&file), before).unwrap(), 2);
    assert_eq!(names(&shelf(&file)).len(), 5);
    let restored = restore(&file.path(), &shelf(&file), now()).unwrap();
    assert_eq!(restored.manifest.unwrap().made_at, now(), "the newest");
}

#[test]
fn a_database_that_is_not_there_is_not_made_for_a_backup() {
    let file = DatabaseFile::new();
    let error = take(&file).unwrap_err();
    assert!(error.to_string().contains("no database"), "{error}");
    assert!(!file.path().exists());
}

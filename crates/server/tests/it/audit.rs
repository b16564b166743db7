//! The audit log by command, on a file that somebody had hands on.

use std::{collections::BTreeSet, fs, path::PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Finished, Home, PASSWORD, Person};

/// A database whose log has five rows, and the file as it was when nobody had touched it.
struct Spoilt {
    home: Home,
    file: PathBuf,
    whole: Vec<u8>,
}

impl Spoilt {
    fn new() -> Self {
        let home = Home::new();
        for arguments in [
            &["create", "--email", "mina@example.org", "--password-stdin"][..],
            &["disable"],
            &["enable"],
            &["disable"],
            &["enable"],
        ] {
            let mut line = vec!["user", arguments[0], "--username", "mina"];
            line.extend(&arguments[1..]);
            let done = home.run(&line, &format!("{PASSWORD}\n"));
            assert_eq!(done.code(), Some(0), "{done:?}");
        }
        let file = home.path().join("data/app.db");
        let whole = fs::read(&file).unwrap();
        Self { home, file, whole }
    }

    /// Does to the whole log what somebody can do who has the file, but not the key.
    fn by(&self, statements: &str) -> &Self {
        for beside in ["app.db-wal", "app.db-shm"] {
            let _ = fs::remove_file(self.file.with_file_name(beside));
        }
        fs::write(&self.file, &self.whole).unwrap();
        let connection = Connection::open(&self.file).unwrap();
        let triggers = "DROP TRIGGER audit_log_cannot_be_changed;
                        DROP TRIGGER audit_log_cannot_be_deleted;";
        connection.execute_batch(triggers).unwrap();
        connection.execute_batch(statements).unwrap();
        self
    }

    fn verify(&self, more: &[&str]) -> Finished {
        let mut arguments = vec!["audit", "verify"];
        arguments.extend(more);
        self.home.run(&arguments, "")
    }

    /// Checks that both forms of the command name the row and what is wrong with it.
    #[track_caller]
    fn is_broken_at(&self, id: i64, reason: &str, words: &str) {
        let told = self.verify(&[]);
        assert_eq!(told.code(), Some(1), "{told:?}");
        assert!(told.complaint().contains(words), "{told:?}");
        assert!(told.stdout.is_empty(), "{told:?}");
        let told = self.verify(&["--json"]);
        assert_eq!(told.code(), Some(1), "{told:?}");
        let report: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(report["intact"], false, "{report}");
        assert_eq!(report["broken"], json!({"id": id, "reason": reason}));
    }
}

#[test]
fn a_log_that_was_spoilt_in_its_file_is_told_with_the_row() {
    let log = Spoilt::new();
    // Without its triggers, but with every row as it was.
    let told = log.by("").verify(&[]);
    assert_eq!(told.code(), Some(0), "{told:?}");
    assert_eq!(told.stdout, "the audit log is intact, 5 rows\n");

    log.by("UPDATE audit_log SET details = '{}' WHERE id = 4")
        .is_broken_at(4, "changed", "row 4 was changed");
    log.by("DELETE FROM audit_log WHERE id = 3").is_broken_at(
        4,
        "out_of_order",
        "what came before row 4 was taken out or exchanged",
    );
    log.by("DELETE FROM audit_log WHERE id >= 4").is_broken_at(
        4,
        "missing",
        "row 4 and what came after it were cut off",
    );
    log.by("UPDATE audit_log SET id = 99 WHERE id = 2;
            UPDATE audit_log SET id = 2 WHERE id = 3;
            UPDATE audit_log SET id = 3 WHERE id = 99")
        .is_broken_at(2, "changed", "row 2 was changed");
    log.by("DELETE FROM audit_log").is_broken_at(
        1,
        "missing",
        "row 1 and what came after it were cut off",
    );
}

#[test]
fn a_month_of_a_log_that_was_spoilt_is_told_with_what_is_wrong() {
    let log = Spoilt::new();
    log.by("UPDATE audit_log SET details = '{}' WHERE id = 4");
    let told = report(&log.home, "1999-01", &["--json"]);
    assert_eq!(told.code(), Some(1), "{told:?}");
    assert!(told.complaint().contains("row 4 was changed"), "{told:?}");
    let view: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(view["log"]["broken"]["id"], 4, "{view}");
    assert_eq!(view["acts"], json!([]));
}

fn report(home: &Home, month: &str, more: &[&str]) -> Finished {
    let mut arguments = vec!["audit", "report", "--month", month];
    arguments.extend(more);
    home.run(&arguments, "")
}

/// A reason as it stands in an address.
const REASON: &str = "a%20complaint%20of%20mina";

#[tokio::test]
async fn a_month_is_summed_up_with_who_read_whose_chats_and_why() {
    let home = Home::new().with("STATS_TIMEZONE", "UTC");
    let server = home.serve();
    let create = ["user", "create", "--admin", "--username", "boss"];
    let create = [
        &create[..],
        &["--email", "boss@example.org", "--password-stdin"],
    ]
    .concat();
    assert_eq!(home.run(&create, &format!("{PASSWORD}\n")).code(), Some(0));
    let (boss, mina) = (
        Person::login(&server, "boss").await,
        Person::register(&server, "mina").await,
    );
    let chat = mina.open_chat().await;
    for _ in 0..2 {
        let path = format!("/admin/chats/{chat}/messages?reason={REASON}");
        boss.get(&path).await.with_status(200);
    }
    let views = mina.get("/auth/me/admin-views").await.with_status(200);
    let views = views["items"].as_array().unwrap();
    let months: Vec<_> = views
        .iter()
        .map(|view| &view["viewed_at"].as_str().unwrap()[..7])
        .collect();
    // Midnight may have come between the two.
    let (mut acts, mut reads) = (0, Vec::new());
    for month in BTreeSet::from_iter(months) {
        let told = report(&home, month, &["--json"]);
        assert_eq!(told.code(), Some(0), "{told:?}");
        let view: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(view["log"]["intact"], true, "{view}");
        assert_eq!(
            (&view["month"], &view["timezone"]),
            (&json!(month), &json!("UTC"))
        );
        for act in view["acts"].as_array().unwrap() {
            if act["action"] == "messages.read" {
                assert_eq!(act["actor"]["username"], "boss", "{act}");
                assert_eq!(act["subject"]["username"], "mina", "{act}");
                acts += act["count"].as_u64().unwrap();
            }
        }
        reads.extend(view["reads_of_chats"].as_array().unwrap().clone());
        let text = report(&home, month, &[]).stdout;
        assert!(text.contains("the audit log is intact"), "{text}");
        assert!(text.contains("\tboss ("), "{text}");
        assert!(text.contains("\ta complaint of mina\n"), "{text}");
    }
    assert_eq!((acts, reads.len()), (2, 2));
    for read in &reads {
        assert_eq!(read["reason"], "a complaint of mina", "{read}");
        assert_eq!(
            (&read["target_type"], &read["target_id"]),
            (&json!("chat"), &json!(chat.to_string()))
        );
    }

    let quiet = report(&home, "1999-01", &[]);
    assert_eq!(quiet.code(), Some(0), "{quiet:?}");
    assert!(
        quiet
            .stdout
            .starts_with("1999-01 in UTC: 0 acts, 0 reads of chats\n"),
        "{quiet:?}"
    );
    for wrong in ["2026-13", "november", ""] {
        assert_eq!(report(&home, wrong, &[]).code(), Some(2), "{wrong}");
    }
}

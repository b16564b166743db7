//! The first administrator, made from files.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Home, PASSWORD, Person};

const VARIABLES: [(&str, &str); 3] = [
    ("BOOTSTRAP_ADMIN_USERNAME_FILE", "username"),
    ("BOOTSTRAP_ADMIN_EMAIL_FILE", "email"),
    ("BOOTSTRAP_ADMIN_PASSWORD_FILE", "password"),
];

/// A place with the three files of an administrator, and the settings that name them.
fn home(password: &str) -> Home {
    let home = Home::new();
    let lines = ["boss", "boss@canary.example", password];
    VARIABLES
        .iter()
        .zip(lines)
        .fold(home, |home, ((variable, file), line)| {
            fs::write(home.path().join(file), format!("{line}\n")).unwrap();
            home.with(variable, file)
        })
}

fn audited(home: &Home) -> Value {
    let verified = home.run(&["audit", "verify", "--json"], "");
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    report["rows"].clone()
}

#[tokio::test]
async fn the_first_administrator_is_made_from_files_once() {
    let home = home(PASSWORD);
    let server = home.serve();
    let boss = Person::login(&server, "boss").await;
    boss.get("/admin/users").await.with_status(200);
    let said = server.log();
    assert!(said.contains("made the first administrator"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(audited(&home), 1);
    server.stop().await;

    // Nothing is read any more: the files may be gone.
    for (_, file) in VARIABLES {
        fs::remove_file(home.path().join(file)).unwrap();
    }
    let server = home.serve();
    server.has_said("BOOTSTRAP_ADMIN_…_FILE is ignored").await;
    assert_eq!(audited(&home), 1);
}

#[tokio::test]
async fn where_there_is_an_account_no_administrator_is_made() {
    let home = home(PASSWORD);
    let arguments = ["user", "create", "--username", "mina", "--password-stdin"];
    let arguments = [&arguments[..], &["--email", "mina@canary.example"]].concat();
    let made = home.run(&arguments, &format!("{PASSWORD}\n"));
    assert_eq!(made.code(), Some(0), "{made:?}");
    let server = home.serve();
    server.has_said("BOOTSTRAP_ADMIN_…_FILE is ignored").await;
    let listed = home.run(&["user", "list", "--json"], "");
    let list: Value = serde_json::from_str(&listed.stdout).unwrap();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1, "{list}");
    assert_eq!(names[0]["username"], json!("mina"));
}

#[test]
fn files_that_do_not_work_are_told_by_their_variable() {
    for (variable, file) in VARIABLES {
        let missing = home(PASSWORD).with(variable, "").run(&["serve"], "");
        assert_eq!(missing.code(), Some(78), "{missing:?}");
        let line = missing.complaint();
        assert!(line.contains(&format!("{variable} is missing")), "{line}");

        let home = home(PASSWORD);
        fs::remove_file(home.path().join(file)).unwrap();
        let unreadable = home.run(&["serve"], "");
        assert_eq!(unreadable.code(), Some(78), "{unreadable:?}");
        let line = unreadable.stderr;
        assert!(line.contains(&format!("lionrocket: {variable} ")), "{line}");
    }
    for password in ["canary", "qwertyuiop1", "the-boss-of-all"] {
        let weak = home(password).run(&["serve"], "");
        assert_eq!(weak.code(), Some(78), "{weak:?}");
        let line = weak.stderr;
        assert!(
            line.contains("lionrocket: BOOTSTRAP_ADMIN_PASSWORD_FILE"),
            "{line}"
        );
        assert!(!line.contains(password), "{line}");
    }
}

//! Starts that are refused: one line, an exit code that scripts can use, and no secret in it.

use std::{fs, net::TcpListener};

use crate::support::Home;

#[test]
fn a_bad_setting_is_named_in_one_line_with_exit_code_78() {
    let bad = [
        ("PORT", "eighty"),
        ("APP_ENV", "staging"),
        ("DATABASE_URL", "postgres://lion:canary@db/lion"),
        ("JWT_SECRET", "canary-short"),
        ("JWT_ALGORITHM", "none"),
        ("CLAUDE_BASE_URL", "http://canary@example.org"),
        ("LANGUAGE_MODEL", "parrot"),
        ("STATS_TIMEZONE", "Mars/Olympus"),
        ("LOG_FORMAT", "xml"),
        ("PUBLIC_ORIGINS", "chat.example"),
        ("CORS_ORIGINS", "*"),
        ("TRUSTED_PROXIES", "everybody"),
    ];
    for (variable, value) in bad {
        let home = Home::new()
            .with("CLAUDE_API_KEY", "sk-ant-key")
            .with(variable, value);
        let finished = home.run(&["serve"], "");
        assert_eq!(finished.code(), Some(78), "{variable}: {finished:?}");
        let line = finished.complaint();
        assert!(
            line.starts_with(&format!("lionrocket: {variable} ")),
            "{line}"
        );
        assert!(!line.contains("canary"), "{line}");
        assert!(!home.path().join("data").exists(), "{variable}");
    }
}

#[test]
fn production_wants_its_secrets() {
    let home = || {
        Home::new()
            .with("APP_ENV", "production")
            .with("PUBLIC_ORIGINS", "https://chat.example.org")
            .with("RATE_LIMIT", "on")
    };
    let finished = home().run(&["serve"], "");
    assert_eq!(finished.code(), Some(78));
    assert!(
        finished.complaint().contains("CLAUDE_API_KEY"),
        "{finished:?}"
    );

    let finished = home().with("LANGUAGE_MODEL", "demo").run(&["serve"], "");
    assert_eq!(finished.code(), Some(78));
    let line = finished.complaint();
    assert!(
        line.contains("JWT_SECRET") && line.contains("secret generate"),
        "{line}"
    );

    let finished = home().with("DEBUG", "true").run(&["serve"], "");
    assert_eq!(finished.code(), Some(78));
    assert!(finished.complaint().contains("DEBUG"), "{finished:?}");
}

#[test]
fn a_file_of_settings_that_cannot_be_read_is_refused_without_repeating_it() {
    let home = Home::new();
    fs::write(home.path().join(".env"), "JWT_SECRET='canary\n").unwrap();
    let finished = home.run(&["serve"], "");
    assert_eq!(finished.code(), Some(78), "{finished:?}");
    let line = finished.complaint();
    assert!(line.contains(".env") && !line.contains("canary"), "{line}");
}

#[test]
fn a_file_of_settings_is_read_and_the_environment_wins() {
    let home = Home::new();
    fs::write(home.path().join(".env"), "APP_ENV=staging\nPORT=80000\n").unwrap();
    // PORT comes from the environment, APP_ENV from the file.
    let finished = home.run(&["serve"], "");
    assert!(finished.complaint().contains("APP_ENV"), "{finished:?}");
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = Home::new().with("PORT", &port).run(&["serve"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    let line = finished.complaint();
    assert!(line.contains(&port) && line.contains("set PORT"), "{line}");
}

#[test]
fn a_database_that_cannot_be_opened_is_told_with_what_to_do() {
    let home = Home::new();
    fs::write(home.path().join("file"), "not a directory").unwrap();
    fs::write(home.path().join("notes.txt"), "not a database ".repeat(100)).unwrap();
    for (file, code) in [("file/app.db", 1), ("notes.txt", 74)] {
        let url = format!("sqlite:///{}", home.path().join(file).display());
        let finished = Home::new().with("DATABASE_URL", &url).run(&["serve"], "");
        assert_eq!(finished.code(), Some(code), "{finished:?}");
        assert!(
            finished.complaint().contains("DATABASE_URL"),
            "{finished:?}"
        );
    }
}

#[test]
fn a_file_of_leaked_passwords_that_is_none_is_told_by_its_name() {
    let home = Home::new();
    fs::write(home.path().join("leaked.txt"), "hunter2\n").unwrap();
    for file in ["leaked.txt", "nowhere.txt"] {
        let home = Home::new().with(
            "BREACHED_PASSWORDS_FILE",
            home.path().join(file).to_str().unwrap(),
        );
        let finished = home.run(&["serve"], "");
        assert_eq!(finished.code(), Some(78), "{finished:?}");
        assert!(
            finished
                .complaint()
                .starts_with("lionrocket: BREACHED_PASSWORDS_FILE"),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn two_services_do_not_serve_from_one_database() {
    let home = Home::new();
    let server = home.serve();
    let finished = home.run(&["serve"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("already serves"),
        "{finished:?}"
    );
    server.stop().await;
}

#[test]
fn wrong_use_has_exit_code_2() {
    let home = Home::new();
    for arguments in [
        &["fly"][..],
        &["user"],
        &["user", "create", "--username", "mina"],
        &["serve", "--nonsense"],
        &["backup"],
        &["backup", "--output", "backups", "--keep-days", "36"],
        &["backup", "--output", "backups", "--keep-days", "0"],
        &["restore"],
    ] {
        let finished = home.run(arguments, "");
        assert_eq!(finished.code(), Some(2), "{arguments:?}: {finished:?}");
    }
}

//! The commands beside `serve`.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Finished, Home, PASSWORD, Person};

fn create(home: &Home, name: &str, more: &[&str], password: &str) -> Finished {
    let email = format!("{name}@example.org");
    let mut arguments = vec![
        "user",
        "create",
        "--username",
        name,
        "--email",
        &email,
        "--password-stdin",
    ];
    arguments.extend(more);
    home.run(&arguments, &format!("{password}\n"))
}

#[tokio::test]
async fn an_administrator_is_made_while_the_service_runs() {
    let home = Home::new();
    let server = home.serve();
    let made = create(&home, "boss", &["--admin", "--json"], PASSWORD);
    assert_eq!(made.code(), Some(0), "{made:?}");
    let view: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(
        (&view["username"], &view["is_admin"]),
        (&json!("boss"), &json!(true))
    );

    let boss = Person::login(&server, "boss").await;
    let prompt = json!({"name": "House rules", "content": "Be kind."});
    boss.post("/api/prompts", prompt.clone())
        .await
        .with_status(201);
    let mina = Person::register(&server, "mina").await;
    mina.post("/api/prompts", prompt).await.with_status(403);
}

#[test]
fn an_account_that_cannot_be_made_is_told_in_one_line() {
    let home = Home::new();
    assert_eq!(create(&home, "mina", &[], PASSWORD).code(), Some(0));
    let taken = create(&home, "MINA", &[], PASSWORD);
    assert_eq!(taken.code(), Some(1));
    assert!(taken.complaint().contains("taken"), "{taken:?}");
    for (name, password) in [
        ("juno", "short"),
        ("juno", ""),
        ("juno", "qwertyuiop1"),
        ("j u", PASSWORD),
    ] {
        let refused = create(&home, name, &[], password);
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        assert!(refused.complaint().contains("refused"), "{refused:?}");
    }
}

#[test]
fn without_a_terminal_nothing_asks_for_a_password() {
    let home = Home::new();
    let new = |more: &[&str]| {
        let mut arguments = vec!["user", "create", "--username", "mina"];
        arguments.extend(["--email", "mina@example.org"]);
        arguments.extend(more);
        home.run(&arguments, &format!("{PASSWORD}\n"))
    };
    let refused = new(&[]);
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    let line = refused.complaint();
    assert!(
        line.contains("--password-stdin or --password-file"),
        "{line}"
    );
    let both = new(&["--password-stdin", "--password-file", "secret"]);
    assert_eq!(both.code(), Some(2), "{both:?}");

    let missing = new(&["--password-file", "secret"]);
    assert_eq!(missing.code(), Some(1), "{missing:?}");
    assert!(missing.complaint().contains("secret"), "{missing:?}");
    fs::write(home.path().join("secret"), format!("{PASSWORD}\n")).unwrap();
    assert_eq!(new(&["--password-file", "secret"]).code(), Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn at_a_terminal_a_password_is_asked_for_twice_and_not_shown() {
    let home = Home::new();
    let arguments = "user create --username mina --email mina@example.org";
    let mut terminal = home.terminal(arguments);
    terminal.answer("Password: ", PASSWORD).await;
    terminal
        .answer("The same again: ", "another-lantern-42")
        .await;
    let (code, seen) = terminal.ended();
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("two different passwords"), "{seen}");

    let mut terminal = home.terminal(arguments);
    terminal.answer("Password: ", PASSWORD).await;
    terminal.answer("The same again: ", PASSWORD).await;
    let (code, seen) = terminal.ended();
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("made the account mina"), "{seen}");
    assert!(!seen.contains(PASSWORD), "{seen}");
    Person::login(&home.serve(), "mina").await;
}

#[tokio::test]
async fn the_health_of_the_running_service_is_an_exit_code() {
    let home = Home::new();
    let server = home.serve();
    let port = server.base.rsplit(':').next().unwrap().to_owned();
    let home = home.with("PORT", &port);
    assert_eq!(home.run(&["healthcheck"], "").code(), Some(0));
    server.stop().await;
    let finished = home.run(&["healthcheck"], "");
    assert_eq!(finished.code(), Some(1));
    assert!(finished.complaint().contains(&port), "{finished:?}");
}

#[tokio::test]
async fn a_generated_secret_is_one_that_the_service_takes() {
    let home = Home::new();
    let secret = home.run(&["secret", "generate"], "").stdout;
    let home = home.with("JWT_SECRET", secret.trim());
    let server = home.serve();
    Person::register(&server, "mina").await;
}

#[test]
fn migrating_twice_is_as_good_as_once() {
    let home = Home::new();
    for _ in 0..2 {
        let finished = home.run(&["migrate", "--json"], "");
        assert_eq!(finished.code(), Some(0), "{finished:?}");
        let view: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(view["up_to_date"], true);
    }
    assert!(home.path().join("data/app.db").exists());
}

#[test]
fn the_printed_api_is_the_documented_one() {
    let documented = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let printed = Home::new().run(&["openapi"], "").stdout;
    let documented = fs::read_to_string(documented).unwrap();
    assert!(
        printed == documented,
        "docs/openapi.json is not what the handlers say: run `just gen`"
    );
}

#[test]
fn every_command_explains_itself() {
    let home = Home::new();
    for command in [
        &[][..],
        &["serve"],
        &["user"],
        &["user", "create"],
        &["user", "list"],
        &["user", "disable"],
        &["user", "reset-password"],
        &["audit"],
        &["audit", "verify"],
        &["audit", "report"],
        &["migrate"],
        &["backup"],
        &["restore"],
        &["openapi"],
        &["healthcheck"],
        &["secret", "generate"],
    ] {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let finished = home.run(&arguments, "");
        assert_eq!(finished.code(), Some(0), "{command:?}: {finished:?}");
        assert!(finished.stdout.contains("Usage: lionrocket"), "{command:?}");
    }
}

#[test]
fn help_shows_no_value_of_a_setting() {
    let home = Home::new().with("CLAUDE_API_KEY", "sk-ant-canary");
    let finished = home.run(&["--help"], "");
    assert!(finished.stdout.contains("CLAUDE_API_KEY"));
    assert!(!finished.stdout.contains("canary"), "{finished:?}");
}

#[test]
fn an_audit_log_is_verified_by_command() {
    let home = Home::new();
    let verified = home.run(&["audit", "verify"], "");
    assert_eq!(verified.code(), Some(0), "{verified:?}");
    assert!(verified.stdout.contains("intact"), "{verified:?}");
    let verified = home.run(&["audit", "verify", "--json"], "");
    assert_eq!(verified.code(), Some(0), "{verified:?}");
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let expected = json!({"intact": true, "rows": 0, "unknown_keys": 0, "broken": null});
    assert_eq!(report, expected);
}

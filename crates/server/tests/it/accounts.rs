//! Looking after accounts from the command line, also while the service runs.

use std::{sync::Arc, time::Duration};

use futures_util::future;
use serde_json::{Value, json};
use tokio::{
    task,
    time::{self, Instant},
};

use crate::support::{Answer, Finished, Home, PASSWORD, Person, Server, client, eventually};

fn json_of(finished: &Finished) -> Value {
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

fn user(home: &Home, act: &str, name: &str) -> Finished {
    home.run(&["user", act, "--username", name, "--json"], "")
}

fn create(home: &Home, name: &str, more: &[&str]) -> i64 {
    let email = format!("{name}@example.org");
    let mut arguments = vec!["user", "create", "--username", name, "--email", &email];
    arguments.extend(["--password-stdin", "--json"]);
    arguments.extend(more);
    let made = home.run(&arguments, &format!("{PASSWORD}\n"));
    json_of(&made)["id"].as_i64().unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["username"].as_str().unwrap())
        .collect()
}

#[test]
fn accounts_are_listed_disabled_promoted_and_deleted_by_command() {
    let home = Home::new();
    create(&home, "boss", &["--admin"]);
    let mina = create(&home, "mina", &[]);
    let list = |more: &[&str]| {
        let arguments: Vec<_> = ["user", "list", "--json"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        json_of(&home.run(&arguments, ""))
    };
    assert_eq!(names(&list(&[])), ["mina", "boss"]);
    assert_eq!(names(&list(&["--state", "admin"])), ["boss"]);

    let view = json_of(&user(&home, "disable", "MINA"));
    assert_eq!(
        (&view["id"], &view["state"]),
        (&json!(mina), &json!("disabled"))
    );
    assert_eq!(names(&list(&["--state", "disabled"])), ["mina"]);
    let view = json_of(&home.run(&["user", "enable", "--id", &mina.to_string(), "--json"], ""));
    assert_eq!(view["state"], "active");
    assert_eq!(json_of(&user(&home, "promote", "mina"))["is_admin"], true);
    assert_eq!(json_of(&user(&home, "demote", "mina"))["is_admin"], false);
    let view = json_of(&user(&home, "delete", "mina"));
    assert_eq!(view["state"], "deleted");
    assert!(view["erase_at"].is_string(), "{view}");
    let view = json_of(&user(&home, "enable", "mina"));
    assert_eq!(
        (&view["state"], &view["erase_at"]),
        (&json!("active"), &Value::Null)
    );

    let text = home.run(&["user", "list"], "").stdout;
    assert!(
        text.contains("\tboss\tboss@example.org\tactive\tadministrator\n"),
        "{text}"
    );
    let log = home.run(&["audit", "verify", "--json"], "");
    // Two accounts were made and six changes.
    assert_eq!(json_of(&log)["rows"], 8);
}

#[test]
fn what_cannot_be_done_to_an_account_is_told_in_one_line() {
    let home = Home::new();
    create(&home, "boss", &["--admin"]);
    for act in ["disable", "demote", "delete"] {
        let refused = user(&home, act, "boss");
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        assert!(
            refused.complaint().contains("administrator first"),
            "{refused:?}"
        );
    }
    for which in [["--username", "nobody"], ["--id", "77"], ["--id", "0"]] {
        let unknown = home.run(&["user", "disable", which[0], which[1]], "");
        assert_eq!(unknown.code(), Some(1), "{unknown:?}");
        assert!(
            unknown.complaint().contains("no such account"),
            "{unknown:?}"
        );
    }
    for wrong in [
        &["user", "disable"][..],
        &["user", "disable", "--username", "boss", "--id", "1"],
        &["user", "list", "--state", "dead"],
    ] {
        assert_eq!(home.run(wrong, "").code(), Some(2), "{wrong:?}");
    }
    let home = home.with("DATABASE_URL", "mysql://x");
    assert_eq!(user(&home, "disable", "boss").code(), Some(78));
}

#[tokio::test]
async fn a_command_reaches_a_service_that_runs() {
    let home = Home::new();
    let server = home.serve();
    create(&home, "boss", &["--admin"]);
    let mina = Person::register(&server, "mina").await;
    assert_eq!(mina.get("/auth/me").await.status, 200);
    json_of(&user(&home, "disable", "mina"));
    eventually("the session's end", async || {
        (mina.get("/auth/me").await.status == 401).then_some(())
    })
    .await;
    json_of(&user(&home, "enable", "mina"));
    json_of(&user(&home, "promote", "mina"));
    let mina = Person::login(&server, "mina").await;
    let users = mina.get("/admin/users").await.with_status(200);
    assert_eq!(names(&users), ["mina", "boss"]);
}

/// What a command changes, the service that runs must take up within this time.
const TAKEN_UP: Duration = Duration::from_secs(5);

/// Does something to somebody by command, while they use the service all the time, and checks that
/// their token opens nothing soon after. A slow machine makes answers late; what counts is when
/// a request was sent.
async fn signed_out_by(act: &'static str, home: &Arc<Home>, server: &Server) {
    let name = format!("mina-{act}");
    create(
        home,
        &name,
        if act == "demote" { &["--admin"] } else { &[] },
    );
    let mina = Person::login(server, &name).await;
    let home = Arc::clone(home);
    let command = task::spawn_blocking(move || json_of(&user(&home, act, &name)));
    while !command.is_finished() {
        mina.get("/auth/me").await;
    }
    command.await.unwrap();
    let changed = Instant::now();
    let mut tick = time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        let sent = Instant::now();
        if mina.get("/auth/me").await.status == 401 {
            return;
        }
        assert!(sent - changed < TAKEN_UP, "{act}: the token still opens");
    }
}

#[tokio::test]
async fn a_change_by_command_ends_the_tokens_of_a_service_that_runs_within_five_seconds() {
    let home = Arc::new(Home::new());
    let server = home.serve();
    create(&home, "boss", &["--admin"]);
    let acts = ["disable", "promote", "demote", "delete"];
    let ends = acts.map(|act| signed_out_by(act, &home, &server));
    future::join_all(ends).await;
}

async fn set_password(server: &Server, secret: &str) -> Answer {
    let request = client().post(format!("{}/auth/password-reset", server.base));
    Answer::of(request.json(&json!({"token": secret, "password": PASSWORD}))).await
}

#[tokio::test]
async fn a_printed_link_sets_a_password_once() {
    let home = Home::new();
    let server = home.serve();
    let mina = Person::register(&server, "mina").await;
    let home = home.with("PUBLIC_ORIGINS", "https://chat.example.org");
    let printed = home.run(&["user", "reset-password", "--username", "MINA"], "");
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    let url = printed.stdout.lines().next().unwrap();
    let older = url.strip_prefix("https://chat.example.org/reset-password#");
    let older = older.unwrap().to_owned();
    let link = json_of(&user(&home, "reset-password", "mina"));
    assert!(link["expires_at"].is_string(), "{link}");
    let (_, secret) = link["url"].as_str().unwrap().split_once('#').unwrap();

    let refused = set_password(&server, &older).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(
        refused.body.to_string().contains("unknown_token"),
        "{}",
        refused.body
    );
    set_password(&server, secret).await.with_status(204);
    set_password(&server, secret).await.with_status(422);
    assert_eq!(mina.get("/auth/me").await.status, 401);
    Person::login(&server, "mina").await;

    let said = server.log();
    assert!(!said.contains(secret) && !said.contains(&older), "{said}");
    // Both links were made on the record.
    let log = json_of(&home.run(&["audit", "verify", "--json"], ""));
    assert_eq!((&log["intact"], &log["rows"]), (&json!(true), &json!(2)));
}

#[test]
fn a_link_that_cannot_be_made_is_told_in_one_line() {
    let home = Home::new();
    create(&home, "mina", &[]);
    let nowhere = user(&home, "reset-password", "mina");
    assert_eq!(nowhere.code(), Some(78), "{nowhere:?}");
    assert!(
        nowhere.complaint().contains("PUBLIC_ORIGINS"),
        "{nowhere:?}"
    );
    let home = home.with("PORT", "8765");
    let link = json_of(&user(&home, "reset-password", "mina"));
    let url = link["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://localhost:8765/reset-password#"),
        "{url}"
    );
    let unknown = user(&home, "reset-password", "nobody");
    assert_eq!(unknown.code(), Some(1), "{unknown:?}");
    assert!(unknown.stdout.is_empty(), "{unknown:?}");
    assert!(
        unknown.complaint().contains("no such account"),
        "{unknown:?}"
    );
    assert_eq!(home.run(&["user", "reset-password"], "").code(), Some(2));
}

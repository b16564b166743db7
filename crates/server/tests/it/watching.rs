//! What an operator sees of the service: the log and the figures, and nothing in them that is secret.

use std::fs;

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{Home, Person, client, eventually};

/// What stands for a secret, in every place of a request.
const CANARY: &str = "canary-9d41";

fn document() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn nothing_that_is_sent_to_any_operation_is_in_the_log() {
    let home = Home::new()
        .with("LOG_FORMAT", "json")
        .with("LOG_LEVEL", "trace")
        .with(
            "JWT_SECRET",
            "canary-9d41-Zp3v8Kq1Xw6Tn4Rb9Ly2Hd7Mc5Gf0Js8Ae3Uo6Pi",
        );
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let mut count = 0;
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let paths = [
                path.replace("{chat_id}", &chat.to_string()),
                path.replace('{', CANARY).replace('}', ""),
            ];
            for path in paths {
                let url = format!("{}{path}?q={CANARY}&{CANARY}={CANARY}", server.base);
                let body = json!({
                    "username": CANARY, "email": format!("{CANARY}@example.com"), "password": CANARY,
                    "new_password": CANARY, "current_password": CANARY, "token": CANARY,
                    "content": CANARY, "name": CANARY, "system_prompt": CANARY, CANARY: CANARY,
                });
                let request = client()
                    .request(method.clone(), &url)
                    .header(header::COOKIE, format!("lr_refresh={CANARY}"))
                    .header(header::USER_AGENT, CANARY)
                    .header("idempotency-key", CANARY)
                    .header("if-match", CANARY)
                    .json(&body);
                // With a bad token, with a good one, and what a good one may do with a good body.
                for token in [CANARY, person.token()] {
                    let answer = request.try_clone().unwrap().bearer_auth(token).send().await;
                    assert!(answer.unwrap().status() != 500, "{method} {path}");
                    count += 1;
                }
            }
        }
    }
    person.say(chat, CANARY).await;
    // The end of the work on the last request comes after its answer.
    eventually("a line for each request", async || {
        (server.log().matches(r#""answered""#).count() >= count).then_some(())
    })
    .await;
    let log = server.log();
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            entry["timestamp"].as_str().unwrap().ends_with('Z'),
            "{line}"
        );
        assert!(!line.contains(CANARY), "{line}");
        assert!(
            !line.contains(person.token()) && !line.contains("@canary.example"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn figures_have_a_port_of_their_own_and_tell_of_nobody() {
    let home = Home::new().with("METRICS_PORT", "0");
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    person.get("/api/chats").await.with_status(200);
    person.get("/api/chats/4711").await.with_status(404);
    let stranger = client().get(format!("{}/auth/me", server.base));
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    let odd = client().request(
        "BREW".parse().unwrap(),
        format!("{}/secret-page", server.base),
    );
    odd.send().await.unwrap();

    let page = server.figures().await;
    for expected in [
        r#"lionrocket_security_events_total{event="account.made"} 1"#,
        r#"lionrocket_security_events_total{event="access.not_found"} 1"#,
        r#"lionrocket_security_events_total{event="access.unauthenticated"} 1"#,
        r#"method="GET",route="/api/chats/{chat_id}",status="404""#,
        r#"method="other""#,
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    for never in ["4711", "secret-page", "BREW", "mina", "127.0.0.1"] {
        assert!(!page.contains(never), "{never}: {page}");
    }
    let public = client().get(format!("{}/metrics", server.base));
    assert_eq!(public.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_name_that_points_here_from_elsewhere_is_refused() {
    let home = Home::new();
    let server = home.serve();
    let port = server.base.rsplit_once(':').unwrap().1.to_owned();
    let ask = async |host: String| {
        let request = client()
            .get(format!("{}/api/config", server.base))
            .header(header::HOST, host);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(format!("localhost:{port}")).await, 200);
    assert_eq!(ask(format!("127.0.0.1:{port}")).await, 200);
    assert_eq!(ask(format!("evil.example:{port}")).await, 421);
    assert_eq!(ask("localhost".to_owned()).await, 421);
}

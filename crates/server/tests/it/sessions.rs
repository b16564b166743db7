//! Logins over restarts, rotated secrets and environments.

use lionrocket_claude_sim::Simulator;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::support::{Answer, Home, PASSWORD, Person, Server, client};

const SECRET: &str = "Zp3v8Kq1Xw6Tn4Rb9Ly2Hd7Mc5Gf0Js8Ae3Uo6Pi";
const NEXT_SECRET: &str = "Vn3Kd8Qz5Xw1Rt7Bm4Yc9Gp2Hs6Jf0LaPk7Wo2Ti";
const OTHER_SECRET: &str = "kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0eOa4Iu9Xy";

/// The public address of the services in production.
const ORIGIN: &str = "https://chat.example.org";

/// A reply that stops in the middle and stays there.
const STALLS: &str = "[[sim:stall;after=4;ms=600000]] tell me";

/// What a browser has of a login.
#[derive(Debug, PartialEq, Eq)]
struct SignedIn {
    access_token: String,
    session_id: Value,
    cookie_name: String,
    cookie_value: String,
    /// Sorted.
    cookie_attributes: Vec<String>,
}

impl SignedIn {
    #[track_caller]
    fn read(answer: &Answer) -> Self {
        assert!((200..=201).contains(&answer.status), "{}", answer.body);
        let cookies = answer.headers.get_all(header::SET_COOKIE).into_iter();
        let cookie = cookies
            .map(|cookie| cookie.to_str().unwrap())
            .find(|cookie| cookie.contains("lr_refresh="));
        let mut parts = cookie.unwrap().split("; ").map(str::to_owned);
        let pair = parts.next().unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let mut attributes: Vec<_> = parts.collect();
        attributes.sort();
        Self {
            access_token: answer.body["access_token"].as_str().unwrap().to_owned(),
            session_id: answer.body["session_id"].clone(),
            cookie_name: name.to_owned(),
            cookie_value: value.to_owned(),
            cookie_attributes: attributes,
        }
    }

    fn cookie(&self) -> String {
        format!("{}={}", self.cookie_name, self.cookie_value)
    }
}

/// A request as a browser sends it that has the service open at an address.
fn browser(server: &Server, origin: &str, method: Method, path: &str) -> RequestBuilder {
    let (_, host) = origin.split_once("://").unwrap();
    client()
        .request(method, format!("{}{path}", server.base))
        .header(header::HOST, host)
        .header(header::ORIGIN, origin)
        .header("sec-fetch-site", "same-origin")
}

async fn register(server: &Server, origin: &str) -> Answer {
    let request = browser(server, origin, Method::POST, "/auth/register").json(&json!({
        "username": "mina", "email": "mina@canary.example", "password": PASSWORD,
    }));
    Answer::of(request).await
}

async fn login(server: &Server, origin: &str) -> Answer {
    let body = json!({"username": "mina", "password": PASSWORD});
    let request = browser(server, origin, Method::POST, "/auth/login").json(&body);
    Answer::of(request).await
}

async fn refresh(server: &Server, origin: &str, cookie: &str) -> Answer {
    let request = browser(server, origin, Method::POST, "/auth/refresh")
        .header(header::COOKIE, cookie)
        .json(&json!({}));
    Answer::of(request).await
}

async fn me(server: &Server, token: &str) -> u16 {
    let request = client().get(format!("{}/auth/me", server.base));
    Answer::of(request.bearer_auth(token)).await.status
}

#[tokio::test]
async fn a_refresh_cookie_outlives_the_server() {
    let home = Home::new();
    let server = home.serve();
    let first = SignedIn::read(&register(&server, &server.base).await);
    let second = SignedIn::read(&refresh(&server, &server.base, &first.cookie()).await);
    server.kill().await;

    let server = home.serve();
    let third = SignedIn::read(&refresh(&server, &server.base, &second.cookie()).await);
    assert_eq!(third.session_id, first.session_id);
    assert_ne!(third.cookie_value, second.cookie_value);
    for token in [&first, &second, &third] {
        assert_eq!(me(&server, &token.access_token).await, 200);
    }

    // What was used up is known as such by the next server too.
    let stolen = refresh(&server, &server.base, &first.cookie()).await;
    assert_eq!((stolen.status, stolen.code()), (401, "session_ended"));
    server.stop().await;
    let server = home.serve();
    let ended = refresh(&server, &server.base, &third.cookie()).await;
    assert_eq!((ended.status, ended.code()), (401, "session_ended"));
    assert_eq!(me(&server, &third.access_token).await, 401);
}

#[tokio::test]
async fn a_rotated_secret_signs_nobody_out() {
    let home = Home::new().with("JWT_SECRET", SECRET);
    let server = home.serve();
    let old = SignedIn::read(&register(&server, &server.base).await);
    // A cookie that was derived with the old secret, not only drawn while it was in use.
    let derived = SignedIn::read(&refresh(&server, &server.base, &old.cookie()).await);
    server.stop().await;

    let home = home
        .with("JWT_SECRET", NEXT_SECRET)
        .with("JWT_SECRET_PREVIOUS", SECRET);
    let server = home.serve();
    for token in [&old.access_token, &derived.access_token] {
        assert_eq!(me(&server, token).await, 200);
    }
    let new = SignedIn::read(&refresh(&server, &server.base, &derived.cookie()).await);
    assert_eq!(new.session_id, old.session_id);
    server.stop().await;

    // The new token and the new cookie need the old secret no more.
    let home = home.with("JWT_SECRET_PREVIOUS", OTHER_SECRET);
    let server = home.serve();
    assert_eq!(me(&server, &new.access_token).await, 200);
    assert_eq!(me(&server, &old.access_token).await, 401);
    let newest = refresh(&server, &server.base, &new.cookie()).await;
    assert_eq!(SignedIn::read(&newest).session_id, old.session_id);
}

#[tokio::test]
async fn without_the_former_secret_its_tokens_are_refused_and_people_can_sign_in_again() {
    let home = Home::new().with("JWT_SECRET", SECRET);
    let server = home.serve();
    let old = SignedIn::read(&register(&server, &server.base).await);
    server.stop().await;

    let home = home.with("JWT_SECRET", OTHER_SECRET);
    let server = home.serve();
    assert_eq!(me(&server, &old.access_token).await, 401);
    // The store knows the secret in the cookie by itself.
    let new = SignedIn::read(&refresh(&server, &server.base, &old.cookie()).await);
    assert_eq!(new.session_id, old.session_id);
    assert_eq!(me(&server, &new.access_token).await, 200);
    let again = SignedIn::read(&login(&server, &server.base).await);
    assert_eq!(me(&server, &again.access_token).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_cookie_that_was_used_up_and_comes_again_is_counted_on_its_own() {
    let home = Home::new().with("METRICS_PORT", "0");
    let server = home.serve();
    let first = SignedIn::read(&register(&server, &server.base).await);
    let second = SignedIn::read(&refresh(&server, &server.base, &first.cookie()).await);
    refresh(&server, &server.base, &second.cookie()).await;
    let unknown = refresh(&server, &server.base, "lr_refresh=x").await;
    assert_eq!(unknown.status, 401);
    let stolen = refresh(&server, &server.base, &first.cookie()).await;
    assert_eq!((stolen.status, stolen.code()), (401, "session_ended"));
    let figures = server.figures().await;
    for (event, count) in [("session.reuse", 1), ("session.refused", 2)] {
        let line = format!(r#"lionrocket_security_events_total{{event="{event}"}} {count}"#);
        assert!(figures.contains(&line), "{line}: {figures}");
    }
    server
        .has_said(r#"event="session.reuse" operation="refresh" user_id=1"#)
        .await;
}

#[tokio::test]
async fn signing_out_ends_the_streams_that_are_open() {
    let simulator = Simulator::builder().start().await.unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let mina = Person::register(&server, "mina").await;
    let elsewhere = Person::login(&server, "mina").await;
    let chat = mina.open_chat().await;
    let mut stream = mina.say_live(chat, STALLS).await;
    let turn = stream.next().await.unwrap();
    assert_eq!(turn.name, "turn");
    let turn = turn.data["turn_id"].as_str().unwrap().to_owned();
    let mut other = elsewhere.follow(chat, &turn, None).await;
    assert_eq!(other.next().await.unwrap().name, "turn");

    let request = mina.request(Method::POST, "/auth/logout");
    let out = Answer::of(request).await;
    assert_eq!(out.status, 204);
    assert_eq!(out.headers["clear-site-data"], r#""cache", "storage""#);
    let events = stream.rest().await;
    assert_eq!(events.last().unwrap().name, "revoked");
    assert!(!events.iter().any(|event| event.name == "done"));
    assert_eq!(me(&server, mina.token()).await, 401);

    // The reply goes on, and the person's other login sees it until that one is signed out as well.
    let record = elsewhere.turn(chat, &turn).await;
    assert!(
        ["queued", "running"].contains(&record["state"].as_str().unwrap()),
        "{record}"
    );
    let request = elsewhere.request(Method::POST, "/auth/logout");
    assert_eq!(Answer::of(request).await.status, 204);
    assert_eq!(other.rest().await.last().unwrap().name, "revoked");
}

#[tokio::test]
async fn in_development_the_cookie_works_without_tls() {
    let home = Home::new();
    let server = home.serve();
    let made = register(&server, &server.base).await;
    let signed_in = SignedIn::read(&login(&server, &server.base).await);
    for set in [SignedIn::read(&made), signed_in] {
        assert_eq!(set.cookie_name, "lr_refresh");
        assert_eq!(
            set.cookie_attributes,
            ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Strict"]
        );
        assert!(
            set.cookie_value
                .starts_with(set.session_id.as_str().unwrap())
        );
    }
}

#[tokio::test]
async fn in_production_the_cookie_is_bound_to_tls_and_to_the_host() {
    let home = Home::new()
        .with("APP_ENV", "production")
        .with("RATE_LIMIT", "on")
        .with("LANGUAGE_MODEL", "demo")
        .with("PUBLIC_ORIGINS", ORIGIN)
        .with("JWT_SECRET", SECRET);
    let server = home.serve();
    let set = SignedIn::read(&register(&server, ORIGIN).await);
    assert_eq!(set.cookie_name, "__Host-lr_refresh");
    let expected = [
        "HttpOnly",
        "Max-Age=2592000",
        "Path=/",
        "SameSite=Strict",
        "Secure",
    ];
    assert_eq!(set.cookie_attributes, expected);

    let foreign = refresh(&server, &server.base, &set.cookie()).await;
    assert_eq!(foreign.status, 421, "{}", foreign.body);
    let plain = format!("lr_refresh={}", set.cookie_value);
    let plain = refresh(&server, ORIGIN, &plain).await;
    assert_eq!((plain.status, plain.code()), (401, "session_ended"));
    let next = SignedIn::read(&refresh(&server, ORIGIN, &set.cookie()).await);
    assert_eq!(next.cookie_name, "__Host-lr_refresh");
    assert_eq!(next.session_id, set.session_id);

    let request = browser(&server, ORIGIN, Method::POST, "/auth/logout");
    let out = Answer::of(request.header(header::COOKIE, next.cookie())).await;
    assert_eq!(out.status, 204, "{}", out.body);
    let gone = out.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        gone.starts_with("__Host-lr_refresh=;") && gone.contains("Max-Age=0"),
        "{gone}"
    );
    assert!(gone.contains("Secure") && gone.contains("Path=/"), "{gone}");
    let ended = refresh(&server, ORIGIN, &next.cookie()).await;
    assert_eq!((ended.status, ended.code()), (401, "session_ended"));
}

#[tokio::test]
async fn a_pepper_that_is_missing_is_told_at_the_start_with_the_number_of_accounts() {
    const UNREADABLE: &str = "hashed with a pepper that is not set";
    let home = Home::new().with("PASSWORD_PEPPER", SECRET);
    let server = home.serve();
    let account = SignedIn::read(&register(&server, &server.base).await);
    assert!(!server.log().contains(UNREADABLE), "{}", server.log());
    server.stop().await;

    let other = home.with("PASSWORD_PEPPER", NEXT_SECRET);
    let server = other.serve();
    let said = server.log();
    let line = said.lines().find(|line| line.contains(UNREADABLE)).unwrap();
    assert!(
        line.contains("WARN") && line.contains("accounts=1"),
        "{line}"
    );
    // As for an unknown name; the operator is told what it really is.
    let refused = login(&server, &server.base).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    server
        .has_said("a password cannot be checked, since it was hashed with a pepper")
        .await;
    // Nor can it be checked for somebody who is signed in.
    let again = client().post(format!("{}/auth/reauthenticate", server.base));
    let again = again.bearer_auth(&account.access_token);
    let refused = Answer::of(again.json(&json!({"password": PASSWORD}))).await;
    assert_eq!(
        (refused.status, refused.code()),
        (401, "invalid_credentials")
    );
    server.stop().await;

    let rotated = other.with("PASSWORD_PEPPER_PREVIOUS", SECRET);
    let server = rotated.serve();
    assert!(!server.log().contains(UNREADABLE), "{}", server.log());
    assert_eq!(login(&server, &server.base).await.status, 200);
    server.stop().await;
}

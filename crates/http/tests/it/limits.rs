//! How often something may be done.

use std::sync::atomic::{AtomicU32, Ordering};

use std::net::IpAddr;

use actix_web::test::TestRequest;
use jiff::SignedDuration;
use lionrocket_test_support::{PASSWORD, Person};

use crate::api::{Answer, Api, RequestExt, request};

fn from(request: TestRequest, address: &str) -> TestRequest {
    let peer: IpAddr = address.parse().unwrap();
    request.peer_addr((peer, 4000).into())
}

/// A wrong password, each time for another account: tries for one account have a limit of their own.
fn wrong_login() -> TestRequest {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let body = format!(r#"{{"username":"nobody{number}","password":"wrong"}}"#);
    request("POST", "/auth/login").json_text(body)
}

fn login(password: &str) -> TestRequest {
    request("POST", "/auth/login")
        .json_text(format!(r#"{{"username":"owner","password":"{password}"}}"#))
}

/// Sends until a request is limited; answers how many were not, and the one that was.
async fn until_limited(api: &Api, make: impl Fn() -> TestRequest) -> (u32, Answer) {
    for count in 0..1000 {
        let answer = api.send(make()).await;
        if answer.status == 429 {
            return (count, answer);
        }
    }
    panic!("nothing is limited");
}

async fn said(api: &Api, person: &Person, chat: impl std::fmt::Display) -> Answer {
    let path = format!("/api/chats/{chat}/messages");
    let message = request("POST", &path)
        .by(person)
        .json_text(r#"{"content":"hi"}"#);
    api.send(message).await
}

#[actix_web::test]
async fn attempts_to_sign_in_are_limited_by_address() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    let (count, answer) = until_limited(&api, || from(wrong_login(), "192.0.2.1")).await;
    assert_eq!(count, 10);
    answer.problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), "6");
    assert_eq!(answer.header("ratelimit-policy"), r#""login";q=10;w=60"#);
    assert_eq!(answer.header("ratelimit"), r#""login";r=0;t=6"#);
    // Others are not held back, and nobody for ever.
    let other = api.send(from(login(PASSWORD), "192.0.2.2")).await;
    assert_eq!(other.status, 200);
    assert_eq!(other.header("ratelimit"), r#""login";r=9;t=6"#);
    api.world.clock.advance(SignedDuration::from_secs(6));
    assert_eq!(
        api.send(from(login(PASSWORD), "192.0.2.1")).await.status,
        200
    );
    api.send(from(login(PASSWORD), "192.0.2.1"))
        .await
        .problem(429, "rate_limited");
}

#[actix_web::test]
async fn new_accounts_are_limited_by_address() {
    let api = Api::with_limits(&[]).await;
    let mut number = 0;
    let mut register = || {
        number += 1;
        let body = format!(
            r#"{{"username":"person{number}","email":"p{number}@example.com","password":"cobalt lighthouse {number}!"}}"#
        );
        from(
            request("POST", "/auth/register").json_text(body),
            "192.0.2.1",
        )
    };
    for _ in 0..3 {
        assert_eq!(api.send(register()).await.status, 201);
    }
    let answer = api.send(register()).await;
    answer.problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), "1200");
}

#[actix_web::test]
async fn messages_are_limited_by_person() {
    let api = Api::with_limits(&[]).await;
    let owner = api.world.person("owner").await;
    let other = api.world.person("other").await;
    let chat = api.chat(&owner).await;
    for left in (0..10).rev() {
        let answer = said(&api, &owner, chat).await;
        assert_eq!(answer.status, 201);
        assert!(
            answer
                .header("ratelimit")
                .starts_with(&format!(r#""message";r={left};"#))
        );
    }
    said(&api, &owner, chat).await.problem(429, "rate_limited");
    // Reading goes on, and so do others.
    let read = api.send(request("GET", "/api/chats").by(&owner)).await;
    assert_eq!(read.status, 200);
    let others_chat = api.chat(&other).await;
    assert_eq!(said(&api, &other, others_chat).await.status, 201);
}

#[actix_web::test]
async fn every_form_of_a_message_counts_towards_one_limit() {
    let api = Api::with_limits(&[]).await;
    let owner = api.world.person("owner").await;
    let chats = [api.chat(&owner).await, api.chat(&owner).await];
    let say = |number: usize| {
        let path = format!("/api/chats/{}/messages", chats[number % 2]);
        let call = request("POST", &path)
            .by(&owner)
            .json_text(r#"{"content":"hi"}"#);
        match number % 3 {
            0 => call,
            1 => call.with("Accept", "text/event-stream"),
            _ => call.with("Idempotency-Key", format!("key{number}")),
        }
    };
    for number in 0..10 {
        assert!(api.send(say(number)).await.status.is_success());
    }
    for number in 10..16 {
        let answer = api.send(say(number)).await;
        answer.problem(429, "rate_limited");
    }
}

#[actix_web::test]
async fn new_tokens_are_limited_by_login() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    let one = api.send(from(login(PASSWORD), "192.0.2.1")).await;
    let other = api.send(from(login(PASSWORD), "192.0.2.2")).await;
    let renew = |before: &Answer, address: &str| {
        let call = request("POST", "/auth/refresh")
            .with("Cookie", before.cookie("lr_refresh"))
            .with("Origin", "http://localhost:8080")
            .json_text("{}");
        from(call, address)
    };
    // Each answer has a new secret, and each comes from elsewhere: it is the same login still.
    let mut last = one;
    for number in 0..30 {
        last = api
            .send(renew(&last, &format!("198.51.100.{number}")))
            .await;
        assert_eq!(last.status, 200, "{number}");
    }
    let limited = api.send(renew(&last, "198.51.100.99")).await;
    limited.problem(429, "rate_limited");
    assert_eq!(limited.header("retry-after"), "2");
    // Another login of the same person goes on, and so does this one after the wait.
    assert_eq!(api.send(renew(&other, "198.51.100.99")).await.status, 200);
    api.world.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(api.send(renew(&last, "198.51.100.99")).await.status, 200);
}

#[actix_web::test]
async fn whoever_cannot_tell_who_they_are_is_counted_by_address() {
    let api = Api::with_limits(&[]).await;
    let owner = api.world.person("owner").await;
    let stranger = || {
        let forged = request("GET", "/api/chats").with("Authorization", "Bearer forged");
        from(forged, "192.0.2.1")
    };
    let (count, answer) = until_limited(&api, stranger).await;
    assert_eq!(count, 60);
    answer.problem(429, "rate_limited");
    // Somebody with a good token at the same address is not held back.
    let known = from(request("GET", "/api/chats").by(&owner), "192.0.2.1");
    assert_eq!(api.send(known).await.status, 200);
}

#[actix_web::test]
async fn no_spelling_of_a_request_has_a_bucket_of_its_own() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    let (_, _) = until_limited(&api, || from(wrong_login(), "2001:db8:1:2::1")).await;
    // Nobody's word on the address is believed, and a network of version six is one client.
    for header in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "CF-Connecting-IP",
        "True-Client-IP",
    ] {
        let forged = from(login(PASSWORD), "2001:db8:1:2::1").with(header, "198.51.100.1");
        api.send(forged).await.problem(429, "rate_limited");
    }
    let neighbour = from(login(PASSWORD), "2001:db8:1:2:ffff::9");
    api.send(neighbour).await.problem(429, "rate_limited");
    // Other spellings of the address are no other way in.
    for path in [
        "/auth/login/",
        "/AUTH/LOGIN",
        "//auth/login",
        "/auth/./login",
        "/auth/login;x",
        "/auth/login%2f",
    ] {
        let body = format!(r#"{{"username":"owner","password":"{PASSWORD}"}}"#);
        let answer = api
            .send(from(
                request("POST", path).json_text(body),
                "2001:db8:1:2::1",
            ))
            .await;
        assert_eq!(answer.status, 404, "{path}");
    }
    // A query or an encoded letter changes nothing.
    for path in ["/auth/login?x=1", "/auth/%6cogin"] {
        let body = format!(r#"{{"username":"owner","password":"{PASSWORD}"}}"#);
        let answer = api
            .send(from(
                request("POST", path).json_text(body),
                "2001:db8:1:2::1",
            ))
            .await;
        assert_eq!(answer.status, 429, "{path}");
    }
    for name in [
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-HTTP-Method",
    ] {
        let answer = api
            .send(from(
                request("GET", "/auth/login").with(name, "POST"),
                "2001:db8:1:2::1",
            ))
            .await;
        assert_eq!(answer.status, 405, "{name}");
    }
}

#[actix_web::test]
async fn a_trusted_proxy_tells_for_whom_it_speaks() {
    let api = Api::with_limits(&["10.0.0.0/8"]).await;
    api.world.person("owner").await;
    let by_proxy = |client: &'static str| {
        move || from(wrong_login(), "10.0.0.1").with("X-Forwarded-For", client)
    };
    let (count, _) = until_limited(&api, by_proxy("1.1.1.1, 198.51.100.1")).await;
    assert_eq!(count, 10);
    // What the client itself wrote before the proxy's word makes no difference.
    let forged = by_proxy("2.2.2.2, 198.51.100.1");
    api.send(forged()).await.problem(429, "rate_limited");
    let other = by_proxy("198.51.100.2");
    assert_eq!(api.send(other()).await.status, 401);
}

#[actix_web::test]
async fn our_own_failure_costs_nothing() {
    let api = Api::with_limits(&[]).await;
    let owner = api.world.person("owner").await;
    let me = || request("GET", "/api/chats").by(&owner);
    let left = |answer: &Answer| answer.header("ratelimit").to_owned();
    let before = left(&api.send(me()).await);
    assert!(before.starts_with(r#""read";r=119;"#), "{before}");
    // A wrong request of the client's is counted.
    let wrong = api
        .send(request("GET", "/api/chats?limit=0").by(&owner))
        .await;
    assert_eq!(wrong.status, 422);
    assert!(left(&wrong).starts_with(r#""read";r=118;"#));
    let chat = api.chat(&owner).await;
    api.world.store.close().await;
    for _ in 0..20 {
        let failed = said(&api, &owner, chat).await;
        assert!(failed.status.is_server_error(), "{}", failed.status);
    }
}

#[actix_web::test]
async fn the_files_of_a_page_and_probes_are_not_limited() {
    let api = Api::with_limits(&[]).await;
    for _ in 0..200 {
        for path in ["/", "/livez", "/docs", "/openapi.json"] {
            let answer = api.send(from(request("GET", path), "192.0.2.1")).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("ratelimit"), "");
        }
    }
    let missing = || from(request("GET", "/api/nothing"), "192.0.2.1");
    let (count, _) = until_limited(&api, missing).await;
    assert_eq!(count, 60);
}

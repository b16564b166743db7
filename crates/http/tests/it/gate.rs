//! Under which names the service answers, and for the pages of whom.

use actix_web::test::TestRequest;

use crate::api::{Answer, Api, HOST, RequestExt, request};

async fn under(api: &Api, path: &str, host: &str) -> Answer {
    api.send(TestRequest::with_uri(path).insert_header(("Host", host)))
        .await
}

#[actix_web::test]
async fn a_name_that_is_not_ours_is_misdirected() {
    let api = Api::with_info(|info| {
        info.public_origins = vec![
            "https://chat.example.org".to_owned(),
            "http://127.0.0.1:8000".to_owned(),
        ];
    })
    .await;
    for host in ["chat.example.org", "CHAT.example.org:443", "127.0.0.1:8000"] {
        assert_eq!(under(&api, "/api/config", host).await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "chat.example.org.evil.example",
        "chat.example.org:8443",
        "127.0.0.1",
        "",
    ] {
        for path in ["/api/config", "/", "/docs", "/openapi.json", "/nothing"] {
            let answer = under(&api, path, host).await;
            answer.problem(421, "misdirected_request");
        }
    }
}

#[actix_web::test]
async fn a_name_that_is_missing_or_doubled_is_a_bad_request() {
    let api = Api::new().await;
    let answer = api.send(TestRequest::with_uri("/api/config")).await;
    answer.problem(400, "bad_request");
    let doubled = request("GET", "/api/config").append_header(("Host", HOST));
    api.send(doubled).await.problem(400, "bad_request");
}

#[actix_web::test]
async fn a_whole_address_as_target_must_be_ours_too() {
    let api = Api::new().await;
    let own = format!("http://{HOST}/api/config");
    assert_eq!(api.send(request("GET", &own)).await.status, 200);
    let foreign = request("GET", "http://evil.example/api/config");
    api.send(foreign).await.problem(421, "misdirected_request");
}

#[actix_web::test]
async fn probes_may_ask_under_any_name() {
    let api = Api::new().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(under(&api, path, "10.0.0.7:8000").await.status, 200);
    }
}

#[actix_web::test]
async fn no_redirect_or_address_in_an_answer_comes_from_the_request() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let character = api
        .character(&owner, lionrocket_domain::character::Visibility::Private)
        .await;
    let opened = request("POST", "/api/chats")
        .by(&owner)
        .with("X-Forwarded-Host", "evil.example")
        .with("X-Forwarded-Proto", "gopher")
        .with("Forwarded", "host=evil.example")
        .json_text(format!(r#"{{"character_id":{character}}}"#));
    let opened = api.send(opened).await;
    assert_eq!(opened.status, 201);
    assert!(opened.header("location").starts_with("/api/chats/"));
    assert!(!opened.text().contains("evil.example"));
}

const GUEST: &str = "https://app.example.org";

fn preflight(origin: &str) -> TestRequest {
    request("OPTIONS", "/api/chats")
        .with("Origin", origin)
        .with("Access-Control-Request-Method", "POST")
        .with(
            "Access-Control-Request-Headers",
            "authorization,content-type",
        )
}

#[actix_web::test]
async fn a_page_of_a_listed_origin_may_call_the_api_and_no_other_page() {
    let api = Api::with_cors_origins(&[GUEST]).await;
    let asked = api.send(preflight(GUEST)).await;
    assert_eq!(asked.status, 204);
    assert_eq!(asked.header("access-control-allow-origin"), GUEST);
    assert!(
        asked
            .header("access-control-allow-methods")
            .contains("PATCH")
    );
    let allowed = asked.header("access-control-allow-headers");
    assert!(allowed.contains("Authorization") && allowed.contains("Idempotency-Key"));
    assert_eq!(asked.header("vary"), "Origin");

    let read = api
        .send(request("GET", "/api/config").with("Origin", GUEST))
        .await;
    assert_eq!(read.header("access-control-allow-origin"), GUEST);
    assert!(
        read.header("access-control-expose-headers")
            .contains("ETag")
    );
    // Failures can be read as well, but nothing with a cookie.
    let failed = api
        .send(request("GET", "/auth/me").with("Origin", GUEST))
        .await;
    assert_eq!(failed.header("access-control-allow-origin"), GUEST);
    assert_eq!(failed.header("access-control-allow-credentials"), "");

    for other in [
        "https://app.example.org.evil.example",
        "https://APP.example.org",
        "http://app.example.org",
        "https://app.example.org:8443",
        "null",
        "*",
        "",
    ] {
        let asked = api.send(preflight(other)).await;
        asked.problem(405, "method_not_allowed");
        assert_eq!(asked.header("access-control-allow-origin"), "", "{other}");
        let read = api
            .send(request("GET", "/api/config").with("Origin", other))
            .await;
        assert_eq!(read.header("access-control-allow-origin"), "", "{other}");
        assert_eq!(read.header("vary"), "Origin");
    }
}

#[actix_web::test]
async fn without_a_list_no_other_page_may_call_the_api() {
    let api = Api::new().await;
    api.send(preflight(GUEST))
        .await
        .problem(405, "method_not_allowed");
    let read = api
        .send(request("GET", "/api/config").with("Origin", GUEST))
        .await;
    assert_eq!(read.header("access-control-allow-origin"), "");
    assert_eq!(read.header("vary"), "");
}

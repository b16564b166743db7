//! What browsers load, and the headers of every answer.

use crate::api::{Api, RequestExt, request};

#[actix_web::test]
async fn every_answer_has_the_headers_that_protect_browsers() {
    let api = Api::with_info(|info| info.strict_transport_security = true).await;
    for path in [
        "/livez",
        "/api/nothing",
        "/",
        "/docs",
        "/openapi.json",
        "/docs/start.js",
        "/auth/me",
    ] {
        let answer = api.send(request("GET", path)).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "strict-transport-security",
                "max-age=31536000; includeSubDomains",
            ),
            ("server", ""),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"));
        assert!(!answer.header("x-request-id").is_empty());
        let kind = answer.header("content-type").split(';').next();
        let start = match kind.unwrap_or_default() {
            "text/html" => "default-src 'none'; script-src 'self';",
            "text/javascript" => "",
            _ => "default-src 'none'; frame-ancestors 'none'",
        };
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with(start), "{path} {policy}");
        assert_eq!(policy.is_empty(), start.is_empty(), "{path} {policy}");
        let cache = if path.starts_with("/livez") || answer.status != 200 {
            "no-store"
        } else {
            "no-cache"
        };
        assert_eq!(answer.header("cache-control"), cache, "{path}");
    }
    let plain = Api::new().await;
    assert_eq!(
        plain
            .send(request("GET", "/livez"))
            .await
            .header("strict-transport-security"),
        ""
    );
}

#[actix_web::test]
async fn the_application_page_trusts_no_script_but_its_own() {
    let api = Api::new().await;
    for path in ["/", "/chats/7", "/login?next=/"] {
        let page = api
            .send(request("GET", path).with("Accept", "text/html,*/*;q=0.8"))
            .await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"));
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe")
        );
    }
    let head = api.send(request("HEAD", "/")).await;
    assert_eq!(head.status, 200);
    api.send(request("GET", "/chats/7").with("Accept", "application/json"))
        .await
        .problem(404, "not_found");
    api.send(request("POST", "/chats/7").with("Accept", "text/html"))
        .await
        .problem(404, "not_found");
    api.send(request("GET", "/../Cargo.toml"))
        .await
        .problem(404, "not_found");
    api.send(request("GET", "/%2e%2e/package.json"))
        .await
        .problem(404, "not_found");
}

#[actix_web::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let api = Api::new().await;
    let answer = api
        .send(request("GET", "/livez").with("X-Request-Id", "a-b_c.1"))
        .await;
    assert_eq!(answer.header("x-request-id"), "a-b_c.1");
    for bad in ["", "a b", "<script>", &"a".repeat(65)] {
        let answer = api
            .send(request("GET", "/livez").with("X-Request-Id", bad))
            .await;
        assert_ne!(answer.header("x-request-id"), bad);
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
}

#[actix_web::test]
async fn the_page_of_the_api_has_no_script_inside_and_all_it_needs() {
    let api = Api::new().await;
    let page = api.send(request("GET", "/docs")).await;
    assert!(
        !page
            .header("content-security-policy")
            .contains("script-src 'self' 'unsafe")
    );
    for part in page
        .text()
        .split(['"', '\n'])
        .filter(|part| part.starts_with("/docs/"))
    {
        let file = api.send(request("GET", part)).await;
        assert_eq!(file.status, 200, "{part}");
        let tag = file.header("etag").to_owned();
        let again = api
            .send(request("GET", part).with("If-None-Match", tag))
            .await;
        assert_eq!(again.status, 304);
    }
    assert!(!page.text().contains("<script>"));
    let document = api.send(request("GET", "/openapi.json")).await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(document.text(), lionrocket_http::openapi_json());
}

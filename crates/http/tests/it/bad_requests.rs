//! Requests that are wrong in one way or another.

use std::sync::Arc;

use actix_web::test::TestRequest;
use lionrocket_http::{NotReady, Readiness, Registration, openapi};
use lionrocket_test_support::Person;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use crate::api::{Api, RequestExt, request};

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(place, code)| ((*place).to_owned(), (*code).to_owned()))
        .collect()
}

fn register(body: &str) -> TestRequest {
    request("POST", "/auth/register").json_text(body)
}

#[actix_web::test]
async fn a_body_that_is_not_json_is_told_so() {
    let api = Api::new().await;
    let deep = "[".repeat(5000);
    for body in [
        "",
        "{",
        "nonsense",
        "{\"username\":\"a\",}",
        "{\"username\":\"\\ud800\"}",
        &deep,
        "{} {}",
    ] {
        api.send(register(body))
            .await
            .problem(400, "malformed_json");
    }
    let bytes = register("").set_payload(vec![b'"', 0xff, b'"']);
    api.send(bytes).await.problem(400, "malformed_json");
}

#[actix_web::test]
async fn all_wrong_fields_are_told_at_once() {
    let api = Api::new().await;
    let answer = api
        .send(register(
            r#"{"username":7,"email":"nowhere","password":"short","is_admin":true,"a/b~c":1}"#,
        ))
        .await;
    assert_eq!(
        answer.fields(),
        fields(&[
            ("/username", "wrong_type"),
            ("/email", "invalid_format"),
            ("/password", "too_short"),
            ("/is_admin", "unknown_field"),
            ("/a~1b~0c", "unknown_field"),
        ])
    );
    assert_eq!(answer.json()["errors"][2]["limit"], 10);
    assert_eq!(answer.json()["errors"][2]["actual"], 5);
    assert!(
        !answer.text().contains("nowhere"),
        "the input must not come back"
    );
}

#[actix_web::test]
async fn missing_repeated_and_shapeless_bodies_are_refused() {
    let api = Api::new().await;
    assert_eq!(
        api.send(register("{}")).await.fields(),
        fields(&[
            ("/username", "required"),
            ("/email", "required"),
            ("/password", "required")
        ])
    );
    let twice =
        r#"{"username":"haru","username":"haru2","email":"a@b.co","password":"lighthouse keeper"}"#;
    assert_eq!(
        api.send(register(twice)).await.fields(),
        fields(&[("/username", "duplicate")])
    );
    for body in ["[]", "null", "7", "\"text\"", "true"] {
        assert_eq!(
            api.send(register(body)).await.fields(),
            fields(&[("", "wrong_type")]),
            "{body}"
        );
    }
}

#[actix_web::test]
async fn only_json_in_utf_8_is_read() {
    let api = Api::new().await;
    let body = r#"{"username":"owner","password":"x"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=iso-8859-1",
        "application/problem+json",
    ] {
        let call = request("POST", "/auth/login")
            .with("Content-Type", kind)
            .set_payload(body);
        api.send(call).await.problem(415, "unsupported_media_type");
    }
    api.send(request("POST", "/auth/login").set_payload(body))
        .await
        .problem(415, "unsupported_media_type");
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let call = request("POST", "/auth/login")
            .with("Content-Type", kind)
            .set_payload(body);
        api.send(call).await.problem(401, "invalid_credentials");
    }
}

#[actix_web::test]
async fn bodies_have_a_largest_size_by_what_they_are_for() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    for (method, path, limit) in [
        ("POST", "/auth/login".to_owned(), 16 * 1024),
        ("POST", format!("/api/chats/{chat}/messages"), 4 * 1024),
        ("POST", "/api/characters".to_owned(), 64 * 1024),
    ] {
        let padded = |size: usize| format!("{{{}}}", " ".repeat(size - 2));
        let fits = request(method, &path).by(&person).json_text(padded(limit));
        api.send(fits).await.problem(422, "validation_failed");
        let over = request(method, &path)
            .by(&person)
            .json_text(padded(limit + 1));
        api.send(over).await.problem(413, "payload_too_large");
    }
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let api = Api::new().await;
    tokio::time::pause();
    let call = request("POST", "/auth/login").with("Content-Type", "application/json");
    let started = tokio::time::Instant::now();
    api.send_without_end(call)
        .await
        .problem(408, "request_timeout");
    assert_eq!(started.elapsed().as_secs(), 10);
}

async fn say(api: &Api, person: &Person, path: &str, text: &str) -> crate::api::Answer {
    let body = json!({ "content": text }).to_string();
    api.send(request("POST", path).by(person).json_text(body))
        .await
}

#[actix_web::test]
async fn two_hundred_characters_are_taken_and_one_more_is_not_however_they_are_written() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let path = format!("/api/chats/{}/messages", api.chat(&person).await);
    for character in ["가", "a", "😀", "é"] {
        for form in [
            |text: &str| text.to_owned(),
            |text: &str| text.nfd().collect::<String>(),
        ] {
            let fits = say(&api, &person, &path, &form(&character.repeat(200))).await;
            assert_eq!(fits.status, 201, "{}", fits.text());
            assert_eq!(
                fits.json()["user_message"]["content"],
                character.repeat(200)
            );
            let over = say(&api, &person, &path, &form(&character.repeat(201))).await;
            assert_eq!(over.fields(), fields(&[("/content", "too_long")]));
            assert_eq!(over.json()["errors"][0]["limit"], 200);
            assert_eq!(over.json()["errors"][0]["actual"], 201);
        }
    }
    for (text, code) in [
        ("", "required"),
        (" \n ", "required"),
        ("\u{200b}", "nothing_visible"),
        ("a\u{0}b", "control_character"),
    ] {
        assert_eq!(
            say(&api, &person, &path, text).await.fields(),
            fields(&[("/content", code)])
        );
    }
}

#[actix_web::test]
async fn every_field_of_every_body_refuses_what_its_schema_does_not_say() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let chat = api.chat(&admin).await;
    let (_, exchange) = api.turn(&admin, chat).await;
    let (turn_path, prompt) = (format!("/api/chats/{chat}"), api.prompt(&admin).await);
    let character = api
        .character(&admin, lionrocket_domain::character::Visibility::Public)
        .await;
    let document = serde_json::to_value(openapi()).unwrap();
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|name| name.rsplit('/').next()) else {
                continue;
            };
            bodies += 1;
            let path = path
                .replace("/api/chats/{chat_id}", &turn_path)
                .replace("{message_id}", &exchange.user_message.id.to_string())
                .replace("{user_id}", &admin.actor.user_id.to_string())
                .replace("{prompt_id}", &prompt.to_string())
                .replace("{character_id}", &character.to_string());
            let properties = document["components"]["schemas"][name]["properties"]
                .as_object()
                .unwrap();
            let wrong: serde_json::Map<String, Value> = properties
                .keys()
                .map(|name| (name.clone(), json!([{}])))
                .collect();
            let call = request(&method.to_uppercase(), &path)
                .by(&admin)
                .json_text(Value::from(wrong).to_string());
            let mut found = api.send(call).await.fields();
            found.sort();
            let mut expected: Vec<_> = properties
                .keys()
                .map(|name| (format!("/{name}"), "wrong_type".to_owned()))
                .collect();
            expected.sort();
            assert_eq!(found, expected, "{method} {path}");
        }
    }
    assert!(bodies > 9, "{bodies}");
}

#[actix_web::test]
async fn an_address_with_an_id_that_cannot_be_is_not_found() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    for id in [
        "0",
        "-1",
        "+1",
        "01",
        "1.0",
        "abc",
        "9007199254740992",
        "99999999999999999999",
        "%00",
        "1%20",
    ] {
        for path in [
            "/api/chats/ID",
            "/api/characters/ID",
            "/api/chats/ID/messages",
        ] {
            let call = request("GET", &path.replace("ID", id)).by(&person);
            api.send(call).await.problem(404, "not_found");
        }
    }
    let chat = api.chat(&person).await;
    for id in [
        "1",
        "00000000000000000000000000000001",
        "{00000000-0000-0000-0000-000000000001}",
    ] {
        let call = request("GET", &format!("/api/chats/{chat}/turns/{id}")).by(&person);
        api.send(call).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn an_unknown_method_is_told_which_ones_there_are() {
    let api = Api::new().await;
    for (method, path, allowed) in [
        ("DELETE", "/api/chats", "GET, POST"),
        ("POST", "/api/chats/7", "GET, PATCH, DELETE"),
        ("GET", "/auth/login", "POST"),
        ("TRACE", "/livez", "GET"),
        ("OPTIONS", "/api/chats", "GET, POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("PUT", "/docs", "GET, HEAD"),
    ] {
        let answer = api.send(request(method, path)).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[actix_web::test]
async fn an_unknown_address_is_not_found_even_for_browsers() {
    let api = Api::new().await;
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/chats/",
        "/auth/nothing",
        "/admin/nothing",
        "/metrics",
        "/assets/nothing.js",
        "/docs/nothing",
        "/livez/x",
    ] {
        let call = request("GET", path).with("Accept", "text/html");
        api.send(call).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn bad_queries_name_the_parameter() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    let long = format!("/api/chats?q={}", "a".repeat(101));
    for (path, place, code) in [
        ("/api/chats?limit=0", "?limit", "out_of_range"),
        ("/api/chats?limit=101", "?limit", "out_of_range"),
        ("/api/chats?limit=x", "?limit", "out_of_range"),
        ("/api/chats?cursor=nonsense", "?cursor", "invalid_format"),
        ("/api/chats?sort=title", "?sort", "unknown_field"),
        ("/api/chats?q=a&q=b", "?q", "duplicate"),
        ("/api/chats?q=%00", "?q", "control_character"),
        (&long, "?q", "too_long"),
        ("/api/characters?scope=theirs", "?scope", "not_a_choice"),
        ("/api/characters?scope=", "?scope", "not_a_choice"),
        ("/api/characters?cursor=", "?cursor", "invalid_format"),
        (
            &format!("/api/chats/{chat}/messages?before=-3"),
            "?before",
            "invalid_format",
        ),
        ("/auth/me/usage?from=2026-02-30", "?from", "invalid_format"),
        (
            "/auth/me/usage?from=2026-11-22&to=2026-11-21",
            "?to",
            "range_reversed",
        ),
        (
            "/auth/me/usage?from=2020-01-01&to=2026-11-21",
            "?from",
            "range_too_long",
        ),
    ] {
        let answer = api.send(request("GET", path).by(&person)).await;
        assert_eq!(answer.fields(), fields(&[(place, code)]), "{path}");
    }
}

#[actix_web::test]
async fn bad_headers_are_told_before_anything_is_stored() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    let path = format!("/api/chats/{chat}/messages");
    let send = || {
        request("POST", &path)
            .by(&person)
            .json_text(r#"{"content":"hi"}"#)
    };
    for key in [
        String::new(),
        "a".repeat(129),
        "a b".to_owned(),
        "키".to_owned(),
    ] {
        let answer = api.send(send().with("Idempotency-Key", key)).await;
        assert_eq!(
            answer.fields(),
            fields(&[("Idempotency-Key", "invalid_format")])
        );
    }
    api.send(send().with("Accept", "text/html"))
        .await
        .problem(406, "not_acceptable");
    let (turn, _) = api.turn(&person, chat).await;
    let follow = || request("GET", &format!("/api/chats/{chat}/turns/{turn}/events")).by(&person);
    for id in [
        "x".to_owned(),
        format!("{turn}"),
        format!("{turn}:-1"),
        "00000000-0000-0000-0000-0000000000ff:0".to_owned(),
    ] {
        let answer = api.send(follow().with("Last-Event-ID", id)).await;
        assert_eq!(
            answer.fields(),
            fields(&[("Last-Event-ID", "invalid_format")])
        );
    }
    api.send(follow().with("Accept", "application/json"))
        .await
        .problem(406, "not_acceptable");
    let list = api.send(request("GET", &path).by(&person)).await.json();
    assert_eq!(
        list["items"].as_array().unwrap().len(),
        3,
        "greeting, message, reply"
    );
}

#[actix_web::test]
async fn a_taken_name_and_wrong_passwords_tell_nothing_more() {
    let api = Api::new().await;
    api.world.person("owner").await;
    for body in [
        r#"{"username":"OWNER","email":"else@example.com","password":"lighthouse keeper"}"#,
        r#"{"username":"else","email":"Owner@Example.com","password":"lighthouse keeper"}"#,
    ] {
        api.send(register(body)).await.problem(409, "account_taken");
    }
    let login = |body: &str| {
        request("POST", "/auth/login")
            .with("X-Request-Id", "same")
            .json_text(body)
    };
    let wrong = api
        .send(login(r#"{"username":"owner","password":"no"}"#))
        .await;
    let nobody = api
        .send(login(r#"{"username":"nobody","password":"no"}"#))
        .await;
    wrong.problem(401, "invalid_credentials");
    assert_eq!(wrong.text(), nobody.text());
    assert_eq!(
        api.send(login(
            r#"{"username":" Owner@example.com","password":"lighthouse keeper 7"}"#
        ))
        .await
        .status,
        200
    );
}

#[actix_web::test]
async fn a_whole_number_may_be_written_in_any_way_that_json_has() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let place = |number: &str| {
        let body = format!(r#"{{"name":"n","content":"c","position":{number}}}"#);
        request("POST", "/api/prompts").by(&admin).json_text(body)
    };
    for number in ["7", "7.0", "0.7e1"] {
        let made = api.send(place(number)).await;
        assert_eq!(made.json()["position"], 7, "{number}");
    }
    for number in ["-1", "7.5", "2147483648", "1e300", "99999999999999999999"] {
        let refused = api.send(place(number)).await;
        assert_eq!(refused.fields(), fields(&[("/position", "out_of_range")]));
    }
}

#[actix_web::test]
async fn closed_registration_makes_no_accounts() {
    let api = Api::with_info(|info| info.registration = Registration::Closed).await;
    let body = r#"{"username":"haru","email":"haru@example.com","password":"lighthouse keeper"}"#;
    api.send(register(body))
        .await
        .problem(403, "registration_closed");
}

struct NeverReady;

#[async_trait::async_trait]
impl Readiness for NeverReady {
    async fn check(&self) -> Result<(), NotReady> {
        Err(NotReady("a secret cause".into()))
    }
}

#[actix_web::test]
async fn a_service_that_is_not_ready_says_so_without_the_cause() {
    let api = Api::with_readiness(Arc::new(NeverReady)).await;
    let answer = api.send(request("GET", "/readyz")).await;
    answer.problem(503, "not_ready");
    assert!(!answer.text().contains("secret"));
    assert_eq!(api.send(request("GET", "/livez")).await.status, 200);
}

struct PanickingReadiness;

#[async_trait::async_trait]
impl Readiness for PanickingReadiness {
    async fn check(&self) -> Result<(), NotReady> {
        panic!("a handler with a secret panics")
    }
}

#[actix_web::test]
async fn a_panic_is_a_plain_problem() {
    let api = Api::with_readiness(Arc::new(PanickingReadiness)).await;
    let answer = api
        .send(request("GET", "/readyz").with("X-Request-Id", "panicked"))
        .await;
    answer.problem(500, "internal");
    assert!(!answer.text().contains("secret"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(api.send(request("GET", "/livez")).await.status, 200);
}

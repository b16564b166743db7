//! Hostile inputs: nothing breaks, and no error tells more than it should.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    access::matrix,
    api::{Answer, Api, RequestExt, request},
    things::{Things, operations},
};

/// What every hostile input has in it, and nothing of ours.
const MARK: &str = "zq9x";

fn hostile() -> Vec<String> {
    vec![
        format!("{MARK}' OR '1'='1' --"),
        format!("{MARK}\"; DROP TABLE users; --"),
        format!("{MARK}%' ESCAPE '\\"),
        format!("{MARK}\" NEAR(* OR *) AND"),
        format!("../../../../etc/passwd?{MARK}"),
        format!("C:\\windows\\{MARK}"),
        format!("<script>alert('{MARK}')</script><img src=x onerror=1>"),
        format!("{{{{7*7}}}}${{7*7}}<%= 7*7 %>#{{7*7}}{MARK}"),
        format!("{MARK}\0\u{1}\u{1b}[31m\u{7f}"),
        format!("{MARK}\r\nSet-Cookie: stolen=1\r\n\r\n<html>"),
        format!("\u{202e}{MARK}\u{fffe}\u{feff}\u{200b}"),
        format!("{MARK}%s%n%x%00%2e%2e%2f"),
        format!("$(touch {MARK})`id`|| sleep 9;"),
        MARK.repeat(900),
        "é\u{301}".repeat(1200) + MARK,
    ]
}

/// Words that only our inside uses.
const INSIDE: [&str; 15] = [
    "sqlite",
    "diesel",
    "select ",
    "insert into",
    "constraint",
    "panicked",
    "backtrace",
    ".rs:",
    "src/",
    "/home/",
    "/tmp/",
    "serde",
    "actix",
    "tokio",
    " at line ",
];

/// Checks an answer to something hostile.
fn check(answer: &Answer, place: &str) {
    assert!(
        !answer.status.is_server_error(),
        "{place}: {}",
        answer.text()
    );
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        assert!(!value.contains(MARK), "{place}: {name}: {value}");
        assert!(!value.contains("stolen"), "{place}: {name}: {value}");
    }
    if !answer.status.is_client_error() {
        return;
    }
    let text = answer.text();
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{place}"
    );
    let mut problem = answer.json();
    problem.as_object_mut().unwrap().remove("request_id");
    let told = problem.to_string().to_lowercase();
    assert!(!told.contains(MARK), "{place} comes back: {text}");
    for word in INSIDE
        .iter()
        .chain(&["etc/passwd", "<script", "drop table"])
    {
        assert!(!told.contains(word), "{place} tells {word}: {text}");
    }
}

/// Writes a text so that it can stand anywhere in an address.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02x}").unwrap();
        encoded
    })
}

#[actix_web::test]
async fn no_field_of_a_body_brings_anything_hostile_back() {
    let api = Api::new().await;
    let admin = Things::of_admin(&api, "admin").await;
    let victim = Things::of_person(&api, "victim").await;
    let operations = operations();
    for (id, cases) in matrix() {
        for case in cases.iter().filter(|case| !case.body.is_empty()) {
            let (method, path) = case.request.split_once(' ').unwrap();
            let body = admin.fill(&case.body, &victim);
            let body: Map<String, Value> = serde_json::from_str(&body).unwrap();
            for field in &operations[&id].fields {
                for text in hostile() {
                    for value in [json!(text), json!([text]), json!({ text.clone(): text })] {
                        let mut body = body.clone();
                        body.insert(field.clone(), value);
                        let call = request(method, &admin.fill(path, &victim))
                            .by(&admin.person)
                            .json_text(Value::from(body).to_string());
                        let answer = api.send(call).await;
                        check(&answer, &format!("{id} {field} {text:.40}"));
                    }
                }
            }
        }
    }
}

#[actix_web::test]
async fn no_parameter_and_no_address_brings_anything_hostile_back() {
    let api = Api::new().await;
    let admin = Things::of_admin(&api, "admin").await;
    let victim = Things::of_person(&api, "victim").await;
    let mut tried = 0;
    for operation in operations().values() {
        let ids: Vec<_> = operation.ids.iter().map(|name| admin.id(name)).collect();
        let path = operation.address(&ids);
        let mut paths = Vec::new();
        for text in hostile() {
            let text = encoded(&text[..text.floor_char_boundary(900)]);
            for name in &operation.query {
                let reason = if name == "reason" {
                    ""
                } else {
                    "&reason=curiosity"
                };
                let reason = if operation.query.iter().any(|one| one == "reason") {
                    reason
                } else {
                    ""
                };
                paths.push(format!("{path}?{name}={text}{reason}"));
            }
            for (place, _) in ids.iter().enumerate() {
                let mut ids = ids.clone();
                ids[place] = text.clone();
                paths.push(operation.address(&ids));
            }
        }
        for path in paths {
            tried += 1;
            let call = request(&operation.method, &path).by(&admin.person);
            let answer = api.send(call).await;
            check(&answer, &format!("{} {path:.60}", operation.id));
        }
    }
    assert!(tried > 500, "{tried}");
    for text in hostile() {
        let text = encoded(&text[..text.floor_char_boundary(900)]);
        for path in [
            format!("/api/{text}"),
            format!("/assets/{text}"),
            format!("/admin/users/{}/{text}", victim.id("user_id")),
        ] {
            for method in ["GET", "POST", "DELETE"] {
                check(&api.send(request(method, &path)).await, &path);
            }
        }
    }
}

#[actix_web::test]
async fn no_header_brings_anything_hostile_back() {
    let api = Api::new().await;
    let owner = Things::of_person(&api, "owner").await;
    let chat = format!("/api/chats/{}", owner.chat);
    let turn = format!("{chat}/turns/{}/events", owner.id("turn_id"));
    for text in hostile() {
        let text: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
        for (method, path, name, body) in [
            ("GET", "/auth/me", "Authorization", ""),
            ("GET", &chat, "If-None-Match", ""),
            ("GET", &chat, "Accept", ""),
            ("GET", &chat, "User-Agent", ""),
            ("GET", &chat, "X-Forwarded-For", ""),
            ("GET", &chat, "Host", ""),
            ("GET", &chat, "Origin", ""),
            ("GET", &turn, "Last-Event-ID", ""),
            ("PATCH", &chat, "If-Match", r#"{"pinned":true}"#),
            ("PATCH", &chat, "Content-Type", r#"{"pinned":true}"#),
            (
                "POST",
                &format!("{chat}/messages"),
                "Idempotency-Key",
                r#"{"content":"hi"}"#,
            ),
            (
                "POST",
                &format!("{chat}/messages"),
                "Prefer",
                r#"{"content":"hi"}"#,
            ),
            (
                "POST",
                &format!("{chat}/messages"),
                "Accept",
                r#"{"content":"hi"}"#,
            ),
            ("POST", "/auth/refresh", "Cookie", "{}"),
        ] {
            let mut call = request(method, path).by(&owner.person);
            if !body.is_empty() {
                call = call.json_text(body);
            }
            let value = if name == "Cookie" {
                format!("lr_refresh={text}")
            } else {
                text.clone()
            };
            let answer = api.send(call.with(name, value)).await;
            check(&answer, &format!("{method} {path} {name} {text:.40}"));
        }
    }
}

#[actix_web::test]
async fn a_body_that_is_deep_wide_or_repeated_is_refused_without_harm() {
    let api = Api::new().await;
    let admin = Things::of_admin(&api, "admin").await;
    let victim = Things::of_person(&api, "victim").await;
    let before = (admin.all(&api).await, victim.all(&api).await);
    let operations = operations();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for (id, cases) in matrix() {
        for case in cases.iter().filter(|case| !case.body.is_empty()) {
            let (method, path) = case.request.split_once(' ').unwrap();
            let body = admin.fill(&case.body, &victim);
            let body = body.trim_end_matches('}');
            let comma = if body.ends_with('{') { "" } else { "," };
            let field = &operations[&id].fields[0];
            let send = |body: String| {
                let call = request(method, &admin.fill(path, &victim)).by(&admin.person);
                api.send(call.json_text(body))
            };
            for name in [field.as_str(), "unknown"] {
                for value in [
                    nested(33),
                    nested(100),
                    nested(500),
                    objects(33),
                    objects(100),
                    objects(500),
                    format!("[{}1]", "1,".repeat(1000)),
                    r#"{"a":1,"a":2}"#.to_owned(),
                ] {
                    let answer = send(format!("{body}{comma}\"{name}\":{value}}}")).await;
                    assert!(matches!(answer.status.as_u16(), 400 | 422), "{id} {value}");
                    check(&answer, &id);
                }
                let twice = format!("{body}{comma}\"{name}\":1,\"{name}\":1}}");
                let answer = send(twice).await;
                let repeated = if name == "unknown" {
                    "unknown_field"
                } else {
                    "duplicate"
                };
                let codes = answer.fields();
                assert!(
                    codes.contains(&(format!("/{name}"), repeated.to_owned())),
                    "{id}"
                );
            }
            let begun = send("[".repeat(2000)).await;
            begun.problem(400, "malformed_json");
            for open in ["[", "{\"a\":"] {
                let huge = send(open.repeat(1024 * 1024 / open.len())).await;
                huge.problem(413, "payload_too_large");
            }
        }
    }
    assert_eq!((admin.all(&api).await, victim.all(&api).await), before);
}

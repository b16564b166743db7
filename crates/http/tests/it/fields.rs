//! What is taken from people and what is told to them: no field more than is meant.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    access::matrix,
    api::{Api, RequestExt, request},
    things::{Things, operations},
};

/// What only the server decides, unless an operation is there to change it.
fn server_side() -> Vec<(&'static str, Value)> {
    let moment = "2020-01-01T00:00:00Z";
    vec![
        ("id", json!(1)),
        ("user_id", json!(1)),
        ("owner_id", json!(1)),
        ("created_by", json!(1)),
        ("is_admin", json!(true)),
        ("is_active", json!(true)),
        ("is_system", json!(true)),
        ("role", json!("assistant")),
        ("token_count", json!(0)),
        ("daily_token_budget", json!(1_000_000)),
        ("created_at", json!(moment)),
        ("deleted_at", json!(moment)),
        ("version", json!(1)),
        ("token_version", json!(1)),
        ("password_hash", json!("x")),
        ("__proto__", json!({"is_admin": true})),
    ]
}

#[actix_web::test]
async fn no_body_takes_what_only_the_server_decides() {
    let api = Api::new().await;
    let admin = Things::of_admin(&api, "admin").await;
    let victim = Things::of_person(&api, "victim").await;
    let users = || request("GET", "/admin/users").by(&admin.person);
    let before = (admin.all(&api).await, victim.all(&api).await);
    let accounts = api.send(users()).await.text().to_owned();
    let operations = operations();
    let mut tried = 0;
    for (id, cases) in matrix() {
        for case in cases.iter().filter(|case| !case.body.is_empty()) {
            let known = &operations[&id].fields;
            let (method, path) = case.request.split_once(' ').unwrap();
            let body = admin.fill(&case.body, &victim);
            let body: Map<String, Value> = serde_json::from_str(&body).unwrap();
            for (name, value) in server_side() {
                if known.iter().any(|field| field == name) {
                    continue;
                }
                tried += 1;
                let mut body = body.clone();
                body.insert(name.to_owned(), value);
                let call = request(method, &admin.fill(path, &victim))
                    .by(&admin.person)
                    .json_text(Value::from(body).to_string());
                let answer = api.send(call).await;
                let expected = [(format!("/{name}"), "unknown_field".to_owned())];
                assert_eq!(answer.fields(), expected, "{id}");
            }
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!((admin.all(&api).await, victim.all(&api).await), before);
    assert_eq!(api.send(users()).await.text(), accounts);
}

#[test]
fn who_administers_the_service_is_changed_by_one_operation_only() {
    let operations = operations();
    let with = |name: &str| -> Vec<String> {
        let found = operations
            .values()
            .filter(|one| one.fields.iter().any(|field| field == name));
        found.map(|one| one.id.clone()).collect()
    };
    assert_eq!(with("is_admin"), ["update_user"]);
    for (name, _) in server_side() {
        for id in with(name) {
            let path = &operations[&id].path;
            let is_switch_of_prompt = name == "is_active" && path.starts_with("/api/prompts");
            let is_for_admins = path.starts_with("/admin/");
            assert!(is_switch_of_prompt || is_for_admins, "{id} takes {name}");
        }
    }
}

/// The names of all members of a value, however deep.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(name.clone());
                names(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

/// What nobody is told.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "password_hash",
    "token_version",
    "failed_logins",
    "refresh_hash",
    "token_hash",
    "secret",
    "seal",
];

#[actix_web::test]
async fn nobody_reads_what_others_keep_to_themselves() {
    let api = Api::new().await;
    let owner = Things::of_person(&api, "owner").await;
    let stranger = Things::of_person(&api, "stranger").await;
    let admin = Things::of_admin(&api, "admin").await;
    // A chat with a character of the owner's that everybody may choose.
    let body = json!({"character_id": owner.public().parse::<i64>().unwrap()});
    let opened = request("POST", "/api/chats")
        .by(&stranger.person)
        .json_text(body.to_string());
    let chat = api.send(opened).await.json()["id"].to_string();
    let mut calls = vec![
        format!("/api/chats/{chat}"),
        format!("/api/chats/{chat}/messages"),
    ];
    let cases = matrix().into_values().flatten();
    let reads = cases.filter_map(|case| case.request.strip_prefix("GET ").map(str::to_owned));
    calls.extend(reads.map(|path| owner.fill(&path, &owner)));
    for path in &calls {
        let answer = api.send(request("GET", path).by(&stranger.person)).await;
        let text = answer.text();
        for secret in [
            "secret of owner",
            "owner@example.com",
            "title of owner",
            "words of owner",
            "private of owner",
        ] {
            assert!(!text.contains(secret), "{path} tells {secret}: {text}");
        }
        if let Ok(value) = serde_json::from_str(text) {
            let mut found = BTreeSet::new();
            names(&value, &mut found);
            for name in SECRET_NAMES {
                assert!(!found.contains(name), "{path} tells {name}");
            }
            let is_own = path == "/auth/me";
            assert!(is_own || !found.contains("email"), "{path}");
            // The stranger's own characters are in lists as well; those tell it to their maker.
            let texts = text.matches("\"system_prompt\"").count();
            let own = text.matches("secret of stranger").count();
            assert_eq!(texts, own, "{path}");
        }
    }
    for path in &calls {
        let answer = api.send(request("GET", path).by(&admin.person)).await;
        if let Ok(value) = serde_json::from_str(answer.text()) {
            let mut found = BTreeSet::new();
            names(&value, &mut found);
            for name in SECRET_NAMES {
                assert!(!found.contains(name), "{path} tells {name}");
            }
        }
    }
}

//! Who may do what, by the matrix in rbac.toml.

use std::collections::{BTreeMap, BTreeSet};

use lionrocket_domain::character::Visibility;
use lionrocket_http::openapi;
use lionrocket_test_support::Person;
use serde::Deserialize;

use crate::api::{Answer, Api, RequestExt, request};

/// One way to call an operation, and what comes of it for each kind of person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) request: String,
    #[serde(default)]
    pub(crate) body: String,
    status: Statuses,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statuses {
    anonymous: u16,
    owner: u16,
    other: u16,
    administrator: u16,
    disabled: u16,
    bad_token: u16,
}

/// The ways to call each operation, by its id.
pub(crate) fn matrix() -> BTreeMap<String, Vec<Case>> {
    toml::from_str(include_str!("../../rbac.toml")).unwrap()
}

async fn disabled(api: &Api, admin: &Person, name: &str) -> Person {
    let person = api.world.person(name).await;
    let path = format!("/admin/users/{}", person.actor.user_id);
    let change = request("PATCH", &path)
        .by(admin)
        .json_text(r#"{"is_active":false}"#);
    assert_eq!(api.send(change).await.status, 200);
    person
}

#[actix_web::test]
async fn every_operation_answers_each_kind_of_person_as_the_matrix_says() {
    let api = Api::new().await;
    let mut count = 0;
    for (id, cases) in matrix() {
        for case in cases {
            // New people for each case, since some cases end their sessions or accounts.
            count += 1;
            let owner = api.world.person(&format!("owner{count}")).await;
            let other = api.world.person(&format!("other{count}")).await;
            let admin = api.world.admin(&format!("admin{count}")).await;
            let disabled = disabled(&api, &admin, &format!("disabled{count}")).await;
            let forged = Person {
                token: format!("{}x", owner.token),
                ..owner.clone()
            };
            let status = &case.status;
            for (person, expected) in [
                (None, status.anonymous),
                (Some(&disabled), status.disabled),
                (Some(&forged), status.bad_token),
                (Some(&other), status.other),
                (Some(&admin), status.administrator),
                (Some(&owner), status.owner),
            ] {
                count += 1;
                let answer = call(&api, &case, person, &owner, &admin, count).await;
                assert_eq!(
                    answer.status.as_u16(),
                    expected,
                    "{id} {} as {person:?}: {}",
                    case.request,
                    answer.text()
                );
                if answer.status == 401 {
                    // These ask for something else than a token.
                    let is_other = id == "refresh" || id == "change_password";
                    let challenge = answer.header("www-authenticate");
                    assert!(challenge.starts_with("Bearer") || is_other);
                }
            }
        }
    }
}

/// Calls an operation on things of its own, since some calls delete them.
async fn call(
    api: &Api,
    case: &Case,
    person: Option<&Person>,
    owner: &Person,
    admin: &Person,
    count: u32,
) -> Answer {
    let chat = api.chat(owner).await;
    let victim = api.world.person(&format!("victim{count}")).await;
    let private = api.character(owner, Visibility::Private).await;
    let public = api.character(owner, Visibility::Public).await;
    let owner_name = api.send(request("GET", "/auth/me").by(owner)).await.json();
    let (turn_id, exchange) = api.turn(owner, chat).await;
    let names = [
        ("CHAT", chat.to_string()),
        ("TURN", turn_id.to_string()),
        ("ASKED", exchange.user_message.id.to_string()),
        ("REPLY", exchange.assistant_message.id.to_string()),
        ("PRIVATE", private.to_string()),
        ("PUBLIC", public.to_string()),
        ("PROMPT", api.prompt(admin).await.to_string()),
        ("NEW", format!("new{count}")),
        ("VICTIM", victim.actor.user_id.to_string()),
        ("INVITE", api.invite().await),
        ("RESET", api.reset_secret(&victim).await),
        (
            "OWNER",
            owner_name["username"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        ),
    ];
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for (name, value) in &names {
            text = text.replace(name, value);
        }
        text
    };
    let (method, path) = case.request.split_once(' ').unwrap();
    let mut call = request(method, &fill(path));
    if let Some(person) = person {
        call = call.by(person);
    }
    if !case.body.is_empty() {
        call = call.json_text(fill(&case.body));
    }
    api.send(call).await
}

#[test]
fn the_matrix_has_every_operation_and_no_other() {
    let document = serde_json::to_value(openapi()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let described: BTreeSet<_> = items
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let tested: BTreeSet<_> = matrix().into_keys().collect();
    assert_eq!(described, tested);
}

#[actix_web::test]
async fn an_address_knows_the_methods_of_its_operations_and_no_others() {
    let api = Api::new().await;
    let document = serde_json::to_value(openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let known: BTreeSet<_> = item
            .as_object()
            .unwrap()
            .keys()
            .map(|key| key.to_uppercase())
            .collect();
        let path = path
            .replace("{turn_id}", "00000000-0000-7000-8000-000000000000")
            .replace("{session_id}", "00000000-0000-7000-8000-000000000000");
        let path: Vec<_> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect();
        let path = path.join("/");
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
            "LOCK",
        ] {
            if known.contains(method) {
                continue;
            }
            let answer = api.send(request(method, &path)).await;
            answer.problem(405, "method_not_allowed");
            let allowed: BTreeSet<_> = answer
                .header("allow")
                .split(", ")
                .map(str::to_owned)
                .collect();
            assert_eq!(allowed, known, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn what_belongs_to_others_looks_the_same_as_what_does_not_exist() {
    let api = Api::new().await;
    let (owner, other) = (
        api.world.person("owner").await,
        api.world.person("other").await,
    );
    let chat = api.chat(&owner).await;
    let id = |path: String| {
        request("GET", &path)
            .by(&other)
            .with("X-Request-Id", "same")
    };
    let foreign = api.send(id(format!("/api/chats/{chat}"))).await;
    let missing = api.send(id("/api/chats/999999".to_owned())).await;
    assert_eq!(foreign.text(), missing.text());
}

#[actix_web::test]
async fn a_turn_of_one_chat_is_not_found_under_another() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let (chat, another) = (api.chat(&owner).await, api.chat(&owner).await);
    let (turn, _) = api.turn(&owner, chat).await;
    for rest in ["", "/events"] {
        let path = format!("/api/chats/{another}/turns/{turn}{rest}");
        api.send(request("GET", &path).by(&owner))
            .await
            .problem(404, "not_found");
    }
}

#[actix_web::test]
async fn only_the_maker_and_administrators_read_a_system_prompt() {
    let api = Api::new().await;
    let (owner, other) = (
        api.world.person("owner").await,
        api.world.person("other").await,
    );
    let admin = api.world.admin("admin").await;
    let id = api.character(&owner, Visibility::Public).await;
    let prompt = api.prompt(&admin).await;
    for (person, may_read, may_read_common) in [
        (&owner, true, false),
        (&other, false, false),
        (&admin, true, true),
    ] {
        let view = api
            .send(request("GET", &format!("/api/characters/{id}")).by(person))
            .await
            .json();
        assert_eq!(view.get("system_prompt").is_some(), may_read);
        let list = api
            .send(request("GET", "/api/prompts").by(person))
            .await
            .json();
        assert_eq!(list["items"][0]["id"], prompt.get());
        assert_eq!(list["items"][0].get("content").is_some(), may_read_common);
    }
}

#[actix_web::test]
async fn a_token_that_is_not_ours_is_refused_and_a_dead_one_too() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    for header in [
        "Bearer".to_owned(),
        "Bearer nonsense".to_owned(),
        format!("Basic {}", person.token),
        person.token.clone(),
        format!("Bearer {}x", person.token),
        format!("Bearer {}", "a".repeat(5000)),
    ] {
        let call = request("GET", "/auth/me").with("Authorization", header.clone());
        api.send(call).await.problem(401, "unauthorized");
    }
    let lower =
        request("GET", "/auth/me").with("Authorization", format!("bearer {}", person.token));
    assert_eq!(api.send(lower).await.status, 200);

    assert_eq!(
        api.send(request("POST", "/auth/logout").by(&person))
            .await
            .status,
        204
    );
    let dead = api.send(request("GET", "/auth/me").by(&person)).await;
    dead.problem(401, "unauthorized");
    assert!(dead.header("www-authenticate").contains("invalid_token"));
    assert_eq!(
        api.send(request("POST", "/auth/logout").by(&person))
            .await
            .status,
        204
    );
}

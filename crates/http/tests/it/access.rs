//! Who may do what: every operation as nobody, its owner, somebody else and an administrator.

use std::collections::BTreeSet;

use lionrocket_domain::character::Visibility;
use lionrocket_http::openapi;
use lionrocket_test_support::Person;

use crate::api::{Api, RequestExt, request};

/// An operation, how it is called, and the statuses for nobody, the owner, somebody else and an
/// administrator.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    [u16; 4],
);

const CHARACTER: &str = r#"{"name":"n","system_prompt":"p"}"#;
const PROMPT: &str = r#"{"name":"n","content":"c"}"#;

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("register", "POST", "/auth/register", r#"{"username":"NEW","email":"NEW@example.com","password":"lighthouse keeper 8"}"#, [201, 201, 201, 201]),
    ("login", "POST", "/auth/login", r#"{"username":"owner","password":"lighthouse keeper 7"}"#, [200, 200, 200, 200]),
    // Without a cookie a token is of no use here.
    ("refresh", "POST", "/auth/refresh", "{}", [401, 401, 401, 401]),
    ("list_sessions", "GET", "/auth/sessions", "", [401, 200, 200, 200]),
    ("end_other_sessions", "DELETE", "/auth/sessions", "", [401, 204, 204, 204]),
    ("end_session", "DELETE", "/auth/sessions/00000000-0000-0000-0000-0000000000ff", "", [401, 404, 404, 404]),
    ("get_me", "GET", "/auth/me", "", [401, 200, 200, 200]),
    ("get_my_usage", "GET", "/auth/me/usage", "", [401, 200, 200, 200]),
    ("list_my_admin_views", "GET", "/auth/me/admin-views", "", [401, 200, 200, 200]),
    ("list_users", "GET", "/admin/users", "", [401, 403, 403, 200]),
    ("get_user", "GET", "/admin/users/VICTIM", "", [401, 403, 403, 200]),
    ("update_user", "PATCH", "/admin/users/VICTIM", r#"{"is_active":false}"#, [401, 403, 403, 200]),
    ("delete_user", "DELETE", "/admin/users/VICTIM", "", [401, 403, 403, 202]),
    ("list_chats_of_user", "GET", "/admin/users/VICTIM/chats?reason=a+complaint", "", [401, 403, 403, 200]),
    ("get_usage_of_user", "GET", "/admin/users/VICTIM/usage", "", [401, 403, 403, 200]),
    ("list_messages_of_chat", "GET", "/admin/chats/CHAT/messages?reason=a+complaint", "", [401, 403, 403, 200]),
    ("list_audit_log", "GET", "/admin/audit-log", "", [401, 403, 403, 200]),
    ("get_service_state", "GET", "/admin/service", "", [401, 403, 403, 200]),
    ("update_service_state", "PUT", "/admin/service", r#"{"accepts_messages":true}"#, [401, 403, 403, 200]),
    ("get_stats_overview", "GET", "/admin/stats/overview", "", [401, 403, 403, 200]),
    ("get_config", "GET", "/api/config", "", [200, 200, 200, 200]),
    ("list_characters", "GET", "/api/characters", "", [401, 200, 200, 200]),
    ("create_character", "POST", "/api/characters", CHARACTER, [401, 201, 201, 201]),
    ("get_character", "GET", "/api/characters/PRIVATE", "", [401, 200, 404, 200]),
    ("get_character", "GET", "/api/characters/PUBLIC", "", [401, 200, 200, 200]),
    ("update_character", "PUT", "/api/characters/PRIVATE", CHARACTER, [401, 200, 404, 200]),
    ("update_character", "PUT", "/api/characters/PUBLIC", CHARACTER, [401, 200, 403, 200]),
    ("delete_character", "DELETE", "/api/characters/PRIVATE", "", [401, 204, 404, 204]),
    ("delete_character", "DELETE", "/api/characters/PUBLIC", "", [401, 204, 403, 204]),
    ("list_prompts", "GET", "/api/prompts", "", [401, 200, 200, 200]),
    ("create_prompt", "POST", "/api/prompts", PROMPT, [401, 403, 403, 201]),
    ("update_prompt", "PUT", "/api/prompts/PROMPT", PROMPT, [401, 403, 403, 200]),
    ("delete_prompt", "DELETE", "/api/prompts/PROMPT", "", [401, 403, 403, 204]),
    ("list_chats", "GET", "/api/chats", "", [401, 200, 200, 200]),
    ("create_chat", "POST", "/api/chats", r#"{"character_id":PRIVATE}"#, [401, 201, 404, 201]),
    ("create_chat", "POST", "/api/chats", r#"{"character_id":PUBLIC}"#, [401, 201, 201, 201]),
    ("get_chat", "GET", "/api/chats/CHAT", "", [401, 200, 404, 404]),
    ("update_chat", "PATCH", "/api/chats/CHAT", r#"{"pinned":true}"#, [401, 200, 404, 404]),
    ("delete_chat", "DELETE", "/api/chats/CHAT", "", [401, 204, 404, 404]),
    ("list_messages", "GET", "/api/chats/CHAT/messages", "", [401, 200, 404, 404]),
    ("send_message", "POST", "/api/chats/CHAT/messages", r#"{"content":"hi"}"#, [401, 201, 404, 404]),
    ("get_turn", "GET", "/api/chats/CHAT/turns/TURN", "", [401, 200, 404, 404]),
    ("follow_turn", "GET", "/api/chats/CHAT/turns/TURN/events", "", [401, 200, 404, 404]),
    ("livez", "GET", "/livez", "", [200, 200, 200, 200]),
    ("readyz", "GET", "/readyz", "", [200, 200, 200, 200]),
    // The last one: it ends the session that the table is called with.
    ("logout", "POST", "/auth/logout", "", [204, 204, 204, 204]),
];

#[actix_web::test]
async fn every_operation_answers_each_kind_of_person_as_the_table_says() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let other = api.world.person("other").await;
    let admin = api.world.admin("admin").await;
    let mut count = 0;
    for (id, method, path, body, expected) in TABLE {
        let people: [Option<&Person>; 4] = [None, Some(&owner), Some(&other), Some(&admin)];
        for (person, expected) in people.into_iter().zip(expected) {
            count += 1;
            // New things for each call, since some calls delete them.
            let chat = api.chat(&owner).await;
            let victim = api.world.person(&format!("victim{count}")).await;
            let names = [
                ("CHAT", chat.to_string()),
                ("TURN", api.turn(&owner, chat).await.0.to_string()),
                (
                    "PRIVATE",
                    api.character(&owner, Visibility::Private).await.to_string(),
                ),
                (
                    "PUBLIC",
                    api.character(&owner, Visibility::Public).await.to_string(),
                ),
                ("PROMPT", api.prompt(&admin).await.to_string()),
                ("NEW", format!("new{count}")),
                ("VICTIM", victim.actor.user_id.to_string()),
            ];
            let fill = |text: &str| {
                let mut text = text.to_owned();
                for (name, value) in &names {
                    text = text.replace(name, value);
                }
                text
            };
            let mut call = request(method, &fill(path));
            if let Some(person) = person {
                call = call.by(person);
            }
            if !body.is_empty() {
                call = call.json_text(fill(body));
            }
            let answer = api.send(call).await;
            assert_eq!(
                answer.status.as_u16(),
                *expected,
                "{id} {path} as {person:?}: {}",
                answer.text()
            );
            if answer.status == 401 && *id != "refresh" {
                answer.problem(401, "unauthorized");
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
            }
        }
    }
}

#[test]
fn the_table_has_every_operation() {
    let document = serde_json::to_value(openapi()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let described: BTreeSet<_> = items
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let tested: BTreeSet<_> = TABLE.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(described, tested);
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

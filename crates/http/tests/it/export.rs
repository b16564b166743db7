//! Everything that is kept of a person, in one file.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use lionrocket_app::turns::{Ask, TurnRequest};
use lionrocket_domain::{
    character::{CharacterDraft, Visibility},
    ids::{ChatId, MessageId},
    text::{CharacterName, ChatTitle, Description, Greeting, MessageText, SystemPrompt},
};
use lionrocket_test_support::{PASSWORD, Person};
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

async fn confirm(api: &Api, person: &Person) {
    let body = json!({"password": PASSWORD}).to_string();
    let call = request("POST", "/auth/reauthenticate").by(person);
    assert_eq!(api.send(call.json_text(body)).await.status, 204);
}

async fn export(api: &Api, person: &Person) -> Answer {
    api.send(request("GET", "/auth/me/export").by(person)).await
}

/// Says something and answers the ids of the message and of the reply.
async fn say(
    api: &Api,
    person: &Person,
    chat_id: ChatId,
    parent_id: Option<MessageId>,
    text: &str,
) -> [MessageId; 2] {
    let message = TurnRequest {
        chat_id,
        ask: Ask::Say {
            text: MessageText::parse(text, 200).unwrap(),
            after: parent_id,
        },
        idempotency_key: None,
    };
    let turns = &api.world.turns;
    let sent = turns.begin(person.actor, message).await.unwrap();
    let record = turns.wait_begun(&sent).await.unwrap();
    [record.user_message.id, record.assistant_message.id]
}

async fn quoted_chat(api: &Api, owner: &Person) -> ChatId {
    let draft = CharacterDraft {
        name: CharacterName::parse("\"등대\" 하루").unwrap(),
        system_prompt: SystemPrompt::parse("You keep a \"lighthouse\".\n등대를 지켜요.").unwrap(),
        greeting: Greeting::parse("\\ 어서 와 \"친구\"").unwrap(),
        description: Description::parse("").unwrap(),
        visibility: Visibility::Private,
    };
    let character = api.world.characters.create(owner.actor, draft).await;
    let title = Some(ChatTitle::parse("밤바다 },]").unwrap());
    let id = character.unwrap().id;
    let chat = api.world.chats.create(owner.actor, id, title).await;
    chat.unwrap().id
}

fn items<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().unwrap()
}

#[actix_web::test]
async fn an_export_has_everything_that_is_kept_of_one_and_nothing_of_others() {
    let api = Api::new().await;
    let (owner, other) = (
        api.world.person("owner").await,
        api.world.person("other").await,
    );
    let admin = api.world.admin("boss").await;
    let chat = quoted_chat(&api, &owner).await;
    let empty = api.chat(&owner).await;
    let foreign = api.chat(&other).await;
    say(&api, &other, foreign, None, "someone else's secret").await;
    let [_, reply] = say(&api, &owner, chat, None, "한글과 \"따옴표\"").await;
    let [left, _] = say(&api, &owner, chat, Some(reply), "왼쪽 \\ }]").await;
    let [right, last] = say(&api, &owner, chat, Some(reply), "오른쪽 🦁").await;
    let path = format!("/admin/chats/{chat}/messages?reason=a+complaint");
    assert_eq!(api.send(request("GET", &path).by(&admin)).await.status, 200);

    confirm(&api, &owner).await;
    let answer = export(&api, &owner).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, value) in [
        ("content-type", "application/json"),
        (
            "content-disposition",
            "attachment; filename=\"lionrocket-export.json\"",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(!answer.text().contains("someone else"));
    let document = answer.json();
    let members = document.as_object().unwrap().keys().map(String::as_str);
    let members: BTreeSet<_> = members.collect();
    let expected = [
        "account",
        "admin_views",
        "characters",
        "chats",
        "exported_at",
        "sessions",
        "usage",
    ];
    assert_eq!(members, expected.into());

    // What the rest of the API tells of the same things.
    let read = async |path: &str| api.send(request("GET", path).by(&owner)).await.json();
    assert_eq!(document["exported_at"], "2026-11-22T12:00:00Z");
    assert_eq!(document["account"], read("/auth/me").await);
    assert_eq!(document["sessions"], read("/auth/sessions").await["items"]);
    let own = read("/api/characters?scope=mine").await;
    assert_eq!(document["characters"], own["items"]);
    assert_eq!(
        document["characters"][1]["system_prompt"],
        "You keep a \"lighthouse\".\n등대를 지켜요."
    );
    assert_eq!(document["usage"], read("/auth/me/usage").await["items"]);
    let views = read("/auth/me/admin-views").await;
    assert_eq!(document["admin_views"], views["items"]);
    assert_eq!(document["admin_views"][0]["reason"], "a complaint");

    let [first, second] = items(&document, "chats") else {
        panic!("{document}");
    };
    assert_eq!((&first["id"], &second["id"]), (&json!(chat), &json!(empty)));
    assert_eq!(first["title"], "밤바다 },]");
    assert_eq!(first["character_name"], "\"등대\" 하루");
    assert_eq!(first["head_message_id"], json!(last));
    assert_eq!(items(second, "messages").len(), 1, "the greeting");
    let messages = items(first, "messages");
    assert_eq!(messages.len(), 7);
    assert_eq!(messages[0]["content"], "\\ 어서 와 \"친구\"");
    let said = |id: MessageId| messages.iter().find(|one| one["id"] == json!(id)).unwrap();
    for (id, text) in [(left, "왼쪽 \\ }]"), (right, "오른쪽 🦁")] {
        assert_eq!(said(id)["content"], text);
        assert_eq!(said(id)["parent_id"], json!(reply), "every branch is there");
    }
    // The branch that is shown, as the chat itself tells it.
    let shown = read(&format!("/api/chats/{chat}/messages")).await;
    for message in items(&shown, "items") {
        let exported = messages.iter().find(|one| one["id"] == message["id"]);
        for (name, value) in exported.unwrap().as_object().unwrap() {
            assert_eq!(value, &message[name], "{name}");
        }
    }
}

#[actix_web::test]
async fn an_export_of_many_pages_is_one_document() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let mut chats = Vec::new();
    for _ in 0..51 {
        chats.push(api.chat(&owner).await);
    }
    for _ in 0..26 {
        say(&api, &owner, chats[0], None, "one more").await;
    }
    confirm(&api, &owner).await;
    let document = export(&api, &owner).await.json();
    assert_eq!(items(&document, "characters").len(), 51);
    let exported: Vec<_> = items(&document, "chats")
        .iter()
        .map(|chat| &chat["id"])
        .collect();
    assert_eq!(json!(exported), json!(chats));
    assert_eq!(items(&document["chats"][0], "messages").len(), 53);
}

#[actix_web::test]
async fn an_export_of_nothing_is_a_document_as_well() {
    let api = Api::with_info(|info| info.admin_reads_visible = false).await;
    let owner = api.world.person("owner").await;
    confirm(&api, &owner).await;
    let document = export(&api, &owner).await.json();
    for name in ["characters", "chats", "usage"] {
        assert_eq!(document[name], json!([]), "{name}");
    }
    assert_eq!(items(&document, "sessions").len(), 1);
    let shown = document.as_object().unwrap();
    assert!(
        !shown.contains_key("admin_views"),
        "they are not shown here"
    );
}

#[actix_web::test]
async fn an_export_needs_the_password_again_within_five_minutes() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let refused = export(&api, &owner).await;
    refused.problem(403, "reauthentication_required");
    confirm(&api, &owner).await;
    assert_eq!(export(&api, &owner).await.status, 200);
    api.world.clock.advance(SignedDuration::from_mins(5));
    let late = export(&api, &owner).await;
    late.problem(403, "reauthentication_required");
}

#[actix_web::test]
async fn everything_is_exported_twice_an_hour() {
    let api = Api::with_limits(&[]).await;
    let (owner, other) = (
        api.world.person("owner").await,
        api.world.person("other").await,
    );
    for _ in 0..3 {
        // Being told to give the password again takes nothing away.
        let refused = export(&api, &owner).await;
        refused.problem(403, "reauthentication_required");
    }
    confirm(&api, &owner).await;
    for _ in 0..2 {
        assert_eq!(export(&api, &owner).await.status, 200);
    }
    let limited = export(&api, &owner).await;
    limited.problem(429, "rate_limited");
    assert_eq!(limited.header("retry-after"), "1800");
    assert!(
        limited
            .header("ratelimit-policy")
            .contains(r#""export";q=2;w=3600"#)
    );
    confirm(&api, &other).await;
    assert_eq!(export(&api, &other).await.status, 200);
    api.world.clock.advance(SignedDuration::from_mins(30));
    confirm(&api, &owner).await;
    assert_eq!(export(&api, &owner).await.status, 200);
}

#[actix_web::test]
async fn an_export_that_breaks_off_never_looks_whole() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let chat = api.chat(&owner).await;
    say(&api, &owner, chat, None, "hello").await;
    confirm(&api, &owner).await;
    let whole = export(&api, &owner).await;
    let mut open = api.open(request("GET", "/auth/me/export").by(&owner)).await;
    assert_eq!(open.status, 200);
    let mut text = String::new();
    while !text.contains("\"messages\":[") {
        text += &open.next().await.unwrap();
    }
    api.world.store.close().await;
    let broken = open.try_next().await.unwrap();
    assert!(broken.is_err(), "{broken:?}");
    assert!(open.try_next().await.is_none());
    assert!(whole.text().starts_with(&text) && text.len() < whole.text().len());
    assert!(serde_json::from_str::<Value>(&text).is_err());
}

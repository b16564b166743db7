//! Nothing of somebody else's is reached, whatever ids an address is put together from.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use serde_json::json;

use crate::{
    access::matrix,
    api::{Api, RequestExt, request},
    things::{Operation, Things, operations, succeeded},
};

/// Headers that make an operation take another way.
const WAYS: [(&str, &str); 6] = [
    ("X-Nothing", "1"),
    ("Accept", "text/event-stream"),
    ("Prefer", "respond-async"),
    ("Idempotency-Key", "key"),
    ("If-Match", "\"999\""),
    ("If-None-Match", "*"),
];

/// An id that nothing has.
fn missing(parameter: &str) -> String {
    match parameter {
        "turn_id" | "session_id" => "00000000-0000-7000-8000-00000000ffff".to_owned(),
        _ => "999999".to_owned(),
    }
}

/// Every way to choose one of each.
fn combinations(choices: &[Vec<String>]) -> Vec<Vec<String>> {
    choices.iter().fold(vec![Vec::new()], |begun, next| {
        begun
            .iter()
            .flat_map(|one| {
                next.iter()
                    .map(|id| [one.clone(), vec![id.clone()]].concat())
            })
            .collect()
    })
}

/// Calls an operation as `caller`, with a body that would be right.
fn call(
    operation: &Operation,
    ids: &[String],
    caller: &Things,
    way: (&'static str, &str),
) -> TestRequest {
    let body = matrix()[&operation.id][0].body.clone();
    // A reason is asked for by some; others are not to be asked for what they do not know.
    let query = if operation.query.iter().any(|name| name == "reason") {
        "?reason=curiosity"
    } else {
        ""
    };
    let path = format!("{}{query}", operation.address(ids));
    let call = request(&operation.method, &path)
        .by(&caller.person)
        .with("X-Request-Id", "same")
        .with(way.0, way.1);
    if body.is_empty() {
        call
    } else {
        call.json_text(caller.fill(&body, caller))
    }
}

fn is_administration(operation: &Operation) -> bool {
    operation.path.starts_with("/admin/") || operation.ids.iter().any(|name| name == "prompt_id")
}

/// Checks that every combination with an id that is not the caller's own is answered as if it were
/// of nothing.
async fn try_all(api: &Api, caller: &Things, victim: &Things, operation: &Operation) {
    let nothing: Vec<_> = operation.ids.iter().map(|name| missing(name)).collect();
    let own: Vec<_> = operation.ids.iter().map(|name| caller.id(name)).collect();
    let choices: Vec<_> = operation
        .ids
        .iter()
        .map(|name| vec![caller.id(name), victim.id(name), missing(name)])
        .collect();
    for way in WAYS {
        let expected = api.send(call(operation, &nothing, caller, way)).await;
        assert!(expected.status.is_client_error(), "{}", operation.id);
        for ids in combinations(&choices).into_iter().filter(|ids| *ids != own) {
            let answer = api.send(call(operation, &ids, caller, way)).await;
            let place = format!("{} {ids:?} {way:?}", operation.id);
            assert_eq!(answer.status, expected.status, "{place}: {}", answer.text());
            assert_eq!(answer.text(), expected.text(), "{place}");
            let names = |answer: &crate::api::Answer| -> BTreeSet<String> {
                let names = answer.headers.keys();
                names.map(ToString::to_string).collect()
            };
            assert_eq!(names(&answer), names(&expected), "{place}");
        }
    }
    let plain = api.send(call(operation, &nothing, caller, WAYS[0])).await;
    plain.problem(404, "not_found");
}

#[actix_web::test]
async fn no_combination_of_ids_reaches_what_is_somebody_elses() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let stranger = Things::of_person(&api, "stranger").await;
    let admin = Things::of_admin(&api, "admin").await;
    let before = victim.all(&api).await;
    let mut tried = 0;
    for operation in operations().values() {
        if operation.ids.is_empty() || is_administration(operation) {
            continue;
        }
        tried += 1;
        try_all(&api, &stranger, &victim, operation).await;
        // Administrators look after characters, and after nothing else from here.
        if operation.ids != ["character_id"] {
            try_all(&api, &admin, &victim, operation).await;
        }
    }
    assert!(tried > 10, "{tried}");
    assert_eq!(victim.all(&api).await, before);
}

#[actix_web::test]
async fn what_is_for_administrators_does_not_even_tell_what_there_is() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let stranger = Things::of_person(&api, "stranger").await;
    let admin = Things::of_admin(&api, "admin").await;
    let before = (victim.all(&api).await, admin.all(&api).await);
    let mut tried = 0;
    for operation in operations().values() {
        if operation.ids.is_empty() || !is_administration(operation) {
            continue;
        }
        tried += 1;
        let choices: Vec<_> = operation
            .ids
            .iter()
            .map(|name| {
                vec![
                    stranger.id(name),
                    victim.id(name),
                    admin.id(name),
                    missing(name),
                ]
            })
            .collect();
        let mut answers = BTreeSet::new();
        for (ids, way) in combinations(&choices)
            .into_iter()
            .flat_map(|ids| WAYS.map(|way| (ids.clone(), way)))
        {
            let answer = api.send(call(operation, &ids, &stranger, way)).await;
            answer.problem(403, "forbidden");
            answers.insert(answer.text().to_owned());
        }
        assert_eq!(answers.len(), 1, "{}", operation.id);
    }
    assert!(tried > 7, "{tried}");
    assert_eq!((victim.all(&api).await, admin.all(&api).await), before);
}

#[actix_web::test]
async fn a_child_is_found_under_its_own_parent_only() {
    let api = Api::new().await;
    let owner = Things::of_person(&api, "owner").await;
    let second = api.chat(&owner.person).await;
    api.turn(&owner.person, second).await;
    let before = owner.all(&api).await;
    let mut tried = 0;
    for operation in operations().values() {
        let [parent, child] = operation.ids.as_slice() else {
            assert!(operation.ids.len() < 2, "{}", operation.id);
            continue;
        };
        tried += 1;
        assert_eq!(parent, "chat_id");
        let call = |child: String| call(operation, &[second.to_string(), child], &owner, WAYS[0]);
        let wrong = api.send(call(owner.id(child))).await;
        let nothing = api.send(call(missing(child))).await;
        wrong.problem(404, "not_found");
        assert_eq!(wrong.text(), nothing.text());
    }
    assert!(tried >= 2, "{tried}");
    assert_eq!(owner.all(&api).await, before);
}

#[actix_web::test]
async fn a_message_goes_on_from_a_reply_of_its_own_chat_only() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let owner = Things::of_person(&api, "owner").await;
    let second = api.chat(&owner.person).await;
    let before = (victim.all(&api).await, owner.all(&api).await);
    let say = |parent: i64, way: (&'static str, &str)| {
        let body = json!({"content": "hi", "parent_id": parent}).to_string();
        request("POST", &format!("/api/chats/{second}/messages"))
            .by(&owner.person)
            .with("X-Request-Id", "same")
            .with(way.0, way.1)
            .json_text(body)
    };
    for way in [WAYS[0], WAYS[1], WAYS[2]] {
        let nothing = api.send(say(999_999, way)).await;
        let expected = [("/parent_id".to_owned(), "unknown_parent".to_owned())];
        assert_eq!(nothing.fields(), expected);
        for parent in [victim.reply, victim.message, owner.reply, owner.message] {
            let answer = api.send(say(parent, way)).await;
            assert_eq!(answer.text(), nothing.text(), "{way:?}");
        }
    }
    let messages = format!("/api/chats/{second}/messages");
    let read = api.send(request("GET", &messages).by(&owner.person)).await;
    assert_eq!(read.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!((victim.all(&api).await, owner.all(&api).await), before);
}

#[actix_web::test]
async fn a_page_before_a_message_of_somewhere_else_shows_nothing_of_there() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let owner = Things::of_person(&api, "owner").await;
    let page = |before: i64| {
        let path = format!("/api/chats/{}/messages?before={before}", owner.chat);
        request("GET", &path)
            .by(&owner.person)
            .with("X-Request-Id", "same")
    };
    let nothing = api.send(page(999_999)).await;
    for before in [victim.message, victim.reply] {
        let answer = api.send(page(before)).await;
        assert_eq!(answer.status, nothing.status);
        assert_eq!(answer.text(), nothing.text());
    }
}

#[actix_web::test]
async fn a_chat_is_opened_with_characters_that_one_may_see_only() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let owner = Things::of_person(&api, "owner").await;
    let open = |id: &str| {
        request("POST", "/api/chats")
            .by(&owner.person)
            .with("X-Request-Id", "same")
            .json_text(format!(r#"{{"character_id":{id}}}"#))
    };
    let foreign = api.send(open(&victim.id("character_id"))).await;
    let nothing = api.send(open("999999")).await;
    foreign.problem(404, "not_found");
    assert_eq!(foreign.text(), nothing.text());
    assert_eq!(api.send(open(victim.public())).await.status, 201);
}

#[actix_web::test]
async fn who_may_read_a_character_may_not_change_it_for_that() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let stranger = Things::of_person(&api, "stranger").await;
    let path = format!("/api/characters/{}", victim.public());
    // Having a chat with it gives no right either.
    let body = format!(r#"{{"character_id":{}}}"#, victim.public());
    let chat = request("POST", "/api/chats").by(&stranger.person);
    assert_eq!(api.send(chat.json_text(body)).await.status, 201);
    let before = victim.all(&api).await;
    let mut tried = 0;
    for operation in operations().values() {
        if operation.ids != ["character_id"] {
            continue;
        }
        for way in WAYS {
            let ids = [victim.public().to_owned()];
            let answer = api.send(call(operation, &ids, &stranger, way)).await;
            if operation.method == "GET" {
                let may_be_known = answer.status == 304 || answer.status == 406;
                assert!(succeeded(&answer) || may_be_known, "{}", answer.status);
                assert!(!answer.text().contains("secret of"));
            } else {
                tried += 1;
                answer.problem(403, "forbidden");
            }
        }
    }
    assert!(tried >= 2 * WAYS.len());
    assert_eq!(victim.all(&api).await, before);
    let view = api.send(request("GET", &path).by(&victim.person)).await;
    assert_eq!(view.json()["system_prompt"], "secret of victim");
}

#[actix_web::test]
async fn the_keys_of_two_people_do_not_meet() {
    let api = Api::new().await;
    let one = Things::of_person(&api, "first").await;
    let other = Things::of_person(&api, "second").await;
    let say = |things: &Things, words: &str| {
        request("POST", &format!("/api/chats/{}/messages", things.chat))
            .by(&things.person)
            .with("Idempotency-Key", "key")
            .json_text(json!({"content": words}).to_string())
    };
    let first = api.send(say(&one, "hello")).await;
    let same_words = api.send(say(&other, "hello")).await;
    for answer in [&first, &same_words] {
        assert_eq!(answer.status, 201);
        assert_eq!(answer.header("idempotent-replayed"), "");
    }
    assert_ne!(
        first.json()["user_message"]["turn_id"],
        same_words.json()["user_message"]["turn_id"]
    );
    assert_eq!(
        same_words.json()["user_message"]["chat_id"].to_string(),
        other.chat
    );
    // Each is still held to their own words.
    api.send(say(&one, "something else"))
        .await
        .problem(422, "idempotency_key_reused");
    let again = api.send(say(&other, "hello")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text(), same_words.text());
}

#[actix_web::test]
async fn every_form_of_a_message_meets_the_same_checks() {
    let api = Api::new().await;
    let victim = Things::of_person(&api, "victim").await;
    let owner = Things::of_person(&api, "owner").await;
    let before = (victim.all(&api).await, owner.all(&api).await);
    for (chat, body) in [
        (&owner.chat, json!({"content": "a".repeat(201)})),
        (&owner.chat, json!({"content": " "})),
        (&owner.chat, json!({"content": "a\u{0}"})),
        (&owner.chat, json!({"content": "hi", "role": "assistant"})),
        (&owner.chat, json!({"content": "hi", "parent_id": 999_999})),
        (&victim.chat, json!({"content": "hi"})),
    ] {
        let mut answers = BTreeSet::new();
        for way in [WAYS[0], WAYS[1], WAYS[2], WAYS[3]] {
            let call = request("POST", &format!("/api/chats/{chat}/messages"))
                .by(&owner.person)
                .with("X-Request-Id", "same")
                .with(way.0, way.1)
                .json_text(body.to_string());
            let answer = api.send(call).await;
            assert!(answer.status.is_client_error());
            answers.insert(answer.text().to_owned());
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    assert_eq!((victim.all(&api).await, owner.all(&api).await), before);
}

//! Sending messages: one turn, three forms of being told.

use std::time::Duration;

use lionrocket_domain::turn::StopReason;
use lionrocket_ports::model::ModelError;
use lionrocket_test_support::{Gate, ModelStep, Person, World, wait_until};
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

async fn start() -> (Api, Person, String) {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    (api, person, format!("/api/chats/{chat}"))
}

fn message(person: &Person, chat: &str) -> actix_web::test::TestRequest {
    request("POST", &format!("{chat}/messages"))
        .by(person)
        .json_text(r#"{"content":"  오늘 바다는 어때요? "}"#)
}

fn script(api: &Api) {
    api.world
        .model
        .play(vec![ModelStep::Say("잔잔"), ModelStep::Say("해요 🌊")]);
}

#[actix_web::test]
async fn the_three_forms_tell_the_same_turn() {
    let (api, person, chat) = start().await;
    script(&api);
    let waited = api.send(message(&person, &chat)).await;
    assert_eq!(waited.status, 201, "{}", waited.text());
    script(&api);
    let events = api
        .send(message(&person, &chat).with("Accept", "text/event-stream"))
        .await
        .events();
    script(&api);
    let accepted = api
        .send(message(&person, &chat).with("Prefer", "respond-async"))
        .await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.header("preference-applied"), "respond-async");
    let location = accepted.header("location").to_owned();
    let limit = World::PATIENCE;
    wait_until("the turn ends", limit, async || {
        let turn = api.send(request("GET", &location).by(&person)).await.json();
        turn["state"] == "completed"
    })
    .await;

    let list = api
        .send(request("GET", &format!("{chat}/messages")).by(&person))
        .await
        .json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 7);
    assert_eq!(waited.json()["user_message"], items[1]);
    assert_eq!(waited.json()["assistant_message"], items[2]);
    let done = events.last().unwrap();
    assert_eq!(done.name, "done");
    assert_eq!(done.data["assistant_message"], items[4]);
    let forms = [&items[2], &items[4], &items[6]];
    for form in forms {
        for field in [
            "content",
            "status",
            "model",
            "stop_reason",
            "token_count",
            "input_tokens",
        ] {
            assert_eq!(form[field], items[2][field]);
        }
    }
    assert_eq!(items[2]["content"], "잔잔해요 🌊");
    assert_eq!(items[1]["content"], "오늘 바다는 어때요?");
}

#[actix_web::test]
async fn a_reply_that_is_complete_has_this_shape() {
    let (api, person, chat) = start().await;
    script(&api);
    let answer = api.send(message(&person, &chat)).await.json();
    insta::assert_json_snapshot!(answer, {
        ".**.id" => "[id]", ".**.parent_id" => "[id]", ".**.chat_id" => "[id]", ".**.sibling_ids" => "[ids]", ".**.turn_id" => "[turn]",
    });
    insta::assert_json_snapshot!(
        "a_chat_has_this_shape",
        api.send(request("GET", &chat).by(&person)).await.json(),
        { ".**.id" => "[id]", ".head_message_id" => "[id]" }
    );
    let turn = answer["assistant_message"]["turn_id"].as_str().unwrap();
    insta::assert_json_snapshot!(
        "a_turn_has_this_shape",
        api.send(request("GET", &format!("{chat}/turns/{turn}")).by(&person)).await.json(),
        { ".id" => "[turn]", ".chat_id" => "[id]", ".user_message_id" => "[id]", ".assistant_message_id" => "[id]" }
    );
    insta::assert_json_snapshot!(
        "usage_has_this_shape",
        api.send(request("GET", "/auth/me/usage").by(&person))
            .await
            .json()
    );
    insta::assert_json_snapshot!(
        "settings_have_this_shape",
        api.send(request("GET", "/api/config")).await.json()
    );
    insta::assert_json_snapshot!(
        "an_account_has_this_shape",
        api.send(request("GET", "/auth/me").by(&person)).await.json(),
        { ".id" => "[id]" }
    );
    insta::assert_json_snapshot!(
        "characters_have_this_shape",
        api.send(request("GET", "/api/characters").by(&person)).await.json(),
        { ".items[].id" => "[id]" }
    );
}

#[actix_web::test]
async fn signing_up_signs_in() {
    let api = Api::new().await;
    let body = json!({"username": "하루지기", "email": "haru@example.com", "password": "lighthouse keeper"});
    let answer = api
        .send(request("POST", "/auth/register").json_text(body.to_string()))
        .await;
    assert_eq!(answer.status, 201);
    let view = answer.json();
    assert_eq!(view["token_type"], "Bearer");
    assert_eq!(view["expires_in"], 86_400);
    assert_eq!(view["user"]["is_admin"], false);
    let token = view["access_token"].as_str().unwrap();
    let me = request("GET", "/auth/me").with("Authorization", format!("Bearer {token}"));
    assert_eq!(api.send(me).await.json(), view["user"]);
}

#[actix_web::test]
async fn a_key_that_was_used_before_answers_with_the_same_turn() {
    let (api, person, chat) = start().await;
    let with_key = || message(&person, &chat).with("Idempotency-Key", "one");
    let first = api.send(with_key()).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = api.send(with_key()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((first.status, first.text()), (again.status, again.text()));
    let events = api
        .send(with_key().with("Accept", "text/event-stream"))
        .await;
    assert_eq!(events.header("idempotent-replayed"), "true");
    assert_eq!(
        events.events().last().unwrap().data["assistant_message"],
        first.json()["assistant_message"]
    );
    let accepted = api.send(with_key().with("Prefer", "respond-async")).await;
    assert_eq!(
        (
            accepted.status.as_u16(),
            accepted.header("idempotent-replayed")
        ),
        (202, "true")
    );

    let other = with_key().set_payload(r#"{"content":"something else"}"#);
    api.send(other).await.problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn one_reply_at_a_time_is_written_in_a_chat_and_two_for_a_person() {
    let (api, person, chat) = start().await;
    let gate = Gate::default();
    let mut chats = vec![chat];
    for _ in 0..2 {
        chats.push(format!("/api/chats/{}", api.chat(&person).await));
    }
    let mut turns = Vec::new();
    for chat in &chats[..2] {
        api.world
            .model
            .play(vec![ModelStep::Wait(gate.clone()), ModelStep::Say("ok")]);
        let accepted = api
            .send(message(&person, chat).with("Prefer", "respond-async"))
            .await;
        assert_eq!(accepted.status, 202, "{}", accepted.text());
        turns.push(accepted.json()["id"].clone());
    }
    let busy = api
        .send(message(&person, &chats[0]))
        .await
        .problem(409, "turn_running");
    assert_eq!(busy["turn_id"], turns[0]);
    let chat = api.send(request("GET", &chats[0]).by(&person)).await.json();
    assert_eq!(chat["running_turn_id"], turns[0]);
    let third = api.send(message(&person, &chats[2])).await;
    third.problem(429, "too_many_turns");
    assert!(!third.header("retry-after").is_empty());
    gate.open();
    gate.open();
}

#[actix_web::test]
async fn a_chat_whose_character_is_gone_can_be_read_but_not_go_on() {
    let (api, person, chat) = start().await;
    let view = api.send(request("GET", &chat).by(&person)).await.json();
    let path = format!("/api/characters/{}", view["character"]["id"]);
    assert_eq!(
        api.send(request("DELETE", &path).by(&person)).await.status,
        204
    );
    api.send(message(&person, &chat))
        .await
        .problem(409, "chat_read_only");
    let view = api.send(request("GET", &chat).by(&person)).await.json();
    assert_eq!(view["is_read_only"], true);
    assert_eq!(view["character"]["name"], "하루");
}

#[actix_web::test]
async fn a_message_may_follow_an_earlier_reply_and_knows_its_siblings() {
    let (api, person, chat) = start().await;
    let first = api.send(message(&person, &chat)).await.json();
    let parent = &first["user_message"]["parent_id"];
    let body = json!({"content": "another way", "parent_id": parent}).to_string();
    let edited = api.send(message(&person, &chat).set_payload(body)).await;
    assert_eq!(edited.status, 201, "{}", edited.text());
    let edited = edited.json();
    let ids = json!([first["user_message"]["id"], edited["user_message"]["id"]]);
    assert_eq!(edited["user_message"]["sibling_ids"], ids);
    let turn = edited["user_message"]["turn_id"].as_str().unwrap();
    let path = format!("{chat}/turns/{turn}/events");
    let events = api.send(request("GET", &path).by(&person)).await.events();
    assert_eq!(events[0].data["user_message"]["sibling_ids"], ids);

    let body = json!({"content": "hi", "parent_id": 999_999}).to_string();
    let unknown = api.send(message(&person, &chat).set_payload(body)).await;
    assert_eq!(
        unknown.fields(),
        [("/parent_id".to_owned(), "unknown_parent".to_owned())]
    );
}

/// What the model does.
type Script = fn() -> Vec<ModelStep>;

fn cause() -> lionrocket_ports::error::Cause {
    "a secret cause".into()
}

#[actix_web::test]
async fn a_reply_that_fails_is_a_problem_that_names_the_turn() {
    let failures: [(Script, u16, &str); 8] = [
        (
            || {
                vec![ModelStep::Fail(ModelError::Overloaded {
                    retry_after: None,
                })]
            },
            503,
            "upstream_overloaded",
        ),
        (
            || {
                vec![ModelStep::Fail(ModelError::RateLimited {
                    retry_after: None,
                })]
            },
            429,
            "upstream_rate_limited",
        ),
        (
            || vec![ModelStep::Fail(ModelError::Timeout)],
            504,
            "upstream_timeout",
        ),
        (
            || vec![ModelStep::Fail(ModelError::Rejected(cause()))],
            502,
            "upstream_rejected",
        ),
        (
            || vec![ModelStep::Fail(ModelError::Invalid(cause()))],
            502,
            "upstream_invalid",
        ),
        (
            || vec![ModelStep::Fail(ModelError::Failed(cause()))],
            502,
            "upstream_failed",
        ),
        (
            || {
                vec![
                    ModelStep::Say("half a"),
                    ModelStep::Fail(ModelError::Interrupted),
                ]
            },
            502,
            "reply_interrupted",
        ),
        (
            || vec![ModelStep::Say("no"), ModelStep::End(StopReason::Refusal)],
            422,
            "reply_refused",
        ),
    ];
    for (script, status, code) in failures {
        let (api, person, chat) = start().await;
        api.world.model.play(script());
        let answer = api.send(message(&person, &chat)).await;
        let problem = answer.problem(status, code);
        assert!(!answer.text().contains("secret"));
        assert_eq!(
            !answer.header("retry-after").is_empty(),
            matches!(status, 429 | 503)
        );
        let turn = problem["turn_id"].as_str().unwrap();
        let view = api
            .send(request("GET", &format!("{chat}/turns/{turn}")).by(&person))
            .await
            .json();
        assert_eq!(view["error_code"], code);

        let path = format!("{chat}/turns/{turn}/events");
        let events = api.send(request("GET", &path).by(&person)).await.events();
        let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names.first(), Some(&"turn"));
        assert_eq!(names[names.len() - 2..], ["usage", "error"]);
        let told = &events.last().unwrap().data;
        assert_eq!(
            (&told["code"], &told["status"], &told["turn_id"]),
            (&json!(code), &json!(status), &json!(turn))
        );
        // The message is kept and can be answered after all.
        assert_eq!(api.send(message(&person, &chat)).await.status, 201);
    }
}

#[actix_web::test]
async fn lists_are_read_page_by_page_without_losing_or_repeating_anything() {
    let (api, person, chat) = start().await;
    for _ in 0..4 {
        api.world.clock.advance(jiff::SignedDuration::from_secs(1));
        api.chat(&person).await;
    }
    for _ in 0..2 {
        api.send(message(&person, &chat)).await;
    }
    for (path, cursor, total) in [
        ("/api/chats", "cursor", 5),
        ("/api/characters", "cursor", 5),
        (&format!("{chat}/messages"), "before", 5),
    ] {
        let whole = api.send(request("GET", path).by(&person)).await.json();
        let ids = |page: &Value| -> Vec<i64> {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_i64().unwrap())
                .collect()
        };
        assert_eq!(ids(&whole).len(), total, "{path}");
        assert_eq!(whole["next_cursor"], Value::Null);
        let mut pages: Vec<Vec<i64>> = Vec::new();
        let mut next = format!("{path}?limit=2");
        loop {
            let answer: Answer = api.send(request("GET", &next).by(&person)).await;
            let page = answer.json();
            pages.push(ids(&page));
            let Some(place) = page["next_cursor"].as_str() else {
                break;
            };
            next = format!("{path}?limit=2&{cursor}={place}");
        }
        assert_eq!(pages.iter().map(Vec::len).max(), Some(2));
        if cursor == "before" {
            pages.reverse();
        }
        assert_eq!(pages.concat(), ids(&whole), "{path}");
    }
}

#[actix_web::test]
async fn lists_are_searched() {
    let (api, person, _) = start().await;
    let count = |list: Value| list["items"].as_array().unwrap().len();
    for (path, found) in [
        ("/api/characters?q=%ED%95%98%EB%A3%A8", 1),
        ("/api/characters?q=zzz", 0),
        ("/api/characters?scope=mine", 1),
        ("/api/characters?scope=public", 0),
        ("/api/characters?scope=mine,public", 1),
        ("/api/chats?q=%ED%95%98", 1),
        ("/api/chats?q=100%25", 0),
        ("/api/chats?q=", 1),
    ] {
        let list = api.send(request("GET", path).by(&person)).await.json();
        assert_eq!(count(list), found, "{path}");
    }
}

#[actix_web::test]
async fn a_client_that_leaves_changes_nothing() {
    let (api, person, chat) = start().await;
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Say("first "),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("second"),
    ]);
    let mut open = api
        .open(message(&person, &chat).with("Accept", "text/event-stream"))
        .await;
    open.next().await.unwrap();
    drop(open);
    gate.open();
    wait_until("the reply is stored", Duration::from_secs(10), async || {
        let list = api
            .send(request("GET", &format!("{chat}/messages")).by(&person))
            .await
            .json();
        list["items"][2]["status"] == "complete" && list["items"][2]["content"] == "first second"
    })
    .await;
}

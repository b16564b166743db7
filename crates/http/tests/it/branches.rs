//! Stopping, answering again, editing, continuing, and choosing the branch.

use lionrocket_domain::turn::StopReason;
use lionrocket_ports::model::ModelError;
use lionrocket_test_support::{Gate, ModelStep, Person, World, wait_until};
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, events, request};

/// A chat of somebody's without a greeting, with one whole exchange.
struct Talk {
    api: Api,
    person: Person,
    chat: String,
    asked: i64,
    reply: i64,
}

impl Talk {
    async fn new() -> Self {
        let api = Api::new().await;
        let person = api.world.person("owner").await;
        let chat = format!("/api/chats/{}", api.bare_chat(&person).await);
        api.world.model.play(vec![ModelStep::Say("one")]);
        let said = request("POST", &format!("{chat}/messages")).by(&person);
        let said = api
            .send(said.json_text(r#"{"content":"first"}"#))
            .await
            .json();
        Self {
            asked: id_of(&said["user_message"]),
            reply: id_of(&said["assistant_message"]),
            api,
            person,
            chat,
        }
    }

    async fn post(&self, path: &str, body: Option<Value>) -> Answer {
        let call = request("POST", &format!("{}{path}", self.chat)).by(&self.person);
        let call = match body {
            Some(body) => call.json_text(body.to_string()),
            None => call,
        };
        self.api.send(call).await
    }

    async fn say(&self, words: &str, script: Vec<ModelStep>) -> Answer {
        self.api.world.model.play(script);
        self.post("/messages", Some(json!({ "content": words })))
            .await
    }

    async fn show(&self, message_id: i64) -> Answer {
        let call = request("PUT", &format!("{}/head", self.chat)).by(&self.person);
        let body = json!({ "message_id": message_id }).to_string();
        self.api.send(call.json_text(&body)).await
    }

    /// The words that the chat shows.
    async fn shown(&self) -> Vec<String> {
        let page = request("GET", &format!("{}/messages", self.chat)).by(&self.person);
        let page = self.api.send(page).await.json();
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["content"].as_str().unwrap().to_owned())
            .collect()
    }

    fn asked_of_the_model(&self) -> Vec<String> {
        let prompt = self.api.world.model.last_prompt().unwrap();
        prompt.turns.into_iter().map(|turn| turn.text).collect()
    }
}

fn id_of(message: &Value) -> i64 {
    message["id"].as_i64().unwrap()
}

#[actix_web::test]
async fn another_answer_stands_beside_the_first_and_the_person_chooses() {
    let talk = Talk::new().await;
    talk.api.world.model.play(vec![ModelStep::Say("uno")]);
    let path = format!("/messages/{}/regenerate", talk.reply);
    let again = talk.post(&path, None).await;
    assert_eq!(again.status, 201, "{}", again.text());
    let again = again.json();
    assert_eq!(id_of(&again["user_message"]), talk.asked);
    let second = id_of(&again["assistant_message"]);
    assert_eq!(
        again["assistant_message"]["sibling_ids"],
        json!([talk.reply, second])
    );
    assert_eq!(talk.asked_of_the_model(), ["first"]);
    assert_eq!(talk.shown().await, ["first", "uno"]);

    talk.say("second", vec![ModelStep::Say("two")]).await;
    assert_eq!(talk.asked_of_the_model(), ["first", "uno", "second"]);
    let chosen = talk.show(talk.reply).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text());
    assert_eq!(chosen.json()["head_message_id"], talk.reply);
    assert_eq!(talk.shown().await, ["first", "one"]);
    talk.say("zweitens", vec![ModelStep::Say("zwei")]).await;
    assert_eq!(talk.asked_of_the_model(), ["first", "one", "zweitens"]);
    // The other branch is where it was, to its end.
    talk.show(second).await;
    assert_eq!(talk.shown().await, ["first", "uno", "second", "two"]);
}

#[actix_web::test]
async fn a_message_can_be_said_in_other_words_even_the_first() {
    let talk = Talk::new().await;
    talk.api.world.model.play(vec![ModelStep::Say("eins")]);
    let path = format!("/messages/{}/edit", talk.asked);
    let edited = talk
        .post(&path, Some(json!({ "content": "erstens" })))
        .await;
    assert_eq!(edited.status, 201, "{}", edited.text());
    let edited = edited.json();
    let new = id_of(&edited["user_message"]);
    assert_eq!(
        edited["user_message"]["sibling_ids"],
        json!([talk.asked, new])
    );
    assert_eq!(edited["user_message"]["parent_id"], Value::Null);
    assert_eq!(talk.asked_of_the_model(), ["erstens"]);
    assert_eq!(talk.shown().await, ["erstens", "eins"]);
    talk.show(talk.asked).await;
    assert_eq!(talk.shown().await, ["first", "one"]);
    for (words, code) in [("", "required"), (&*"가".repeat(201), "too_long")] {
        let refused = talk.post(&path, Some(json!({ "content": words }))).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.json()["errors"][0]["code"], code);
    }
}

#[actix_web::test]
async fn a_failed_reply_is_asked_for_again_without_typing() {
    let talk = Talk::new().await;
    let failed = talk
        .say("second", vec![ModelStep::Fail(ModelError::Timeout)])
        .await;
    assert_eq!(failed.status, 504);
    let page = request("GET", &format!("{}/messages", talk.chat)).by(&talk.person);
    let page = talk.api.send(page).await.json();
    let reply = id_of(page["items"].as_array().unwrap().last().unwrap());
    talk.api.world.model.play(vec![ModelStep::Say("two")]);
    let again = talk
        .post(&format!("/messages/{reply}/regenerate"), None)
        .await;
    assert_eq!(again.status, 201, "{}", again.text());
    assert_eq!(talk.asked_of_the_model(), ["first", "one", "second"]);
    assert_eq!(talk.shown().await, ["first", "one", "second", "two"]);
}

#[actix_web::test]
async fn a_reply_that_was_cut_goes_on_and_the_cut_one_stays() {
    let talk = Talk::new().await;
    let script = vec![
        ModelStep::Say("The lamp burns "),
        ModelStep::End(StopReason::MaxTokens),
    ];
    let cut = talk.say("second", script).await.json();
    let cut_id = id_of(&cut["assistant_message"]);
    talk.api
        .world
        .model
        .play(vec![ModelStep::Say("all night.")]);
    let path = format!("/messages/{cut_id}/continue");
    let whole = talk.post(&path, None).await;
    assert_eq!(whole.status, 201, "{}", whole.text());
    let whole = whole.json();
    assert_eq!(
        whole["assistant_message"]["content"],
        "The lamp burns all night."
    );
    let whole_id = id_of(&whole["assistant_message"]);
    assert_eq!(
        whole["assistant_message"]["sibling_ids"],
        json!([cut_id, whole_id])
    );
    let asked = talk.asked_of_the_model();
    assert_eq!(asked[..4], ["first", "one", "second", "The lamp burns "]);
    assert!(asked[4].contains("The lamp burns"));
    // It costs what is new only.
    assert_eq!(whole["usage"]["output_tokens"], 1);
    talk.show(cut_id).await;
    assert_eq!(talk.shown().await.last().unwrap(), "The lamp burns ");
}

#[actix_web::test]
async fn what_cannot_be_done_with_a_message_is_told_by_its_code() {
    let talk = Talk::new().await;
    let other_chat = talk.api.chat(&talk.person).await;
    let greeted = format!("/api/chats/{other_chat}");
    let greeting = request("GET", &format!("{greeted}/messages")).by(&talk.person);
    let greeting = talk.api.send(greeting).await.json();
    let greeting = id_of(&greeting["items"][0]);
    let words = || Some(json!({ "content": "hi" }));
    for (path, body, status, code) in [
        (
            format!("/messages/{}/edit", talk.reply),
            words(),
            409,
            "cannot_edit",
        ),
        (
            format!("/messages/{}/continue", talk.reply),
            None,
            409,
            "cannot_continue",
        ),
        (
            format!("/messages/{}/continue", talk.asked),
            None,
            409,
            "cannot_continue",
        ),
        // It is a message of another chat.
        (
            format!("/messages/{greeting}/regenerate"),
            None,
            404,
            "not_found",
        ),
        (
            format!("/messages/{greeting}/edit"),
            words(),
            404,
            "not_found",
        ),
        ("/messages/0/regenerate".to_owned(), None, 404, "not_found"),
        ("/messages/x/continue".to_owned(), None, 404, "not_found"),
    ] {
        let refused = talk.post(&path, body).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.text());
        assert_eq!(refused.json()["code"], code, "{path}");
    }
    let call = request("POST", &format!("{greeted}/messages/{greeting}/regenerate"));
    let refused = talk.api.send(call.by(&talk.person)).await;
    assert_eq!(refused.json()["code"], "cannot_regenerate");
    let refused = talk.show(greeting).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"][0]["code"], "unknown_message");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/message_id");
    assert_eq!(talk.shown().await, ["first", "one"], "nothing was changed");
}

#[actix_web::test]
async fn a_branch_is_not_chosen_over_a_change_that_the_client_has_not_seen() {
    let talk = Talk::new().await;
    let read = talk
        .api
        .send(request("GET", &talk.chat).by(&talk.person))
        .await;
    let tag = read.header("etag").to_owned();
    talk.show(talk.reply).await;
    let call = request("PUT", &format!("{}/head", talk.chat))
        .by(&talk.person)
        .with("If-Match", tag)
        .json_text(json!({ "message_id": talk.asked }).to_string());
    assert_eq!(talk.api.send(call).await.status, 412);
}

#[actix_web::test]
async fn one_press_is_one_answer_however_often_it_arrives() {
    let talk = Talk::new().await;
    let path = format!("{}/messages/{}/regenerate", talk.chat, talk.reply);
    let press = || {
        request("POST", &path)
            .by(&talk.person)
            .with("Idempotency-Key", "press-1")
    };
    let first = talk.api.send(press()).await;
    let second = talk.api.send(press()).await;
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(first.json(), second.json());
    let other = format!("{}/messages/{}/edit", talk.chat, talk.asked);
    let other = request("POST", &other)
        .by(&talk.person)
        .with("Idempotency-Key", "press-1")
        .json_text(r#"{"content":"hi"}"#);
    let other = talk.api.send(other).await;
    assert_eq!(other.json()["code"], "idempotency_key_reused");
}

#[actix_web::test]
async fn a_reply_is_stopped_from_anywhere_and_what_was_written_stays() {
    let talk = Talk::new().await;
    let gate = Gate::default();
    talk.api.world.model.play(vec![
        ModelStep::Say("half "),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("never said"),
    ]);
    let say = request("POST", &format!("{}/messages", talk.chat))
        .by(&talk.person)
        .with("Accept", "text/event-stream")
        .json_text(r#"{"content":"second"}"#);
    let mut open = talk.api.open(say).await;
    let turn = events(&open.next().await.unwrap()).pop().unwrap();
    let turn_id = turn.data["turn_id"].as_str().unwrap().to_owned();
    assert_eq!(events(&open.next().await.unwrap())[0].name, "delta");
    let path = format!("/turns/{turn_id}/stop");
    let stopped = talk.post(&path, None).await;
    assert_eq!(stopped.status, 202, "{}", stopped.text());
    let mut names = Vec::new();
    while let Some(piece) = open.next().await {
        names.extend(events(&piece).into_iter().map(|event| event.name));
    }
    assert_eq!(names, ["usage", "stopped"]);
    let again = talk.post(&path, None).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["state"]),
        (200, &"stopped".into())
    );
    let page = request("GET", &format!("{}/messages", talk.chat)).by(&talk.person);
    let page = talk.api.send(page).await.json();
    let reply = page["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&reply["content"], &reply["status"]),
        (&"half ".into(), &"stopped".into())
    );
    assert!(
        reply["output_tokens"].as_u64().unwrap() > 0,
        "it is counted"
    );
    // The chat is free again.
    assert_eq!(
        talk.say("third", vec![ModelStep::Say("x")]).await.status,
        201
    );
}

#[actix_web::test]
async fn a_client_that_waits_for_the_whole_reply_gets_what_there_was_when_it_is_stopped() {
    let talk = Talk::new().await;
    let gate = Gate::default();
    talk.api
        .world
        .model
        .play(vec![ModelStep::Say("half "), ModelStep::Wait(gate.clone())]);
    let waiting = talk.post("/messages", Some(json!({ "content": "second" })));
    let stopping = async {
        let turn = wait_for_turn(&talk).await;
        talk.post(&format!("/turns/{turn}/stop"), None).await
    };
    let (waited, stopped) = futures_util::join!(waiting, stopping);
    assert_eq!(stopped.status, 202);
    assert_eq!(waited.status, 201, "{}", waited.text());
    assert_eq!(waited.json()["assistant_message"]["status"], "stopped");
}

/// The turn that runs in the chat.
async fn wait_for_turn(talk: &Talk) -> String {
    let running = async || {
        let chat = talk
            .api
            .send(request("GET", &talk.chat).by(&talk.person))
            .await;
        chat.json()["running_turn_id"].as_str().map(str::to_owned)
    };
    wait_until("a turn runs", World::PATIENCE, async || {
        running().await.is_some()
    })
    .await;
    running().await.unwrap()
}

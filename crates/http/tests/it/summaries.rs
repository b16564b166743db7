//! The summary of a chat.

use lionrocket_domain::{chat::Role, window::HistoryBudget};
use lionrocket_test_support::{PASSWORD, Person, World, wait_until};
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

/// Somebody with a chat of which the model is sent little.
struct Talk {
    api: Api,
    person: Person,
    chat: String,
}

impl Talk {
    async fn new() -> Self {
        let api = Api::with_history(HistoryBudget {
            max_tokens: 400,
            max_messages: 50,
            step_messages: 2,
        })
        .await;
        let person = api.world.person("owner").await;
        let chat = format!("/api/chats/{}", api.bare_chat(&person).await);
        Self { api, person, chat }
    }

    /// One that was talked in until something was summed up.
    async fn long() -> Self {
        let talk = Self::new().await;
        for number in 0..20 {
            talk.say(&format!("{number}. 등대에 놀러 가고 싶어.")).await;
            if talk.summary().await["text"].is_string() {
                return talk;
            }
        }
        panic!("nothing is summed up");
    }

    /// Says something and waits until nothing is done in the background any more.
    async fn say(&self, words: &str) -> Value {
        let call = request("POST", &format!("{}/messages", self.chat)).by(&self.person);
        let body = json!({ "content": words }).to_string();
        let answer = self.api.send(call.json_text(body)).await;
        assert_eq!(answer.status, 201);
        wait_until("the end of all work", World::PATIENCE, async || {
            self.api.world.spawner.running() == 0
        })
        .await;
        answer.json()
    }

    async fn read(&self) -> Answer {
        let path = format!("{}/summary", self.chat);
        self.api.send(request("GET", &path).by(&self.person)).await
    }

    async fn summary(&self) -> Value {
        self.read().await.json()
    }

    async fn put(&self, body: impl Into<String>) -> Answer {
        let path = format!("{}/summary", self.chat);
        let call = request("PUT", &path).by(&self.person);
        self.api.send(call.json_text(body)).await
    }

    /// What the model was told of the past when it answered last.
    fn remembered(&self) -> String {
        let prompt = self.api.world.model.last_prompt().unwrap();
        let first = &prompt.turns[0];
        assert_eq!(first.role, Role::User, "never an instruction");
        let system: Vec<&str> = prompt.system.iter().map(|block| &*block.text).collect();
        assert!(!system.concat().contains("<summary>"));
        let inside = first.text.split_once("<summary>\n");
        let inside = inside.and_then(|(_, rest)| rest.split_once("\n</summary>"));
        inside.map_or(String::new(), |(summary, _)| summary.to_owned())
    }

    async fn usage(&self) -> Value {
        let usage = request("GET", "/auth/me/usage").by(&self.person);
        self.api.send(usage).await.json()
    }
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> Value {
    assert_eq!(answer.status, 422);
    answer.json()["errors"][0].clone()
}

#[actix_web::test]
async fn a_short_chat_has_no_summary_and_nothing_to_change() {
    let talk = Talk::new().await;
    let answer = talk.read().await;
    assert_eq!(
        answer.json(),
        json!({
            "text": null, "is_enabled": true, "is_edited": false, "covers_up_to": null,
            "updated_at": null, "version": 1,
        })
    );
    assert!(answer.header("etag").starts_with("\"1-"));
    let refused = talk.put(r#"{"text":"We met."}"#).await;
    assert_eq!(
        (refused.status.as_u16(), &*code(&refused)),
        (409, "no_summary")
    );
}

#[actix_web::test]
async fn what_leaves_a_long_chat_is_summed_up_counted_and_remembered() {
    let talk = Talk::long().await;
    let summary = talk.summary().await;
    assert_eq!(summary["is_edited"], false);
    assert!(summary["covers_up_to"].is_i64() && summary["updated_at"].is_string());
    let turns = talk.usage().await["items"][0]["chat_count"]
        .as_u64()
        .unwrap();
    assert_eq!(talk.remembered(), "", "everything was sent so far");
    talk.say("내 이야기를 기억해?").await;
    assert_eq!(talk.remembered(), summary["text"].as_str().unwrap());
    let usage = talk.usage().await;
    assert_eq!(
        usage["items"][0]["chat_count"],
        turns + 1,
        "a summary is no exchange"
    );
}

#[actix_web::test]
async fn an_edited_summary_is_what_the_model_is_told() {
    let talk = Talk::long().await;
    let before = talk.summary().await;
    let edited = talk
        .put(r#"{"text":"  미나는 고양이를 키운다.\r\n"}"#)
        .await;
    assert_eq!(edited.status, 200);
    let view = edited.json();
    assert_eq!(view["text"], "미나는 고양이를 키운다.");
    assert_eq!(view["is_edited"], true);
    assert_eq!(view["covers_up_to"], before["covers_up_to"]);
    assert_eq!(view["version"], before["version"].as_i64().unwrap() + 1);
    assert_eq!(talk.read().await.header("etag"), edited.header("etag"));
    talk.say("내가 뭘 키우지?").await;
    assert_eq!(talk.remembered(), "미나는 고양이를 키운다.");
    // The next one goes on from it.
    let mut later = talk.summary().await;
    for number in 0..10 {
        if later["covers_up_to"] != before["covers_up_to"] {
            break;
        }
        talk.say(&format!("{number}. 바다 이야기를 더 해 줘."))
            .await;
        later = talk.summary().await;
    }
    assert_ne!(later["covers_up_to"], before["covers_up_to"]);
    assert_eq!(later["is_edited"], false);
    assert!(
        later["text"].as_str().unwrap().contains("고양이"),
        "{later}"
    );
}

#[actix_web::test]
async fn a_chat_whose_summaries_are_off_has_none_made_and_none_sent() {
    let talk = Talk::long().await;
    let before = talk.summary().await;
    let off = talk.put(r#"{"is_enabled":false}"#).await.json();
    assert_eq!(off["is_enabled"], false);
    assert_eq!(off["text"], before["text"], "the words stay");
    for number in 0..8 {
        talk.say(&format!("{number}. 등대에 놀러 가고 싶어.")).await;
        assert_eq!(talk.remembered(), "");
    }
    assert_eq!(talk.summary().await, off);
    talk.put(r#"{"is_enabled":true}"#).await;
    talk.say("다시 기억해 줘.").await;
    assert_ne!(talk.remembered(), "");
    let on = talk.summary().await;
    assert_ne!(
        on["covers_up_to"], before["covers_up_to"],
        "what was missed is made up for"
    );
}

#[actix_web::test]
async fn a_summary_that_was_changed_meanwhile_is_not_changed() {
    let talk = Talk::long().await;
    let tag = talk.read().await.header("etag").to_owned();
    let put = async |tag: &str, words: &str| {
        let path = format!("{}/summary", talk.chat);
        let call = request("PUT", &path).by(&talk.person).with("If-Match", tag);
        let body = json!({ "text": words }).to_string();
        talk.api.send(call.json_text(body)).await
    };
    assert_eq!(put(&tag, "one").await.status, 200);
    let stale = put(&tag, "two").await;
    assert_eq!(
        (stale.status.as_u16(), &*code(&stale)),
        (412, "precondition_failed")
    );
    assert_eq!(talk.summary().await["text"], "one");
}

#[actix_web::test]
async fn the_words_of_a_summary_have_their_bounds() {
    let talk = Talk::long().await;
    let text = |words: &str| json!({ "text": words }).to_string();
    assert_eq!(talk.put(text(&"가".repeat(4_000))).await.status, 200);
    let escaped = format!("{{\"text\":\"{}\"}}", "\\ud83e\\udded".repeat(4_000));
    assert_eq!(talk.put(escaped).await.status, 200);
    let long = error(&talk.put(text(&"가".repeat(4_001))).await);
    assert_eq!(long["code"], "too_long");
    assert_eq!(
        (long["limit"].as_u64(), long["actual"].as_u64()),
        (Some(4_000), Some(4_001))
    );
    for (body, pointer, code) in [
        (r#"{"text":" \n"}"#, "/text", "required"),
        (r#"{"text":"\u200b"}"#, "/text", "nothing_visible"),
        (r#"{"text":"a\u0007"}"#, "/text", "control_character"),
        (r#"{"text":null}"#, "/text", "wrong_type"),
        (r#"{"is_enabled":"yes"}"#, "/is_enabled", "wrong_type"),
        (r#"{"covers_up_to":1}"#, "/covers_up_to", "unknown_field"),
    ] {
        let error = error(&talk.put(body).await);
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(pointer), &json!(code)),
            "{body}"
        );
    }
    assert_eq!(talk.put("{}").await.status, 200, "nothing is changed");
}

#[actix_web::test]
async fn nothing_is_remembered_on_a_branch_on_which_it_was_not_said() {
    let talk = Talk::long().await;
    let page = request("GET", &format!("{}/messages", talk.chat)).by(&talk.person);
    let page = talk.api.send(page).await.json();
    let first = page["items"][0]["id"].as_i64().unwrap();
    let last = page["items"].as_array().unwrap().last().unwrap()["id"]
        .as_i64()
        .unwrap();
    let told = talk.summary().await["text"].clone();
    let edit = request("POST", &format!("{}/messages/{first}/edit", talk.chat)).by(&talk.person);
    let edited = talk
        .api
        .send(edit.json_text(r#"{"content":"다시 시작하자."}"#))
        .await;
    assert_eq!(edited.status, 201);
    assert_eq!(talk.summary().await["text"], Value::Null);
    let back = request("PUT", &format!("{}/head", talk.chat)).by(&talk.person);
    let body = json!({ "message_id": last }).to_string();
    assert_eq!(talk.api.send(back.json_text(body)).await.status, 200);
    assert_eq!(talk.summary().await["text"], told);
}

#[actix_web::test]
async fn a_persons_export_has_the_summaries_of_their_chats() {
    let talk = Talk::long().await;
    let confirm = request("POST", "/auth/reauthenticate").by(&talk.person);
    let password = json!({ "password": PASSWORD }).to_string();
    assert_eq!(talk.api.send(confirm.json_text(password)).await.status, 204);
    let export = request("GET", "/auth/me/export").by(&talk.person);
    let export = talk.api.send(export).await.json();
    let summary = talk.summary().await;
    let exported = &export["chats"][0]["summaries"][0];
    for name in ["text", "is_edited", "covers_up_to", "updated_at"] {
        assert_eq!(exported[name], summary[name], "{name}");
    }
}

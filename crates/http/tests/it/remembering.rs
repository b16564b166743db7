//! Answers that are told again are as exact as those that are read.

use lionrocket_domain::character::Visibility;
use lionrocket_test_support::Person;

use crate::api::{Answer, Api, RequestExt, request};

async fn get(api: &Api, who: &Person, path: &str) -> Answer {
    api.send(request("GET", path).by(who)).await
}

#[actix_web::test]
async fn what_was_written_is_in_the_next_answer() {
    let api = Api::new().await;
    let mina = api.world.person("mina").await;
    let character = api.character(&mina, Visibility::Private).await;
    let opened = api.world.chats.create(mina.actor, character, None).await;
    let chat = opened.unwrap().id;
    let messages = format!("/api/chats/{chat}/messages");
    let count = |answer: &Answer| answer.json()["items"].as_array().unwrap().len();

    assert_eq!(count(&get(&api, &mina, "/api/chats").await), 1);
    assert_eq!(count(&get(&api, &mina, &messages).await), 1, "the greeting");
    let (turn, _) = api.turn(&mina, chat).await;
    assert_eq!(count(&get(&api, &mina, &messages).await), 3);
    let list = get(&api, &mina, "/api/chats").await.json();
    assert_ne!(list["items"][0]["preview"], "오늘 바다는 어때요?", "{turn}");

    let path = format!("/api/chats/{chat}");
    let renamed = request("PATCH", &path)
        .by(&mina)
        .json_text(r#"{"title":"a title"}"#);
    assert_eq!(api.send(renamed).await.status, 200);
    let list = get(&api, &mina, "/api/chats").await.json();
    assert_eq!(list["items"][0]["title"], "a title");

    // What a list shows of others' things changes as well.
    let character = format!("/api/characters/{character}");
    let changed = request("PUT", &character).by(&mina).json_text(
        r#"{"name":"새 이름","system_prompt":"You keep a lighthouse.","greeting":"","description":"","visibility":"private"}"#,
    );
    assert_eq!(api.send(changed).await.status, 200);
    let list = get(&api, &mina, "/api/chats").await.json();
    assert_eq!(list["items"][0]["character"]["name"], "새 이름");

    let deleted = api.send(request("DELETE", &path).by(&mina)).await;
    assert_eq!(deleted.status, 204);
    get(&api, &mina, &messages).await.problem(404, "not_found");
    assert_eq!(count(&get(&api, &mina, "/api/chats").await), 0);
}

#[actix_web::test]
async fn nobody_is_told_what_was_told_somebody_else() {
    let api = Api::new().await;
    let (mina, jun) = (
        api.world.person("mina").await,
        api.world.person("jun").await,
    );
    let chat = api.chat(&mina).await;
    let messages = format!("/api/chats/{chat}/messages");
    for path in [messages.as_str(), "/api/chats"] {
        assert_eq!(get(&api, &mina, path).await.status, 200);
    }
    get(&api, &jun, &messages).await.problem(404, "not_found");
    let list = get(&api, &jun, "/api/chats").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    let admin = api.world.admin("root").await;
    get(&api, &admin, &messages).await.problem(404, "not_found");
}

#[actix_web::test]
async fn an_answer_that_is_told_again_is_the_same_and_can_be_not_modified() {
    let api = Api::new().await;
    let mina = api.world.person("mina").await;
    let chat = api.chat(&mina).await;
    let path = format!("/api/chats/{chat}/messages?limit=1");
    let first = get(&api, &mina, &path).await;
    let again = get(&api, &mina, &path).await;
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("etag"), again.header("etag"));
    let known = request("GET", &path)
        .by(&mina)
        .with("If-None-Match", first.header("etag"));
    let known = api.send(known).await;
    assert_eq!(known.status, 304);
    assert_eq!(known.header("etag"), first.header("etag"));
}

#[actix_web::test]
async fn nothing_is_told_again_after_signing_out() {
    let api = Api::new().await;
    let mina = api.world.person("mina").await;
    api.chat(&mina).await;
    assert_eq!(get(&api, &mina, "/api/chats").await.status, 200);
    let out = api.send(request("POST", "/auth/logout").by(&mina)).await;
    assert_eq!(out.status, 204);
    let refused = get(&api, &mina, "/api/chats").await;
    refused.problem(401, "unauthorized");
}

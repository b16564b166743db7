//! Entity tags.

use lionrocket_domain::character::Visibility;

use crate::api::{Api, RequestExt, request};

#[actix_web::test]
async fn what_the_client_has_already_is_not_sent_again() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = format!("/api/chats/{}", api.chat(&person).await);
    let character = format!(
        "/api/characters/{}",
        api.character(&person, Visibility::Private).await
    );
    for path in [&chat, &character] {
        let first = api.send(request("GET", path).by(&person)).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("\"1-") && tag.ends_with('"'), "{tag}");
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            let again = api
                .send(
                    request("GET", path)
                        .by(&person)
                        .with("If-None-Match", known),
                )
                .await;
            assert_eq!((again.status.as_u16(), again.text()), (304, ""));
            assert_eq!(again.header("etag"), tag);
        }
        let other = api
            .send(
                request("GET", path)
                    .by(&person)
                    .with("If-None-Match", "\"1-0\""),
            )
            .await;
        assert_eq!(other.status, 200);
    }
}

#[actix_web::test]
async fn the_tag_changes_with_what_is_said_as_well() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let id = api.chat(&person).await;
    let chat = format!("/api/chats/{id}");
    let before = api.send(request("GET", &chat).by(&person)).await;
    api.turn(&person, id).await;
    let after = api
        .send(
            request("GET", &chat)
                .by(&person)
                .with("If-None-Match", before.header("etag")),
        )
        .await;
    assert_eq!(after.status, 200);
}

#[actix_web::test]
async fn a_stale_change_is_refused_and_a_current_one_is_not() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let chat = format!("/api/chats/{}", api.chat(&admin).await);
    let character = format!(
        "/api/characters/{}",
        api.character(&admin, Visibility::Private).await
    );
    let prompt = format!("/api/prompts/{}", api.prompt(&admin).await);
    for (method, path, body) in [
        ("PATCH", &chat, r#"{"title":"t"}"#),
        ("PUT", &character, r#"{"name":"n","system_prompt":"p"}"#),
        ("PUT", &prompt, r#"{"name":"n","content":"c"}"#),
    ] {
        let change = |tag: &str| {
            let call = request(method, path).by(&admin).json_text(body);
            if tag.is_empty() {
                call
            } else {
                call.with("If-Match", tag)
            }
        };
        let first = api.send(change("\"1\"")).await;
        assert_eq!(first.status, 200, "{path}: {}", first.text());
        assert!(
            first.header("etag").starts_with("\"2-"),
            "{}",
            first.header("etag")
        );
        for stale in [
            "\"1\"",
            "\"3\"",
            "W/\"2\"",
            "2",
            "\"nonsense\"",
            "\"2\", \"3\"",
        ] {
            api.send(change(stale))
                .await
                .problem(412, "precondition_failed");
        }
        assert_eq!(api.send(change(first.header("etag"))).await.status, 200);
        assert_eq!(api.send(change("*")).await.status, 200);
        assert_eq!(api.send(change("")).await.status, 200);
    }
}

#[actix_web::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = format!("/api/chats/{}", api.chat(&person).await);
    let change = |body: &str| request("PATCH", &chat).by(&person).json_text(body);
    let titled = api.send(change(r#"{"title":" 등대 "}"#)).await.json();
    assert_eq!(
        (&titled["title"], &titled["pinned"]),
        (&"등대".into(), &false.into())
    );
    let pinned = api.send(change(r#"{"pinned":true}"#)).await.json();
    assert_eq!(
        (&pinned["title"], &pinned["pinned"]),
        (&"등대".into(), &true.into())
    );
    let untitled = api.send(change(r#"{"title":null}"#)).await.json();
    assert_eq!(
        (&untitled["title"], &untitled["pinned"]),
        (&serde_json::Value::Null, &true.into())
    );
}

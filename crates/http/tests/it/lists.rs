//! Pages of lists: sealed places, and tags.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    api::{Api, RequestExt, request},
    things::{Things, operations},
};

#[actix_web::test]
async fn a_place_leads_on_for_the_one_who_got_it_and_in_its_list_only() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let other = api.world.person("other").await;
    for person in [&owner, &other] {
        for _ in 0..3 {
            api.chat(person).await;
        }
    }
    let first = api
        .send(request("GET", "/api/chats?limit=2").by(&owner))
        .await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let next = format!("/api/chats?limit=2&cursor={cursor}");
    let second = api.send(request("GET", &next).by(&owner)).await;
    assert_eq!(second.json()["items"].as_array().unwrap().len(), 1);

    let refused = [("?cursor".to_owned(), "invalid_format".to_owned())];
    let others = api.send(request("GET", &next).by(&other)).await;
    assert_eq!(others.fields(), refused);
    let elsewhere = format!("/api/characters?cursor={cursor}");
    let elsewhere = api.send(request("GET", &elsewhere).by(&owner)).await;
    assert_eq!(elsewhere.fields(), refused);
    let (place, seal) = cursor.split_once('.').unwrap();
    for forged in [
        place.to_owned(),
        format!("{place}."),
        format!("{place}.AAAAAAAAAAAAAAAAAAAAAA"),
        format!("{place}A.{seal}"),
        format!("x{cursor}"),
        String::new(),
    ] {
        let path = format!("/api/chats?cursor={forged}");
        let answer = api.send(request("GET", &path).by(&owner)).await;
        assert_eq!(answer.fields(), refused, "{forged}");
    }
}

#[actix_web::test]
async fn no_list_takes_a_place_that_is_not_sealed() {
    let api = Api::new().await;
    let admin = Things::of_admin(&api, "admin").await;
    let mut tried = 0;
    for operation in operations().values() {
        if !operation.query.iter().any(|name| name == "cursor") {
            continue;
        }
        let ids: Vec<_> = operation.ids.iter().map(|name| admin.id(name)).collect();
        let path = operation.address(&ids);
        let reason = if operation.query.iter().any(|name| name == "reason") {
            "&reason=curiosity"
        } else {
            ""
        };
        for place in ["character:9", "user:9", "audit:9", "invite:9", "chat:1:9"] {
            tried += 1;
            let place = URL_SAFE_NO_PAD.encode(place);
            for cursor in [place.clone(), format!("{place}.AAAAAAAAAAAAAAAAAAAAAA")] {
                let path = format!("{path}?cursor={cursor}{reason}");
                let answer = api.send(request("GET", &path).by(&admin.person)).await;
                let expected = [("?cursor".to_owned(), "invalid_format".to_owned())];
                assert_eq!(answer.fields(), expected, "{path}");
            }
        }
    }
    assert!(tried >= 35, "{tried}");
}

#[actix_web::test]
async fn a_list_that_is_known_already_is_not_sent_again() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let chat = api.chat(&owner).await;
    for path in [
        "/api/chats".to_owned(),
        "/api/characters".to_owned(),
        "/api/prompts".to_owned(),
        format!("/api/chats/{chat}/messages"),
    ] {
        let first = api.send(request("GET", &path).by(&owner)).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 10, "{path}: {tag}");
        let again = request("GET", &path)
            .by(&owner)
            .with("If-None-Match", tag.as_str());
        let again = api.send(again).await;
        assert_eq!(again.status, 304, "{path}");
        assert_eq!(again.header("etag"), tag);
        assert!(again.body.is_empty());
        assert!(!again.header("x-content-type-options").is_empty());
    }
    let tag = api.send(request("GET", "/api/chats").by(&owner)).await;
    let tag = tag.header("etag").to_owned();
    api.chat(&owner).await;
    let changed = request("GET", "/api/chats")
        .by(&owner)
        .with("If-None-Match", tag);
    assert_eq!(api.send(changed).await.status, 200);
}

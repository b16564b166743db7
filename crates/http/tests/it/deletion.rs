//! People who leave.

use actix_web::test::TestRequest;
use futures_util::StreamExt as _;
use jiff::SignedDuration;
use lionrocket_ports::{
    audit::{AuditFilter, AuditLog as _},
    events::ServiceEvent,
};
use lionrocket_test_support::Person;
use serde_json::json;

use crate::api::{Answer, Api, RequestExt, request};

const PASSWORD: &str = "lighthouse keeper 7";

fn login(name: &str, password: &str) -> TestRequest {
    let body = json!({ "username": name, "password": password });
    request("POST", "/auth/login").json_text(body.to_string())
}

async fn give_password_again(api: &Api, person: &Person) {
    let call = request("POST", "/auth/reauthenticate")
        .by(person)
        .json_text(json!({ "password": PASSWORD }).to_string());
    assert_eq!(api.send(call).await.status, 204);
}

async fn delete(api: &Api, person: &Person) -> Answer {
    api.send(request("DELETE", "/auth/me").by(person)).await
}

async fn me(api: &Api, token: &str) -> u16 {
    let call = request("GET", "/auth/me").with("Authorization", format!("Bearer {token}"));
    api.send(call).await.status.as_u16()
}

#[actix_web::test]
async fn a_person_deletes_the_own_account_and_is_signed_out_everywhere() {
    let api = Api::new().await;
    let haru = api.world.person("haru").await;
    let elsewhere = api.send(login("haru", PASSWORD)).await;
    let other_token = elsewhere.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut events = api.world.events.subscribe();

    give_password_again(&api, &haru).await;
    let deleted = delete(&api, &haru).await;
    assert_eq!(deleted.status, 202, "{}", deleted.text());
    assert_eq!(
        deleted.json(),
        json!({ "erase_at": "2026-11-29T12:00:00Z" })
    );
    assert!(deleted.set_cookie("lr_refresh").contains("Max-Age=0"));
    let told = events.next().await;
    assert_eq!(told, Some(ServiceEvent::AccountChanged(haru.actor.user_id)));

    assert_eq!(me(&api, &haru.token).await, 401);
    assert_eq!(me(&api, &other_token).await, 401);
    let refresh = request("POST", "/auth/refresh")
        .with("Cookie", elsewhere.cookie("lr_refresh"))
        .with("Origin", "http://localhost:8080")
        .json_text("{}");
    api.send(refresh).await.problem(401, "session_ended");
}

#[actix_web::test]
async fn that_an_account_is_being_deleted_is_told_only_after_the_right_password() {
    let api = Api::new().await;
    let haru = api.world.person("haru").await;
    give_password_again(&api, &haru).await;
    assert_eq!(delete(&api, &haru).await.status, 202);
    let wrong = api.send(login("haru", "lighthouse keeper 8")).await;
    wrong.problem(401, "invalid_credentials");
    let right = api.send(login("haru", PASSWORD)).await;
    right.problem(403, "account_deleted");
}

#[actix_web::test]
async fn a_deletion_needs_the_password_to_have_been_given_a_moment_ago() {
    let api = Api::new().await;
    let haru = api.world.person("haru").await;
    let refused = delete(&api, &haru).await;
    refused.problem(403, "reauthentication_required");
    give_password_again(&api, &haru).await;
    api.world.clock.advance(SignedDuration::from_mins(6));
    let late = delete(&api, &haru).await;
    late.problem(403, "reauthentication_required");
    assert_eq!(me(&api, &haru.token).await, 200);
}

#[actix_web::test]
async fn the_last_administrator_cannot_leave() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    give_password_again(&api, &admin).await;
    let refused = delete(&api, &admin).await;
    refused.problem(409, "last_administrator");
    assert_eq!(me(&api, &admin.token).await, 200);
    api.world.admin("second").await;
    assert_eq!(delete(&api, &admin).await.status, 202);
}

#[actix_web::test]
async fn a_persons_own_deletion_is_on_the_record_without_their_address() {
    let api = Api::new().await;
    let haru = api.world.person("haru").await;
    give_password_again(&api, &haru).await;
    let call = request("DELETE", "/auth/me")
        .by(&haru)
        .peer_addr("203.0.113.9:4000".parse().unwrap());
    assert_eq!(api.send(call).await.status, 202);
    let filter = AuditFilter {
        actions: vec!["user.delete"],
        ..AuditFilter::default()
    };
    let rows = api.world.store.list(filter).await.unwrap().items;
    let entry = &rows[0].entry;
    let id = Some(haru.actor.user_id);
    assert_eq!((entry.actor, entry.subject), (id, id));
    assert!(entry.origin.request_id.is_some());
    assert_eq!(entry.origin.client_address, None);
}

//! People who leave.

use actix_web::test::TestRequest;
use futures_util::StreamExt as _;
use jiff::SignedDuration;
use lionrocket_app::retention::Forgotten;
use lionrocket_ports::{
    audit::{AuditFilter, AuditLog as _},
    events::ServiceEvent,
};
use lionrocket_test_support::Person;
use serde_json::{Value, json};

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

/// What must not be left of somebody.
const CANARIES: [&str; 7] = [
    "canaryname",
    "canaryname@example.com",
    "canary-display",
    "canary-message",
    "canary-prompt",
    "198.51.100.77",
    "CanaryBrowser/7",
];

/// Which of them are in the files of the database.
fn left(api: &Api) -> Vec<&'static str> {
    let bytes = api.world.file_bytes();
    let mut left = CANARIES.to_vec();
    left.retain(|canary| {
        let mut places = bytes.windows(canary.len());
        places.any(|place| place == canary.as_bytes())
    });
    left
}

/// Somebody with everything that an account can have.
async fn person_with_canaries(api: &Api) -> Person {
    let person = api.world.person("canaryname").await;
    let signed_in = api
        .send(
            login("canaryname", PASSWORD)
                .with("User-Agent", "CanaryBrowser/7")
                .peer_addr("198.51.100.77:4000".parse().unwrap()),
        )
        .await;
    assert_eq!(signed_in.status, 200);
    let named = request("PATCH", "/auth/me")
        .by(&person)
        .json_text(r#"{"display_name":"canary-display"}"#);
    assert_eq!(api.send(named).await.status, 200);
    let secret =
        json!({ "name": "비밀", "system_prompt": "canary-prompt", "visibility": "private" });
    let made = request("POST", "/api/characters")
        .by(&person)
        .json_text(secret.to_string());
    let made = api.send(made).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let chat = api.chat(&person).await;
    let message = request("POST", &format!("/api/chats/{chat}/messages"))
        .by(&person)
        .json_text(r#"{"content":"canary-message"}"#);
    let sent = api.send(message).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    person
}

/// What the models did on the day of the message.
async fn day_of_message(api: &Api, admin: &Person) -> Value {
    let path = "/admin/stats/overview?from=2026-11-22&to=2026-11-22";
    let overview = api.send(request("GET", path).by(admin)).await.json();
    assert_eq!(overview["totals"]["exchanges"], 1);
    overview["models"].clone()
}

async fn forget(api: &Api) -> Forgotten {
    api.world.retention.forget().await.unwrap()
}

#[actix_web::test]
async fn after_its_time_of_grace_an_account_has_left_no_trace_in_any_file() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let person = person_with_canaries(&api).await;
    let before = day_of_message(&api, &admin).await;
    assert_eq!(left(&api), CANARIES, "the search finds what is there");

    give_password_again(&api, &person).await;
    assert_eq!(delete(&api, &person).await.status, 202);
    api.world
        .clock
        .advance(SignedDuration::from_hours(7 * 24 - 1));
    assert_eq!(forget(&api).await.erased, 0);
    assert_eq!(left(&api), CANARIES, "it can still be taken back");

    api.world.clock.advance(SignedDuration::from_hours(1));
    let forgotten = forget(&api).await;
    assert_eq!((forgotten.erased, forgotten.failed), (1, 0));
    assert!(forgotten.is_traceless);
    assert_eq!(left(&api), [""; 0]);
    let admin = api.world.admin("another").await;
    assert_eq!(day_of_message(&api, &admin).await, before);
    let gone = api.send(login("canaryname", PASSWORD)).await;
    gone.problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn an_account_that_was_taken_back_is_not_erased() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let haru = api.world.person("haru").await;
    give_password_again(&api, &haru).await;
    assert_eq!(delete(&api, &haru).await.status, 202);
    let path = format!("/admin/users/{}", haru.actor.user_id);
    let restore = request("PATCH", &path).by(&admin);
    let restored = api.send(restore.json_text(r#"{"is_active":true}"#)).await;
    assert_eq!(restored.status, 200);
    api.world.clock.advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(forget(&api).await.erased, 0);
    assert_eq!(api.send(login("haru", PASSWORD)).await.status, 200);
}

#[actix_web::test]
async fn from_where_somebody_signed_in_is_forgotten_after_thirty_days() {
    let api = Api::new().await;
    person_with_canaries(&api).await;
    let client = ["198.51.100.77", "CanaryBrowser/7"];
    let known = || left(&api).iter().filter(|one| client.contains(one)).count();
    api.world
        .clock
        .advance(SignedDuration::from_hours(30 * 24 - 1));
    forget(&api).await;
    assert_eq!(known(), 2);
    api.world.clock.advance(SignedDuration::from_hours(1));
    assert!(forget(&api).await.is_traceless);
    assert_eq!(known(), 0);
    assert_eq!(left(&api).len(), CANARIES.len() - 2, "the rest stays");
}

#[actix_web::test]
async fn a_key_of_a_request_is_good_for_a_day() {
    let api = Api::new().await;
    let haru = api.world.person("haru").await;
    let chat = api.chat(&haru).await;
    let is_replayed = async || {
        let message = request("POST", &format!("/api/chats/{chat}/messages"))
            .with("Authorization", format!("Bearer {}", token(&api).await))
            .with("Idempotency-Key", "the-same-key")
            .json_text(r#"{"content":"hello"}"#);
        let sent = api.send(message).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        sent.header("idempotent-replayed") == "true"
    };
    assert!(!is_replayed().await);
    api.world.clock.advance(SignedDuration::from_hours(23));
    forget(&api).await;
    assert!(is_replayed().await);
    api.world.clock.advance(SignedDuration::from_hours(1));
    forget(&api).await;
    assert!(!is_replayed().await);
}

async fn token(api: &Api) -> String {
    let signed_in = api.send(login("haru", PASSWORD)).await.json();
    signed_in["access_token"].as_str().unwrap().to_owned()
}

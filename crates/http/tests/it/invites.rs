//! Invites, and links for new passwords.

use futures_util::future::join_all;
use jiff::SignedDuration;
use lionrocket_http::Registration;
use lionrocket_test_support::{PASSWORD, Person};
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt as _, request};

async fn register(api: &Api, name: &str, invite: Option<&str>) -> Answer {
    let mut body = json!({
        "username": name,
        "email": format!("{name}@example.com"),
        "password": "violet harbour seven kites",
    });
    if let Some(invite) = invite {
        body["invite"] = invite.into();
    }
    api.send(request("POST", "/auth/register").json_text(body.to_string()))
        .await
}

async fn invite(api: &Api, admin: &Person, body: Value) -> Value {
    let call = request("POST", "/admin/invites").by(admin);
    let made = api.send(call.json_text(body.to_string())).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

fn secret(made: &Value) -> String {
    let url = made["url"].as_str().unwrap();
    url.split_once('#').unwrap().1.to_owned()
}

fn invited_only(info: &mut lionrocket_http::ServiceInfo) {
    info.registration = Registration::Invite;
}

#[actix_web::test]
async fn while_invites_are_needed_nobody_comes_in_without_a_good_one() {
    let api = Api::with_info(invited_only).await;
    let admin = api.world.admin("admin").await;
    register(&api, "haru", None)
        .await
        .problem(403, "invite_required");
    for wrong in ["", "null", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let refused = register(&api, "haru", Some(wrong)).await;
        let expected = vec![("/invite".to_owned(), "unknown_invite".to_owned())];
        assert_eq!(refused.fields(), expected, "{wrong}");
    }
    let made = invite(
        &api,
        &admin,
        json!({"daily_token_budget": 5000, "note": "a friend"}),
    )
    .await;
    assert!(
        made["url"]
            .as_str()
            .unwrap()
            .starts_with("http://localhost:8080/register#")
    );
    let secret = secret(&made);
    // A name that is taken does not use the invite up.
    register(&api, "admin", Some(&secret))
        .await
        .problem(409, "account_taken");
    let joined = register(&api, "haru", Some(&secret)).await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    assert_eq!(joined.json()["user"]["is_admin"], false);
    let again = register(&api, "mina", Some(&secret)).await;
    assert_eq!(again.fields()[0].1, "unknown_invite");
    let user = joined.json()["user"]["id"].clone();
    let account = api
        .send(request("GET", &format!("/admin/users/{user}")).by(&admin))
        .await;
    assert_eq!(account.json()["daily_token_budget"], 5000);
    let list = api.send(request("GET", "/admin/invites").by(&admin)).await;
    let first = &list.json()["items"][0];
    assert_eq!(
        (&first["uses"], &first["note"]),
        (&json!(1), &json!("a friend"))
    );
    assert!(!list.text().contains(&secret));
}

#[actix_web::test]
async fn an_invite_ends_by_time_and_by_whoever_looks_after_the_service() {
    let api = Api::with_info(invited_only).await;
    let admin = api.world.admin("admin").await;
    let withdrawn = invite(&api, &admin, json!({})).await;
    let path = format!("/admin/invites/{}", withdrawn["id"]);
    for _ in 0..2 {
        assert_eq!(
            api.send(request("DELETE", &path).by(&admin)).await.status,
            204
        );
    }
    let missing = request("DELETE", "/admin/invites/999999").by(&admin);
    api.send(missing).await.problem(404, "not_found");
    let old = invite(&api, &admin, json!({"expires_in_hours": 1})).await;
    api.world.clock.advance(SignedDuration::from_secs(3600));
    for made in [withdrawn, old] {
        let refused = register(&api, "haru", Some(&secret(&made))).await;
        assert_eq!(refused.fields()[0].1, "unknown_invite");
    }
    let log = api
        .send(request("GET", "/admin/audit-log").by(&admin))
        .await
        .json();
    let actions: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].clone())
        .collect();
    assert_eq!(
        actions
            .iter()
            .filter(|name| *name == "invite.create")
            .count(),
        2
    );
    assert_eq!(
        actions
            .iter()
            .filter(|name| *name == "invite.revoke")
            .count(),
        1
    );
}

#[actix_web::test]
async fn fifty_at_once_with_an_invite_for_three_make_three_accounts() {
    let api = Api::with_info(invited_only).await;
    let admin = api.world.admin("admin").await;
    let made = invite(&api, &admin, json!({"max_uses": 3})).await;
    let secret = secret(&made);
    let names: Vec<String> = (0..50).map(|number| format!("person{number}")).collect();
    let calls = names.iter().map(|name| register(&api, name, Some(&secret)));
    let answers = join_all(calls).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 3);
}

#[actix_web::test]
async fn a_hundred_at_once_on_an_empty_database_make_no_administrator() {
    let api = Api::new().await;
    let names: Vec<String> = (0..100).map(|number| format!("person{number}")).collect();
    let answers = join_all(names.iter().map(|name| register(&api, name, None))).await;
    let made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert!(made.len() >= 2, "{}", made.len());
    for answer in made {
        assert_eq!(answer.json()["user"]["is_admin"], false);
    }
}

#[actix_web::test]
async fn a_name_that_looks_like_an_administrators_is_taken() {
    let api = Api::new().await;
    api.world.admin("lion_admin").await;
    api.world.person("harbour").await;
    for alike in ["lion_аdmin", "LION_ADMIN", "Iion_admin", "lion_adrnin"] {
        register(&api, alike, None)
            .await
            .problem(409, "account_taken");
    }
    // What looks like anybody else's name is that person's business.
    assert_eq!(register(&api, "hаrbour", None).await.status, 201);
}

#[actix_web::test]
async fn what_is_asked_of_an_invite_has_bounds() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    for (body, is_good) in [
        (
            json!({"max_uses": 1, "expires_in_hours": 1, "daily_token_budget": 0}),
            true,
        ),
        (
            json!({"max_uses": 1000, "expires_in_hours": 720, "note": "x".repeat(200)}),
            true,
        ),
        (json!({"max_uses": 0}), false),
        (json!({"max_uses": 1001}), false),
        (json!({"expires_in_hours": 0}), false),
        (json!({"expires_in_hours": 721}), false),
        (json!({"daily_token_budget": -1}), false),
        (json!({"note": "x".repeat(201)}), false),
        (json!({"is_admin": true}), false),
    ] {
        let call = request("POST", "/admin/invites")
            .by(&admin)
            .json_text(body.to_string());
        let answer = api.send(call).await;
        assert_eq!(answer.status == 201, is_good, "{body}: {}", answer.text());
    }
}

async fn reset(api: &Api, token: Value, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    api.send(request("POST", "/auth/password-reset").json_text(body.to_string()))
        .await
}

async fn login(api: &Api, password: &str) -> u16 {
    let body = json!({"username": "owner", "password": password});
    let call = request("POST", "/auth/login").json_text(body.to_string());
    api.send(call).await.status.as_u16()
}

const NEW: &str = "violet harbour seven kites";

#[actix_web::test]
async fn an_administrator_gets_a_link_that_is_good_for_an_hour() {
    let api = Api::new().await;
    let (admin, owner) = (
        api.world.admin("admin").await,
        api.world.person("owner").await,
    );
    let path = format!("/admin/users/{}/password-reset", owner.actor.user_id);
    let made = api.send(request("POST", &path).by(&admin)).await.json();
    assert_eq!(made["expires_at"], "2026-11-22T13:00:00Z");
    let url = made["url"].as_str().unwrap();
    let (page, secret) = url.split_once('#').unwrap();
    assert_eq!(page, "http://localhost:8080/reset-password");
    assert_eq!(reset(&api, secret.into(), NEW).await.status, 204);
    let missing = request("POST", "/admin/users/999999/password-reset").by(&admin);
    api.send(missing).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_link_sets_a_password_once_and_ends_every_login() {
    let api = Api::new().await;
    let (admin, owner) = (
        api.world.admin("admin").await,
        api.world.person("owner").await,
    );
    let older = api.reset_secret(&owner).await;
    let secret = api.reset_secret(&owner).await;
    let unknown = vec![("/token".to_owned(), "unknown_token".to_owned())];
    assert_eq!(
        reset(&api, older.into(), NEW).await.fields(),
        unknown,
        "an older link"
    );
    let weak = reset(&api, secret.clone().into(), "my-owner-secret-91").await;
    assert_eq!(weak.fields()[0].1, "contains_name");
    let done = reset(&api, secret.clone().into(), NEW).await;
    assert_eq!(done.status, 204, "{}", done.text());
    let dead = api.send(request("GET", "/auth/me").by(&owner)).await;
    dead.problem(401, "unauthorized");
    assert_eq!(
        (login(&api, PASSWORD).await, login(&api, NEW).await),
        (401, 200)
    );
    assert_eq!(
        reset(&api, secret.into(), NEW).await.fields(),
        unknown,
        "used"
    );
    let log = api
        .send(request("GET", "/admin/audit-log").by(&admin))
        .await
        .json();
    let row = &log["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["action"] == "password_reset.create");
    assert!(row.is_some());
}

#[actix_web::test]
async fn nothing_but_the_secret_opens_a_link_and_it_ends_after_an_hour() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    for wrong in [
        json!(""),
        json!("null"),
        json!("undefined"),
        json!("AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let refused = reset(&api, wrong.clone(), NEW).await;
        assert_eq!(refused.fields()[0].0, "/token", "{wrong}");
    }
    for wrong in [Value::Null, json!([]), json!({}), json!(0)] {
        assert_eq!(
            reset(&api, wrong.clone(), NEW).await.fields()[0].0,
            "/token",
            "{wrong}"
        );
    }
    let secret = api.reset_secret(&owner).await;
    api.world.clock.advance(SignedDuration::from_secs(3600));
    assert_eq!(
        reset(&api, secret.into(), NEW).await.fields()[0].1,
        "unknown_token"
    );
    assert_eq!(login(&api, PASSWORD).await, 200);
}

#[actix_web::test]
async fn of_uses_at_once_of_one_link_one_counts() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let secret = api.reset_secret(&owner).await;
    let calls = (0..10).map(|_| reset(&api, secret.clone().into(), NEW));
    let answers = join_all(calls).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 204).count(),
        1
    );
}

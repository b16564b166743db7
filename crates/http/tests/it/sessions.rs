//! Logins: tokens, refresh, lists of logins, signing out.

use actix_web::test::TestRequest;
use jiff::SignedDuration;
use lionrocket_ports::audit::{AuditFilter, AuditLog};
use lionrocket_test_support::Person;
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

const PASSWORD: &str = "lighthouse keeper 7";

async fn login(api: &Api, more: &str) -> Answer {
    let body = format!(r#"{{"username":"owner","password":"{PASSWORD}"{more}}}"#);
    api.send(request("POST", "/auth/login").json_text(body))
        .await
}

#[actix_web::test]
async fn a_client_may_ask_for_a_shorter_token_and_gets_no_longer_one() {
    let api = Api::new().await;
    api.world.person("owner").await;
    for seconds in [60, 900, 86_400] {
        let answer = login(&api, &format!(r#","access_ttl_seconds":{seconds}"#)).await;
        assert_eq!(answer.json()["expires_in"], seconds);
    }
    assert_eq!(login(&api, "").await.json()["expires_in"], 86_400);
    for longer in [86_401, 604_800] {
        let answer = login(&api, &format!(r#","access_ttl_seconds":{longer}"#)).await;
        assert_eq!(answer.json()["expires_in"], 86_400);
    }
    for wrong in ["59", "604801", "0", "-900", "900.5", "1e30"] {
        let answer = login(&api, &format!(r#","access_ttl_seconds":{wrong}"#)).await;
        let expected = [("/access_ttl_seconds".to_owned(), "out_of_range".to_owned())];
        assert_eq!(answer.fields(), expected, "{wrong}");
    }
    for wrong in ["null", "\"900\"", "true", "[]"] {
        let answer = login(&api, &format!(r#","access_ttl_seconds":{wrong}"#)).await;
        let expected = [("/access_ttl_seconds".to_owned(), "wrong_type".to_owned())];
        assert_eq!(answer.fields(), expected, "{wrong}");
    }
    let body = json!({
        "username": "new", "email": "new@example.com", "password": "quiet lighthouse 42 gulls",
        "access_ttl_seconds": 300,
    });
    let made = api
        .send(request("POST", "/auth/register").json_text(body.to_string()))
        .await;
    assert_eq!(made.json()["expires_in"], 300);
}

#[actix_web::test]
async fn each_login_is_a_session_of_its_own() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let one = login(&api, "").await.json()["session_id"].clone();
    let other = login(&api, "").await.json()["session_id"].clone();
    assert!(one.is_string());
    assert_ne!(one, other);
}

/// The refresh cookie of an answer as it is set.
fn set_cookie(answer: &Answer) -> &str {
    let mut cookies = answer.headers.get_all("set-cookie");
    let mut texts = cookies.by_ref().map(|value| value.to_str().unwrap());
    texts.find(|text| text.contains("lr_refresh=")).unwrap()
}

/// The value and the attributes of the refresh cookie of an answer.
fn cookie(answer: &Answer) -> (String, Vec<String>) {
    let mut parts = set_cookie(answer).split("; ").map(str::to_owned);
    let pair = parts.next().unwrap();
    let (_, value) = pair.split_once('=').unwrap();
    let mut attributes: Vec<_> = parts.collect();
    attributes.sort();
    (value.to_owned(), attributes)
}

fn refresh(cookie: &str) -> TestRequest {
    request("POST", "/auth/refresh")
        .with("Cookie", format!("lr_refresh={cookie}"))
        .with("Origin", "http://localhost:8080")
        .json_text("{}")
}

async fn me(api: &Api, token: &Value) -> u16 {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let answer = api.send(request("GET", "/auth/me").with("Authorization", bearer));
    answer.await.status.as_u16()
}

#[actix_web::test]
async fn a_login_sets_a_cookie_that_only_this_host_gets_and_no_script_reads() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let answer = login(&api, "").await;
    assert!(set_cookie(&answer).starts_with("lr_refresh="));
    let (_, attributes) = cookie(&answer);
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Strict"]
    );

    let api = Api::with_info(|info| info.strict_transport_security = true).await;
    api.world.person("owner").await;
    let answer = login(&api, "").await;
    assert!(set_cookie(&answer).starts_with("__Host-lr_refresh="));
    let (_, attributes) = cookie(&answer);
    let expected = [
        "HttpOnly",
        "Max-Age=2592000",
        "Path=/",
        "SameSite=Strict",
        "Secure",
    ];
    assert_eq!(attributes, expected);
    let plain = refresh(&cookie(&answer).0);
    api.send(plain).await.problem(401, "session_ended");
}

#[actix_web::test]
async fn a_refresh_gives_a_new_token_and_a_new_cookie_for_the_same_session() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let first = login(&api, "").await;
    api.world.clock.advance(SignedDuration::from_hours(5 * 24));
    let second = api.send(refresh(&cookie(&first).0)).await;
    assert_eq!(second.status, 200, "{}", second.text());
    let view = second.json();
    assert_eq!(view["session_id"], first.json()["session_id"]);
    assert_eq!(
        (&view["expires_in"], &view["user"]["username"]),
        (&json!(86_400), &json!("owner"))
    );
    assert_ne!(cookie(&second).0, cookie(&first).0);
    let left = format!("Max-Age={}", 25 * 86_400);
    assert!(cookie(&second).1.contains(&left), "the end does not move");
    assert_eq!(me(&api, &view["access_token"]).await, 200);
    let short = refresh(&cookie(&second).0).json_text(r#"{"access_ttl_seconds":900}"#);
    assert_eq!(api.send(short).await.json()["expires_in"], 900);
}

#[actix_web::test]
async fn a_lost_answer_is_given_again_for_ten_seconds() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let first = cookie(&login(&api, "").await).0;
    let second = cookie(&api.send(refresh(&first)).await).0;
    api.world.clock.advance(SignedDuration::from_secs(9));
    let again = api.send(refresh(&first)).await;
    assert_eq!(again.status, 200);
    assert_eq!(cookie(&again).0, second);
    assert_eq!(api.send(refresh(&second)).await.status, 200);
}

#[actix_web::test]
async fn a_cookie_that_was_used_up_ends_its_session_for_everybody() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    for wait in [11, 0] {
        let signed_in = login(&api, "").await;
        let first = cookie(&signed_in).0;
        let second = api.send(refresh(&first)).await;
        let third = api.send(refresh(&cookie(&second).0)).await;
        api.world.clock.advance(SignedDuration::from_secs(wait));
        let stolen = api.send(refresh(&first)).await;
        stolen.problem(401, "session_ended");
        assert_eq!(cookie(&stolen).0, "", "the browser forgets it");
        assert!(cookie(&stolen).1.contains(&"Max-Age=0".to_owned()));
        let thief_or_owner = api.send(refresh(&cookie(&third).0)).await;
        thief_or_owner.problem(401, "session_ended");
        assert_eq!(me(&api, &third.json()["access_token"]).await, 401);
    }
    let log = api
        .world
        .store
        .list(AuditFilter {
            actions: vec!["session.reuse"],
            ..AuditFilter::default()
        })
        .await
        .unwrap()
        .items;
    let actions: Vec<_> = log.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["session.reuse", "session.reuse"]);
    assert_eq!(log[0].entry.subject, Some(owner.actor.user_id));
    let about_own = api.send(request("GET", "/auth/me").by(&owner)).await;
    assert_eq!(about_own.status, 200, "other sessions live on");
}

#[actix_web::test]
async fn a_cookie_counts_only_in_requests_of_our_own_pages() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let value = cookie(&login(&api, "").await).0;
    let bare = |path: &str| {
        request("POST", path)
            .with("Cookie", format!("lr_refresh={value}"))
            .json_text("{}")
    };
    let own = "http://localhost:8080";
    for path in ["/auth/refresh", "/auth/logout"] {
        for foreign in [
            bare(path),
            bare(path).with("Origin", "null"),
            bare(path).with("Origin", "https://evil.example"),
            bare(path).with("Origin", format!("{own}.evil.example")),
            bare(path)
                .with("Origin", own)
                .with("Sec-Fetch-Site", "cross-site"),
            bare(path)
                .with("Origin", own)
                .with("Sec-Fetch-Site", "same-site"),
            bare(path)
                .with("Origin", own)
                .append_header(("Origin", own)),
        ] {
            api.send(foreign).await.problem(403, "cross_origin");
        }
    }
    let no_json = bare("/auth/refresh")
        .with("Origin", own)
        .with("Content-Type", "text/plain");
    let answer = api.send(no_json).await;
    answer.problem(415, "unsupported_media_type");
    let good = bare("/auth/refresh")
        .with("Origin", own)
        .with("Sec-Fetch-Site", "same-origin");
    assert_eq!(api.send(good).await.status, 200);
}

#[actix_web::test]
async fn a_cookie_gives_no_right_but_a_new_token() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let value = cookie(&login(&api, "").await).0;
    for (method, path) in [
        ("GET", "/auth/me"),
        ("GET", "/api/chats"),
        ("DELETE", "/auth/sessions"),
    ] {
        let call = request(method, path)
            .with(
                "Cookie",
                format!("lr_refresh={value}; __Host-lr_refresh={value}"),
            )
            .with("Origin", "http://localhost:8080");
        api.send(call).await.problem(401, "unauthorized");
    }
    let secret = value.split_once('.').unwrap().1;
    for call in [
        refresh("nonsense"),
        refresh(secret),
        refresh(&format!("{value}x")),
    ] {
        let answer = api.send(call).await;
        answer.problem(401, "session_ended");
        assert!(!answer.text().contains(secret));
    }
    assert_eq!(
        api.send(refresh(&value)).await.status,
        200,
        "none of that did harm"
    );
}

#[actix_web::test]
async fn signing_out_by_cookie_ends_the_session_and_takes_the_cookie_away() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let signed_in = login(&api, "").await;
    let value = cookie(&signed_in).0;
    for _ in 0..2 {
        let call = request("POST", "/auth/logout")
            .with("Cookie", format!("lr_refresh={value}"))
            .with("Origin", "http://localhost:8080");
        let answer = api.send(call).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("clear-site-data"), r#""cache", "storage""#);
        assert_eq!(cookie(&answer).0, "");
        assert!(cookie(&answer).1.contains(&"Max-Age=0".to_owned()));
        assert_eq!(me(&api, &signed_in.json()["access_token"]).await, 401);
    }
    api.send(refresh(&value))
        .await
        .problem(401, "session_ended");
}

async fn sessions(api: &Api, person: &Person) -> Vec<Value> {
    let list = api.send(request("GET", "/auth/sessions").by(person)).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    assert_eq!(list["next_cursor"], Value::Null);
    list["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn people_see_where_they_are_signed_in_and_end_it() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    api.world.clock.advance(SignedDuration::from_mins(1));
    let body = format!(r#"{{"username":"owner","password":"{PASSWORD}"}}"#);
    let agent = format!("Browser\t/1 {}", "x".repeat(300));
    let elsewhere = request("POST", "/auth/login")
        .with("User-Agent", agent)
        .peer_addr("192.0.2.7:1234".parse().unwrap())
        .json_text(body);
    let elsewhere = api.send(elsewhere).await.json();

    let list = sessions(&api, &owner).await;
    let [newer, current] = &list[..] else {
        panic!("{list:?}");
    };
    assert_eq!(newer["id"], elsewhere["session_id"]);
    assert_eq!(newer["client_address"], "192.0.2.7");
    assert_eq!(
        newer["user_agent"],
        format!("Browser/1 {}", "x".repeat(190))
    );
    assert_eq!(
        (&newer["current"], &current["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(newer["created_at"], "2026-11-22T12:01:00Z");
    assert_eq!(newer["expires_at"], "2026-12-22T12:01:00Z");

    let path = format!(
        "/auth/sessions/{}",
        elsewhere["session_id"].as_str().unwrap()
    );
    let stranger = api.world.person("stranger").await;
    let foreign = api.send(request("DELETE", &path).by(&stranger)).await;
    foreign.problem(404, "not_found");
    assert_eq!(me(&api, &elsewhere["access_token"]).await, 200);
    assert_eq!(
        api.send(request("DELETE", &path).by(&owner)).await.status,
        204
    );
    assert_eq!(me(&api, &elsewhere["access_token"]).await, 401);
    let again = api.send(request("DELETE", &path).by(&owner)).await;
    again.problem(404, "not_found");
    assert_eq!(sessions(&api, &owner).await.len(), 1);
}

#[actix_web::test]
async fn people_sign_out_everywhere_else() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let others = [login(&api, "").await.json(), login(&api, "").await.json()];
    let answer = api
        .send(request("DELETE", "/auth/sessions").by(&owner))
        .await;
    assert_eq!(answer.status, 204);
    for other in &others {
        assert_eq!(me(&api, &other["access_token"]).await, 401);
    }
    let left = sessions(&api, &owner).await;
    assert_eq!((left.len(), &left[0]["current"]), (1, &json!(true)));
}

#[actix_web::test]
async fn the_twenty_first_session_ends_the_oldest() {
    let api = Api::new().await;
    let oldest = api.world.person("owner").await;
    let mut tokens = Vec::new();
    for _ in 0..20 {
        api.world.clock.advance(SignedDuration::from_secs(1));
        tokens.push(login(&api, "").await.json()["access_token"].clone());
    }
    assert_eq!(me(&api, &json!(oldest.token)).await, 401);
    for token in &tokens {
        assert_eq!(me(&api, token).await, 200);
    }
}

#[actix_web::test]
async fn a_session_ends_after_a_week_without_use_and_after_thirty_days_with_it() {
    let api = Api::new().await;
    api.world.person("owner").await;
    let idle = cookie(&login(&api, "").await).0;
    api.world.clock.advance(SignedDuration::from_hours(7 * 24));
    api.send(refresh(&idle)).await.problem(401, "session_ended");

    let mut used = cookie(&login(&api, "").await).0;
    for _ in 0..4 {
        api.world
            .clock
            .advance(SignedDuration::from_hours(7 * 24 - 1));
        used = cookie(&api.send(refresh(&used)).await).0;
    }
    let left = SignedDuration::from_hours(30 * 24 - 4 * (7 * 24 - 1));
    api.world.clock.advance(left);
    api.send(refresh(&used)).await.problem(401, "session_ended");
}

const NEW_PASSWORD: &str = "quiet lighthouse 42 gulls";

fn bearer(method: &str, path: &str, token: &Value) -> TestRequest {
    let token = token.as_str().unwrap();
    request(method, path).with("Authorization", format!("Bearer {token}"))
}

fn password_change(current: &str, new: &str) -> String {
    json!({"current_password": current, "new_password": new}).to_string()
}

#[actix_web::test]
async fn a_password_change_ends_everything_but_the_session_that_made_it() {
    let api = Api::new().await;
    let other = api.world.person("owner").await;
    let first = login(&api, "").await;
    let token = first.json()["access_token"].clone();
    let body = password_change(PASSWORD, NEW_PASSWORD);
    let call = bearer("PUT", "/auth/me/password", &token).json_text(body);
    let changed = api.send(call).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let view = changed.json();
    assert_eq!(view["session_id"], first.json()["session_id"]);
    assert_eq!(me(&api, &view["access_token"]).await, 200);
    assert_eq!(me(&api, &token).await, 401, "the token from before");
    assert_eq!(me(&api, &json!(other.token)).await, 401, "another session");
    assert_eq!(login(&api, "").await.status, 401, "the old password");
    assert_eq!(api.send(refresh(&cookie(&changed).0)).await.status, 200);
    let stolen = api.send(refresh(&cookie(&first).0)).await;
    stolen.problem(401, "session_ended");
}

#[actix_web::test]
async fn a_password_change_needs_the_old_password_and_a_good_new_one() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let change = async |current, new| {
        let call = request("PUT", "/auth/me/password").by(&owner);
        let call = call.json_text(password_change(current, new));
        api.send(call).await
    };
    let wrong = change("wrong", NEW_PASSWORD).await;
    wrong.problem(401, "invalid_credentials");
    for (new, code) in [("short", "too_short"), ("qwertyuiop1", "too_common")] {
        let answer = change(PASSWORD, new).await;
        let expected = [("/new_password".to_owned(), code.to_owned())];
        assert_eq!(answer.fields(), expected);
    }
    assert_eq!(me(&api, &json!(owner.token)).await, 200);
}

#[actix_web::test]
async fn whoever_has_a_token_cannot_try_passwords_for_ever() {
    let api = Api::with_limits(&[]).await;
    let owner = api.world.person("owner").await;
    let give = async |password: &str| {
        let body = json!({"password": password}).to_string();
        let call = request("POST", "/auth/reauthenticate").by(&owner);
        api.send(call.json_text(body)).await
    };
    for _ in 0..10 {
        give("wrong").await.problem(401, "invalid_credentials");
    }
    let limited = give(PASSWORD).await;
    limited.problem(429, "rate_limited");
    assert!(!limited.header("retry-after").is_empty());
}

#[actix_web::test]
async fn a_new_address_needs_the_password_again_within_five_minutes() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    api.world.person("other").await;
    let change = async |email: &str| {
        let body = json!({"email": email}).to_string();
        let call = request("PATCH", "/auth/me").by(&owner);
        api.send(call.json_text(body)).await
    };
    let refused = change("new@example.com").await;
    refused.problem(403, "reauthentication_required");
    let body = json!({"password": PASSWORD}).to_string();
    let call = request("POST", "/auth/reauthenticate").by(&owner);
    assert_eq!(api.send(call.json_text(body)).await.status, 204);
    let taken = change("Other@Example.com").await;
    taken.problem(409, "account_taken");
    let changed = change("new@example.com").await;
    assert_eq!(changed.json()["email"], "new@example.com");
    assert_eq!(change("OWNER@example.com").await.status, 200, "free again");
    api.world.clock.advance(SignedDuration::from_mins(5));
    let late = change("late@example.com").await;
    late.problem(403, "reauthentication_required");
}

#[actix_web::test]
async fn a_profile_is_changed_field_by_field_and_never_a_stale_one() {
    let api = Api::new().await;
    let owner = api.world.person("owner").await;
    let before = api.send(request("GET", "/auth/me").by(&owner)).await;
    let tag = before.header("etag").to_owned();
    assert!(!tag.is_empty());
    let patch = |body: &str| request("PATCH", "/auth/me").by(&owner).json_text(body);
    let body = r#"{"display_name":"Haru","locale":"ko"}"#;
    let changed = api.send(patch(body).with("If-Match", tag.clone())).await;
    let view = changed.json();
    assert_eq!(
        (&view["display_name"], &view["locale"]),
        (&json!("Haru"), &json!("ko"))
    );
    assert_ne!(changed.header("etag"), tag);
    let stale = api
        .send(patch(r#"{"locale":"en"}"#).with("If-Match", tag))
        .await;
    stale.problem(412, "precondition_failed");
    let emptied = api.send(patch(r#"{"display_name":null}"#)).await.json();
    assert_eq!(
        (&emptied["display_name"], &emptied["locale"]),
        (&Value::Null, &json!("ko"))
    );
    for (body, field, code) in [
        (r#"{"locale":"fr"}"#, "/locale", "not_a_choice"),
        (r#"{"email":null}"#, "/email", "wrong_type"),
        (r#"{"is_admin":true}"#, "/is_admin", "unknown_field"),
    ] {
        let expected = [(field.to_owned(), code.to_owned())];
        assert_eq!(api.send(patch(body)).await.fields(), expected);
    }
}

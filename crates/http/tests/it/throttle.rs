//! Trying passwords, with limits on.

use jiff::SignedDuration;
use serde_json::json;

use crate::api::{Answer, Api, RequestExt as _, request};

async fn try_password(api: &Api, name: &str, password: &str, cookie: Option<&str>) -> Answer {
    let body = json!({"username": name, "password": password});
    let mut call = request("POST", "/auth/login").json_text(body.to_string());
    if let Some(cookie) = cookie {
        call = call.with("Cookie", cookie.to_owned());
    }
    api.send(call).await
}

/// Waits long enough that the limit of one address has nothing against another try.
fn wait(api: &Api, seconds: i64) {
    api.world.clock.advance(SignedDuration::from_secs(seconds));
}

#[actix_web::test]
async fn five_wrong_passwords_make_it_slow_alike_with_and_without_an_account() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    for name in ["owner", "nobody"] {
        for _ in 0..5 {
            wait(&api, 6);
            try_password(&api, name, "wrong", None)
                .await
                .problem(401, "invalid_credentials");
        }
        // The sixth goes through, the seventh must wait.
        wait(&api, 6);
        try_password(&api, name, "wrong", None)
            .await
            .problem(401, "invalid_credentials");
        wait(&api, 6);
        let limited = try_password(&api, name, "wrong", None).await;
        limited.problem(429, "rate_limited");
        assert_eq!(limited.header("retry-after"), "24", "{name}");
        wait(&api, 24);
        try_password(&api, name, "wrong", None)
            .await
            .problem(401, "invalid_credentials");
    }
}

#[actix_web::test]
async fn strangers_do_not_keep_out_whoever_was_signed_in_before() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    let password = lionrocket_test_support::PASSWORD;
    let signed_in = try_password(&api, "owner", password, None).await;
    let cookie = signed_in.cookie("lr_device");
    for _ in 0..7 {
        wait(&api, 6);
        try_password(&api, "owner", "wrong", None).await;
    }
    let stranger = try_password(&api, "owner", password, None).await;
    stranger.problem(429, "rate_limited");
    let known = try_password(&api, "owner", password, Some(&cookie)).await;
    assert_eq!(known.status, 200);
    assert!(
        signed_in
            .set_cookie("lr_device")
            .contains("HttpOnly; SameSite=Strict")
    );
}

#[actix_web::test]
async fn a_hundred_wrong_passwords_close_a_name_with_and_without_an_account() {
    let api = Api::with_limits(&[]).await;
    api.world.person("owner").await;
    let password = lionrocket_test_support::PASSWORD;
    let signed_in = try_password(&api, "owner", password, None).await;
    let cookie = signed_in.cookie("lr_device");
    for name in ["owner", "nobody"] {
        for number in 0..100 {
            wait(&api, 90);
            let answer = try_password(&api, name, "wrong", None).await;
            answer.problem(401, "invalid_credentials");
            api.world
                .spawner
                .drain(std::time::Duration::from_secs(10))
                .await;
            assert!(number < 100);
        }
        for password in ["wrong", password] {
            wait(&api, 90);
            let closed = try_password(&api, name, password, None).await;
            closed.problem(403, "login_closed");
        }
    }
    let known = try_password(&api, "owner", password, Some(&cookie)).await;
    assert_eq!(known.status, 200);
    wait(&api, 90);
    let reopened = try_password(&api, "owner", password, None).await;
    assert_eq!(reopened.status, 200, "the right password opened it again");
}

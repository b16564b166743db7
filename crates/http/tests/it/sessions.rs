//! Logins: tokens, refresh, lists of logins, signing out.

use serde_json::json;

use crate::api::{Answer, Api, RequestExt, request};

const PASSWORD: &str = "lighthouse keeper 7";

async fn login(api: &Api, more: &str) -> Answer {
    let body = format!(r#"{{"username":"owner","password":"{PASSWORD}"{more}}}"#);
    api.send(request("POST", "/auth/login").json_text(body))
        .await
}

#[actix_web::test]
async fn a_client_may_ask_for_a_shorter_token() {
    let api = Api::new().await;
    api.world.person("owner").await;
    for seconds in [60, 900, 86_400] {
        let answer = login(&api, &format!(r#","access_ttl_seconds":{seconds}"#)).await;
        assert_eq!(answer.json()["expires_in"], seconds);
    }
    assert_eq!(login(&api, "").await.json()["expires_in"], 86_400);
    for wrong in ["59", "86401", "0", "-900", "900.5", "1e30"] {
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

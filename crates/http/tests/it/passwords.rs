//! Passwords that are not taken.

use serde_json::json;

use crate::api::{Api, RequestExt as _, request};

#[actix_web::test]
async fn a_weak_password_is_refused_with_what_is_wrong_with_it() {
    let api = Api::new().await;
    for (password, code) in [
        ("qwertyuiop1", "too_common"),
        ("dkssudgktpdy", "too_common"),
        ("abcabcabcabc", "too_guessable"),
        ("my-harukim-7391-x", "contains_name"),
        ("lionrocket-7391-x", "contains_name"),
        ("short", "too_short"),
        (&"long and longer ".repeat(9), "too_long"),
    ] {
        let body = json!({"username": "harukim", "email": "hk@example.com", "password": password});
        let answer = api
            .send(request("POST", "/auth/register").json_text(body.to_string()))
            .await;
        let expected = vec![("/password".to_owned(), code.to_owned())];
        assert_eq!(answer.fields(), expected, "{password}");
        // The id of the request is random: it may have the digits of a password by chance.
        let mut problem = answer.json();
        problem.as_object_mut().unwrap().remove("request_id");
        let repeats = password.len() > 10 && problem.to_string().contains(password);
        assert!(!repeats, "{password}");
    }
}

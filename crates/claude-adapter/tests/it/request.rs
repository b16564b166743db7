//! What goes over the wire.

use std::collections::BTreeMap;

use lionrocket_claude_adapter::{AuthHeader, ClaudeModel, ClaudeSettings, ConfigError};
use lionrocket_claude_sim::Simulator;
use lionrocket_domain::catalog::Thinking;
use lionrocket_ports::model::{LanguageModel, ModelRequest};
use serde_json::json;

use crate::{
    stage::{BLOCK, END, Heard, START, STREAM, Stage, Step, answer, text},
    support::{MODEL, catalog, model, read, request, settings},
};

/// Sends a request and returns it as it arrived.
async fn sent(
    change: impl FnOnce(&mut ClaudeSettings),
    request: ModelRequest,
) -> (String, BTreeMap<String, String>, String) {
    let reply = [STREAM, START, BLOCK, &text("Hi."), END].concat();
    let mut stage = Stage::start(vec![vec![Step::Send(reply)]]).await;
    let mut settings = settings(&stage.url);
    change(&mut settings);
    let outcome = read(&ClaudeModel::new(settings).unwrap(), request).await;
    assert_eq!(outcome.text(), "Hi.");
    match stage.hear().await {
        Heard::Request {
            line,
            headers,
            body,
        } => (line, headers, body),
        Heard::HungUp => panic!("no request"),
    }
}

fn body(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_request_is_exactly_what_the_service_expects() {
    let asked = request(&["안녕?", "환영해!", "여기는 어디야?"]);
    let (line, headers, json) = sent(|_| {}, asked).await;
    assert_eq!(line, "POST /v1/messages HTTP/1.1");
    assert_eq!(
        json,
        concat!(
            r#"{"model":"claude-haiku-5-5","max_tokens":500,"#,
            r#""system":[{"type":"text","text":"Be kind."},"#,
            r#"{"type":"text","text":"Your name is Haru.","cache_control":{"type":"ephemeral"}}],"#,
            r#""messages":[{"role":"user","content":"안녕?"},{"role":"assistant","content":"환영해!"},"#,
            r#"{"role":"user","content":"여기는 어디야?"}],"#,
            r#""cache_control":{"type":"ephemeral"},"thinking":{"type":"disabled"},"#,
            r#""metadata":{"user_id":"u-7f3a"},"stream":true}"#,
        )
    );
    let mut headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !matches!(*name, "host" | "content-length"))
        .collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("anthropic-version", "2026-10-21"),
            ("content-type", "application/json"),
            (
                "user-agent",
                concat!("lionrocket/", env!("CARGO_PKG_VERSION"))
            ),
            ("x-api-key", "sk-test-key"),
        ]
    );
}

#[tokio::test]
async fn the_key_can_travel_as_a_bearer_token() {
    let bearer = |settings: &mut ClaudeSettings| settings.auth_header = AuthHeader::Bearer;
    let (_, headers, _) = sent(bearer, request(&["Hi"])).await;
    assert_eq!(headers["authorization"], "Bearer sk-test-key");
    assert!(!headers.contains_key("x-api-key"));
}

#[tokio::test]
async fn the_path_of_a_gateway_is_kept() {
    let gateway = |settings: &mut ClaudeSettings| settings.base_url.push_str("/claude/eu/");
    let (line, ..) = sent(gateway, request(&["Hi"])).await;
    assert_eq!(line, "POST /claude/eu/v1/messages HTTP/1.1");
}

#[tokio::test]
async fn nothing_is_said_about_the_thinking_of_an_unknown_model() {
    let unknown = |settings: &mut ClaudeSettings| {
        settings.model = "somebody-elses-model".to_owned();
        settings.facts = None;
    };
    let (.., json) = sent(unknown, request(&["Hi"])).await;
    assert_eq!(body(&json)["model"], "somebody-elses-model");
    assert!(body(&json).get("thinking").is_none());
}

#[tokio::test]
async fn a_model_is_asked_for_no_more_than_it_can_write() {
    let mut asked = request(&["Hi"]);
    asked.max_output_tokens = u32::MAX;
    let between_tools = |settings: &mut ClaudeSettings| {
        settings.model = "claude-sonnet-5-5".to_owned();
        settings.facts = catalog().facts("claude-sonnet-5-5").cloned();
    };
    let (.., json) = sent(between_tools, asked).await;
    assert_eq!(body(&json)["max_tokens"], 128_000);
    assert_eq!(body(&json)["thinking"], json!({"type": "between_tools"}));
}

#[tokio::test]
async fn a_conversation_that_ends_with_the_model_is_not_sent() {
    let mut stage = Stage::start(vec![answer(500, "", "")]).await;
    for turns in [&["Hi", "Hello"][..], &[]] {
        let outcome = read(&model(&stage.url), request(turns)).await;
        assert_eq!(outcome.code(), "upstream_invalid");
    }
    assert_eq!(stage.requests(), 0);
}

#[tokio::test]
async fn every_model_of_the_table_takes_the_request() {
    let simulator = Simulator::builder().start().await.unwrap();
    let catalog = catalog();
    let known = catalog
        .models
        .iter()
        .filter(|(id, _)| *id != "lionrocket-demo");
    for (id, facts) in known {
        let mut settings = settings(&simulator.base_url());
        settings.model.clone_from(id);
        settings.facts = Some(facts.clone());
        let model = ClaudeModel::new(settings).unwrap();
        assert_eq!(model.model_id(), *id);
        let outcome = read(&model, request(&["안녕?"])).await;
        if id.starts_with("claude-mythos") {
            assert_eq!(outcome.code(), "upstream_rejected", "{id} is for few");
            continue;
        }
        assert_eq!(outcome.code(), "completed", "{id}: {:?}", outcome.error);
        assert!(!outcome.text().is_empty(), "{id}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Stage::start(vec![answer(500, "", "")]).await;
    let location = format!("location: {}/v1/messages\r\n", elsewhere.url);
    for status in [301, 302, 303, 307, 308] {
        let stage = Stage::start(vec![answer(status, &location, "")]).await;
        let outcome = read(&model(&stage.url), request(&["Hi"])).await;
        assert_eq!(
            (outcome.code(), outcome.events.len()),
            ("upstream_failed", 0)
        );
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |change: fn(&mut ClaudeSettings)| {
        let mut settings = settings("https://api.anthropic.com");
        change(&mut settings);
        ClaudeModel::new(settings).unwrap_err()
    };
    assert!(matches!(
        refused(|settings| settings.base_url = "http://api.anthropic.com".to_owned()),
        ConfigError::Insecure
    ));
    assert!(matches!(
        refused(|settings| settings.api_key = "".into()),
        ConfigError::ApiKey
    ));
    assert!(matches!(
        refused(|settings| settings.api_version = "2026 10 21".to_owned()),
        ConfigError::ApiVersion
    ));
    assert!(matches!(
        refused(|settings| settings.model.clear()),
        ConfigError::Model
    ));
}

#[test]
fn the_tests_use_a_model_that_is_asked_not_to_think() {
    assert_eq!(catalog().models[MODEL].thinking, Thinking::Disabled);
}

#[tokio::test]
async fn a_count_asks_for_the_same_request_and_nothing_else() {
    let mut stage = Stage::start(vec![answer(
        200,
        "content-type: application/json\r\n",
        r#"{"input_tokens":2095,"new_field":1}"#,
    )])
    .await;
    let counted = model(&stage.url).count_tokens(request(&["안녕?"])).await;
    assert_eq!(counted.unwrap(), 2095);
    let Heard::Request { line, body, .. } = stage.hear().await else {
        panic!("no request");
    };
    assert_eq!(line, "POST /v1/messages/count_tokens HTTP/1.1");
    assert_eq!(
        body,
        concat!(
            r#"{"model":"claude-haiku-5-5","#,
            r#""system":[{"type":"text","text":"Be kind."},"#,
            r#"{"type":"text","text":"Your name is Haru.","cache_control":{"type":"ephemeral"}}],"#,
            r#""messages":[{"role":"user","content":"안녕?"}],"thinking":{"type":"disabled"}}"#,
        )
    );
}

#[tokio::test]
async fn a_count_that_fails_is_not_repeated() {
    let limited = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
    let broken = r#"{"tokens":1}"#;
    for (status, body, code) in [
        (429, limited, "upstream_rate_limited"),
        (200, broken, "upstream_failed"),
        (200, "<html>", "upstream_failed"),
    ] {
        // A second connection would be refused and told as a failure of another kind.
        let stage = Stage::start(vec![answer(status, "retry-after: 1\r\n", body)]).await;
        let counted = model(&stage.url).count_tokens(request(&["안녕?"])).await;
        assert_eq!(counted.unwrap_err().failure().code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_count_is_what_the_reply_is_billed_and_below_the_bound() {
    let simulator = Simulator::builder().start().await.unwrap();
    let model = model(&simulator.base_url());
    let asked = request(&["오늘 바다는 어때요? 🌊", "Calm.", "And the light?"]);
    let counted = model.count_tokens(asked.clone()).await.unwrap();
    let bound = asked.prompt.token_bound();
    assert!(asked.prompt.token_floor() <= counted && counted <= bound);
    let outcome = read(&model, asked).await;
    let (_, tokens) = outcome.finished();
    assert_eq!(tokens.total_input(), counted);
}

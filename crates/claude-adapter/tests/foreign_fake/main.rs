//! The adapter against a fake of the service that other people wrote: `tests/foreign-fake` of this
//! repository.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::StreamExt;
use lionrocket_claude_adapter::{
    AuthHeader, BreakerRules, ClaudeModel, ClaudeSettings, Retries, Timeouts,
};
use lionrocket_domain::{
    chat::Role,
    prompt::{Prompt, PromptTurn, SystemBlock, Wish},
    text::CharacterName,
};
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent, ModelRequest};
use serde_json::{Value, json};

/// The running fake. It ends with this, or with its standard input if the test is killed.
struct Fake {
    url: String,
    http: reqwest::Client,
    process: Child,
}

impl Fake {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/foreign-fake");
        let python = folder.join(".venv/bin/python");
        assert!(
            python.exists(),
            "the fake is not installed: run tests/foreign-fake/install.sh once, or leave these tests \
             out with -E 'not binary(foreign_fake)'"
        );
        let mut process = Command::new(python)
            .arg(folder.join("start.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(
            url.starts_with("http://127.0.0.1:"),
            "the fake does not start: run tests/foreign-fake/install.sh again"
        );
        Self {
            url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            process,
        }
    }

    /// Makes the fake behave in these ways, each once.
    async fn will(&self, behaviours: Value) {
        let answer = self
            .http
            .post(format!("{}/_llmock/scenario", self.url))
            .json(&json!({"behaviors": behaviours}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
    }

    async fn tell(&self, what: &str) -> Value {
        let url = format!("{}/_llmock/{what}", self.url);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    fn model(&self) -> ClaudeModel {
        ClaudeModel::new(ClaudeSettings {
            api_key: "sk-test-key".into(),
            base_url: format!("{}/anthropic", self.url),
            api_version: "2026-10-21".to_owned(),
            model: "claude-haiku-5-5".to_owned(),
            auth_header: AuthHeader::ApiKey,
            facts: None,
            timeouts: Timeouts {
                between_events: Duration::from_millis(700),
                ..Timeouts::default()
            },
            retries: Retries {
                // Long enough for the fake to see that the waits grow.
                base: Duration::from_millis(100),
                ..Retries::default()
            },
            breaker: BreakerRules::default(),
        })
        .unwrap()
    }

    async fn ask(&self, question: &str) -> (Vec<ModelEvent>, Option<ModelError>) {
        let mut stream = self.model().stream(request(question)).await;
        let mut events = Vec::new();
        while let Some(item) = stream.next().await {
            match item {
                Ok(event) => events.push(event),
                Err(error) => return (events, Some(error)),
            }
        }
        (events, None)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn request(question: &str) -> ModelRequest {
    let turn = |role, text: &str| PromptTurn {
        role,
        text: text.to_owned(),
    };
    ModelRequest {
        prompt: Prompt {
            system: vec![SystemBlock {
                text: "You keep a lighthouse.".to_owned(),
                cache_breakpoint: true,
            }],
            turns: vec![
                turn(Role::User, "안녕?"),
                turn(Role::Assistant, "환영해!"),
                turn(Role::User, question),
            ],
            character_name: CharacterName::parse("Haru").unwrap(),
            wish: Wish::Reply,
        },
        max_output_tokens: 500,
        user_reference: "u-7f3a".to_owned(),
    }
}

fn text(events: &[ModelEvent]) -> String {
    let text = |event: &ModelEvent| match event {
        ModelEvent::Text(text) => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn waits(events: &[ModelEvent]) -> usize {
    let waits = |event: &&ModelEvent| matches!(event, ModelEvent::Retrying(_));
    events.iter().filter(waits).count()
}

#[tokio::test]
async fn a_reply_of_the_fake_is_read_to_its_end() {
    let fake = Fake::start();
    let said = "The light is on. 어서 와! 🦁";
    fake.will(json!([{"type": "reply", "text": said}])).await;
    let (events, error) = fake.ask("여기는 어디야?").await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text(&events), said);
    assert!(matches!(
        &events[0],
        ModelEvent::Started { model, tokens, .. } if model == "claude-haiku-5-5" && tokens.input > 0
    ));
    assert!(matches!(
        events.last(),
        Some(ModelEvent::Finished { stop_reason, tokens })
            if stop_reason.as_str() == "end_turn" && tokens.output > 1
    ));
}

#[tokio::test]
async fn the_fake_finds_no_fault_with_our_repetitions() {
    let fake = Fake::start();
    for behaviours in [
        json!([{"type": "fail", "status": 429, "retry_after": 0.3}]),
        json!([{"type": "fail", "status": 529, "retry_after": 0, "times": 2}]),
        json!([{"type": "fail", "status": 500, "retry_after": 0.2}, {"type": "fail", "status": 408}]),
    ] {
        fake.will(behaviours.clone()).await;
        let (events, error) = fake.ask(&format!("After {behaviours}?")).await;
        assert!(error.is_none(), "{behaviours}: {error:?}");
        assert!(waits(&events) > 0);
    }
    for status in [400, 401, 403, 404, 413] {
        fake.will(json!([{"type": "fail", "status": status}])).await;
        let (events, error) = fake.ask(&format!("After {status}?")).await;
        assert!(events.is_empty() && error.is_some(), "{status}");
    }
    let verdict = fake.tell("verdict").await;
    assert_eq!(verdict["findings"], json!([]), "{verdict:#}");
    assert_eq!(verdict["calls"], 8, "{verdict:#}");
}

#[tokio::test]
async fn every_way_in_which_the_fake_breaks_a_stream_is_told_apart() {
    let fake = Fake::start();
    for (kind, code) in [
        ("disconnect", "reply_interrupted"),
        ("truncate", "reply_interrupted"),
        ("malformed", "upstream_failed"),
        ("stall", "upstream_timeout"),
    ] {
        fake.will(
            json!([{"type": "stream_fault", "kind": kind, "after_chunks": 5, "stall_seconds": 20}]),
        )
        .await;
        let (events, error) = fake
            .ask("Tell me everything you know about lighthouses")
            .await;
        assert_eq!(
            error.map(|error| error.failure().code()),
            Some(code),
            "{kind}"
        );
        assert!(!text(&events).is_empty(), "{kind}");
        assert_eq!(
            waits(&events),
            0,
            "{kind}: nothing that costs is asked for twice"
        );
    }
    assert_eq!(fake.tell("requests").await["count"], 4);
}

//! What all tests need: settings, prompts, and a reply read to its end.

use std::time::Duration;

use futures_util::StreamExt;
use lionrocket_claude_adapter::{
    AuthHeader, BreakerRules, ClaudeModel, ClaudeSettings, Retries, Timeouts,
};
use lionrocket_domain::{
    catalog::ModelCatalog,
    chat::Role,
    prompt::{Prompt, PromptTurn, SystemBlock, Wish},
    text::CharacterName,
};
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent, ModelRequest};

pub(crate) const MODEL: &str = "claude-haiku-5-5";

/// The table of models as the service ships it.
pub(crate) fn catalog() -> ModelCatalog {
    toml::from_str(include_str!("../../../server/models.toml")).unwrap()
}

/// Settings with waits so short that tests need not wait.
pub(crate) fn settings(base_url: &str) -> ClaudeSettings {
    ClaudeSettings {
        api_key: "sk-test-key".into(),
        base_url: base_url.to_owned(),
        api_version: "2026-10-21".to_owned(),
        model: MODEL.to_owned(),
        auth_header: AuthHeader::ApiKey,
        facts: catalog().facts(MODEL).cloned(),
        timeouts: Timeouts::default(),
        retries: Retries {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(4),
            ..Retries::default()
        },
        // Tests fail on purpose, again and again.
        breaker: BreakerRules {
            limit: u32::MAX,
            ..BreakerRules::default()
        },
    }
}

pub(crate) fn model(base_url: &str) -> ClaudeModel {
    ClaudeModel::new(settings(base_url)).unwrap()
}

/// A request with turns that alternate, beginning with the person's.
pub(crate) fn request(turns: &[&str]) -> ModelRequest {
    let role = |at: usize| [Role::User, Role::Assistant][at % 2];
    let turn = |(at, text): (usize, &&str)| PromptTurn {
        role: role(at),
        text: (*text).to_owned(),
    };
    ModelRequest {
        prompt: Prompt {
            system: vec![
                SystemBlock {
                    text: "Be kind.".to_owned(),
                    cache_breakpoint: false,
                },
                SystemBlock {
                    text: "Your name is Haru.".to_owned(),
                    cache_breakpoint: true,
                },
            ],
            turns: turns.iter().enumerate().map(turn).collect(),
            character_name: CharacterName::parse("Haru").unwrap(),
            wish: Wish::Reply,
        },
        max_output_tokens: 500,
        user_reference: "u-7f3a".to_owned(),
    }
}

/// All that came of a reply.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<ModelEvent>,
    pub(crate) error: Option<ModelError>,
}

impl Outcome {
    pub(crate) fn text(&self) -> String {
        let text = |event: &ModelEvent| match event {
            ModelEvent::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    pub(crate) fn waits(&self) -> Vec<Duration> {
        let wait = |event: &ModelEvent| match event {
            ModelEvent::Retrying(wait) => Some(*wait),
            _ => None,
        };
        self.events.iter().filter_map(wait).collect()
    }

    pub(crate) fn has_started(&self) -> bool {
        let started = |event: &ModelEvent| matches!(event, ModelEvent::Started { .. });
        self.events.iter().any(started)
    }

    /// The code of the error as people see it; `completed` without one.
    pub(crate) fn code(&self) -> &'static str {
        self.error
            .as_ref()
            .map_or("completed", |error| error.failure().code())
    }

    /// The last event of a complete reply.
    pub(crate) fn finished(&self) -> (&str, lionrocket_domain::usage::TokenUsage) {
        match (self.events.last(), &self.error) {
            (
                Some(ModelEvent::Finished {
                    stop_reason,
                    tokens,
                }),
                None,
            ) => (stop_reason.as_str(), *tokens),
            other => panic!("the reply did not finish: {other:?}"),
        }
    }
}

/// Reads a reply to its end, and checks that nothing follows the end.
pub(crate) async fn read(model: &ClaudeModel, request: ModelRequest) -> Outcome {
    let mut stream = model.stream(request).await;
    let mut outcome = Outcome {
        events: Vec::new(),
        error: None,
    };
    let whole = async {
        while let Some(item) = stream.next().await {
            assert!(outcome.error.is_none(), "something follows an error");
            match item {
                Ok(event) => outcome.events.push(event),
                Err(error) => outcome.error = Some(error),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), whole)
        .await
        .expect("a reply ends");
    let ends = |event: &ModelEvent| matches!(event, ModelEvent::Finished { .. });
    let at = outcome.events.iter().position(ends);
    assert!(at.is_none_or(|at| at + 1 == outcome.events.len()));
    assert_eq!(at.is_some(), outcome.error.is_none());
    outcome
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        ticks.tick().await;
    }
    panic!("{what} did not come about");
}

//! A client that says little and checks what every answer must have.

use std::time::Duration;

use lionrocket_claude_sim::{Bill, Simulator, SimulatorBuilder};
use lionrocket_claude_wire::stream::MessageEnd;
use lionrocket_claude_wire::{
    Delta, ErrorBody, MessageResponse, SseLimits, SseParser, StreamEvent, Usage,
};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

pub(crate) const SECOND: &str = "2026-10-21";
pub(crate) const FIRST: &str = "2023-06-01";
pub(crate) const HAIKU: &str = "claude-haiku-5-5";

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn message(&self) -> MessageResponse {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// The error, after checks that hold for all of them.
    #[track_caller]
    pub(crate) fn error(&self) -> ErrorBody {
        let body: ErrorBody = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body.kind, "error");
        assert_eq!(body.request_id.as_deref(), Some(self.header("request-id")));
        body
    }

    #[track_caller]
    pub(crate) fn assert_invalid(&self, words: &str) {
        assert_eq!(
            self.status, 400,
            "expected a refusal for '{words}': {}",
            self.text
        );
        let error = self.error().error;
        assert_eq!(error.kind.as_str(), "invalid_request_error");
        assert!(
            error.message.contains(words),
            "'{}' lacks '{words}'",
            error.message
        );
    }
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Clean,
    Cut,
}

/// What came of a stream.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) events: Vec<StreamEvent>,
    /// Names of the events, and whether their data could be read.
    pub(crate) names: Vec<(String, bool)>,
    pub(crate) ending: Ending,
}

impl Streamed {
    pub(crate) fn text(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            StreamEvent::ContentBlockDelta {
                delta: Delta::Text { text },
                ..
            } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn deltas(&self) -> usize {
        let is_text = |event: &&StreamEvent| {
            let text = Delta::Text {
                text: String::new(),
            };
            matches!(event, StreamEvent::ContentBlockDelta { delta, .. }
                if std::mem::discriminant(delta) == std::mem::discriminant(&text))
        };
        self.events.iter().filter(is_text).count()
    }

    pub(crate) fn finished(&self) -> bool {
        self.events.last() == Some(&StreamEvent::MessageStop)
    }

    pub(crate) fn start(&self) -> MessageResponse {
        match self.events.first() {
            Some(StreamEvent::MessageStart { message }) => message.clone(),
            other => panic!("a stream begins with message_start, not {other:?}"),
        }
    }

    pub(crate) fn end(&self) -> MessageEnd {
        let end = self.events.iter().find_map(|event| match event {
            StreamEvent::MessageDelta { delta, .. } => Some(delta.clone()),
            _ => None,
        });
        end.unwrap()
    }

    /// The usage as a client puts it together.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = self.start().usage;
        for event in &self.events {
            if let StreamEvent::MessageDelta {
                usage: Some(newer), ..
            } = event
            {
                usage.update(newer);
            }
        }
        usage
    }
}

pub(crate) struct Sim {
    pub(crate) simulator: Simulator,
    pub(crate) client: reqwest::Client,
}

/// A request body that any current model accepts.
pub(crate) fn body(text: &str) -> Value {
    json!({"model": HAIKU, "max_tokens": 400, "thinking": {"type": "disabled"},
           "messages": [{"role": "user", "content": text}]})
}

/// The same with other fields set; null takes a field out.
pub(crate) fn with(mut body: Value, changes: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    let Value::Object(changes) = changes else {
        panic!("changes are an object")
    };
    for (key, value) in changes {
        if value.is_null() {
            fields.remove(&key);
        } else {
            fields.insert(key, value);
        }
    }
    body
}

pub(crate) fn streamed(body: Value) -> Value {
    with(body, json!({"stream": true}))
}

impl Sim {
    pub(crate) async fn start() -> Self {
        Self::build(Simulator::builder().seed(7)).await
    }

    pub(crate) async fn build(builder: SimulatorBuilder) -> Self {
        Self {
            simulator: builder.start().await.unwrap(),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    /// A request with key and version.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .header("x-api-key", "key-one")
            .header("anthropic-version", SECOND)
            .json(body)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client
            .get(self.url(path))
            .header("x-api-key", "key-one")
            .header("anthropic-version", SECOND)
    }

    pub(crate) async fn ask(&self, body: &Value) -> Reply {
        send(self.post("/v1/messages", body)).await
    }

    pub(crate) async fn ask_under(&self, scenario: &str, body: &Value) -> Reply {
        let request = self.post("/v1/messages", body);
        send(request.header("x-sim-scenario", scenario)).await
    }

    pub(crate) async fn stream_under(&self, scenario: &str, body: Value) -> Streamed {
        let request = self.post("/v1/messages", &streamed(body));
        read_stream(request.header("x-sim-scenario", scenario)).await
    }

    pub(crate) async fn stream(&self, body: Value) -> Streamed {
        read_stream(self.post("/v1/messages", &streamed(body))).await
    }

    pub(crate) async fn count(&self, body: &Value) -> u64 {
        let reply = send(self.post("/v1/messages/count_tokens", body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["input_tokens"].as_u64().unwrap()
    }

    /// Waits until no charge is open any more.
    pub(crate) async fn settled_bill(&self) -> Bill {
        for _ in 0..1_000 {
            let bill = self.simulator.bill();
            if !bill.charges.iter().any(|charge| charge.open) {
                return bill;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("a charge stays open");
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let reply = Reply {
        status,
        headers,
        text: response.text().await.unwrap(),
    };
    assert!(reply.header("request-id").starts_with("req_"), "{reply:?}");
    reply
}

pub(crate) async fn read_stream(request: RequestBuilder) -> Streamed {
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let mut parser = SseParser::new(SseLimits::default());
    let mut result = Streamed {
        events: Vec::new(),
        names: Vec::new(),
        ending: Ending::Clean,
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => parser.push(&chunk),
            Ok(None) => break,
            Err(_) => {
                result.ending = Ending::Cut;
                break;
            }
        }
        while let Some(event) = parser.next_event().unwrap() {
            let decoded = StreamEvent::decode(&event);
            result.names.push((event.name, decoded.is_ok()));
            result.events.extend(decoded);
        }
    }
    result
}

//! Reading server-sent events one by one.

use std::{collections::VecDeque, pin::Pin};

use futures_util::{Stream, StreamExt as _};
use reqwest::RequestBuilder;
use serde_json::Value;

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

type Bytes = Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>;

/// A stream of events. Dropping it closes the connection.
pub(crate) struct Events {
    body: Bytes,
    buffer: Vec<u8>,
    ready: VecDeque<Event>,
}

impl Events {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = super::in_time("a stream", request.send()).await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type").cloned();
        assert_eq!(status, 200);
        let kind = kind.unwrap();
        assert!(
            kind.as_bytes().starts_with(b"text/event-stream"),
            "{kind:?}"
        );
        Self::read(response)
    }

    /// Reads an answer that is taken for a stream.
    pub(crate) fn read(response: reqwest::Response) -> Self {
        let body = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self {
            body: Box::pin(body),
            buffer: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next event; `None` when the stream has ended or was cut.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let chunk = super::in_time("an event", self.body.next()).await?;
            self.buffer.extend_from_slice(&chunk.ok()?);
            self.parse();
        }
    }

    /// All events to the end.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    fn parse(&mut self) {
        while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
            let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let frame = String::from_utf8(frame).unwrap();
            let field = |name: &str| {
                let lines = frame.lines().filter_map(|line| line.split_once(": "));
                lines
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value.to_owned())
                    .next()
            };
            if let Some(name) = field("event") {
                self.ready.push_back(Event {
                    id: field("id").unwrap_or_default(),
                    name,
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
            }
        }
    }
}

/// The text of the `delta` events.
impl Event {
    pub(crate) fn text_of(events: &[Self]) -> String {
        let deltas = events.iter().filter(|event| event.name == "delta");
        deltas
            .map(|event| event.data["text"].as_str().unwrap())
            .collect()
    }
}

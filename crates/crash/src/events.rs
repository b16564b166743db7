//! Reading server-sent events one by one.

use std::{collections::VecDeque, pin::Pin};

use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// What comes next of a stream.
pub(crate) enum Next {
    Event(Event),
    /// The stream was ended as the protocol has it.
    End,
    /// The connection broke.
    Broken,
    /// Something that no client could read.
    Unreadable(String),
}

type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>;

/// A stream of events. Dropping it closes the connection.
pub(crate) struct Events {
    body: Body,
    buffer: Vec<u8>,
    ready: VecDeque<Next>,
}

impl Events {
    pub(crate) fn of(response: reqwest::Response) -> Self {
        let body = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self {
            body: Box::pin(body),
            buffer: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return next;
            }
            match self.body.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(_)) => return Next::Broken,
                None => return Next::End,
            }
            while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                self.ready.extend(parse(&frame));
            }
        }
    }
}

/// Reads one frame; `None` for a mere sign of life.
fn parse(frame: &[u8]) -> Option<Next> {
    let text = String::from_utf8_lossy(frame);
    let field = |name: &str| {
        let mut fields = text.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let name = field("event")?;
    let Ok(data) = serde_json::from_str(field("data").unwrap_or_default()) else {
        return Some(Next::Unreadable(text.into_owned()));
    };
    Some(Next::Event(Event {
        id: field("id").unwrap_or_default().to_owned(),
        name: name.to_owned(),
        data,
    }))
}

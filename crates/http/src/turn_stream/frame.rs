//! Frames of server-sent events.

use bytes::Bytes;
use serde::Serialize;

use super::Position;

/// A sign of life.
pub(super) const PING: Bytes = Bytes::from_static(b": ping\n\n");

/// An event with an id. JSON has no line breaks outside of strings, and those are escaped.
pub(super) fn frame(id: Position, name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("id: {id}\nevent: {name}\ndata: {data}\n\n"))
}

/// An event that nobody resumes from.
pub(super) fn frame_without_id(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

//! Types of the Claude Messages API and an incremental parser of its event streams.
//!
//! The crate does no I/O: bring your own HTTP client. It covers what a client that talks text needs, and what a
//! compatible server has to answer:
//!
//! | Module | Contents |
//! |---|---|
//! | [`request`] | bodies of `POST /v1/messages` and `POST /v1/messages/count_tokens` |
//! | [`response`] | a finished message, its usage, why it ended |
//! | [`stream`] | the events of a streamed message |
//! | [`error`] | error bodies |
//! | [`models`] | the catalogue behind `GET /v1/models` |
//! | [`sse`] | bytes in, server-sent events out, with limits |
//! | [`header`] | names of headers, known API versions |
//!
//! # Tolerance
//!
//! Reading never fails because the service learned something new. Unknown fields are dropped, unknown events,
//! blocks and deltas become an `Unknown` variant, unknown enum values keep their text, and a field that is missing,
//! null or of another type than expected is `None`. What still fails is JSON that is broken, or that lacks the very
//! field that makes the object what it is (a delta without `delta`).
//!
//! # Reading a stream
//!
//! ```
//! use lionrocket_claude_wire::sse::SseParser;
//! use lionrocket_claude_wire::stream::{Delta, StreamEvent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = concat!(
//!     "event: content_block_delta\n",
//!     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"환영해!\"}}\n\n",
//!     "event: message_stop\n",
//!     "data: {\"type\":\"message_stop\"}\n\n",
//! );
//! let mut parser = SseParser::default();
//! let mut text = String::new();
//! let mut finished = false;
//! for piece in network.as_bytes().chunks(7) {
//!     parser.push(piece);
//!     while let Some(event) = parser.next_event()? {
//!         match StreamEvent::decode(&event)? {
//!             StreamEvent::ContentBlockDelta { delta: Delta::Text { text: more }, .. } => text.push_str(&more),
//!             StreamEvent::MessageStop => finished = true,
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(text, "환영해!");
//! assert!(finished, "an end without message_stop is an interrupted reply");
//! # Ok(())
//! # }
//! ```
//!
//! # Writing a request
//!
//! ```
//! use lionrocket_claude_wire::request::{CacheControl, InputMessage, MessagesRequest, TextBlock, Thinking};
//!
//! let mut request = MessagesRequest::new("claude-haiku-5-5", 1024, vec![InputMessage::user("안녕?")]);
//! request.system = vec![TextBlock::new("You keep a lighthouse.").cached(CacheControl::one_hour())];
//! request.thinking = Some(Thinking::Disabled);
//! request.stream = true;
//! assert_eq!(
//!     serde_json::to_string(&request).unwrap(),
//!     concat!(
//!         r#"{"model":"claude-haiku-5-5","max_tokens":1024,"#,
//!         r#""system":[{"type":"text","text":"You keep a lighthouse.","cache_control":{"type":"ephemeral","ttl":"1h"}}],"#,
//!         r#""messages":[{"role":"user","content":"안녕?"}],"thinking":{"type":"disabled"},"stream":true}"#,
//!     ),
//! );
//! ```

pub mod error;
pub mod header;
pub mod models;
mod open_enum;
pub mod request;
pub mod response;
pub mod sse;
pub mod stream;
mod tolerant;

pub use error::{ApiError, ErrorBody, ErrorType};
pub use models::{ModelInfo, ModelPage};
pub use request::{
    CacheControl, CountTokensRequest, InputMessage, MessagesRequest, TextBlock, Thinking,
};
pub use response::{
    ContentBlock, MessageResponse, Role, StopDetails, StopReason, TokenCount, Usage,
};
pub use sse::{SseError, SseEvent, SseLimits, SseParser};
pub use stream::{Delta, StreamEvent};

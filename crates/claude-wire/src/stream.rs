//! Events of a streamed message.

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::response::{ContentBlock, MessageResponse, StopDetails, StopReason, Usage};
use crate::sse::SseEvent;
use crate::tolerant;

/// One event of a streamed message.
///
/// The order is `message_start`, then for each block its start, deltas and stop, then `message_delta` (at least
/// one), then `message_stop`. `ping` may come anywhere; `error` may replace the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamEvent {
    /// The message begins: ids, input counts, no content.
    MessageStart {
        /// The message so far.
        message: MessageResponse,
    },
    /// A block begins.
    ContentBlockStart {
        /// Number of the block, from zero.
        #[serde(default)]
        index: u64,
        /// The block so far.
        content_block: ContentBlock,
    },
    /// A block goes on.
    ContentBlockDelta {
        /// Number of the block.
        #[serde(default)]
        index: u64,
        /// What is added.
        delta: Delta,
    },
    /// A block is complete.
    ContentBlockStop {
        /// Number of the block.
        #[serde(default)]
        index: u64,
    },
    /// The message ends: why, and what it cost.
    MessageDelta {
        /// Why it ended.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        delta: MessageEnd,
        /// Cumulative counts that overwrite earlier ones; `None` is unknown.
        #[serde(
            default,
            deserialize_with = "tolerant::optional",
            skip_serializing_if = "Option::is_none"
        )]
        usage: Option<Usage>,
    },
    /// Nothing follows. A stream that ends without it was cut.
    MessageStop,
    /// A sign of life.
    Ping,
    /// The service failed after the status line was sent.
    Error {
        /// What went wrong.
        error: ApiError,
        /// Id of the request, if it is repeated here.
        #[serde(
            default,
            deserialize_with = "tolerant::optional",
            skip_serializing_if = "Option::is_none"
        )]
        request_id: Option<String>,
    },
    /// An event this version does not know: to be ignored.
    #[serde(other)]
    Unknown,
}

impl StreamEvent {
    /// Decodes a server-sent event. Events of an unknown name are [`Unknown`](Self::Unknown) whatever their data.
    ///
    /// # Errors
    ///
    /// Fails if the data of a known event is not the JSON it should be: the stream can no longer be trusted.
    pub fn decode(event: &SseEvent) -> Result<Self, serde_json::Error> {
        match event.name.as_str() {
            // Nearly all events, and read directly: what is told apart by a field within must be kept in
            // pieces until that field is found.
            "content_block_delta" => {
                let BlockDelta { index, delta } = serde_json::from_str(&event.data)?;
                Ok(Self::ContentBlockDelta { index, delta })
            }
            // An event without a name is judged by the `type` in its data.
            ""
            | "message_start"
            | "content_block_start"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
            | "ping"
            | "error" => serde_json::from_str(&event.data),
            _ => Ok(Self::Unknown),
        }
    }

    /// Returns the name that goes into the `event:` line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Ping => "ping",
            Self::Error { .. } => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// The data of [`StreamEvent::ContentBlockDelta`].
#[derive(Deserialize)]
struct BlockDelta {
    #[serde(default)]
    index: u64,
    delta: Delta,
}

/// What is added to a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum Delta {
    /// More text: append.
    #[serde(rename = "text_delta")]
    Text {
        /// The piece.
        text: String,
    },
    /// More thinking: append.
    #[serde(rename = "thinking_delta")]
    Thinking {
        /// The piece.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        thinking: String,
    },
    /// The signature of a thinking block; its last delta.
    #[serde(rename = "signature_delta")]
    Signature {
        /// Opaque.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        signature: String,
    },
    /// More of a tool's arguments: append, parse at the block's stop.
    #[serde(rename = "input_json_delta")]
    InputJson {
        /// The piece, possibly empty.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        partial_json: String,
    },
    /// A kind of delta this version does not know: to be ignored.
    #[serde(other)]
    Unknown,
}

/// Why a streamed message ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageEnd {
    /// Why; none is to be treated as finished.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub stop_reason: Option<StopReason>,
    /// The stop sequence that matched.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub stop_sequence: Option<String>,
    /// More about a refusal.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub stop_details: Option<StopDetails>,
}

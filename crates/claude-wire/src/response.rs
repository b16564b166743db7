//! A message as the service answers it, and what it cost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::open_enum::open_enum;
use crate::tolerant;

open_enum! {
    /// Who speaks in a turn.
    pub enum Role {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// Instructions inside the conversation; some models only.
        System = "system",
    }
}

open_enum! {
    /// Why a message ended.
    pub enum StopReason {
        /// The model was done.
        EndTurn = "end_turn",
        /// The limit of the request was reached.
        MaxTokens = "max_tokens",
        /// A stop sequence of the request matched.
        StopSequence = "stop_sequence",
        /// A safety classifier stopped it; the text so far is to be discarded.
        Refusal = "refusal",
        /// Input and output together fill the model's window.
        ModelContextWindowExceeded = "model_context_window_exceeded",
        /// The model wants a tool called.
        ToolUse = "tool_use",
        /// A server tool paused a long turn.
        PauseTurn = "pause_turn",
    }
}

open_enum! {
    /// What a refusal was about.
    pub enum RefusalCategory {
        /// Attacks on computers.
        Cyber = "cyber",
        /// Biological harm.
        Bio = "bio",
        /// Building competing frontier models.
        FrontierLlm = "frontier_llm",
        /// Extracting hidden reasoning.
        ReasoningExtraction = "reasoning_extraction",
        /// Anything else.
        GeneralHarms = "general_harms",
    }
}

/// A message: the body of an unstreamed answer, and the start of a streamed one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageResponse {
    /// Opaque id.
    pub id: String,
    /// Always `message`.
    #[serde(rename = "type", default = "message_type")]
    pub kind: String,
    /// Always the assistant.
    #[serde(default = "assistant")]
    pub role: Role,
    /// Id of the model that answered.
    #[serde(default)]
    pub model: String,
    /// The blocks; may be empty, and the first one need not be text.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub content: Vec<ContentBlock>,
    /// Why it ended; none at the start of a stream.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub stop_reason: Option<StopReason>,
    /// The stop sequence that matched.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub stop_sequence: Option<String>,
    /// More about a refusal.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub stop_details: Option<StopDetails>,
    /// Tokens; what is missing is unknown.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub usage: Usage,
}

impl MessageResponse {
    /// Returns the text of all text blocks, in order.
    ///
    /// ```
    /// use lionrocket_claude_wire::MessageResponse;
    ///
    /// let message: MessageResponse = serde_json::from_str(
    ///     r#"{"id":"msg_1","content":[
    ///         {"type":"thinking","thinking":"","signature":"c2ln"},
    ///         {"type":"text","text":"Good "},{"type":"text","text":"evening."},
    ///         {"type":"hologram","beams":3}],
    ///       "stop_reason":"sunset","usage":{"input_tokens":38,"output_tokens":9}}"#,
    /// ).unwrap();
    /// assert_eq!(message.text(), "Good evening.");
    /// assert_eq!(message.stop_reason.unwrap().as_str(), "sunset");
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

fn message_type() -> String {
    "message".to_owned()
}

fn assistant() -> Role {
    Role::Assistant
}

/// A block of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentBlock {
    /// Text; the only block a text conversation shows.
    Text {
        /// The text, empty at the start of a stream.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        text: String,
    },
    /// Thinking before the answer.
    Thinking {
        /// Summary, or empty when omitted.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        thinking: String,
        /// Opaque proof that the block is unchanged.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        signature: String,
    },
    /// Thinking that may not be shown.
    RedactedThinking {
        /// Opaque.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        data: String,
    },
    /// A call of a tool.
    ToolUse {
        /// Id of the call.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        id: String,
        /// Name of the tool.
        #[serde(default, deserialize_with = "tolerant::or_default")]
        name: String,
        /// Arguments.
        #[serde(default)]
        input: Value,
    },
    /// A kind of block this version does not know.
    #[serde(other)]
    Unknown,
}

/// More about a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopDetails {
    /// `refusal`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What it was about, if it is said.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub category: Option<RefusalCategory>,
    /// Words for it, if there are any.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub explanation: Option<String>,
}

/// Tokens of a message. `None` means unknown, never zero.
///
/// Over a stream the counts are cumulative: begin with those of `message_start` and [`update`](Self::update) them
/// with those of every `message_delta`.
///
/// ```
/// use lionrocket_claude_wire::Usage;
///
/// let mut usage: Usage = serde_json::from_str(
///     r#"{"input_tokens":38,"cache_read_input_tokens":1450,"output_tokens":1}"#).unwrap();
/// let last: Usage = serde_json::from_str(r#"{"output_tokens":14,"input_tokens":null}"#).unwrap();
/// usage.update(&last);
/// assert_eq!(usage.output_tokens, Some(14));
/// assert_eq!(usage.total_input_tokens(), Some(1488));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input after the last cache breakpoint, at the full price.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub input_tokens: Option<u64>,
    /// Input written to the cache.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache_creation_input_tokens: Option<u64>,
    /// Input read from the cache.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache_read_input_tokens: Option<u64>,
    /// Cache writes by lifetime; the prices differ.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache_creation: Option<CacheCreation>,
    /// Output, thinking included.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub output_tokens: Option<u64>,
    /// What of the output was thinking.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub output_tokens_details: Option<OutputTokensDetails>,
    /// How the request was served.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_tier: Option<String>,
    /// Where the request was served.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub inference_geo: Option<String>,
}

impl Usage {
    /// Overwrites each count that `newer` has.
    pub fn update(&mut self, newer: &Self) {
        macro_rules! take {
            ($($field:ident)+) => { $( if newer.$field.is_some() { self.$field.clone_from(&newer.$field); } )+ };
        }
        take!(input_tokens cache_creation_input_tokens cache_read_input_tokens cache_creation);
        take!(output_tokens output_tokens_details service_tier inference_geo);
    }

    /// Returns all input tokens, cached ones included; none if not even the uncached count is known.
    #[must_use]
    pub fn total_input_tokens(&self) -> Option<u64> {
        let cached = [
            self.cache_creation_input_tokens,
            self.cache_read_input_tokens,
        ];
        let sum = |total: u64, part: Option<u64>| total.saturating_add(part.unwrap_or(0));
        Some(cached.into_iter().fold(self.input_tokens?, sum))
    }
}

/// Cache writes by lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CacheCreation {
    /// Written for five minutes.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub ephemeral_5m_input_tokens: u64,
    /// Written for one hour.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub ephemeral_1h_input_tokens: u64,
}

/// Parts of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputTokensDetails {
    /// Tokens of thinking.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub thinking_tokens: u64,
}

/// Answer of `POST /v1/messages/count_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCount {
    /// Estimated input tokens, whatever is cached.
    pub input_tokens: u64,
}

//! Bodies of `POST /v1/messages` and `POST /v1/messages/count_tokens`.
//!
//! Only what a text conversation sends. Sampling parameters are left out on purpose: API version 2026-10-21 and
//! every current model refuse them.

use serde::{Deserialize, Serialize};

use crate::response::Role;

/// Body of `POST /v1/messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesRequest {
    /// Model id.
    pub model: String,
    /// Most tokens to generate, thinking included.
    pub max_tokens: u32,
    /// Instructions before the conversation; each block may end a cached prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<TextBlock>,
    /// The conversation, oldest first. Begins and ends with a user turn.
    pub messages: Vec<InputMessage>,
    /// Automatic caching: marks the last cacheable block. Uses one of the four breakpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<CacheControl>,
    /// Thinking before the answer; what is allowed depends on the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// Effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_config: Option<OutputConfig>,
    /// Who asks, opaquely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Whether the answer comes as an event stream.
    #[serde(default)]
    pub stream: bool,
}

impl MessagesRequest {
    /// Makes a request with the required fields; not streamed, nothing cached.
    #[must_use]
    pub fn new(model: impl Into<String>, max_tokens: u32, messages: Vec<InputMessage>) -> Self {
        Self {
            model: model.into(),
            max_tokens,
            system: Vec::new(),
            messages,
            cache_control: None,
            thinking: None,
            output_config: None,
            metadata: None,
            stream: false,
        }
    }
}

/// Body of `POST /v1/messages/count_tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountTokensRequest {
    /// Model id; each model counts by its own tokenizer.
    pub model: String,
    /// Instructions before the conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<TextBlock>,
    /// The conversation, oldest first.
    pub messages: Vec<InputMessage>,
    /// Thinking, as it will be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
}

impl From<&MessagesRequest> for CountTokensRequest {
    fn from(request: &MessagesRequest) -> Self {
        Self {
            model: request.model.clone(),
            system: request.system.clone(),
            messages: request.messages.clone(),
            thinking: request.thinking,
        }
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputMessage {
    /// Who spoke.
    pub role: Role,
    /// What was said.
    pub content: MessageContent,
}

impl InputMessage {
    /// Makes a user turn of plain text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            content: MessageContent::Text(text.into()),
        }
    }

    /// Makes an assistant turn of plain text.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: MessageContent::Text(text.into()),
        }
    }
}

/// Content of a turn: a string equals one text block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MessageContent {
    /// One text.
    Text(String),
    /// Text blocks, which may carry cache breakpoints.
    Blocks(Vec<TextBlock>),
}

/// A block of text, in `system` or in a turn. Must not be empty or only white space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "text")]
pub struct TextBlock {
    /// The text.
    pub text: String,
    /// Ends a cached prefix here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<CacheControl>,
}

impl TextBlock {
    /// Makes a block without a breakpoint.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cache_control: None,
        }
    }

    /// Puts a cache breakpoint at the end of the block.
    #[must_use]
    pub fn cached(mut self, control: CacheControl) -> Self {
        self.cache_control = Some(control);
        self
    }
}

/// A cache breakpoint: everything up to it is written to, or read from, the prompt cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "ephemeral")]
pub struct CacheControl {
    /// Lifetime; none means five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<CacheTtl>,
}

impl CacheControl {
    /// Makes a breakpoint with the default lifetime of five minutes.
    #[must_use]
    pub const fn ephemeral() -> Self {
        Self { ttl: None }
    }

    /// Makes a breakpoint that lives for one hour; writing costs more.
    #[must_use]
    pub const fn one_hour() -> Self {
        Self {
            ttl: Some(CacheTtl::OneHour),
        }
    }
}

/// Lifetime of a cache entry, from the start of the request that wrote or last read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum CacheTtl {
    /// Five minutes.
    #[default]
    #[serde(rename = "5m")]
    FiveMinutes,
    /// One hour.
    #[serde(rename = "1h")]
    OneHour,
}

/// The `thinking` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thinking {
    /// The model decides how much to think.
    Adaptive {
        /// What of it is shown; none leaves the model's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display: Option<ThinkingDisplay>,
    },
    /// No thinking.
    Disabled,
    /// No thinking before the answer, only between tool calls.
    BetweenTools,
    /// A fixed budget; models up to 4.6 only.
    Enabled {
        /// Tokens to think with: at least 1024 and less than `max_tokens`.
        budget_tokens: u32,
        /// What of it is shown; none leaves the model's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display: Option<ThinkingDisplay>,
    },
}

/// What a thinking block shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingDisplay {
    /// A summary.
    Summarized,
    /// Nothing but a signature.
    Omitted,
}

/// The `output_config` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputConfig {
    /// How hard the model tries; none leaves the model's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
}

/// How hard the model tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Least.
    Low,
    /// Default of some small models.
    Medium,
    /// Default of most models.
    High,
    /// More than high.
    Xhigh,
    /// Most.
    Max,
}

/// The `metadata` setting.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// An opaque id of the end user, at most 512 characters; never a name or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

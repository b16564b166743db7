//! Language models.

use std::{pin::Pin, time::Duration};

use async_trait::async_trait;
use futures_core::Stream;
use lionrocket_domain::{
    prompt::Prompt,
    turn::{StopReason, TurnFailure},
    usage::TokenUsage,
};

use crate::error::Cause;

/// A request for one reply.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// Instructions and conversation.
    pub prompt: Prompt,
    /// The largest output in tokens, thinking included.
    pub max_output_tokens: u32,
    /// A name for the user that says nothing about them, for the operator's dealings with upstream.
    pub user_reference: String,
}

/// What happens while a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelEvent {
    /// Upstream is busy or failed; the next attempt comes after this time. Only before the first
    /// text. After a `Started`, that attempt is over, and another `Started` follows.
    Retrying(Duration),
    /// Upstream took the request: from here on it costs money.
    Started {
        /// The model that answers.
        model: String,
        /// The tokens so far; the input is known, the output hardly begun.
        tokens: TokenUsage,
        /// Upstream's name for the request, if it gave one.
        request_id: Option<String>,
    },
    /// The reply goes on with this text, never empty.
    Text(String),
    /// The reply is finished. Nothing follows.
    Finished {
        /// Why the model stopped.
        stop_reason: StopReason,
        /// The tokens, exact; none at all when the reply was refused before it cost anything.
        tokens: TokenUsage,
    },
}

/// Why a reply did not come to its end. What came before it counts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Upstream is overloaded.
    #[error("the model is overloaded")]
    Overloaded {
        /// When to try again, if upstream said so.
        retry_after: Option<Duration>,
    },
    /// Upstream limits the operator's requests, or the operator's spend.
    #[error("the model's service limits our requests")]
    RateLimited {
        /// When to try again; `None` when trying again is futile for long.
        retry_after: Option<Duration>,
    },
    /// Upstream did not connect, answer or go on in time.
    #[error("the model did not answer in time")]
    Timeout,
    /// Upstream does not take the operator's key, or bills are unpaid.
    #[error("the model's service does not accept our key or account")]
    Rejected(#[source] Cause),
    /// Upstream says that the request is wrong; another try would not help.
    #[error("the model's service does not accept the request")]
    Invalid(#[source] Cause),
    /// Upstream failed, or what it sent was not understood.
    #[error("the model's service failed")]
    Failed(#[source] Cause),
    /// The stream ended in the middle.
    #[error("the model's stream ended before the reply did")]
    Interrupted,
}

impl ModelError {
    /// The stable code that people and programs see.
    #[must_use]
    pub const fn failure(&self) -> TurnFailure {
        match self {
            Self::Overloaded { .. } => TurnFailure::UpstreamOverloaded,
            Self::RateLimited { .. } => TurnFailure::UpstreamRateLimited,
            Self::Timeout => TurnFailure::UpstreamTimeout,
            Self::Rejected(_) => TurnFailure::UpstreamRejected,
            Self::Invalid(_) => TurnFailure::UpstreamInvalid,
            Self::Failed(_) => TurnFailure::UpstreamFailed,
            Self::Interrupted => TurnFailure::ReplyInterrupted,
        }
    }
}

/// A reply as it comes. Ends after `Finished` or the first error. Dropping it ends the request to
/// upstream at once.
pub type ReplyStream = Pin<Box<dyn Stream<Item = Result<ModelEvent, ModelError>> + Send>>;

/// A language model.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// Begins a reply. Failures, the first among them, come in the stream. Attempts are repeated
    /// only before the first text.
    async fn stream(&self, request: ModelRequest) -> ReplyStream;

    /// Counts the input tokens of a request without answering it. May be a few off what the reply is
    /// billed. Not repeated when it fails.
    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError>;

    /// The id of the model that is asked for, such as `claude-haiku-5-5`.
    fn model_id(&self) -> String;
}

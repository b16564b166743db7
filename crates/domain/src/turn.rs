//! Turns: one exchange from the accepted message to the end of the reply.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    chat::Message,
    ids::{ChatId, MessageId, TurnId, UserId},
    usage::Charge,
};

/// Where a turn stands. `Queued → Streaming → Completed | Stopped | Failed | Interrupted`; a turn
/// that has ended never changes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Accepted; no word of the reply is saved yet.
    Queued,
    /// A part of the reply is saved.
    Streaming,
    /// The model said all it had to say.
    Completed,
    /// The person stopped it.
    Stopped,
    /// The model or the way to it failed.
    Failed,
    /// The server that worked on it, or the model's stream, ended in the middle.
    Interrupted,
}

impl TurnState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Streaming,
        Self::Completed,
        Self::Stopped,
        Self::Failed,
        Self::Interrupted,
    ];

    /// The name in storage and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Streaming => "streaming",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads the name; `None` when it is another one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the turn is over for good.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Streaming)
    }

    /// Whether a turn may go from this state to another one.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => !matches!(next, Self::Queued),
            Self::Streaming => next.is_terminal(),
            _ => false,
        }
    }
}

/// How a turn ends: the states that [`TurnState::is_terminal`] names, as a type of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// The model said all it had to say.
    Completed,
    /// The person stopped it.
    Stopped,
    /// The model or the way to it failed.
    Failed,
    /// The server that worked on it, or the model's stream, ended in the middle.
    Interrupted,
}

impl From<TurnEnd> for TurnState {
    fn from(end: TurnEnd) -> Self {
        match end {
            TurnEnd::Completed => Self::Completed,
            TurnEnd::Stopped => Self::Stopped,
            TurnEnd::Failed => Self::Failed,
            TurnEnd::Interrupted => Self::Interrupted,
        }
    }
}

/// What becomes of a reply whose process died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInterrupt {
    /// It goes on where it was cut.
    #[default]
    Continue,
    /// It is kept as it is.
    Keep,
}

impl OnInterrupt {
    /// How old an exchange may be that goes on: its person has not yet given up waiting.
    const OLDEST: SignedDuration = SignedDuration::from_mins(10);

    /// Whether a reply is to go on on which so many processes have worked. Once is enough: an
    /// exchange that brings the service down must not do so again and again.
    #[must_use]
    pub fn lets_go_on(self, attempts: u32, accepted_at: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(accepted_at);
        self == Self::Continue && attempts <= 1 && age <= Self::OLDEST
    }
}

/// Why a model stopped writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum StopReason {
    /// It had finished.
    EndTurn,
    /// It reached the largest output.
    MaxTokens,
    /// It came to an agreed text.
    StopSequence,
    /// A safety rule stopped it.
    Refusal,
    /// Input and output filled the model's window.
    ContextWindowExceeded,
    /// A reason that is not known here.
    Other(String),
}

impl StopReason {
    /// The name in storage, in the API and upstream.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::Refusal => "refusal",
            Self::ContextWindowExceeded => "model_context_window_exceeded",
            Self::Other(name) => name,
        }
    }
}

impl StopReason {
    /// Whether there was more to say.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        matches!(self, Self::MaxTokens | Self::ContextWindowExceeded)
    }
}

impl From<StopReason> for String {
    fn from(reason: StopReason) -> Self {
        reason.as_str().to_owned()
    }
}

impl From<String> for StopReason {
    fn from(name: String) -> Self {
        [
            Self::EndTurn,
            Self::MaxTokens,
            Self::StopSequence,
            Self::Refusal,
            Self::ContextWindowExceeded,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
        .unwrap_or(Self::Other(name))
    }
}

/// Why a turn did not end well: stable codes of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnFailure {
    /// The model is overloaded.
    UpstreamOverloaded,
    /// Too many requests to the model.
    UpstreamRateLimited,
    /// The model did not answer in time.
    UpstreamTimeout,
    /// The model's service refuses the operator's key or account.
    UpstreamRejected,
    /// The model's service says that the request is wrong.
    UpstreamInvalid,
    /// The model's service failed, or what it sent was not understood.
    UpstreamFailed,
    /// The model refused to answer.
    Refused,
    /// The reply was cut by the end of the server or of the model's stream.
    ReplyInterrupted,
    /// A fault of our own.
    Internal,
}

impl TurnFailure {
    /// Every failure.
    pub const ALL: [Self; 9] = [
        Self::UpstreamOverloaded,
        Self::UpstreamRateLimited,
        Self::UpstreamTimeout,
        Self::UpstreamRejected,
        Self::UpstreamInvalid,
        Self::UpstreamFailed,
        Self::Refused,
        Self::ReplyInterrupted,
        Self::Internal,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UpstreamOverloaded => "upstream_overloaded",
            Self::UpstreamRateLimited => "upstream_rate_limited",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamRejected => "upstream_rejected",
            Self::UpstreamInvalid => "upstream_invalid",
            Self::UpstreamFailed => "upstream_failed",
            Self::Refused => "reply_refused",
            Self::ReplyInterrupted => "reply_interrupted",
            Self::Internal => "internal",
        }
    }

    /// Reads a code; `None` when it is another one.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.code() == code)
    }
}

/// One exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The turn's id.
    pub id: TurnId,
    /// Whose it is.
    pub user_id: UserId,
    /// The chat.
    pub chat_id: ChatId,
    /// The person's message.
    pub user_message_id: MessageId,
    /// The reply.
    pub assistant_message_id: MessageId,
    /// Where it stands.
    pub state: TurnState,
    /// Why it did not end well.
    pub failure: Option<TurnFailure>,
    /// How many processes have worked on it.
    pub attempts: u32,
    /// How many bytes of the reply the processes before the last one have left. What they had shown
    /// beyond that is lost.
    pub resumed_from: usize,
    /// When the message was accepted.
    pub accepted_at: Timestamp,
    /// When the first word of the reply came.
    pub first_text_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A turn with both messages and, once it is over and was charged, its row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRecord {
    /// The turn.
    pub turn: Turn,
    /// The person's message.
    pub user_message: Message,
    /// The reply as far as it is saved.
    pub assistant_message: Message,
    /// What it cost; `None` while it runs and when nothing was charged.
    pub charge: Option<Charge>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_has_ended_never_changes_again() {
        for state in TurnState::ALL
            .into_iter()
            .filter(|state| state.is_terminal())
        {
            for next in TurnState::ALL {
                assert!(!state.may_become(next), "{state:?} -> {next:?}");
            }
        }
    }

    #[test]
    fn a_running_turn_only_goes_forward() {
        assert!(TurnState::Queued.may_become(TurnState::Streaming));
        assert!(TurnState::Queued.may_become(TurnState::Failed));
        assert!(TurnState::Streaming.may_become(TurnState::Completed));
        assert!(!TurnState::Streaming.may_become(TurnState::Queued));
        assert!(!TurnState::Streaming.may_become(TurnState::Streaming));
    }

    #[test]
    fn an_interrupted_reply_goes_on_once_and_while_somebody_may_wait() {
        let accepted_at = Timestamp::UNIX_EPOCH;
        let after = |seconds| accepted_at + SignedDuration::from_secs(seconds);
        let goes_on = |attempts, now| OnInterrupt::Continue.lets_go_on(attempts, accepted_at, now);
        assert!(goes_on(1, after(600)));
        assert!(!goes_on(1, after(601)));
        assert!(!goes_on(2, after(1)));
        assert!(!OnInterrupt::Keep.lets_go_on(1, accepted_at, after(1)));
        // A clock that was set back does not make it old.
        assert!(goes_on(1, after(-3600)));
    }

    #[test]
    fn names_are_read_back() {
        for state in TurnState::ALL {
            assert_eq!(TurnState::parse(state.as_str()), Some(state));
        }
        for failure in TurnFailure::ALL {
            assert_eq!(TurnFailure::parse(failure.code()), Some(failure));
        }
        assert_eq!(StopReason::from("refusal".to_owned()), StopReason::Refusal);
        assert_eq!(StopReason::from("novel".to_owned()).as_str(), "novel");
    }
}

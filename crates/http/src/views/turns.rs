//! Turns and their events.

use jiff::Timestamp;
use lionrocket_domain::{
    ids::TurnId,
    turn::{self, TurnFailure, TurnRecord},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{messages::MessageView, usage::UsageView};

/// Where a turn stands.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TurnState {
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

impl From<turn::TurnState> for TurnState {
    fn from(state: turn::TurnState) -> Self {
        match state {
            turn::TurnState::Queued => Self::Queued,
            turn::TurnState::Streaming => Self::Streaming,
            turn::TurnState::Completed => Self::Completed,
            turn::TurnState::Stopped => Self::Stopped,
            turn::TurnState::Failed => Self::Failed,
            turn::TurnState::Interrupted => Self::Interrupted,
        }
    }
}

/// A turn: one message and the reply to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TurnView {
    /// The turn's id.
    #[schema(value_type = String, format = "uuid")]
    id: TurnId,
    /// The chat.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    chat_id: i64,
    /// Where it stands.
    state: TurnState,
    /// The person's message.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    user_message_id: i64,
    /// The reply.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    assistant_message_id: i64,
    /// Why it did not end well: a code of docs/ERRORS.md.
    #[schema(required, examples("upstream_timeout"))]
    error_code: Option<&'static str>,
    /// The model that answers, once it is known.
    #[schema(required, examples("claude-haiku-5-5"))]
    model: Option<String>,
    /// When the message was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When the first word of the reply came.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    first_text_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl From<&TurnRecord> for TurnView {
    fn from(record: &TurnRecord) -> Self {
        let turn = &record.turn;
        Self {
            id: turn.id,
            chat_id: turn.chat_id.get(),
            state: turn.state.into(),
            user_message_id: turn.user_message_id.get(),
            assistant_message_id: turn.assistant_message_id.get(),
            error_code: turn.failure.map(TurnFailure::code),
            model: record.assistant_message.model.clone(),
            accepted_at: turn.accepted_at,
            first_text_at: turn.first_text_at,
            ended_at: turn.ended_at,
        }
    }
}

/// A message with the whole reply to it and what it cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExchangeView {
    /// The person's message.
    pub(crate) user_message: MessageView,
    /// The reply.
    pub(crate) assistant_message: MessageView,
    /// What it cost.
    pub(crate) usage: UsageView,
}

/// The data of the event `turn`: the message is stored and the reply on the way.
#[derive(Serialize, ToSchema)]
pub(crate) struct TurnEventData {
    /// The turn's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) turn_id: TurnId,
    /// Where it stands.
    pub(crate) state: TurnState,
    /// The person's message.
    pub(crate) user_message: MessageView,
    /// The reply without its text, all of which comes in `delta` events.
    pub(crate) assistant_message: MessageView,
}

/// The data of the event `delta`: the reply goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeltaEventData {
    /// What is to be added to the text.
    #[schema(examples("오늘은 "))]
    pub(crate) text: String,
}

/// The data of the event `busy`: the model is busy and will be asked again.
#[derive(Serialize, ToSchema)]
pub(crate) struct BusyEventData {
    /// When, in milliseconds.
    #[schema(examples(1500))]
    pub(crate) retry_in_ms: u64,
}

/// The data of the events `done` and `stopped`: the reply is over.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndEventData {
    /// The reply as it is stored.
    pub(crate) assistant_message: MessageView,
    /// What it cost.
    pub(crate) usage: UsageView,
}

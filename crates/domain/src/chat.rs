//! Chats and their messages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CharacterId, ChatId, MessageId, TurnId, UserId},
    text::{ChatTitle, Description, Greeting},
    turn::{StopReason, TurnState},
    usage::TokenUsage,
};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The character.
    Assistant,
}

impl Role {
    /// The name in storage and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Reads the name; `None` when it is another one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "user" => Some(Self::User),
            "assistant" => Some(Self::Assistant),
            _ => None,
        }
    }
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Said to the end.
    Complete,
    /// Being written.
    Streaming,
    /// Cut short because the person asked for it.
    Stopped,
    /// Cut short, perhaps before the first word, because the model failed.
    Failed,
    /// Cut short because the server or the connection to the model ended.
    Interrupted,
}

impl MessageStatus {
    /// The name in storage and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Streaming => "streaming",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads the name; `None` when it is another one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Complete,
            Self::Streaming,
            Self::Stopped,
            Self::Failed,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
    }
}

impl From<TurnState> for MessageStatus {
    /// The status of a turn's reply.
    fn from(state: TurnState) -> Self {
        match state {
            TurnState::Queued | TurnState::Streaming => Self::Streaming,
            TurnState::Completed => Self::Complete,
            TurnState::Stopped => Self::Stopped,
            TurnState::Failed => Self::Failed,
            TurnState::Interrupted => Self::Interrupted,
        }
    }
}

/// One message in the tree of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// The chat.
    pub chat_id: ChatId,
    /// The message before it; `None` for a first one.
    pub parent_id: Option<MessageId>,
    /// How many messages come before it on its branch.
    pub depth: i64,
    /// Who speaks.
    pub role: Role,
    /// The words. An unfinished reply has what was saved of it.
    pub content: String,
    /// How far it came.
    pub status: MessageStatus,
    /// The exchange it belongs to; `None` for a greeting.
    pub turn_id: Option<TurnId>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Why the model stopped.
    pub stop_reason: Option<StopReason>,
    /// What this message itself cost: a reply's output, a user message's uncached input.
    pub token_count: u64,
    /// The tokens of the exchange, on replies.
    pub tokens: TokenUsage,
    /// When it was written down first.
    pub created_at: Timestamp,
}

/// A message of a branch as far as it matters to what a model is sent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastMessage {
    /// The message's id.
    pub id: MessageId,
    /// The message before it; `None` for a first one.
    pub parent_id: Option<MessageId>,
    /// How many messages come before it on its branch.
    pub depth: i64,
    /// Who speaks.
    pub role: Role,
    /// The words.
    pub content: String,
    /// How far it came.
    pub status: MessageStatus,
    /// Why the model stopped.
    pub stop_reason: Option<StopReason>,
}

/// A message with the ids of all answers to the same parent, itself among them, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchMessage {
    /// The message.
    pub message: Message,
    /// Its siblings' ids and its own.
    pub sibling_ids: Vec<MessageId>,
}

/// The character of a chat, as the chat's owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatCharacter {
    /// The character's id; `None` once it is erased.
    pub id: Option<CharacterId>,
    /// Its name, kept by the chat even when the character is gone.
    pub name: String,
    /// What it is.
    pub description: Description,
    /// The first thing it says.
    pub greeting: Greeting,
    /// Whether the chat can go on: not once the character was deleted or withdrawn.
    pub is_available: bool,
}

/// A chat as its owner's list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The chat's id.
    pub id: ChatId,
    /// Whose it is.
    pub user_id: UserId,
    /// With whom.
    pub character: ChatCharacter,
    /// The owner's title.
    pub title: Option<ChatTitle>,
    /// The last message of the branch that is shown.
    pub head_message_id: Option<MessageId>,
    /// The beginning of that message, at most [`Chat::PREVIEW_CHARS`] characters.
    pub preview: Option<String>,
    /// The exchange that is under way.
    pub running_turn_id: Option<TurnId>,
    /// Whether the owner keeps it at hand.
    pub pinned: bool,
    /// Counts the owner's changes, from 1.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When something was said last.
    pub last_message_at: Timestamp,
}

impl Chat {
    /// The length of a preview.
    pub const PREVIEW_CHARS: usize = 80;
}

//! Chats.

use jiff::Timestamp;
use lionrocket_domain::{
    chat::{Chat, ChatCharacter},
    ids::{CharacterId, MessageId, TurnId},
    text::ChatTitle,
};
use lionrocket_ports::chats::ChatChange;
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;
use crate::{
    ServiceInfo,
    request::{Fields, RequestBody, boolean, numeric_id, text},
};

/// The character of a chat, as the chat's owner may see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatCharacterView {
    /// The character's id; `null` once it is erased.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: Option<i64>,
    /// Its name, kept by the chat even when the character is gone.
    #[schema(examples("하루"))]
    name: String,
    /// What it is; may be empty.
    description: String,
    /// The first thing it says; may be empty.
    greeting: String,
    /// Whether it can answer.
    is_available: bool,
}

impl From<ChatCharacter> for ChatCharacterView {
    fn from(character: ChatCharacter) -> Self {
        Self {
            id: character.id.map(CharacterId::get),
            name: character.name,
            description: character.description.into_string(),
            greeting: character.greeting.into_string(),
            is_available: character.is_available,
        }
    }
}

/// A chat.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatView {
    /// The chat's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) id: i64,
    /// The owner's title.
    #[schema(required)]
    title: Option<String>,
    /// With whom.
    character: ChatCharacterView,
    /// Whether the chat cannot go on, because its character is gone.
    is_read_only: bool,
    /// The last message of the branch that is shown.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    head_message_id: Option<i64>,
    /// The turn that is under way.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    running_turn_id: Option<TurnId>,
    /// The beginning of the last message.
    #[schema(required)]
    preview: Option<String>,
    /// Whether the owner keeps it at hand.
    pinned: bool,
    /// Counts the owner's changes, from 1.
    #[schema(minimum = 1)]
    pub(crate) version: i64,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When something was said last.
    #[schema(value_type = String, format = DateTime)]
    last_message_at: Timestamp,
}

impl From<Chat> for ChatView {
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id.get(),
            title: chat.title.map(ChatTitle::into_string),
            is_read_only: !chat.character.is_available,
            character: chat.character.into(),
            head_message_id: chat.head_message_id.map(MessageId::get),
            running_turn_id: chat.running_turn_id,
            preview: chat.preview,
            pinned: chat.pinned,
            version: chat.version,
            created_at: chat.created_at,
            last_message_at: chat.last_message_at,
        }
    }
}

list_view!(
    /// A page of chats, newest activity first.
    ChatList, ChatView
);

/// A chat to be opened.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChatBody {
    /// With whom.
    #[schema(value_type = i64, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) character_id: CharacterId,
    /// A title; one line.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 120, examples("Evening at the lighthouse"))]
    pub(crate) title: Option<ChatTitle>,
}

impl RequestBody for CreateChatBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let character_id = fields.required("character_id", numeric_id(CharacterId::parse));
        let title = fields.nullable("title", text(ChatTitle::parse));
        Some(Self {
            character_id: character_id?,
            title: title?.flatten(),
        })
    }
}

/// The branch that a chat is to show.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChooseBranchBody {
    /// A message of the branch.
    #[schema(value_type = i64, minimum = 1, maximum = 9_007_199_254_740_991_i64, examples(12))]
    pub(crate) message_id: MessageId,
}

impl RequestBody for ChooseBranchBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let message_id = fields.required("message_id", numeric_id(MessageId::parse));
        Some(Self {
            message_id: message_id?,
        })
    }
}

/// Changes to a chat; what is left out stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateChatBody {
    /// Another title, or `null` for none.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 120, examples("Evening at the lighthouse"))]
    #[expect(
        clippy::option_option,
        reason = "left out, null and a text are three things"
    )]
    title: Option<Option<ChatTitle>>,
    /// Whether it is kept at hand.
    #[schema(nullable = false)]
    pinned: Option<bool>,
}

impl RequestBody for UpdateChatBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let title = fields.nullable("title", text(ChatTitle::parse));
        let pinned = fields.optional("pinned", boolean);
        Some(Self {
            title: title?,
            pinned: pinned?,
        })
    }
}

impl From<UpdateChatBody> for ChatChange {
    fn from(body: UpdateChatBody) -> Self {
        Self {
            title: body.title,
            pinned: body.pinned,
        }
    }
}

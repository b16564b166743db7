//! All that is kept of a person, in one document.

use jiff::Timestamp;
use lionrocket_domain::{
    chat::{Chat, Message},
    ids::{CharacterId, MessageId, TurnId},
    text::ChatTitle,
    turn::StopReason,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    accounts::UserView,
    admin::AdminReadView,
    characters::CharacterView,
    messages::{MessageStatus, Role},
    sessions::SessionView,
    usage::UsageDayView,
};

/// Everything that the service keeps of the person who asks.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it is written piece by piece and never there as a whole"
)]
pub(crate) struct ExportView {
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    /// The account.
    account: UserView,
    /// Where the person is signed in, newest first.
    sessions: Vec<SessionView>,
    /// The characters that the person made, newest first, with what they are told to be.
    characters: Vec<CharacterView>,
    /// All chats, oldest first.
    chats: Vec<ExportedChatView>,
    /// Usage by day, oldest first.
    usage: Vec<UsageDayView>,
    /// When administrators looked at the person's data, newest first; left out where the service does
    /// not show that.
    #[schema(nullable = false)]
    admin_views: Option<Vec<AdminReadView>>,
}

/// What such a document begins with.
#[derive(Serialize)]
pub(crate) struct ExportHeadView {
    pub(crate) exported_at: Timestamp,
    pub(crate) account: UserView,
    pub(crate) sessions: Vec<SessionView>,
    /// Nothing yet.
    pub(crate) characters: [(); 0],
}

/// A chat with all that was said in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedChatView {
    /// The chat's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// The person's title.
    #[schema(required)]
    title: Option<String>,
    /// The character's id; `null` once it is erased.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    character_id: Option<i64>,
    /// The character's name.
    #[schema(examples("하루"))]
    character_name: String,
    /// Whether the person keeps it at hand.
    pinned: bool,
    /// The last message of the branch that is shown.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    head_message_id: Option<i64>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When something was said last.
    #[schema(value_type = String, format = DateTime)]
    last_message_at: Timestamp,
    /// All messages of all branches, oldest first: `parent_id` tells which follows which. This is the
    /// last field, since the messages are written after the rest.
    messages: Vec<ExportedMessageView>,
}

impl From<Chat> for ExportedChatView {
    /// The chat without its messages.
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id.get(),
            title: chat.title.map(ChatTitle::into_string),
            character_id: chat.character.id.map(CharacterId::get),
            character_name: chat.character.name,
            pinned: chat.pinned,
            head_message_id: chat.head_message_id.map(MessageId::get),
            created_at: chat.created_at,
            last_message_at: chat.last_message_at,
            messages: Vec::new(),
        }
    }
}

/// A message.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedMessageView {
    /// The message's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: i64,
    /// The message before it; `null` for a first one.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    parent_id: Option<i64>,
    /// Who speaks.
    role: Role,
    /// The words. An unfinished reply has what was saved of it.
    content: String,
    /// How far it came.
    status: MessageStatus,
    /// The model that wrote it.
    #[schema(required, examples("claude-haiku-5-5"))]
    model: Option<String>,
    /// Why the model stopped.
    #[schema(required, value_type = Option<String>, examples("end_turn"))]
    stop_reason: Option<StopReason>,
    /// What this message itself cost: a reply's output, a user message's uncached input.
    token_count: u64,
    /// Uncached input of the exchange; on replies.
    input_tokens: u64,
    /// Output of the exchange; on replies.
    output_tokens: u64,
    /// Input read from the prompt cache; on replies.
    cache_read_tokens: u64,
    /// Input written to the prompt cache; on replies.
    cache_write_tokens: u64,
    /// The turn that it belongs to; `null` for a greeting.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    turn_id: Option<TurnId>,
    /// When it was written down first.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Message> for ExportedMessageView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.get(),
            parent_id: message.parent_id.map(MessageId::get),
            role: message.role.into(),
            content: message.content,
            status: message.status.into(),
            model: message.model,
            stop_reason: message.stop_reason,
            token_count: message.token_count,
            input_tokens: message.tokens.input,
            output_tokens: message.tokens.output,
            cache_read_tokens: message.tokens.cache_read,
            cache_write_tokens: message.tokens.cache_write(),
            turn_id: message.turn_id,
            created_at: message.created_at,
        }
    }
}

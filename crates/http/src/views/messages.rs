//! Messages.

use jiff::Timestamp;
use lionrocket_domain::{
    chat::{self, BranchMessage, Message},
    ids::{MessageId, TurnId},
    text::MessageText,
    turn::{StopReason, TurnRecord},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;
use crate::{
    ServiceInfo,
    problem::Wrong,
    request::{Fields, Json, RequestBody, numeric_id, text},
};

/// Who speaks.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// The person.
    User,
    /// The character.
    Assistant,
}

impl From<chat::Role> for Role {
    fn from(role: chat::Role) -> Self {
        match role {
            chat::Role::User => Self::User,
            chat::Role::Assistant => Self::Assistant,
        }
    }
}

/// How far a message came.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageStatus {
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

impl From<chat::MessageStatus> for MessageStatus {
    fn from(status: chat::MessageStatus) -> Self {
        match status {
            chat::MessageStatus::Complete => Self::Complete,
            chat::MessageStatus::Streaming => Self::Streaming,
            chat::MessageStatus::Stopped => Self::Stopped,
            chat::MessageStatus::Failed => Self::Failed,
            chat::MessageStatus::Interrupted => Self::Interrupted,
        }
    }
}

/// A message, as far as it does not depend on others.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageRecordView {
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
    /// Why the model stopped: `end_turn`, `max_tokens`, `refusal` and others.
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

impl From<Message> for MessageRecordView {
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

/// A message of a chat.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageView {
    #[serde(flatten)]
    record: MessageRecordView,
    /// The chat.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    chat_id: i64,
    /// The ids of all messages that follow the same one, this one among them, oldest first.
    #[schema(value_type = Vec<i64>)]
    sibling_ids: Vec<MessageId>,
}

impl From<BranchMessage> for MessageView {
    fn from(branch: BranchMessage) -> Self {
        Self {
            chat_id: branch.message.chat_id.get(),
            sibling_ids: branch.sibling_ids,
            record: branch.message.into(),
        }
    }
}

impl MessageView {
    /// Shows a message with the ids of its siblings, its own among them.
    pub(crate) fn new(message: Message, sibling_ids: Vec<MessageId>) -> Self {
        BranchMessage {
            message,
            sibling_ids,
        }
        .into()
    }
}

/// The ids of the messages beside both messages of a turn, their own among them.
pub(crate) struct ExchangeSiblings {
    pub(crate) of_user_message: Vec<MessageId>,
    pub(crate) of_reply: Vec<MessageId>,
}

impl ExchangeSiblings {
    /// Both messages stand alone.
    pub(crate) fn none(record: &TurnRecord) -> Self {
        Self {
            of_user_message: vec![record.user_message.id],
            of_reply: vec![record.assistant_message.id],
        }
    }
}

list_view!(
    /// A page of messages, oldest first.
    MessageList, MessageView
);

/// What a person says.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessageBody {
    /// The words: 1 to 200 characters (code points after NFC), unless the operator set another
    /// limit, which `/api/config` tells.
    #[schema(value_type = String, min_length = 1, max_length = 200, examples("오늘 바다는 어때요?"))]
    pub(crate) content: MessageText,
    /// The reply after which it comes; the end of the branch that is shown when it is left out.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) parent_id: Option<MessageId>,
}

/// Other words for a message.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditMessageBody {
    /// The words, as in a new message.
    #[schema(value_type = String, min_length = 1, max_length = 200, examples("오늘 바다는 어때요?"))]
    pub(crate) content: MessageText,
}

impl RequestBody for EditMessageBody {
    const MAX_BYTES: usize = SendMessageBody::MAX_BYTES;

    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let content = fields.required("content", message_text(info));
        Some(Self { content: content? })
    }
}

/// Reads the words of a message.
fn message_text(info: &ServiceInfo) -> impl FnOnce(Json) -> Result<MessageText, Wrong> {
    text(|raw| MessageText::parse(raw, info.message_max_chars))
}

impl RequestBody for SendMessageBody {
    const MAX_BYTES: usize = 4 * 1024;

    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let content = fields.required("content", message_text(info));
        let parent_id = fields.nullable("parent_id", numeric_id(MessageId::parse));
        Some(Self {
            content: content?,
            parent_id: parent_id?.flatten(),
        })
    }
}

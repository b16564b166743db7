//! All that is kept of a person, in one document.

use jiff::Timestamp;
use lionrocket_domain::{
    chat::Chat,
    ids::{CharacterId, MessageId},
    summary::Summary,
    text::ChatTitle,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    accounts::UserView, admin::AdminReadView, characters::CharacterView,
    messages::MessageRecordView, sessions::SessionView, summaries::ExportedSummaryView,
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
    /// What was summed up of what is not sent to the model any more, of all branches; those first that
    /// tell of least.
    summaries: Vec<ExportedSummaryView>,
    /// All messages of all branches, oldest first: `parent_id` tells which follows which. This is the
    /// last field, since the messages are written after the rest.
    messages: Vec<MessageRecordView>,
}

impl ExportedChatView {
    /// The chat without its messages.
    pub(crate) fn new(chat: Chat, summaries: Vec<Summary>) -> Self {
        Self {
            id: chat.id.get(),
            title: chat.title.map(ChatTitle::into_string),
            character_id: chat.character.id.map(CharacterId::get),
            character_name: chat.character.name,
            pinned: chat.pinned,
            head_message_id: chat.head_message_id.map(MessageId::get),
            created_at: chat.created_at,
            last_message_at: chat.last_message_at,
            summaries: summaries
                .into_iter()
                .map(ExportedSummaryView::from)
                .collect(),
            messages: Vec::new(),
        }
    }
}
